// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

namespace lutra {

namespace detail {
template <class T, class... Us>
inline constexpr bool is_one_of = (std::is_same_v<std::remove_cv_t<T>, Us> || ...);
}

/// An integer type that can be saturated to: any but bool and the character types.
template <class T>
concept saturable = std::integral<T> && !detail::is_one_of<T, bool, char, wchar_t, char8_t, char16_t, char32_t>;

/// @p from, or the nearest value that @p To can hold.
template <saturable To, saturable From>
[[nodiscard]] constexpr To saturate(From from) noexcept {
    if (std::cmp_less(from, std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    if (std::cmp_greater(from, std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
    return static_cast<To>(from);
}

/// @p a + @p b, or the nearest value that @p T can hold.
template <saturable T>
[[nodiscard]] constexpr T saturating_add(T a, T b) noexcept {
    T sum{};
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return b < 0 ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
}

/// @p a - @p b, or the nearest value that @p T can hold.
template <saturable T>
[[nodiscard]] constexpr T saturating_sub(T a, T b) noexcept {
    T difference{};
    if (!__builtin_sub_overflow(a, b, &difference)) return difference;
    return b < 0 ? std::numeric_limits<T>::max() : std::numeric_limits<T>::min();
}

/// @p a * @p b, or the nearest value that @p T can hold.
template <saturable T>
[[nodiscard]] constexpr T saturating_mul(T a, T b) noexcept {
    using limits = std::numeric_limits<T>;
    if constexpr (sizeof(T) < sizeof(std::int64_t)) {
        using wide = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
        return saturate<T>(static_cast<wide>(a) * static_cast<wide>(b));
    } else {
        // The overflow builtin of a product needs a run-time library that clang lacks on 32-bit firmware, hence the
        // divisions.
        if (a == 0 || b == 0) return 0;
        const bool negative = (a < 0) != (b < 0);
        if (negative ? (a < 0 ? a < limits::min() / b : b < limits::min() / a)
                     : (a < 0 ? a < limits::max() / b : a > limits::max() / b))
            return negative ? limits::min() : limits::max();
        return a * b;
    }
}

} // namespace lutra
