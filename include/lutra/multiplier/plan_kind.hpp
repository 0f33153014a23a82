// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lutra {

/// How a multiplier is computed by the matrix kernels. All plans of one multiplier give the same products.
enum class plan_kind : std::uint8_t {
    exact,       ///< the exact signed product; there are no tables
    separable,   ///< a sum of few products of mapped operands
    error_plane, ///< the exact product of the operands plus an 8-bit error, looked up
    table,       ///< 65,536 products, looked up
};

/// All of them, in the order of the enumeration.
inline constexpr std::array all_plans{plan_kind::exact, plan_kind::separable, plan_kind::error_plane, plan_kind::table};

/// A plan's name for people.
[[nodiscard]] constexpr std::string_view to_string(plan_kind kind) noexcept {
    constexpr std::array<std::string_view, all_plans.size()> names{"exact", "separable", "error plane", "table"};
    return names[static_cast<std::size_t>(kind)];
}

/// The most terms of a separable plan.
inline constexpr std::size_t max_rank = 8;

/// The width of a separable plan's factors, which decides the kernels that can use them. A larger one is the better one.
enum class factor_width : std::uint8_t {
    bits16,        ///< int16
    bits8_but_128, ///< int8, except where an operand's bits are 0x80
    bits8,         ///< int8 for all operands
};

} // namespace lutra
