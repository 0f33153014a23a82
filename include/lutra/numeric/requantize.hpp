// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/numeric/quantize.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace lutra {

/// A positive real ratio as integers: ratio = multiplier / 2^shift. For a product of int8 tensors the ratio is
/// lhs scale x rhs scale / output scale.
struct requantizer {
    std::int32_t multiplier = 0; ///< 31 bits: in [2^30, 2^31), or 0 where every accumulator becomes 0
    int shift = 1;               ///< in [1, 62]

    /// The nearest requantizer to @p ratio, within 2^-31 of it, relative. A ratio that takes every int32 to 0 (below
    /// 2^-32) gives the multiplier 0. Panics unless 0 <= ratio < 2^30.
    [[nodiscard]] static constexpr requantizer from_ratio(double ratio) {
        static_assert(std::numeric_limits<double>::is_iec559);
        require(ratio >= 0 && ratio < 0x1p30, panic_code::bad_argument, "a requantisation ratio must be in [0, 2^30)");
        if (ratio < 0x1p-40) return {};
        const auto bits = std::bit_cast<std::uint64_t>(ratio);
        // 53 bits; with the biased exponent e, ratio = mantissa / 2^(1075 - e).
        const auto mantissa = (bits & 0xf'ffff'ffff'ffffu) | 0x10'0000'0000'0000u;
        auto multiplier = (mantissa + (std::uint64_t{1} << 21)) >> 22;
        int shift = 1053 - static_cast<int>(bits >> 52);
        if (multiplier == std::uint64_t{1} << 31) multiplier >>= 1, --shift;
        require(shift >= 1, panic_code::bad_argument, "a requantisation ratio must be in [0, 2^30)");
        if (shift > 62) return {};
        return {static_cast<std::int32_t>(multiplier), shift};
    }
    /// multiplier / 2^shift, exactly.
    [[nodiscard]] constexpr double ratio() const noexcept {
        double r = multiplier;
        for (int s = 0; s < shift; ++s) r /= 2;
        return r;
    }
    friend constexpr bool operator==(const requantizer&, const requantizer&) = default;
};

/// The requantisation: the one that every kernel, lowering, firmware build and exported unit equals bit for bit.
/// An int64 product with the 31-bit multiplier, add half, arithmetic shift (so ties go up), clamp to
/// +-quantized_max<To>. No accumulator and no valid requantizer overflows: |product| + half < 2^62 + 2^61.
///
/// @code
/// constexpr auto r = lutra::requantizer::from_ratio(0.5);
/// static_assert(lutra::requantize(7, r) == 4 && lutra::requantize(-7, r) == -3 && lutra::requantize(900, r) == 127);
/// @endcode
template <quantized To = std::int8_t>
[[nodiscard]] constexpr To requantize(std::int32_t accumulator, requantizer by) noexcept {
    constexpr std::int64_t most = quantized_max<To>;
    const std::int64_t half = std::int64_t{1} << (by.shift - 1);
    const std::int64_t q = (std::int64_t{accumulator} * by.multiplier + half) >> by.shift;
    return static_cast<To>(q < -most ? -most : q > most ? most : q);
}

/// Element by element; panics unless @p accumulators and @p out are of one size.
template <quantized To>
constexpr void requantize(std::span<const std::int32_t> accumulators, requantizer by, std::span<To> out) {
    require(accumulators.size() == out.size(), panic_code::bad_shape, "requantize needs as many outputs as inputs",
            static_cast<long long>(out.size()), static_cast<long long>(accumulators.size()));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = requantize<To>(accumulators[i], by);
}

} // namespace lutra
