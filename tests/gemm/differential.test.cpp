// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every multiplier, every plan it admits, every instruction set that this machine can run: the sums of gemm_reference.
#include <lutra/gemm/int8_gemm.hpp>
#include <lutra/multiplier/builtin_multipliers.hpp>
#include <lutra/multiplier/heap_table.hpp>
#include <lutra/multiplier/lowering.hpp>

#include "operands.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace {

struct shape {
    std::size_t rows, k, n;
};
// Few and many rows or columns (the table kernels choose by them), tails of every tile, sums longer than 16 bits hold.
constexpr shape shapes[]{{1, 1, 1},    {3, 0, 5},    {1, 70, 90},   {13, 5, 33},  {50, 16, 50}, {37, 259, 70},
                         {197, 9, 64}, {9, 33, 300}, {300, 12, 20}, {70, 513, 9}, {2, 2, 700},  {65, 31, 129}};

/// All plans and kernels of one multiplier on one shape; contents and layouts vary with @p seed.
void check(const lutra::lowered_multiplier& any, const shape& s, std::uint64_t seed) {
    byte_source source{lutra::random_generator{seed}};
    source.kind = seed % 7 == 0 ? byte_source::only_lowest : seed % 7 == 1 ? byte_source::extremes : byte_source::any;
    const test_operand<std::int8_t> a{s.rows, s.k, layouts[seed % 4], [&] { return source(); }};
    const test_operand<std::int8_t> b{s.k, s.n, layouts[seed / 4 % 4], [&] { return source(); }};
    const auto expected = reference_product(any, a, b);
    for (const lutra::plan_kind kind : lutra::all_plans) {
        if (!any.admits(kind)) continue;
        const auto plan = any.kind == kind ? any : any.with_plan(kind);
        for (const lutra::isa i : usable_isas()) {
            INFO(any.name << ", " << to_string(kind) << " plan, " << s.rows << 'x' << s.k << 'x' << s.n << ' '
                          << to_string(i) << ", seed " << seed);
            const bool same = packed_product(plan, a, b, i) == expected;
            CHECK(same);
        }
    }
}

} // namespace

TEST_CASE("every built-in multiplier, plan and kernel") {
    std::uint64_t seed = 0;
    lutra::for_each_builtin([&]<lutra::multiplier M>(M m) {
        const auto table = lutra::lower(m, lutra::plan_kind::table); // an exact value carries no other plans
        for (const shape& s : shapes) check(table, s, ++seed);
        if (const auto best = lutra::lower(m); best.kind == lutra::plan_kind::exact)
            for (const shape& s : shapes) check(best, s, ++seed);
    });
    CHECK(seed > 12 * 20);
}

TEST_CASE("tables with an error in one entry in eight, and shifted errors") {
    lutra::random_generator random{11};
    for (const int shift : {0, 1, 4}) {
        const auto table = std::make_unique<lutra::table_multiplier>();
        table->fill_from_values([&](std::int8_t a, std::int8_t b) {
            return a * b +
                   (random.between(0, 7) == 0 ? static_cast<std::int32_t>(random.between(-128, 127)) * (1 << shift) : 0);
        });
        const auto m = lutra::lower(*table);
        CHECK(m.admits(lutra::plan_kind::error_plane));
        for (std::uint64_t seed = 1; const shape& s : shapes) check(m, s, ++seed);
    }
}

TEST_CASE("operands that are not both signed") {
    const auto unsigned_table = std::make_unique<lutra::table_multiplier>(),
               mixed_table = std::make_unique<lutra::table_multiplier>();
    unsigned_table->fill_from_values<std::uint8_t, std::uint8_t>(
        [](std::uint8_t a, std::uint8_t b) { return static_cast<std::int32_t>(a) * b - ((a & b) != 0 ? 3 : 0); });
    mixed_table->fill_from_values([](std::uint8_t a, std::int8_t b) { return (a & ~3) * b + 9 * b - a; });
    for (const auto* table : {unsigned_table.get(), mixed_table.get()})
        for (std::uint64_t seed = 30; const shape& s : shapes) check(lutra::lower(*table), s, ++seed);
}
