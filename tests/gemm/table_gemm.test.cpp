// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/gemm/detail/table_gemm.hpp>

#include "operands.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace {

using lutra::isa;
using lutra::kernel::table_plan;

/// A table and its transpose.
template <class Entry>
struct table_pair {
    std::vector<Entry> by_activation = std::vector<Entry>(65536), by_weight = std::vector<Entry>(65536);

    template <class F>
    explicit table_pair(F f) {
        for (std::size_t a = 0; a < 256; ++a)
            for (std::size_t w = 0; w < 256; ++w)
                by_activation[a * 256 + w] = by_weight[w * 256 + a] = static_cast<Entry>(f(a, w));
    }
};

template <class Entry>
constexpr std::int64_t lowest = std::numeric_limits<Entry>::min();
template <class Entry>
constexpr std::int64_t highest = std::numeric_limits<Entry>::max();

/// Tables of every kind: any entries, all the lowest, all the highest, the two in turns, and small products that are
/// neither commutative nor zero at zero.
template <class Entry>
std::vector<table_pair<Entry>> tables() {
    std::vector<table_pair<Entry>> all;
    lutra::random_generator random{sizeof(Entry)};
    constexpr int shift = sizeof(Entry) > 2 ? 10 : 0; // sums must fit int32
    all.emplace_back([&](std::size_t, std::size_t) { return random.between(lowest<Entry>, highest<Entry>) >> shift; });
    all.emplace_back([](std::size_t, std::size_t) { return sizeof(Entry) > 2 ? -4000000 : lowest<Entry>; });
    all.emplace_back([](std::size_t, std::size_t) { return sizeof(Entry) > 2 ? 4000000 : highest<Entry>; });
    all.emplace_back(
        [](std::size_t a, std::size_t w) { return (a + w) % 2 == 0 ? lowest<std::int8_t> : highest<std::int8_t>; });
    all.emplace_back([](std::size_t a, std::size_t w) { return static_cast<int>(a % 16) - static_cast<int>(w % 64) + 7; });
    return all;
}

struct product_case {
    std::size_t rows, k, n;
    layout a = layout::dense;
    decltype(byte_source::kind) bytes = byte_source::any;
};

/// The sums by the plain loop and by one plan and instruction set; a sum that does not come once is bad_count.
template <class Entry>
void check(const table_pair<Entry>& t, const product_case& c, std::uint64_t seed) {
    byte_source source{lutra::random_generator{seed}};
    source.kind = c.bytes;
    const test_operand<std::int8_t> stored{c.rows, c.k, c.a, [&] { return source(); }};
    const lutra::gemm_operand<std::int8_t> a = stored;
    const std::size_t padded = lutra::detail::round_up(c.n, lutra::kernel::table_padding);
    std::vector<std::uint8_t> weights(c.k * padded);
    for (auto& w : weights) w = static_cast<std::uint8_t>(source());

    std::vector<std::int32_t> expected(c.rows * c.n);
    for (std::size_t i = 0; i < c.rows; ++i)
        for (std::size_t k = 0; k < c.k; ++k)
            for (std::size_t j = 0; j < c.n; ++j)
                expected[i * c.n + j] +=
                    t.by_activation[std::size_t{static_cast<std::uint8_t>(a(i, k))} * 256 + weights[k * padded + j]];

    const auto product = [&](isa instructions, const table_plan* plan, const Entry* by_weight) {
        std::size_t bytes = lutra::kernel::table_scratch_bytes<Entry>(c.rows, c.k, c.n, instructions);
        if (plan != nullptr) bytes = lutra::kernel::table_plan_bytes<Entry>(*plan, c.rows, c.k, c.n);
        const lutra::arena_memory memory{bytes};
        lutra::arena scratch{memory.bytes()};
        std::vector<std::int32_t> sums(expected.size()), count(expected.size());
        const auto use = [&](std::size_t row, std::size_t first, std::span<const std::int32_t> piece) {
            for (std::size_t j = 0; j < piece.size(); ++j) {
                sums.at(row * c.n + first + j) = piece[j];
                ++count.at(row * c.n + first + j);
            }
        };
        if (plan != nullptr)
            lutra::kernel::table_gemm_by(*plan, t.by_activation.data(), by_weight, a, weights.data(), padded, c.k, c.n,
                                         scratch, instructions, use);
        else
            lutra::kernel::table_gemm(t.by_activation.data(), by_weight, a, weights.data(), padded, c.k, c.n, scratch,
                                      instructions, use);
        for (std::size_t i = 0; i < sums.size(); ++i)
            if (count[i] != 1) sums[i] = bad_count;
        return sums;
    };
    for (const isa i : lutra::all_isas) {
        if (!lutra::has_isa(i)) continue;
        INFO(c.rows << 'x' << c.k << 'x' << c.n << ' ' << std::string{to_string(i)} << " entry " << sizeof(Entry) << " seed "
                    << seed);
        for (const auto plan : lutra::kernel::all_table_plans) {
            const bool same = product(i, &plan, t.by_weight.data()) == expected;
            INFO("plan " << static_cast<int>(plan));
            CHECK(same);
        }
        const bool chosen = product(i, nullptr, t.by_weight.data()) == expected;
        CHECK(chosen);
        const bool one_table = product(i, nullptr, nullptr) == expected;
        CHECK(one_table);
    }
}

constexpr std::size_t sizes[]{1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97, 100};

} // namespace

TEMPLATE_TEST_CASE("every table plan equals the plain loop on shapes around its blocks", "", std::int8_t, std::int16_t,
                   std::int32_t) {
    const auto all = tables<TestType>();
    lutra::random_generator random{5};
    const auto any = [&] { return sizes[random.below(std::size(sizes))]; };
    for (std::uint64_t seed = 0; seed < 120; ++seed)
        check(all[seed % all.size()],
              {any(), any(), any(), layouts[seed / 2 % 4], seed % 3 == 0 ? byte_source::extremes : byte_source::any}, seed);
}

TEMPLATE_TEST_CASE("table sums are exact over none, one and more terms than 16 bits hold", "", std::int8_t, std::int16_t,
                   std::int32_t) {
    std::uint64_t seed = 0;
    for (const auto& t : tables<TestType>())
        for (const std::size_t k : {0u, 1u, 3u, 255u, 256u, 257u, 511u, 512u, 525u}) {
            ++seed;
            const auto bytes = seed % 5 == 0 ? byte_source::only_lowest : byte_source::any;
            check(t, {5, k, 35, layouts[seed % 4], bytes}, seed);
        }
}

TEMPLATE_TEST_CASE("table plans take more indices than they keep at a time", "", std::int8_t, std::int16_t) {
    const auto all = tables<TestType>();
    for (const auto how : layouts) {
        check(all[0], {lutra::kernel::table_most_indices + 1, 3, 5, how}, 1);
        check(all[1], {3, 5, lutra::kernel::table_most_indices * 2 + 7, how}, 2);
    }
    check(all[0], {0, 5, 5}, 3);
    check(all[0], {5, 5, 0}, 4);
}

TEST_CASE("scratch for more rows suffices for fewer") {
    for (const isa i : lutra::all_isas)
        for (const std::size_t n : {1u, 40u, 500u, 5000u}) {
            std::size_t before = 0;
            for (std::size_t rows = 0; rows < 400; ++rows) {
                const std::size_t bytes = lutra::kernel::table_scratch_bytes<std::int16_t>(rows, 300, n, i);
                if (bytes < before) FAIL(rows << " rows need less than fewer: " << bytes << " bytes, not " << before);
                before = bytes;
            }
        }
    SUCCEED();
}
