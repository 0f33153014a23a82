// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// The exact product of the activation with its low @p LhsBits bits zeroed and the weight with its low @p RhsBits bits
/// zeroed: an (8 - LhsBits) x (8 - RhsBits) multiplier whose product is shifted back. Operands are rounded towards
/// minus infinity, as dropping wires of two's complement does; -128 stays -128. (Truncation of operands is old; see
/// Jiang et al., "Approximate arithmetic circuits: a survey", 2020.)
template <int LhsBits, int RhsBits>
struct operand_truncated {
    static_assert(LhsBits >= 0 && LhsBits <= 7, "lutra::operand_truncated: LhsBits must be from 0 to 7.");
    static_assert(RhsBits >= 0 && RhsBits <= 7, "lutra::operand_truncated: RhsBits must be from 0 to 7.");

    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr text<24> name_text = text<24>{"operand_truncated"} << LhsBits << "_" << RhsBits;
    static constexpr std::string_view name = name_text.view();
    static constexpr product multiply(lhs a, rhs b) noexcept { return lhs_term<0>(a) * rhs_term<0>(b); }

    static constexpr int rank = 1;
    template <int>
    static constexpr int term_scale = 1;
    template <int>
    static constexpr std::int8_t lhs_term(lhs a) noexcept { return static_cast<std::int8_t>(a & -(1 << LhsBits)); }
    template <int>
    static constexpr std::int8_t rhs_term(rhs b) noexcept { return static_cast<std::int8_t>(b & -(1 << RhsBits)); }

    static constexpr gate_circuit circuit() noexcept {
        return array_circuit([](int j, int i) { return j >= LhsBits && i >= RhsBits; });
    }
};

} // namespace lutra
