// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// DSM, the dynamic segment method: of each magnitude the @p M bits from its leading one on, the others zeroed; an M x M
/// multiplier and a shifter do the rest (Narayanamoorthy et al., "Energy-efficient approximate multiplication for digital
/// signal processing and classification applications", 2015). DRUM without its set bit, so that products are too
/// small on average. Magnitudes below 2^M are exact, and so is -128. @p Width: the bits of each operand.
template <int M, int Width = 8>
struct dsm {
    static_assert(Width >= 3 && Width <= 16, "lutra::dsm: Width, the bits of an operand, must be from 3 to 16.");
    static_assert(M >= 1 && M < Width, "lutra::dsm: M, the bits of a segment, must be from 1 to Width - 1.");

    using lhs = detail::mul::signed_operand<Width>;
    using rhs = lhs;
    using product = std::int32_t;
    static constexpr int lhs_bits = Width, rhs_bits = Width;
    using term = lhs; ///< of a segment in its place, which has no more bits than the operand
    static constexpr text<24> name_text = text<24>{"dsm"} << M << detail::mul::width_suffix<Width>;
    static constexpr std::string_view name = name_text.view();
    static constexpr product multiply(lhs a, rhs b) noexcept { return segment(a) * segment(b); }

    static constexpr int rank = 1;
    template <int>
    static constexpr int term_scale = 1;
    template <int>
    static constexpr term lhs_term(lhs a) noexcept {
        return static_cast<term>(segment(a));
    }
    template <int>
    static constexpr term rhs_term(rhs b) noexcept {
        return static_cast<term>(segment(b));
    }

    static constexpr gate_circuit circuit() noexcept {
        gate_circuit c;
        int ready = 0;
        for (int operand = 0; operand < 2; ++operand) {
            const int magnitude = c.conditional_negate(Width, 0);
            const int lead = c.leading_one_detector(Width - M, magnitude);
            ready = c.one_hot_select(M, Width + 1 - M, lead);
            c.encoder(Width + 1 - M, lead);
        }
        column_heap heap{2 * Width};
        for (int j = 0; j < M; ++j)
            for (int i = 0; i < M; ++i) heap.add(i + j, c.add(gates::and2, 1, ready));
        const int negated = c.conditional_negate(2 * M, heap.compress(c));
        c.add(gates::full_adder, gate_circuit::ceil_log2(Width + 1 - M), ready); // the shifts' sum, off the critical path
        c.shifter(2 * M, 2 * (Width - M), 2 * Width, negated);
        return c;
    }

private:
    static constexpr std::int32_t segment(lhs a) noexcept {
        const unsigned m = detail::mul::magnitude(a);
        if ((m >> M) == 0) return a;
        const int shift = detail::mul::leading_one(m) - M + 1;
        return detail::mul::with_sign(a, (m >> shift) << shift);
    }
};

} // namespace lutra
