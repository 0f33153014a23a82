// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nonlinear/activations.hpp>
#include <lutra/nonlinear/functions.hpp>
#include <lutra/nonlinear/pwl_table.hpp>
#include <lutra/nonlinear/pwl_unit.hpp>

#include <cstddef>

/// N chords of a function over [low, high].
template <class F, int N>
constexpr lutra::pwl_curve<N> chords(double low, double high) {
    lutra::pwl_curve<N> c;
    for (std::size_t i = 0; i < N; ++i) {
        const double a = low + (high - low) * static_cast<double>(i) / N, b = a + (high - low) / N;
        c.slope[i] = (F::at(b) - F::at(a)) / (b - a);
        c.intercept[i] = F::at(a) - c.slope[i] * a;
        if (i + 1 < N) c.breakpoint[i] = b;
    }
    return c;
}

/// Calls @p f(name, unit) for each unit that the emitters are tested on.
template <class Function>
void for_each_emitted_unit(Function&& f) {
    using lutra::pwl_format, lutra::pwl_unit, lutra::rounded_to_format;
    constexpr pwl_format plain{}, with_exponent{{8, 6}, {8, 6}, {16, 12}, 5}, fine{{16, 13}, {16, 13}, {16, 12}},
        finest{{24, 20}, {30, 24}, {32, 24}};
    f("gelu_8", pwl_unit{rounded_to_format<plain>(chords<lutra::gelu, 8>(-2, 2)), {8, 5}, {8, 5}});
    f("exp_8", pwl_unit{rounded_to_format<plain>(chords<lutra::natural_exponential, 8>(-4, 0)), {8, 4}, {8, 7}});
    f("div_8", pwl_unit{rounded_to_format<with_exponent>(chords<lutra::reciprocal, 8>(0.25, 4)), {8, 5}, {8, 5}});
    f("gelu_16", pwl_unit{rounded_to_format<fine>(chords<lutra::gelu, 16>(-3, 3)), {16, 12}, {16, 12}});
    f("tanh_16_to_8", pwl_unit{rounded_to_format<fine>(chords<lutra::hyperbolic_tangent, 8>(-3, 3)), {16, 12}, {8, 7}});
    // Sums past 32 bits.
    f("sigmoid_32", pwl_unit{rounded_to_format<finest>(chords<lutra::sigmoid, 8>(-6, 6)), {32, 20}, {32, 30}});
    // Widths that are no power of two, more entries than the table has, and segments that no input reaches.
    const auto silu = rounded_to_format<plain>(chords<lutra::silu, 7>(-8, 3.5)).parameters();
    f("silu_5_to_11", pwl_unit<12>{silu, {5, 3}, {11, 7}});
    // Clipped on both sides, and with one segment.
    f("steep", pwl_unit{rounded_to_format<pwl_format{{8, 3}, {12, 3}, {8, 3}}>(
                            lutra::pwl_curve<3>{{15, -15, 15}, {100, 0, -100}, {-3, 3}}),
                        {8, 3},
                        {6, 2}});
    f("line", pwl_unit{rounded_to_format<plain>(lutra::pwl_curve<1>{{0.5}, {-1}, {}}), {9, 6}, {10, 0}});
    f("zero", pwl_unit{rounded_to_format<plain>(lutra::pwl_curve<1>{}), {2, 0}, {1, 0}});
}
