// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/prune/mask.hpp>
#include <lutra/prune/n_m.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace {

using lutra::matrix_view;
using lutra::n_m;

/// A constant: 2:4 of two rows, the second with a tail of two, which keeps one.
constexpr std::array<std::uint8_t, 6> constant_mask() {
    const std::array<float, 6> weights{1, -3, 2, 3, -5, 4};
    std::array<std::uint8_t, 6> mask{};
    lutra::n_m_mask(matrix_view{weights.data(), 1, 6}, {2, 4}, matrix_view{mask.data(), 1, 6});
    return mask;
}
static_assert(constant_mask() == std::array<std::uint8_t, 6>{0, 1, 0, 1, 1, 0});

std::vector<float> random_weights(std::size_t count, std::uint64_t seed) {
    lutra::random_generator random{seed};
    std::vector<float> w(count);
    for (float& x : w) x = static_cast<float>(random.between(-9, 9)); // with ties
    return w;
}

/// Whether @p mask keeps what the definition says: in each group the first so many by (magnitude, lower index).
bool keeps_largest(matrix_view<const float> w, n_m pattern, matrix_view<const std::uint8_t> mask, std::size_t panel) {
    for (std::size_t row = 0; row < w.rows(); row += panel)
        for (std::size_t k0 = 0; k0 < w.cols(); k0 += pattern.m) {
            const std::size_t group = std::min<std::size_t>(pattern.m, w.cols() - k0);
            std::vector<std::pair<double, std::size_t>> order;
            for (std::size_t i = 0; i < group; ++i) {
                double sum = 0;
                for (std::size_t r = row; r < std::min(row + panel, w.rows()); ++r)
                    sum += std::abs(static_cast<double>(w(r, k0 + i)));
                order.emplace_back(-sum, i);
            }
            std::sort(order.begin(), order.end());
            const std::size_t kept = (pattern.n * group + pattern.m - 1) / pattern.m;
            for (std::size_t place = 0; place < group; ++place)
                for (std::size_t r = row; r < std::min(row + panel, w.rows()); ++r)
                    if (mask(r, k0 + order[place].second) != (place < kept)) return false;
        }
    return true;
}

} // namespace

TEST_CASE("2:4 and 1:4 keep the largest of all magnitudes of a group of four") {
    // Eight magnitudes a place stand for all orders of four values, ties among any of them included.
    for (int code = 0; code < 8 * 8 * 8 * 8; ++code) {
        const std::array<std::int8_t, 4> w{static_cast<std::int8_t>(code % 8), static_cast<std::int8_t>(-(code / 8 % 8)),
                                           static_cast<std::int8_t>(code / 64 % 8),
                                           static_cast<std::int8_t>(code / 512 == 7 ? -128 : code / 512)};
        std::array<std::uint8_t, 4> two{}, one{};
        lutra::n_m_mask(matrix_view{w.data(), 1, 4}, {2, 4}, matrix_view{two.data(), 1, 4});
        lutra::n_m_mask(matrix_view{w.data(), 1, 4}, {1, 4}, matrix_view{one.data(), 1, 4});
        for (std::size_t i = 0; i < 4; ++i) {
            std::size_t before = 0; // how many go before this one
            for (std::size_t j = 0; j < 4; ++j)
                before += std::abs(w[j]) > std::abs(w[i]) || (std::abs(w[j]) == std::abs(w[i]) && j < i);
            if (two[i] != (before < 2) || one[i] != (before < 1)) FAIL("magnitudes " << code << ", place " << i);
        }
    }
    SUCCEED();
}

TEST_CASE("every pattern keeps the largest, in tails and in panels too") {
    constexpr std::size_t rows = 7, most = 37;
    const auto w = random_weights(rows * most, 1);
    std::vector<std::uint8_t> bytes(rows * most);
    for (std::uint8_t m = 1; m <= 16; ++m)
        for (std::uint8_t n = 1; n <= m; ++n)
            for (const std::size_t cols : {0u, 1u, 5u, 36u, 37u})
                for (const std::size_t panel : {1u, 3u, 7u, 100u}) {
                    const matrix_view mask{bytes.data(), rows, cols, most};
                    std::fill(bytes.begin(), bytes.end(), std::uint8_t{7});
                    lutra::n_m_mask(matrix_view{w.data(), rows, cols, most}, {n, m}, mask, panel);
                    if (!keeps_largest({w.data(), rows, cols, most}, {n, m}, mask, panel))
                        FAIL(int{n} << ':' << int{m} << ' ' << cols << " columns, panel " << panel);
                    if (cols < most && bytes[cols] != 7) FAIL("a byte beside the mask was written");
                }
    SUCCEED();
}

