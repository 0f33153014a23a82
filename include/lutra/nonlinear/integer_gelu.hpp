// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/nonlinear/divided_softmax.hpp>
#include <lutra/numeric/requantize.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// @file
/// GELU in integers without a table of segments, for comparison with pwl<gelu, N>: I-BERT's polynomial and I-ViT's shifts.
/// `sum(q, fraction)` is the integer that the circuit computes for x = q / 2^fraction, with |q| <= 128 and fraction in
/// [0, 7]; `sum_unit(fraction)` is what a sum of 1 is worth.

namespace lutra {

/// I-BERT's GELU (Kim and others, 2021, arXiv 2101.01321): erf(z) is sgn(z) (1 - 0.2888 (min(|z|, 1.769) - 1.769)^2).
/// |error| < 0.02 where fraction is 3 or more: below that the rounded constants weigh more.
struct ibert_gelu {
    static constexpr std::string_view name = "ibert_gelu";
    [[nodiscard]] static constexpr std::int32_t sum(std::int32_t q, int fraction) noexcept {
        const std::int32_t one = one_of(fraction),
                           end = static_cast<std::int32_t>(2.5017438 * (1 << fraction)); // 1.769 sqrt(2)
        const std::int32_t z = std::min(q < 0 ? -q : q, end) - end, erf = one - z * z;
        return q * (one + (q < 0 ? -erf : erf));
    }
    [[nodiscard]] static constexpr double sum_unit(int fraction) noexcept {
        return 0.5 / (static_cast<double>(one_of(fraction)) * static_cast<double>(1 << fraction));
    }

private:
    /// 1 in units of an erf: 2 / (0.2888 S^2).
    static constexpr std::int32_t one_of(int fraction) noexcept {
        return static_cast<std::int32_t>(6.925207756 * (1 << (2 * fraction)));
    }
};

/// I-ViT's GELU (Li and Gu, 2023, arXiv 2207.01405): x sigmoid(1.6875 x), the factor from shifts, the sigmoid from
/// shift_exponential and a division. |error| < 0.05.
struct shift_gelu {
    static constexpr std::string_view name = "shift_gelu";
    [[nodiscard]] static constexpr std::int32_t sum(std::int32_t q, int fraction) noexcept {
        const std::int32_t x = q * (1 << (shift_exponential::fraction - fraction));
        const std::int32_t scaled = x + (x >> 1) + (x >> 3) + (x >> 4), most = std::max<std::int32_t>(scaled, 0);
        const std::uint64_t up = shift_exponential::at(static_cast<std::uint32_t>(most - scaled)),
                            down = shift_exponential::at(static_cast<std::uint32_t>(most));
        return q * static_cast<std::int32_t>((up << share_bits) / (up + down));
    }
    [[nodiscard]] static constexpr double sum_unit(int fraction) noexcept {
        return 1.0 / static_cast<double>(1 << (share_bits + fraction));
    }

private:
    static constexpr int share_bits = 15;
};

/// All values of `Gelu` for int8, in the order of the bit pattern (0 to 127, -128 to -1): q stands for
/// q / 2^input_fraction, a value r for r * output_scale. Panics unless input_fraction is in [0, 7] and output_scale
/// positive.
///
/// @code
/// constexpr auto values = lutra::int8_values<lutra::ibert_gelu>(5, 1.0 / 32);
/// static_assert(values[32] == 27); // gelu(1) = 0.84
/// @endcode
template <class Gelu>
requires requires { Gelu::sum(0, 0) * Gelu::sum_unit(0); }
[[nodiscard]] constexpr std::array<std::int8_t, 256> int8_values(int input_fraction, double output_scale) {
    require(input_fraction >= 0 && input_fraction <= 7, panic_code::bad_argument,
            "an integer GELU takes int8 with 0 to 7 fraction bits; it was given", input_fraction, 7);
    require(output_scale > 0, panic_code::bad_argument, "the output scale of a table must be positive");
    const requantizer by = requantizer::from_ratio(Gelu::sum_unit(input_fraction) / output_scale);
    std::array<std::int8_t, 256> values{};
    for (std::size_t i = 0; i < 256; ++i)
        values[i] = requantize(Gelu::sum(static_cast<std::int8_t>(static_cast<std::uint8_t>(i)), input_fraction), by);
    return values;
}

} // namespace lutra
