// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// Partial product perforation: the rows of weight bits @p First to @p First + @p Count - 1 are never made (Zervakis et
/// al., "Design-efficient approximate multiplication circuits through partial product perforation", 2016). Row i is
/// the activation where weight bit i is set; row 7 is subtracted, as in two's complement.
template <int First, int Count>
struct perforated {
    static_assert(First >= 0 && First <= 7, "lutra::perforated: First must be from 0 to 7.");
    static_assert(Count >= 1 && First + Count <= 8, "lutra::perforated: Count must be from 1 to 8 - First.");

    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr text<24> name_text = text<24>{"perforated"} << First << "_" << Count;
    static constexpr std::string_view name = name_text.view();
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * rhs_term<0>(b); }

    static constexpr int rank = 1;
    template <int>
    static constexpr int term_scale = 1;
    template <int>
    static constexpr std::int8_t lhs_term(lhs a) noexcept { return a; }
    template <int>
    static constexpr std::int8_t rhs_term(rhs b) noexcept {
        constexpr int dropped = ((1 << Count) - 1) << First;
        return static_cast<std::int8_t>(static_cast<std::uint8_t>(b & ~dropped));
    }

    static constexpr gate_circuit circuit() noexcept {
        return array_circuit([](int, int i) { return i < First || i >= First + Count; });
    }
};

} // namespace lutra
