// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nonlinear/pwl_unit.hpp>
#include <lutra/numeric/fixed_point.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace lutra {

/// A closed range of integers, widened value by value.
struct integer_range {
    std::int64_t low = 0, high = -1; ///< empty at first

    constexpr void include(std::int64_t x) noexcept {
        *this = low > high ? integer_range{x, x} : integer_range{std::min(low, x), std::max(high, x)};
    }
    /// The bits of the smallest two's complement number that holds the range; 1 for an empty one.
    [[nodiscard]] constexpr int bits() const noexcept {
        const auto magnitude = [](std::int64_t x) { return static_cast<std::uint64_t>(x < 0 ? ~x : x); };
        return 1 + static_cast<int>(std::bit_width(magnitude(low) | magnitude(high)));
    }
    friend constexpr bool operator==(const integer_range&, const integer_range&) = default;
};

/// What is built of a pwl_unit: the segments that an input reaches, neighbours with the same line merged, and the values
/// that occur, which say how wide each wire must be. For every raw input x of the input format the unit's result is
/// (slope x + intercept) >> shift, clipped to +- output.max_raw() where `shifted` goes beyond it.
template <int N>
struct pwl_circuit {
    fixed_format input, output;
    int entries = 0;                     ///< 1 to N; array elements from here on are 0
    int shift = 0;                       ///< arithmetic, towards minus infinity
    std::array<std::int64_t, N> first{}; ///< the least raw input of each segment; ascending, the input's least at 0
    std::array<std::int32_t, N> slope{};
    std::array<std::int64_t, N> intercept{}; ///< half an output unit included
    integer_range slopes, intercepts, products, sums, shifted;

    constexpr explicit pwl_circuit(const pwl_unit<N>& unit)
        : input{unit.input}, output{unit.output}, shift{unit.sum_fraction - unit.output.fraction_bits} {
        auto breakpoint = unit.breakpoint;
        std::sort(breakpoint.begin(), breakpoint.end()); // the unit counts those reached, in any order
        const std::int64_t half = shift > 0 ? std::int64_t{1} << (shift - 1) : 0;
        for (std::size_t i = 0; i < N; ++i) {
            const std::int64_t begin = i == 0 ? input.min_raw() : breakpoint[i - 1];
            const std::int64_t last = (i + 1 < N ? breakpoint[i] : std::int64_t{input.max_raw()} + 1) - 1;
            if (begin <= last) add(begin, last, unit.slope[i], unit.intercept[i] + half);
        }
    }

    [[nodiscard]] constexpr bool clips_above() const noexcept { return shifted.high > output.max_raw(); }
    [[nodiscard]] constexpr bool clips_below() const noexcept { return shifted.low < -std::int64_t{output.max_raw()}; }
    /// The bits of a segment's number, 1 at least.
    [[nodiscard]] constexpr int segment_bits() const noexcept {
        return std::max(1, static_cast<int>(std::bit_width(static_cast<unsigned>(entries - 1))));
    }
    /// The bits of the sum: one more at least than are shifted out.
    [[nodiscard]] constexpr int sum_bits() const noexcept { return std::max(sums.bits(), shift + 1); }

private:
    constexpr void add(std::int64_t begin, std::int64_t last, std::int32_t k, std::int64_t b) {
        const auto n = static_cast<std::size_t>(entries);
        if (n == 0 || slope[n - 1] != k || intercept[n - 1] != b) {
            first[n] = begin;
            slope[n] = k;
            intercept[n] = b;
            ++entries;
        }
        slopes.include(k);
        intercepts.include(b);
        for (const std::int64_t x : {begin, last}) { // a line is monotone
            products.include(k * x);
            sums.include(k * x + b);
            shifted.include((k * x + b) >> shift);
        }
    }
};

} // namespace lutra
