// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <lutra/multiplier/broken_array.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/kulkarni.hpp>
#include <lutra/multiplier/lowered_constant.hpp>
#include <lutra/multiplier/lowering.hpp>

#include "pairs.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <cstring>

// The circuit with the longest evaluation of the built-in ones: if it fits the compilers' limits, all do.
using circuit = lutra::broken_array<2, 6>;

TEST_CASE("lowered_v is a constant that equals lower") {
    static constexpr lutra::lowered_multiplier l = lutra::lowered_v<circuit>;
    STATIC_REQUIRE(l.kind == lutra::plan_kind::table);
    STATIC_REQUIRE(l.multiply(-128, -128) == 16384);
    STATIC_REQUIRE(l.multiply(3, 5) == circuit::multiply(3, 5));
    STATIC_REQUIRE(l.products16[255 * 256 + 127] == circuit::multiply(-1, 127));
    STATIC_REQUIRE(l.name == "broken_array2_6");
    const auto at_run_time = lutra::lower(circuit{});
    CHECK(failures([&](std::int8_t a, std::int8_t b) { return l.multiply(a, b) == circuit::multiply(a, b); }) == 0);
    CHECK(std::memcmp(l.products16, at_run_time.products16, 65536 * sizeof(std::int16_t)) == 0);
    CHECK(l.min_product == at_run_time.min_product);
    CHECK(l.max_product == at_run_time.max_product);
    CHECK(l.cost == at_run_time.cost);
}

TEST_CASE("lowered_v of the exact multiplier has no table") {
    STATIC_REQUIRE(lutra::lowered_v<lutra::exact>.kind == lutra::plan_kind::exact);
    STATIC_REQUIRE(lutra::lowered_v<lutra::exact>.products32 == nullptr);
    STATIC_REQUIRE(lutra::lowered_v<lutra::exact>.min_product == -128 * 127);
}

TEST_CASE("lowered_v of declared terms is these terms and no table") {
    static constexpr lutra::lowered_multiplier l = lutra::lowered_v<lutra::kulkarni>;
    STATIC_REQUIRE(l.kind == lutra::plan_kind::separable);
    STATIC_REQUIRE(l.rank == 2);
    STATIC_REQUIRE(l.factors == lutra::factor_width::bits8);
    STATIC_REQUIRE(l.products32 == nullptr);
    STATIC_REQUIRE(l.multiply(-3, 3) == -7);
    STATIC_REQUIRE_FALSE(l.admits(lutra::plan_kind::table));
    CHECK(failures([&](std::int8_t a, std::int8_t b) { return l.multiply(a, b) == lutra::kulkarni::multiply(a, b); }) == 0);
    const auto at_run_time = lutra::lower(lutra::kulkarni{});
    CHECK(l.min_product == at_run_time.min_product);
    CHECK(l.max_product == at_run_time.max_product);
    CHECK(l.shifts == at_run_time.shifts);
    CHECK(std::memcmp(l.lhs_factors, at_run_time.lhs_factors, 512 * sizeof(std::int16_t)) == 0);
    CHECK(l.explain().view() == "kulkarni: separable plan, rank 2, 8-bit factors << 1 0; 2.0 x the exact time on scalar; "
                                "products in [-16256, 16384]; 98% of the exact power");
    static constexpr lutra::lowered_multiplier drum = lutra::lowered_v<lutra::drum<4>>;
    STATIC_REQUIRE(drum.factors == lutra::factor_width::bits8_but_128);
    STATIC_REQUIRE(drum.multiply(-128, -128) == 144 * 144);
}
