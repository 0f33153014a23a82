// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>

#include <bit>
#include <cstdint>
#include <type_traits>

// Scores of searches are integers, so that a search takes the same way in every compiler, with and without fused products,
// and on every machine.
namespace lutra::detail {

/// 1 as a score: scores count in 2^-32.
inline constexpr std::uint64_t unit_score = std::uint64_t{1} << 32;
/// ln 2 in 2^-16.
inline constexpr std::uint64_t ln2_q16 = 45426;

/// A real number as a score, cut to [0, 1]; NaN is 0.
[[nodiscard]] constexpr std::uint64_t score_of(double x) noexcept {
    if (!(x > 0)) return 0;
    return x >= 1 ? unit_score : static_cast<std::uint64_t>(x * 0x1p32);
}

/// The greatest whole number whose square is at most @p x < 2^62.
[[nodiscard]] constexpr std::uint64_t floor_sqrt(std::uint64_t x) noexcept {
#if LUTRA_HOSTED // firmware may have no square root to link
    if (!std::is_constant_evaluated()) {
        const auto root = static_cast<std::uint64_t>(__builtin_sqrt(static_cast<double>(x))); // one too many, or none
        return root * root > x ? root - 1 : root;
    }
#endif
    if (x == 0) return 0;
    std::uint64_t root = std::uint64_t{1} << ((std::bit_width(x) + 1) / 2); // not below: Newton's steps descend
    for (;;) {
        const std::uint64_t next = (root + x / root) / 2;
        if (next >= root) return root;
        root = next;
    }
}

/// log2 of @p x >= 1 in 2^-16, rounded down, at most 2^-15 too small: a binary digit of the logarithm for each squaring.
[[nodiscard]] constexpr std::uint64_t log2_q16(std::uint64_t x) noexcept {
    const int whole = static_cast<int>(std::bit_width(x)) - 1;
    std::uint64_t mantissa = whole > 31 ? x >> (whole - 31) : x << (31 - whole); // in [1, 2), 31 digits
    std::uint64_t digits = static_cast<std::uint64_t>(whole);
    for (int i = 0; i < 16; ++i) {
        mantissa = (mantissa * mantissa) >> 31;
        const std::uint64_t digit = mantissa >> 32;
        mantissa >>= digit;
        digits = 2 * digits + digit;
    }
    return digits;
}

} // namespace lutra::detail
