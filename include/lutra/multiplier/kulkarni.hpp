// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// The underdesigned multiplier on magnitudes: sixteen 2x2 blocks in which 3 x 3 gives 7, so that a block has three
/// outputs, exactly summed (Kulkarni, Gupta and Ercegovac, "Trading accuracy for power with an underdesigned
/// multiplier architecture", 2011). -128 has the magnitude 128, in which no digit is 3: exact.
struct kulkarni {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "kulkarni";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b - 2 * threes(a) * threes(b); }

    /// Each block loses 2 where both digits are 3, so that all of them lose 2 t(a) t(b) with t the sum of 4^i over
    /// the digits that are 3.
    static constexpr int rank = 2;
    template <int I>
    static constexpr int term_scale = I == 0 ? 1 : -2;
    template <int I>
    static constexpr std::int8_t lhs_term(lhs a) noexcept { return I == 0 ? a : threes(a); }
    template <int I>
    static constexpr std::int8_t rhs_term(rhs b) noexcept { return I == 0 ? b : threes(b); }

    static constexpr gate_circuit circuit() noexcept {
        gate_circuit c;
        c.conditional_negate(8, 0);
        const int magnitude = c.conditional_negate(8, 0);
        column_heap heap;
        for (int j = 0; j < 4; ++j)
            for (int i = 0; i < 4; ++i) {
                const int cross = c.add(gates::and2, 4, magnitude);
                heap.add(2 * (i + j), cross);
                heap.add(2 * (i + j) + 1, c.add(gates::or2, 1, cross));
                heap.add(2 * (i + j) + 2, cross);
            }
        c.conditional_negate(16, heap.compress(c));
        return c;
    }

private:
    static constexpr std::int8_t threes(std::int8_t a) noexcept {
        const unsigned m = detail::mul::magnitude(a);
        return static_cast<std::int8_t>(detail::mul::with_sign(a, m & (m >> 1) & 0x55u));
    }
};
static_assert(check_multiplier<kulkarni>());

} // namespace lutra
