// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/detail/one_map.hpp>
#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// SSM, the static segment method: of each magnitude the upper @p M bits where they hold a one above the lowest M, else
/// the lowest M; an M x M multiplier and a shift by one of three distances do the rest (Narayanamoorthy et al.,
/// "Energy-efficient approximate multiplication for digital signal processing and classification applications", 2015).
/// Magnitudes below 2^M are exact, others are rounded down to multiples of 2^(Width - M); so is -128, to itself. The top
/// wire of a magnitude is set by -128 alone, so that an upper segment holds M - 1 bits of anything else. @p Width: the bits
/// of each operand.
template <int M, int Width = 8>
struct ssm : detail::mul::one_map<ssm<M, Width>, Width, detail::mul::signed_operand<Width>> {
    static_assert(Width >= 3 && Width <= 16, "lutra::ssm: Width, the bits of an operand, must be from 3 to 16.");
    static_assert(M >= Width / 2 && M < Width, "lutra::ssm: M, the bits of a segment, must be from Width / 2 to Width - 1.");

    static constexpr text<24> name_text = text<24>{"ssm"} << M << detail::mul::width_suffix<Width>;
    static constexpr std::string_view name = name_text.view();
    static constexpr gate_circuit circuit() noexcept {
        gate_circuit c;
        int ready = 0;
        for (int operand = 0; operand < 2; ++operand) {
            const int magnitude = c.conditional_negate(Width, 0);
            const int upper = c.add(gates::or2, Width - M - 1, magnitude) + gate_circuit::ceil_log2(Width - M) - 1;
            ready = c.add(gates::mux2, M, upper);
        }
        column_heap heap{2 * Width};
        for (int j = 0; j < M; ++j)
            for (int i = 0; i < M; ++i) heap.add(i + j, c.add(gates::and2, 1, ready));
        const int negated = c.conditional_negate(2 * M, heap.compress(c));
        // By 0, Width - M or twice that: two stages, each an AND where only a zero comes in.
        c.add(gates::mux2, 2 * M, negated);
        c.add(gates::mux2, 2 * Width - (Width - M), negated + gates::mux2.delay);
        return c;
    }

    /// The operand as it is multiplied: its segment, in its place.
    static constexpr std::int32_t map(detail::mul::signed_operand<Width> a) noexcept {
        const unsigned m = detail::mul::magnitude(a);
        return (m >> M) == 0 ? a : detail::mul::with_sign(a, m & ~((1u << (Width - M)) - 1));
    }
};

} // namespace lutra
