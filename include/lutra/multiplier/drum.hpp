// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace lutra {

/// DRUM, the dynamic range unbiased multiplier: each magnitude keeps the @p K bits from its leading one on, the lowest of
/// which is set to 1 so that the error averages out; a K x K multiplier and a shifter do the rest (Hashemi, Bahar and
/// Reda, 2015). Magnitudes below 2^K are exact. -128 has the magnitude 128, whose steered value, up to 192, leaves int8.
/// @p Width: the bits of each operand.
template <int K, int Width = 8>
struct drum {
    static_assert(Width >= 3 && Width <= 16, "lutra::drum: Width, the bits of an operand, must be from 3 to 16.");
    static_assert(K >= 2 && K < Width, "lutra::drum: K, the bits kept of each operand, must be from 2 to Width - 1.");
    static_assert(Width < 16 || K >= 3, "lutra::drum: with K = 2 the largest 16x16 product leaves 32 bits; take K >= 3.");

    using lhs = detail::mul::signed_operand<Width>;
    using rhs = lhs;
    using product = std::int32_t;
    /// Of a steered operand: one bit more than the operand's.
    using term = std::conditional_t<(Width <= 8), std::int16_t, std::int32_t>;
    static constexpr int lhs_bits = Width, rhs_bits = Width;
    static constexpr text<24> name_text = text<24>{"drum"} << K << detail::mul::width_suffix<Width>;
    static constexpr std::string_view name = name_text.view();
    static constexpr product multiply(lhs a, rhs b) noexcept { return steer(a) * steer(b); }

    static constexpr int rank = 1;
    template <int>
    static constexpr int term_scale = 1;
    template <int>
    static constexpr term lhs_term(lhs a) noexcept {
        return static_cast<term>(steer(a));
    }
    template <int>
    static constexpr term rhs_term(rhs b) noexcept {
        return static_cast<term>(steer(b));
    }

    static constexpr gate_circuit circuit() noexcept {
        gate_circuit c;
        int ready = 0;
        for (int operand = 0; operand < 2; ++operand) {
            const int magnitude = c.conditional_negate(Width, 0);
            const int lead = c.leading_one_detector(Width - K, magnitude);
            ready = c.one_hot_select(K, Width + 1 - K, lead);
            c.encoder(Width + 1 - K, lead);
        }
        column_heap heap{2 * Width};
        for (int j = 0; j < K; ++j)
            for (int i = 0; i < K; ++i) heap.add(i + j, c.add(gates::and2, 1, ready));
        const int negated = c.conditional_negate(2 * K, heap.compress(c));
        c.add(gates::full_adder, gate_circuit::ceil_log2(Width + 1 - K),
              ready); // the two shifts' sum, off the critical path
        c.shifter(2 * K, 2 * (Width - K), 2 * Width, negated);
        return c;
    }

private:
    static constexpr std::int32_t steer(lhs a) noexcept {
        const unsigned m = detail::mul::magnitude(a);
        if (m < (1u << K)) return a;
        const int shift = detail::mul::leading_one(m) - K + 1;
        return detail::mul::with_sign(a, ((m >> shift) | 1u) << shift);
    }
};

} // namespace lutra
