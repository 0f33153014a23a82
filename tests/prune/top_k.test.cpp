// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/random.hpp>
#include <lutra/prune/top_k.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

namespace {

/// The indices that stay, by sorting.
template <class T>
std::vector<T> expected_row(const std::vector<T>& row, std::size_t k) {
    std::vector<std::size_t> order(row.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return std::abs(static_cast<double>(row[a])) > std::abs(static_cast<double>(row[b]));
    });
    std::vector<T> out(row.size());
    for (std::size_t i = 0; i < std::min(k, row.size()); ++i) out[order[i]] = row[order[i]];
    return out;
}

constexpr auto constant = [] {
    std::array<float, 4> row{1, -3, 3, 2};
    std::array<std::uint32_t, 4> scratch{};
    lutra::prune_top_k(row, 1, scratch);
    return row;
}();
static_assert(constant == std::array<float, 4>{0, -3, 0, 0});

} // namespace

TEST_CASE("top_k: the k greatest magnitudes stay, of equal ones the first") {
    lutra::random_generator random{3};
    for (std::size_t size = 0; size < 24; ++size)
        for (std::size_t k = 0; k <= size + 1; ++k)
            for (const int values : {1, 3, 128}) { // the fewer, the more ties
                std::vector<float> row(size);
                std::vector<std::int8_t> bytes(size);
                for (std::size_t i = 0; i < size; ++i) {
                    bytes[i] = static_cast<std::int8_t>(random.between(-values, std::min(values, 127)));
                    row[i] = static_cast<float>(bytes[i]) / 4;
                }
                const auto kept = expected_row(row, k);
                const auto kept_bytes = expected_row(bytes, k);
                std::vector<std::uint32_t> scratch(size);
                CHECK(lutra::prune_top_k(row, k, scratch) ==
                      static_cast<std::size_t>(std::count(kept.begin(), kept.end(), 0.0f)));
                CHECK(row == kept);
                CHECK(lutra::prune_top_k(bytes, k) ==
                      static_cast<std::size_t>(std::count(kept_bytes.begin(), kept_bytes.end(), 0)));
                CHECK(bytes == kept_bytes);
            }
}

TEST_CASE("top_k: NaN and infinity are greatest, and scratch is asked for") {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    std::vector<float> row{1, -nan, 5, -infinity};
    std::vector<std::uint32_t> scratch(4);
    CHECK(lutra::prune_top_k(row, 2, scratch) == 2);
    CHECK((row[0] == 0 && std::isnan(row[1]) && row[2] == 0 && row[3] == -infinity));
    CHECK(lutra::prune_top_k(row, 0, scratch) == 4);
    REQUIRE_PANIC(lutra::prune_top_k(row, 2, std::span{scratch}.first(3)), bad_shape);
}
