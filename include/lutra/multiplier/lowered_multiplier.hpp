// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/hardware_cost.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/core/text.hpp>
#include <lutra/multiplier/operands.hpp>
#include <lutra/multiplier/plan_cost.hpp>
#include <lutra/multiplier/plan_kind.hpp>
#include <lutra/multiplier/separable_terms.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace lutra {

namespace detail::mul {

/// The maps of the exact product of operands that are not both signed.
inline constexpr std::array<std::array<std::int16_t, 256>, 2> identity_maps_v = [] {
    std::array<std::array<std::int16_t, 256>, 2> maps{};
    for (const signedness sign : {signedness::is_signed, signedness::is_unsigned})
        for (std::size_t i = 0; i < 256; ++i)
            maps[static_cast<std::size_t>(sign)][i] =
                static_cast<std::int16_t>(operand_value(static_cast<std::uint8_t>(i), sign));
    return maps;
}();
[[nodiscard]] constexpr const std::int16_t* identity_map(signedness sign) noexcept {
    return identity_maps_v[static_cast<std::size_t>(sign)].data();
}

} // namespace detail::mul

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
    /// The same as products16 in 32 bits; null in the exact plan and in a constant that needs no table of them (lowered_v,
    /// firmware_header).
    const std::int32_t* products32 = nullptr;
    std::int32_t min_product = -16256; ///< over all 65,536 operand pairs,
    std::int32_t max_product = 16384;  ///< from which the largest safe K of an int32 sum follows
    hardware_cost cost{};
    std::string_view name = "exact";
    separable_terms terms{};       ///< of the separable plan, whichever plan this is; rank 0 where there is none
    isa lowered_for = isa::scalar; ///< where the plan was chosen for

    /// The product of an activation and a weight, given as signed bytes whatever their bits mean. The reference for every
    /// kernel.
    [[nodiscard]] constexpr std::int32_t multiply(std::int8_t a, std::int8_t b) const noexcept {
        if (kind == plan_kind::exact) return a * b;
        const auto x = static_cast<std::uint8_t>(a), y = static_cast<std::uint8_t>(b);
        const std::size_t at = static_cast<std::size_t>(x) << 8 | y;
        if (!std::is_constant_evaluated()) { // with UBSan, g++ compares no pointer to a constant with null in a constant
            if (products32 != nullptr) return products32[at];
            if (products16 != nullptr) return products16[at];
        }
        // What the plan itself needs is there, whatever else a constant leaves out.
        if (kind == plan_kind::separable) return static_cast<std::int32_t>(terms.product(x, y));
        if (kind == plan_kind::error_plane)
            return operand_value(x, lhs_operands) * operand_value(y, rhs_operands) + errors[at] * (1 << error_shift);
        return fits_16_bits() ? products16[at] : products32[at];
    }
    /// Whether all products fit 16 bits: then a constant of the table plan has products16.
    [[nodiscard]] constexpr bool fits_16_bits() const noexcept { return min_product >= -0x8000 && max_product <= 0x7fff; }

    /// Whether both operands' bits are meant as signed.
    [[nodiscard]] constexpr bool signed_operands() const noexcept {
        return lhs_operands == signedness::is_signed && rhs_operands == signedness::is_signed;
    }

    /// Panics where a table that the plan reads is missing; in a constant expression a table that is too short does not
    /// compile either.
    constexpr void require_tables() const {
        const auto is_there = [](const auto* table, std::size_t entries) {
            if (std::is_constant_evaluated()) { // see multiply(): read its end, and compare no pointers
                [[maybe_unused]] const auto last = table[entries - 1];
                return true;
            }
            return table != nullptr;
        };
        constexpr std::size_t pairs = 65'536;
        bool complete = true;
        if (kind == plan_kind::separable)
            complete = is_there(lhs_factors, 256 * std::size_t{rank}) && is_there(rhs_factors, 256 * std::size_t{rank});
        if (kind == plan_kind::error_plane) complete = is_there(errors, pairs);
        if (kind == plan_kind::table)
            complete = (fits_16_bits() && is_there(products16, pairs)) || is_there(products32, pairs);
        require(complete, panic_code::missing_table,
                "a multiplier's plan reads a table that is not there; the kind of plan follows",
                static_cast<long long>(kind));
    }

    /// Whether with_plan can switch to @p wanted.
    [[nodiscard]] constexpr bool admits(plan_kind wanted) const noexcept {
        switch (wanted) {
        case plan_kind::exact: return kind == plan_kind::exact;
        case plan_kind::separable: return terms.rank > 0;
        case plan_kind::error_plane: return errors != nullptr;
        case plan_kind::table: return products32 != nullptr;
        }
        return false;
    }

    /// The same multiplier under another plan. Panics where it does not admit that plan.
    [[nodiscard]] constexpr lowered_multiplier with_plan(plan_kind wanted) const {
        constexpr std::array why{
            "this multiplier has no exact plan: it is not exact on signed operands, or was lowered to another plan",
            "this multiplier has no separable plan: its products are no sum of at most 8 terms with 16-bit factors",
            "this multiplier has no error plane: its errors do not fit 8 bits, shifted or not, or it has no tables",
            "this multiplier has no table: lower(multiplier, plan_kind::table) makes one for an exact multiplier"};
        require(admits(wanted), panic_code::unsupported, why[static_cast<std::size_t>(wanted)], static_cast<long long>(kind),
                static_cast<long long>(wanted));
        return switched_to(wanted);
    }
    /// The same without the check, which g++ with -fsanitize=undefined takes for no constant.
    [[nodiscard]] constexpr lowered_multiplier switched_to(plan_kind wanted) const noexcept {
        lowered_multiplier m = *this;
        m.kind = wanted;
        m.factors = factor_width::bits8;
        m.shifts = {};
        m.lhs_factors = m.rhs_factors = nullptr;
        m.rank = wanted == plan_kind::table ? 0 : 1;
        if (wanted == plan_kind::separable) {
            m.rank = terms.rank;
            m.factors = terms.factors;
            m.shifts = terms.shifts;
            m.lhs_factors = terms.lhs;
            m.rhs_factors = terms.rhs;
        } else if (wanted == plan_kind::error_plane && !signed_operands()) {
            m.factors = factor_width::bits16;
            m.lhs_factors = detail::mul::identity_map(lhs_operands);
            m.rhs_factors = detail::mul::identity_map(rhs_operands);
        }
        return m;
    }

    /// What its predicted time depends on.
    [[nodiscard]] constexpr plan_shape shape() const noexcept {
        return {.kind = kind, .rank = rank, .factors = factors, .products16 = products16 != nullptr};
    }

    /// One line for people: the plan, why, its time relative to an exact product as predicted for `lowered_for`, the range
    /// of the products, the power.
    [[nodiscard]] constexpr text<256> explain() const noexcept {
        text<256> line = text<256>{name} << ": " << to_string(kind) << " plan, ";
        if (kind == plan_kind::exact) line << "every product is exact";
        if (kind == plan_kind::separable) {
            line << "rank " << rank << ", " << (factors == factor_width::bits16 ? 16 : 8) << "-bit factors";
            if (factors == factor_width::bits8_but_128) line << " but at 0x80";
            if (shifts[0] > 0)
                for (std::size_t i = 0; i < rank; ++i) line << (i == 0 ? " << " : " ") << shifts[i];
        }
        if (kind == plan_kind::error_plane) {
            line << "8-bit errors";
            if (error_shift > 0) line << " << " << error_shift;
        }
        if (kind == plan_kind::table) line << (products16 != nullptr ? 16 : 32) << "-bit products";
        if (kind == plan_kind::error_plane || kind == plan_kind::table) {
            if (terms.rank > 0)
                line << " (separable: rank " << terms.rank << ")";
            else
                line << " (no separable plan)";
        }
        const auto tenths = static_cast<long long>(10 * predicted_time(shape(), lowered_for) + 0.5);
        line << "; " << tenths / 10 << "." << tenths % 10 << " x the exact time";
        line << " on " << to_string(lowered_for) << "; products in [" << min_product << ", " << max_product << "]; ";
        if (lhs_operands == rhs_operands && !signed_operands())
            line << "unsigned operands; ";
        else if (lhs_operands == signedness::is_unsigned)
            line << "unsigned activations; ";
        else if (rhs_operands == signedness::is_unsigned)
            line << "unsigned weights; ";
        return line << static_cast<long long>(100 * cost.power + 0.5) << "% of the exact power";
    }
};
static_assert(std::is_trivially_copyable_v<lowered_multiplier>);

/// Whether @p m can be switched to a plan.
[[nodiscard]] constexpr bool admits(const lowered_multiplier& m, plan_kind wanted) noexcept { return m.admits(wanted); }

} // namespace lutra
