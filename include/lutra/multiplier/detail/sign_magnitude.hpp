// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>

#include <bit>
#include <cstdint>
#include <type_traits>

namespace lutra::detail::mul {

/// The smallest signed type with @p Width bits.
template <int Width>
using signed_operand = std::conditional_t<(Width <= 8), std::int8_t, std::int16_t>;

/// What a name ends in that is not of an 8x8 circuit: "_w16".
template <int Width>
inline constexpr text<8> width_suffix = Width == 8 ? text<8>{} : text<8>{"_w"} << Width;

/// |a| as an unsigned number of as many bits: 128 for -128, as on the wires behind a conditional negation.
[[nodiscard]] constexpr unsigned magnitude(std::int32_t a) noexcept {
    return a < 0 ? static_cast<unsigned>(-a) : static_cast<unsigned>(a);
}

/// `m` with the sign of `a`.
[[nodiscard]] constexpr std::int32_t with_sign(std::int32_t a, unsigned m) noexcept {
    return a < 0 ? -static_cast<std::int32_t>(m) : static_cast<std::int32_t>(m);
}

/// `m` with the sign of the product of `a` and `b`.
[[nodiscard]] constexpr std::int32_t with_sign(std::int32_t a, std::int32_t b, unsigned m) noexcept {
    return (a < 0) != (b < 0) ? -static_cast<std::int32_t>(m) : static_cast<std::int32_t>(m);
}

/// The position of the leading one of a number that is not zero.
[[nodiscard]] constexpr int leading_one(unsigned m) noexcept { return static_cast<int>(std::bit_width(m)) - 1; }

} // namespace lutra::detail::mul
