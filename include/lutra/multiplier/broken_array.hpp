// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// The broken-array multiplier: the cells of the first @p Horizontal rows (weight bits) and those of the columns below
/// 2^@p Vertical are left out (Mahdiani et al., "Bio-inspired imprecise computational blocks", 2010; unsigned there).
/// This one is signed after Baugh and Wooley (1973): a cell that holds one sign bit is subtracted, and a
/// cell that is left out counts as if its bits were zero, its constant folded into the correction. So 0 times anything
/// is 0, and no magnitude is ever taken.
template <int Horizontal, int Vertical>
struct broken_array {
    static_assert(Horizontal >= 0 && Horizontal <= 7, "lutra::broken_array: Horizontal must be from 0 to 7 rows.");
    static_assert(Vertical >= 0 && Vertical <= 14, "lutra::broken_array: Vertical must be from 0 to 14 columns.");

    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr text<24> name_text = text<24>{"broken_array"} << Horizontal << "_" << Vertical;
    static constexpr std::string_view name = name_text.view();
    static constexpr product multiply(lhs a, rhs b) noexcept {
        product sum = 0;
        for (int i = Horizontal; i < 8; ++i) {
            // In row i the columns below 2^Vertical are the activation's bits below Vertical - i.
            const int low = Vertical > i ? (Vertical - i > 8 ? 8 : Vertical - i) : 0;
            const int kept = low == 8 ? 0 : a & -(1 << low);
            if ((b >> i & 1) != 0) sum += (i == 7 ? -kept : kept) * (1 << i);
        }
        return sum;
    }

    static constexpr gate_circuit circuit() noexcept {
        return array_circuit([](int j, int i) { return i >= Horizontal && i + j >= Vertical; });
    }
};

} // namespace lutra
