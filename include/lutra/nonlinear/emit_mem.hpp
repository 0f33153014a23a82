// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/random.hpp>
#include <lutra/nonlinear/detail/emit_text.hpp>
#include <lutra/nonlinear/pwl_circuit.hpp>
#include <lutra/nonlinear/pwl_unit.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

/// @file
/// Memory images for $readmemh: a word a line, two's complement, each field in whole hexadecimal digits.

namespace lutra {

/// Writes the parameters of a unit's circuit, a word for each segment that is reached: its least input, its slope and its
/// intercept, the half of rounding included. A comment tells the widths.
template <text_sink Sink, int N>
constexpr void emit_parameters(Sink& out, const pwl_unit<N>& unit) {
    const pwl_circuit<N> c{unit};
    detail::put(out, "// ", c.entries, c.entries == 1 ? " word" : " words", ": least input (", c.input.total_bits,
                " bits), slope (", c.slopes.bits(), "), intercept (", c.intercepts.bits(),
                "), each in whole digits; y = (slope x + "
                "intercept) >> ",
                c.shift, ", within +-", c.output.max_raw(), "\n");
    for (std::size_t i = 0; i < static_cast<std::size_t>(c.entries); ++i) {
        detail::put_hex(out, c.first[i], c.input.total_bits);
        detail::put(out, "_");
        detail::put_hex(out, c.slope[i], c.slopes.bits());
        detail::put(out, "_");
        detail::put_hex(out, c.intercept[i], c.intercepts.bits());
        detail::put(out, "\n");
    }
}

/// Calls @p f(x) for the raw inputs that a unit is tested on: all of them up to 16 bits; beyond, the ends of the format,
/// numbers about 0 and about each breakpoint, powers of two, and 4,096 pseudo-random ones, as many small as large.
template <int N, class Function>
constexpr void for_each_test_input(const pwl_unit<N>& unit, Function&& f) {
    const std::int64_t low = unit.input.min_raw(), high = unit.input.max_raw();
    if (unit.input.total_bits <= 16) {
        for (std::int64_t x = low; x <= high; ++x) f(static_cast<std::int32_t>(x));
        return;
    }
    const auto about = [&](std::int64_t x) {
        for (const std::int64_t y : {x - 1, x, x + 1}) f(static_cast<std::int32_t>(std::clamp(y, low, high)));
    };
    about(0), about(low), about(high);
    for (const std::int64_t p : unit.breakpoint) about(p);
    for (int bit = 1; bit + 1 < unit.input.total_bits; ++bit)
        about(std::int64_t{1} << bit), about(-(std::int64_t{1} << bit));
    random_generator random{1};
    for (int i = 0; i < 4096; ++i) f(static_cast<std::int32_t>(random.between(low, high) >> (i % unit.input.total_bits)));
}

/// How many inputs that is.
template <int N>
[[nodiscard]] constexpr std::size_t test_input_count(const pwl_unit<N>& unit) {
    if (unit.input.total_bits <= 16) return std::size_t{1} << unit.input.total_bits;
    std::size_t n = 0;
    for_each_test_input(unit, [&](std::int32_t) { ++n; });
    return n;
}

/// Writes a word for each of these inputs: the input, and the output that the unit gives.
template <text_sink Sink, int N>
constexpr void emit_test_vectors(Sink& out, const pwl_unit<N>& unit) {
    for_each_test_input(unit, [&](std::int32_t x) {
        detail::put_hex(out, x, unit.input.total_bits);
        detail::put(out, "_");
        detail::put_hex(out, unit(x), unit.output.total_bits);
        detail::put(out, "\n");
    });
}

} // namespace lutra
