// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/nonlinear/pwl_table.hpp>
#include <lutra/numeric/fixed_point.hpp>
#include <lutra/numeric/requantize.hpp>
#include <lutra/numeric/rounding.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace lutra {

/// A table as an integer circuit for one input format: comparators, one multiplication, one addition, and a rounding shift
/// into the output format. What is emitted as C and as Verilog equals it bit for bit.
///
/// The exact sum slope x + intercept has `sum_fraction` fraction bits and fits int64. The result is that sum, half an
/// output unit added and shifted right arithmetically, then clipped to +- the greatest raw value of the output format.
///
/// @code
/// constexpr auto unit = lutra::pwl_unit{table, {8, 5}, {8, 5}};  // int8 in, int8 out, both in steps of 2^-5
/// static_assert(unit(32) == 27);                                  // gelu(1) = 0.841
/// @endcode
template <int N>
struct pwl_unit {
    static constexpr int entries = N;
    fixed_format input, output;
    std::array<std::int32_t, N> slope{};          ///< the sum is slope x + intercept
    std::array<std::int64_t, N> intercept{};      ///< with sum_fraction fraction bits
    std::array<std::int64_t, N - 1> breakpoint{}; ///< the least raw input of the next segment; past the input format: none
    int sum_fraction = 0;

    /// Panics unless the formats are valid and there are at most N entries, the exact sum fits 62 bits, and it has no fewer
    /// fraction bits than the output. Entries that the table does not have are never reached.
    constexpr pwl_unit(const pwl_parameters& table, fixed_format in, fixed_format out) : input{in}, output{out} {
        const pwl_format& f = table.format;
        require(f.valid() && in.valid() && out.valid(), panic_code::bad_argument,
                "a pwl_unit needs formats of 1 to 32 bits with 0 to 31 fraction bits; the total bits of its input follow",
                in.total_bits);
        require(table.entries >= 1 && table.entries <= N, panic_code::bad_shape,
                "a pwl_unit has fewer entries than its table", table.entries, N);
        const int product_fraction = f.slope.fraction_bits + in.fraction_bits;
        sum_fraction = std::max(product_fraction, f.intercept.fraction_bits);
        const int slope_shift = sum_fraction - product_fraction, intercept_shift = sum_fraction - f.intercept.fraction_bits;
        const int slope_bits = f.slope.total_bits + f.max_exponent + slope_shift;
        const int bits = std::max(slope_bits + in.total_bits, f.intercept.total_bits + f.max_exponent + intercept_shift) + 1;
        require(bits <= 62 && slope_bits <= 32, panic_code::overflow,
                "the sum of a pwl_unit must fit 62 bits and its slopes 32: use fewer bits; its bits follow", bits, 62);
        require(sum_fraction >= out.fraction_bits, panic_code::bad_argument,
                "the output of a pwl_unit has more fraction bits than its sum; the sum's follow", sum_fraction,
                out.fraction_bits);
        const auto entries_of_table = static_cast<std::size_t>(table.entries);
        for (std::size_t i = 0; i < entries_of_table; ++i) {
            const int e = table.exponent[i];
            slope[i] = static_cast<std::int32_t>(table.slope[i] * (std::int64_t{1} << (e + slope_shift)));
            intercept[i] = table.intercept[i] * (std::int64_t{1} << (e + intercept_shift));
        }
        breakpoint.fill(std::int64_t{in.max_raw()} + 1);
        for (std::size_t i = 0; i + 1 < entries_of_table; ++i) { // x / 2^in >= p / 2^breakpoint
            const int shift = in.fraction_bits - f.breakpoint.fraction_bits;
            const std::int64_t p = table.breakpoint[i];
            const std::int64_t least = shift >= 0 ? p * (std::int64_t{1} << shift) : -((-p) >> -shift); // rounded up
            breakpoint[i] = std::clamp<std::int64_t>(least, in.min_raw(), std::int64_t{in.max_raw()} + 1);
        }
    }
    template <pwl_format Format>
    constexpr pwl_unit(const pwl_table<N, Format>& table, fixed_format in, fixed_format out)
        : pwl_unit{table.parameters(), in, out} {}

    /// The segment of a raw input.
    [[nodiscard]] constexpr std::size_t segment(std::int32_t x) const noexcept {
        std::size_t i = 0;
        for (const std::int64_t p : breakpoint) i += x >= p;
        return i;
    }
    /// The exact sum at a raw input, which must be within the input format.
    [[nodiscard]] constexpr std::int64_t sum(std::int32_t x) const noexcept {
        const std::size_t i = segment(x);
        return std::int64_t{slope[i]} * x + intercept[i];
    }
    /// The raw output at a raw input.
    [[nodiscard]] constexpr std::int32_t operator()(std::int32_t x) const noexcept {
        const std::int64_t y = shift_right<rounding::half_up>(sum(x), sum_fraction - output.fraction_bits);
        return static_cast<std::int32_t>(std::clamp<std::int64_t>(y, -output.max_raw(), output.max_raw()));
    }
    friend constexpr bool operator==(const pwl_unit&, const pwl_unit&) = default;
};

/// All values of a unit of 8 bits in and out, in the order of the bit pattern (0 to 127, -128 to -1): the activation table
/// of requantize_sums, and all that evaluating int8 takes. Panics for a unit of other widths.
template <int N>
[[nodiscard]] constexpr std::array<std::int8_t, 256> int8_values(const pwl_unit<N>& unit) {
    require(unit.input.total_bits == 8 && unit.output.total_bits == 8, panic_code::bad_argument,
            "int8_values needs a unit of 8 bits in and out; its bits follow", unit.input.total_bits, unit.output.total_bits);
    std::array<std::int8_t, 256> values{};
    for (std::size_t i = 0; i < 256; ++i)
        values[i] = static_cast<std::int8_t>(unit(static_cast<std::int8_t>(static_cast<std::uint8_t>(i))));
    return values;
}

/// The same for an output of any scale: input raw q stands for q / 2^input_fraction, output raw r for r * output_scale.
/// Panics unless output_scale is positive and finite, and where a sum leaves int32.
template <int N, pwl_format Format>
[[nodiscard]] constexpr std::array<std::int8_t, 256> int8_values(const pwl_table<N, Format>& table, int input_fraction,
                                                                 double output_scale) {
    const pwl_unit<N> unit{table, {8, input_fraction}, {8, 0}};
    double unit_of_sum = 1;
    for (int i = 0; i < unit.sum_fraction; ++i) unit_of_sum /= 2;
    require(output_scale > 0, panic_code::bad_argument, "the output scale of a table must be positive");
    const requantizer by = requantizer::from_ratio(unit_of_sum / output_scale);
    std::array<std::int8_t, 256> values{};
    for (std::size_t i = 0; i < 256; ++i) {
        const std::int64_t sum = unit.sum(static_cast<std::int8_t>(static_cast<std::uint8_t>(i)));
        require(sum >= INT32_MIN && sum <= INT32_MAX, panic_code::overflow,
                "a sum of an int8 table must fit int32: use fewer bits", static_cast<long long>(sum));
        values[i] = requantize(static_cast<std::int32_t>(sum), by);
    }
    return values;
}

} // namespace lutra
