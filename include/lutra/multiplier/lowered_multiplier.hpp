// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/hardware_cost.hpp>
#include <lutra/core/text.hpp>
#include <lutra/multiplier/table.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace lutra {

/// How a multiplier is computed by the matrix kernels. All plans of one multiplier give the same products.
enum class plan_kind : std::uint8_t {
    exact,       ///< the exact signed product; there are no tables
    separable,   ///< a sum of few products of mapped operands
    error_plane, ///< the exact product of the operands plus an 8-bit error, looked up
    table,       ///< 65,536 products, looked up
};

/// The most terms of a separable plan.
inline constexpr std::size_t max_rank = 8;

/// The width of a separable plan's factors, which decides the kernels that can use them.
enum class factor_width : std::uint8_t {
    bits16,        ///< int16
    bits8_but_128, ///< int8, except where an operand's bits are 0x80
    bits8,         ///< int8 for all operands
};

/// A multiplier as the matrix kernels and the network layers see it: a small, trivially copyable value. It points into
/// tables that it does not own: those of lower(M{}) and lowered_v<M> live as long as the program, those of
/// lower(table) as long as that table.
///
/// With the 256-entry maps of term i, indexed by an operand's bits, the separable part of a product is
///
///     sum over i < rank of (lhs_factors[256 i + a] * rhs_factors[256 i + b]) << shifts[i]
///
/// Null maps stand for the identity on signed operands (rank 1, shift 0). An error plane adds
/// errors[256 a + b] << error_shift to it.
struct lowered_multiplier {
    plan_kind kind = plan_kind::exact;
    signedness lhs_operands = signedness::is_signed; ///< how an activation's bits are meant
    signedness rhs_operands = signedness::is_signed; ///< how a weight's bits are meant
    factor_width factors = factor_width::bits8;
    std::uint8_t rank = 1;                         ///< terms of the separable part; 0 in the table plan
    std::uint8_t error_shift = 0;                  ///< error plane
    std::array<std::uint8_t, max_rank> shifts{};   ///< descending; rhs_factors << shifts fits int16
    const std::int16_t* lhs_factors = nullptr;     ///< [rank][activation bits]
    const std::int16_t* rhs_factors = nullptr;     ///< [rank][weight bits]
    const std::int8_t* errors = nullptr;           ///< error plane: 256 x 256 [activation bits][weight bits]
    const std::int8_t* errors_by_weight = nullptr; ///< its transpose; may be null
    const std::int16_t* products16 = nullptr;      ///< 256 x 256 [activation bits][weight bits]; null if too wide, or exact
    const std::int16_t* products16_by_weight = nullptr; ///< its transpose; may be null
    const std::int32_t* products32 = nullptr;           ///< the same as products16 in 32 bits; null only in the exact plan
    std::int32_t min_product = -16256;                  ///< over all 65,536 operand pairs,
    std::int32_t max_product = 16384;                   ///< from which the largest safe K of an int32 sum follows
    hardware_cost cost{};
    std::string_view name = "exact";

    /// The product of an activation and a weight, given as signed bytes whatever their bits mean. The reference for every
    /// kernel.
    [[nodiscard]] constexpr std::int32_t multiply(std::int8_t a, std::int8_t b) const noexcept {
        if (kind == plan_kind::exact) return a * b;
        return products32[static_cast<std::size_t>(static_cast<std::uint8_t>(a)) << 8 | static_cast<std::uint8_t>(b)];
    }

    /// Whether both operands' bits are meant as signed.
    [[nodiscard]] constexpr bool signed_operands() const noexcept {
        return lhs_operands == signedness::is_signed && rhs_operands == signedness::is_signed;
    }

    /// One line for people: the plan, why, the range of the products, the power.
    [[nodiscard]] constexpr text<192> explain() const noexcept {
        text<192> line = text<192>{name} << ": ";
        if (kind == plan_kind::exact)
            line << "exact plan, every product is exact";
        else
            line << "table plan, " << (products16 != nullptr ? 16 : 32) << "-bit products";
        line << "; products in [" << min_product << ", " << max_product << "]; ";
        if (lhs_operands == signedness::is_unsigned) line << "unsigned operands; ";
        return line << static_cast<long long>(100 * cost.power + 0.5) << "% of the exact power";
    }
};
static_assert(std::is_trivially_copyable_v<lowered_multiplier>);

} // namespace lutra
