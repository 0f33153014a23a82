// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/hardware_cost.hpp>
#include <lutra/core/text.hpp>
#include <lutra/multiplier/table.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace lutra {

/// How a multiplier is computed by the matrix kernels. All plans of one multiplier give the same products.
enum class plan_kind : std::uint8_t {
    exact, ///< the exact signed product; there are no tables
    table, ///< 65,536 products, looked up
};

/// A multiplier as the matrix kernels and the network layers see it: a small, trivially copyable value. It points into
/// tables that it does not own: those of lower(M{}) and lowered_v<M> live as long as the program, those of
/// lower(table) as long as that table.
struct lowered_multiplier {
    plan_kind kind = plan_kind::exact;
    signedness operands = signedness::is_signed; ///< how operand bits are meant; always signed in the exact plan
    const std::int16_t* products16 = nullptr;    ///< table plan: 256 x 256 [activation bits][weight bits]; null if too wide
    const std::int32_t* products32 = nullptr;    ///< table plan: the same in 32 bits, never null
    std::int32_t min_product = -16256;           ///< over all 65,536 operand pairs,
    std::int32_t max_product = 16384;            ///< from which the largest safe K of an int32 sum follows
    hardware_cost cost{};
    std::string_view name = "exact";

    /// The product of an activation and a weight, given as signed bytes whatever their bits mean. The reference for every
    /// kernel.
    [[nodiscard]] constexpr std::int32_t multiply(std::int8_t a, std::int8_t b) const noexcept {
        if (kind == plan_kind::exact) return a * b;
        return products32[static_cast<std::size_t>(static_cast<std::uint8_t>(a)) << 8 | static_cast<std::uint8_t>(b)];
    }

    /// One line for people: the plan, why, the range of the products, the power.
    [[nodiscard]] constexpr text<192> explain() const noexcept {
        text<192> line = text<192>{name} << ": ";
        if (kind == plan_kind::exact) line << "exact plan, every product is exact";
        else line << "table plan, " << (products16 != nullptr ? 16 : 32) << "-bit products";
        line << "; products in [" << min_product << ", " << max_product << "]; ";
        if (operands == signedness::is_unsigned) line << "unsigned operands; ";
        return line << static_cast<long long>(100 * cost.power + 0.5) << "% of the exact power";
    }
};
static_assert(std::is_trivially_copyable_v<lowered_multiplier>);

} // namespace lutra
