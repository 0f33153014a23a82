// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// DRUM, the dynamic range unbiased multiplier: each magnitude keeps the @p K bits from its leading one on, the lowest of
/// which is set to 1 so that the error averages out; a K x K multiplier and a shifter do the rest (Hashemi, Bahar and
/// Reda, 2015). Magnitudes below 2^K are exact. -128 has the magnitude 128, whose steered value, up to 160, leaves int8.
template <int K>
struct drum {
    static_assert(K >= 2 && K <= 7, "lutra::drum: K, the bits kept of each operand, must be from 2 to 7.");

    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr text<24> name_text = text<24>{"drum"} << K;
    static constexpr std::string_view name = name_text.view();
    static constexpr product multiply(lhs a, rhs b) noexcept { return steer(a) * steer(b); }

    static constexpr int rank = 1;
    template <int>
    static constexpr int term_scale = 1;
    template <int>
    static constexpr std::int16_t lhs_term(lhs a) noexcept { return static_cast<std::int16_t>(steer(a)); }
    template <int>
    static constexpr std::int16_t rhs_term(rhs b) noexcept { return static_cast<std::int16_t>(steer(b)); }

    static constexpr gate_circuit circuit() noexcept {
        gate_circuit c;
        int ready = 0;
        for (int operand = 0; operand < 2; ++operand) {
            const int magnitude = c.conditional_negate(8, 0);
            const int lead = c.leading_one_detector(8 - K, magnitude);
            ready = c.one_hot_select(K, 9 - K, lead);
            c.encoder(9 - K, lead);
        }
        column_heap heap;
        for (int j = 0; j < K; ++j)
            for (int i = 0; i < K; ++i) heap.add(i + j, c.add(gates::and2, 1, ready));
        const int negated = c.conditional_negate(2 * K, heap.compress(c));
        c.add(gates::full_adder, gate_circuit::ceil_log2(9 - K), ready); // the two shifts' sum, off the critical path
        c.shifter(2 * K, 2 * (8 - K), 16, negated);
        return c;
    }

private:
    static constexpr std::int32_t steer(std::int8_t a) noexcept {
        const unsigned m = detail::mul::magnitude(a);
        if (m < (1u << K)) return a;
        const int shift = detail::mul::leading_one(m) - K + 1;
        return detail::mul::with_sign(a, ((m >> shift) | 1u) << shift);
    }
};

} // namespace lutra
