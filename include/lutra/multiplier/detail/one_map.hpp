// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>

/// @file
/// What multipliers share that change each operand by one map, the same for both, and multiply the results exactly.

namespace lutra::detail::mul {

/// The members of such a multiplier @p M of operands of @p Width bits, which has a `static constexpr std::int32_t
/// map(lhs)`. @p Term: the type that holds what the map gives.
template <class M, int Width, class Term>
struct one_map {
    using lhs = signed_operand<Width>;
    using rhs = lhs;
    using product = std::int32_t;
    using term = Term;
    static constexpr int lhs_bits = Width, rhs_bits = Width;
    static constexpr product multiply(lhs a, rhs b) noexcept { return M::map(a) * M::map(b); }

    static constexpr int rank = 1;
    template <int>
    static constexpr int term_scale = 1;
    template <int>
    static constexpr term lhs_term(lhs a) noexcept {
        return static_cast<term>(M::map(a));
    }
    template <int>
    static constexpr term rhs_term(rhs b) noexcept {
        return static_cast<term>(M::map(b));
    }
};

/// A circuit that takes the @p K bits from the leading one of each magnitude on, multiplies them and shifts the product
/// back.
template <int K, int Width>
[[nodiscard]] constexpr gate_circuit leading_segment_circuit() noexcept {
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
    c.add(gates::full_adder, gate_circuit::ceil_log2(Width + 1 - K), ready); // the shifts' sum, off the critical path
    c.shifter(2 * K, 2 * (Width - K), 2 * Width, negated);
    return c;
}

} // namespace lutra::detail::mul
