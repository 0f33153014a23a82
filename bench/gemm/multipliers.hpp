// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier.hpp>

#include <cstdint>
#include <string_view>

namespace bench {

/// Bits in [0, 2^16) without a pattern in the operands: a table made of them has full rank.
[[nodiscard]] constexpr std::uint32_t scrambled(std::int8_t a, std::int8_t b) noexcept {
    std::uint32_t x = std::uint32_t{static_cast<std::uint8_t>(a)} << 8 | static_cast<std::uint8_t>(b);
    x = (x + 1) * 0x9e3779b1u; // multiply and fold twice, as hash functions do
    x = (x ^ (x >> 15)) * 0x85ebca77u;
    return (x ^ (x >> 13)) & 0xffffu;
}

/// An arbitrary circuit whose error fits 8 bits, in [-100, 100].
struct small_error {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "small_error";
    static constexpr product multiply(lhs a, rhs b) noexcept {
        return a * b + static_cast<std::int32_t>(scrambled(a, b) % 201) - 100;
    }
};
static_assert(lutra::multiplier<small_error>);

/// The 65,536 products of M as emulators store them.
template <lutra::multiplier M>
[[nodiscard]] const std::int16_t* products16_of() {
    static const auto table = lutra::make_table<M>();
    return table->products16();
}

} // namespace bench