TEST_CASE("masks are inherited, whatever the weights have become") {
    constexpr std::size_t rows = 6, cols = 32;
    const auto first = random_weights(rows * cols, 2), later = random_weights(rows * cols, 3);
    for (const std::size_t panel : {1u, 4u}) {
        std::vector<std::uint8_t> dense(rows * cols), sparse;
        lutra::n_m_mask(matrix_view{first.data(), rows, cols}, {2, 4}, matrix_view{dense.data(), rows, cols}, panel);
        sparse = dense;
        lutra::drop_n_m(matrix_view{later.data(), rows, cols}, {1, 4}, matrix_view{sparse.data(), rows, cols}, panel);
        for (std::size_t i = 0; i < dense.size(); ++i) CHECK(sparse[i] <= dense[i]);
        CHECK(lutra::kept_share(matrix_view<const std::uint8_t>{dense.data(), rows, cols}) == 0.5);
        CHECK(lutra::kept_share(matrix_view<const std::uint8_t>{sparse.data(), rows, cols}) == 0.25);
        std::vector<std::uint8_t> anew(rows * cols);
        lutra::n_m_mask(matrix_view{later.data(), rows, cols}, {1, 4}, matrix_view{anew.data(), rows, cols}, panel);
        CHECK(anew != sparse); // these would not have been part of the former ones
        // A sparser mask has nothing to drop for a denser pattern.
        auto same = sparse;
        lutra::drop_n_m(matrix_view{first.data(), rows, cols}, {2, 4}, matrix_view{same.data(), rows, cols}, panel);
        CHECK(same == sparse);
    }
}

TEST_CASE("levels hold the masks of several patterns") {
    constexpr std::size_t rows = 5, cols = 27;
    const auto w = random_weights(rows * cols, 4);
    const std::array<n_m, 4> patterns{{{8, 16}, {4, 8}, {2, 4}, {1, 4}}};
    for (const std::size_t panel : {1u, 2u}) {
        std::vector<std::uint8_t> levels(rows * cols), mask(rows * cols, 1);
        lutra::n_m_levels(matrix_view{w.data(), rows, cols}, patterns, matrix_view{levels.data(), rows, cols}, panel);
        for (std::size_t l = 0; l < patterns.size(); ++l) {
            lutra::drop_n_m(matrix_view{w.data(), rows, cols}, patterns[l], matrix_view{mask.data(), rows, cols}, panel);
            for (std::size_t i = 0; i < mask.size(); ++i)
                if ((levels[i] > l) != (mask[i] == 1)) FAIL("level " << l << ", weight " << i << ", panel " << panel);
        }
    }
    SUCCEED();
}

TEST_CASE("dropped weights are set to zero") {
    std::array<float, 4> w{1, 2, 3, 4};
    const std::array<std::uint8_t, 4> mask{1, 0, 0, 1};
    lutra::zero_dropped({mask.data(), 2, 2}, matrix_view{w.data(), 2, 2});
    CHECK(w == std::array<float, 4>{1, 0, 0, 4});
    CHECK(lutra::kept_share({}) == 1);
}

TEST_CASE("patterns and shapes that cannot be panic") {
    const std::array<float, 8> w{};
    std::array<std::uint8_t, 8> bytes{};
    const matrix_view weights{w.data(), 2, 4};
    const matrix_view mask{bytes.data(), 2, 4};
    for (const n_m wrong : {n_m{0, 4}, n_m{5, 4}, n_m{1, 17}, n_m{0, 0}})
        REQUIRE_PANIC(lutra::drop_n_m(weights, wrong, mask), bad_argument);
    REQUIRE_PANIC(lutra::drop_n_m(weights, {2, 4}, mask, 0), bad_argument);
    REQUIRE_PANIC(lutra::drop_n_m(weights, {2, 4}, matrix_view{bytes.data(), 1, 4}), bad_shape);
    REQUIRE_PANIC(lutra::n_m_mask(weights, {2, 4}, matrix_view{bytes.data(), 2, 3}), bad_shape);
    REQUIRE_PANIC(lutra::zero_dropped({bytes.data(), 4, 2}, matrix_view<float>{nullptr, 0, 2}), bad_shape);
    const std::vector<n_m> many(256);
    REQUIRE_PANIC(lutra::n_m_levels(weights, many, mask), out_of_range);
}
