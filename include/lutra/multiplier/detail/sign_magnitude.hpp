// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <bit>
#include <cstdint>

namespace lutra::detail::mul {

/// |a| as an unsigned number of eight bits: 128 for -128, as on the wires behind a conditional negation.
[[nodiscard]] constexpr unsigned magnitude(std::int8_t a) noexcept {
    return a < 0 ? static_cast<unsigned>(-a) : static_cast<unsigned>(a);
}

/// `m` with the sign of `a`.
[[nodiscard]] constexpr std::int32_t with_sign(std::int8_t a, unsigned m) noexcept {
    return a < 0 ? -static_cast<std::int32_t>(m) : static_cast<std::int32_t>(m);
}

/// `m` with the sign of the product of `a` and `b`.
[[nodiscard]] constexpr std::int32_t with_sign(std::int8_t a, std::int8_t b, unsigned m) noexcept {
    return (a < 0) != (b < 0) ? -static_cast<std::int32_t>(m) : static_cast<std::int32_t>(m);
}

/// The position of the leading one of a number that is not zero.
[[nodiscard]] constexpr int leading_one(unsigned m) noexcept { return static_cast<int>(std::bit_width(m)) - 1; }

} // namespace lutra::detail::mul
