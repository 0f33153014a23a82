// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>

#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace lutra {

/// What happens to the part of a number that its destination cannot hold.
enum class rounding : std::uint8_t {
    half_up,     ///< to nearest, ties towards plus infinity: add half, arithmetic shift
    half_away,   ///< to nearest, ties away from zero: std::round
    half_even,   ///< to nearest, ties to the even neighbour: std::nearbyint in the default mode, IEEE 754
    toward_zero, ///< cut off: std::trunc, a C++ integer division
};

/// @p x / 2^@p shift, rounded as @p Mode says and defined for every @p x: nothing overflows on the way, a shift of 0
/// returns @p x, and one past the width of @p T returns what the exact quotient rounds to. Panics for a negative shift.
///
/// @code
/// static_assert(lutra::shift_right<lutra::rounding::half_up>(-3, 1) == -1);   // -1.5
/// static_assert(lutra::shift_right<lutra::rounding::half_away>(-3, 1) == -2);
/// @endcode
template <rounding Mode, std::signed_integral T>
[[nodiscard]] constexpr T shift_right(T x, int shift) {
    constexpr int width = std::numeric_limits<T>::digits + 1;
    require(shift >= 0, panic_code::bad_argument, "a rounding shift must not be negative", shift, 0);
    if (shift == 0) return x;
    if (shift > width) return T{0}; // |x| / 2^shift <= 1/4
    using bits = std::make_unsigned_t<T>;
    const int below = shift - 1;
    const T floor = shift == width ? static_cast<T>(x < 0 ? -1 : 0) : static_cast<T>(x >> shift);
    const bool half_bit = (x >> below) & 1;
    const auto rest =
        static_cast<bits>(static_cast<bits>(x) & static_cast<bits>(static_cast<bits>(bits{1} << below) - bits{1}));
    bool up = half_bit;
    if constexpr (Mode == rounding::half_away) up = half_bit && (rest != 0 || x >= 0);
    if constexpr (Mode == rounding::half_even) up = half_bit && (rest != 0 || (floor & 1) != 0);
    if constexpr (Mode == rounding::toward_zero) up = x < 0 && (half_bit || rest != 0);
    return static_cast<T>(floor + (up ? 1 : 0));
}

/// @p x, clipped to [@p low, @p high] and then rounded to an integer as @p Mode says; NaN becomes 0. Needs
/// low <= 0 <= high, both exact in @p T (within +-2^24 for float).
///
/// Independent of the rounding mode of the machine and without a library call. All decisions are made on the bits, in
/// integers: compilers do not vectorise a loop of float comparisons that might trap, and soft-float code is short.
template <rounding Mode, std::floating_point T>
    requires(std::numeric_limits<T>::is_iec559 && sizeof(T) <= sizeof(double))
[[nodiscard]] constexpr std::int32_t round_clipped(T x, std::int32_t low, std::int32_t high) noexcept {
    using bits = std::conditional_t<sizeof(T) == sizeof(float), std::int32_t, std::int64_t>;
    constexpr auto magnitude_mask = std::numeric_limits<bits>::max();
    constexpr auto infinity = std::bit_cast<bits>(std::numeric_limits<T>::infinity()),
                   half = std::bit_cast<bits>(T{1} / T{2});
    const auto all = std::bit_cast<bits>(x);
    const bits sign = all >> std::numeric_limits<bits>::digits; // 0, or -1 for a negative x
    const bits limit =
        sign < 0 ? std::bit_cast<bits>(T{0} - static_cast<T>(low)) : std::bit_cast<bits>(static_cast<T>(high));
    bits magnitude = all & magnitude_mask;
    magnitude &= (magnitude - infinity - 1) >> std::numeric_limits<bits>::digits; // NaN: 0
    magnitude = magnitude > limit ? limit : magnitude;
    const auto real = std::bit_cast<T>(magnitude);
    auto whole = static_cast<bits>(real);
    const auto rest = std::bit_cast<bits>(real - static_cast<T>(whole)); // exact, in [0, 1)
    if constexpr (Mode == rounding::half_up) whole += rest >= half + (sign < 0);
    if constexpr (Mode == rounding::half_away) whole += rest >= half;
    if constexpr (Mode == rounding::half_even) whole += rest > half - (whole & 1);
    return static_cast<std::int32_t>((whole ^ sign) - sign);
}

} // namespace lutra
