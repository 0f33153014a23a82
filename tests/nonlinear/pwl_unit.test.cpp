// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/nonlinear/pwl.hpp>
#include <lutra/nonlinear/pwl_unit.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <cstdint>

namespace {

/// floor(a / 2^b), and of halves the upper: exact, over integers of 128 bits with one common denominator.
template <int N, lutra::pwl_format Format>
int exact(const lutra::pwl_table<N, Format>& t, int raw, lutra::fixed_format in, lutra::fixed_format out) {
    __extension__ using wide = __int128;
    std::size_t i = 0; // x >= p, cross-multiplied
    while (i + 1 < N && (wide{raw} << Format.breakpoint.fraction_bits) >= (wide{t.breakpoint[i]} << in.fraction_bits)) ++i;
    const int digits = 62;
    const wide sum = ((wide{t.slope[i]} * raw) << (digits - Format.slope.fraction_bits - in.fraction_bits + t.exponent[i])) +
                     (wide{t.intercept[i]} << (digits - Format.intercept.fraction_bits + t.exponent[i]));
    const int drop = digits - out.fraction_bits;
    const wide rounded = (sum + (wide{1} << (drop - 1))) >> drop;
    return static_cast<int>(std::clamp<wide>(rounded, -out.max_raw(), out.max_raw()));
}
template <class F, int N>
int differences() {
    int wrong = 0;
    for (int in = 0; in <= 7; ++in)
        for (int out = 0; out <= 6; ++out) {
            const lutra::fixed_format from{8, in}, to{8, out};
            const lutra::pwl_unit<N> unit{lutra::pwl_frozen<F, N>, from, to};
            const auto values = lutra::int8_values(unit);
            for (int x = -128; x < 128; ++x) {
                const int y = exact(lutra::pwl_frozen<F, N>, x, from, to);
                wrong += unit(x) != y || values[static_cast<std::uint8_t>(x)] != y;
            }
        }
    return wrong;
}

} // namespace

TEST_CASE("a unit is the exact sum, rounded once, at every int8 input of every scale") {
    CHECK(differences<lutra::gelu, 8>() == 0);
    CHECK(differences<lutra::hswish, 16>() == 0);
    CHECK(differences<lutra::reciprocal, 8>() == 0);
    CHECK(differences<lutra::sigmoid, 16>() == 0);
}

TEST_CASE("a unit with exponents shifts slope and intercept alike") {
    constexpr lutra::pwl_format shifted{.max_exponent = 3};
    lutra::pwl_table<3, shifted> t{
        .slope{100, -50, 127}, .intercept{-128, 3, 127}, .breakpoint{-4096, 2048}, .exponent{3, 0, 1}};
    for (int x = -128; x < 128; ++x) CHECK(lutra::pwl_unit<3>(t, {8, 5}, {8, 3})(x) == exact(t, x, {8, 5}, {8, 3}));
}

TEST_CASE("a unit holds tables of fewer entries and of 16 bits, and checks what it is given") {
    const auto& table = lutra::pwl_frozen<lutra::gelu, 8>;
    const lutra::pwl_unit<16> larger{table.parameters(), {8, 5}, {8, 5}};
    const lutra::pwl_unit<8> same{table, {8, 5}, {8, 5}};
    for (int x = -128; x < 128; ++x) CHECK(larger(x) == same(x));
    REQUIRE_PANIC((lutra::pwl_unit<4>{table.parameters(), {8, 5}, {8, 5}}), bad_shape);
    REQUIRE_PANIC((lutra::pwl_unit<8>{table, {8, 40}, {8, 5}}), bad_argument);
    REQUIRE_PANIC((lutra::pwl_unit<8>{table, {8, 0}, {8, 7}}), bad_argument);
    REQUIRE_PANIC(lutra::int8_values(lutra::pwl_unit<8>{table, {16, 5}, {8, 5}}), bad_argument);
    REQUIRE_PANIC(lutra::int8_values(table, 5, 0.0), bad_argument);
}

TEST_CASE("int8_values at any output scale is the unit's sum, rescaled") {
    const auto values = lutra::int8_values(lutra::pwl_frozen<lutra::gelu, 8>, 5, 0.03);
    for (int x = -128; x < 128; ++x) {
        const double y = lutra::pwl_frozen<lutra::gelu, 8>(x / 32.0) / 0.03;
        CHECK(std::abs(values[static_cast<std::uint8_t>(x)] - std::clamp(y, -127.0, 127.0)) < 0.5 + 1e-6);
    }
}
