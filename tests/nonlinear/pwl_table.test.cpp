// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/nonlinear/pwl_table.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace {

constexpr lutra::pwl_curve<3> curve{.slope{1.5, 0, -3}, .intercept{0.25, -1, 2}, .breakpoint{-1, 0.5}};
constexpr lutra::pwl_format shifted{.slope{8, 6}, .intercept{8, 6}, .breakpoint{16, 12}, .max_exponent = 2};

} // namespace

TEST_CASE("a point on a breakpoint belongs to the upper segment") {
    CHECK(curve.segment(std::nextafter(-1.0, -2.0)) == 0);
    CHECK(curve.segment(-1) == 1);
    CHECK(curve.segment(0.5) == 2);
    CHECK(curve.segment(std::numeric_limits<double>::quiet_NaN()) == 0);
    CHECK(curve(-2) == -2.75);
    CHECK(curve(-1) == -1);
    CHECK(curve(0.5) == 0.5);
    constexpr lutra::pwl_curve<3> empty{.slope{1, 2, 3}, .intercept{}, .breakpoint{1, 1}};
    CHECK(empty.segment(1) == 2);
    CHECK(lutra::pwl_curve<1>{.slope{2}, .intercept{1}, .breakpoint{}}(3) == 7);
}

TEST_CASE("a table, its parameters and its curve are one function") {
    constexpr auto table = lutra::rounded_to_format<shifted>(curve);
    CHECK(table.exponent == std::array<std::uint8_t, 3>{0, 0, 1}); // -3 needs 2^1
    CHECK(table.slope == std::array<std::int8_t, 3>{96, 0, -96});
    CHECK(table.curve() == curve);
    const auto parameters = table.parameters();
    CHECK(lutra::pwl_table<3, shifted>::from(parameters) == table);
    for (double x = -3; x <= 3; x += 1.0 / 64) {
        CHECK(table(x) == curve(x));
        CHECK(parameters(x) == curve(x));
    }
    REQUIRE_PANIC((lutra::pwl_table<4, shifted>::from(parameters)), bad_argument);
    REQUIRE_PANIC((lutra::pwl_table<3>::from(parameters)), bad_argument);
}

TEST_CASE("rounding to a format is to nearest, and panics outside of it") {
    constexpr auto rounded = [](double slope, double intercept, double breakpoint) {
        return lutra::rounded_to_format<lutra::pwl_format{}>(
            lutra::pwl_curve<2>{.slope{slope, 0}, .intercept{intercept, 0}, .breakpoint{breakpoint}});
    };
    CHECK(rounded(1.0 / 3, -1.0 / 3, 0.1).slope[0] == 21);
    CHECK(rounded(1.0 / 3, -1.0 / 3, 0.1).intercept[0] == -21);
    CHECK(rounded(1.0 / 3, -1.0 / 3, 0.1).breakpoint[0] == 410);
    CHECK(rounded(127.5 / 64, -128.5 / 64, 0).slope[0] == 127); // half a unit outside: clipped
    REQUIRE_PANIC(rounded(127.6 / 64, 0, 0), overflow);
    REQUIRE_PANIC(rounded(0, -128.6 / 64, 0), overflow);
    REQUIRE_PANIC(rounded(0, 0, 8.1), overflow);
}

TEST_CASE("parameters are kept in the smallest integers that hold them") {
    using narrow = lutra::pwl_table<8>;
    using wide = lutra::pwl_table<8, lutra::pwl_format{.slope{9, 6}, .intercept{17, 6}, .breakpoint{8, 4}}>;
    static_assert(std::is_same_v<decltype(narrow::slope)::value_type, std::int8_t>);
    static_assert(std::is_same_v<decltype(narrow::breakpoint)::value_type, std::int16_t>);
    static_assert(std::is_same_v<decltype(wide::slope)::value_type, std::int16_t>);
    static_assert(std::is_same_v<decltype(wide::intercept)::value_type, std::int32_t>);
    static_assert(std::is_same_v<decltype(wide::breakpoint)::value_type, std::int8_t>);
    CHECK(lutra::pwl_format{}.valid());
    CHECK_FALSE(lutra::pwl_format{.slope{33, 6}}.valid());
    CHECK_FALSE(lutra::pwl_format{.slope{20, 6}, .max_exponent = 13}.valid());
    CHECK_FALSE(lutra::pwl_format{.max_exponent = 16}.valid());
}
