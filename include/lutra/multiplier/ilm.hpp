// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// ILM, the iterative logarithmic multiplier on magnitudes: a basic block takes the product of 2^k + r and 2^l + s as
/// 2^(k + l) + 2^l r + 2^k s, and leaves r s, which @p Corrections more blocks make smaller (Babic, Avramovic and Bulic,
/// "An iterative logarithmic multiplier", 2011). Never above the exact magnitude; at most a quarter below it without
/// corrections, a sixteenth with one, a sixty-fourth with two. -128 is exact. @p Width: the bits of each operand.
template <int Corrections, int Width = 8>
struct ilm {
    static_assert(Width >= 2 && Width <= 16, "lutra::ilm: Width, the bits of an operand, must be from 2 to 16.");
    static_assert(Corrections >= 0 && Corrections < Width, "lutra::ilm: Corrections must be from 0 to Width - 1.");

    using lhs = detail::mul::signed_operand<Width>;
    using rhs = lhs;
    using product = std::int32_t;
    static constexpr int lhs_bits = Width, rhs_bits = Width;
    static constexpr text<24> name_text = text<24>{"ilm"} << Corrections << detail::mul::width_suffix<Width>;
    static constexpr std::string_view name = name_text.view();
    /// What is lost is the product of the residues that the last block leaves.
    static constexpr product multiply(lhs a, rhs b) noexcept { return product{a} * b - product{residue(a)} * residue(b); }

    static constexpr int rank = 2;
    template <int I>
    static constexpr int term_scale = I == 0 ? 1 : -1;
    template <int I>
    static constexpr lhs lhs_term(lhs a) noexcept {
        return I == 0 ? a : residue(a);
    }
    template <int I>
    static constexpr rhs rhs_term(rhs b) noexcept {
        return I == 0 ? b : residue(b);
    }

    static constexpr gate_circuit circuit() noexcept {
        gate_circuit c;
        c.conditional_negate(Width, 0);
        int ready = c.conditional_negate(Width, 0);
        column_heap heap{2 * Width};
        for (int block = 0; block <= Corrections; ++block) {
            c.leading_one_detector(Width, ready);
            const int lead = c.leading_one_detector(Width, ready);
            ready = c.add(gates::and2, 2 * Width, lead); // the leading ones taken off
            // 2^(k + l), 2^l r and 2^k s: a number by a one-hot power of two each, of Width^2 ANDs onto 2 Width - 1 columns.
            for (int term = 0; term < 3; ++term) {
                const int shifted =
                    c.add(gates::or2, (Width - 1) * (Width - 1), c.add(gates::and2, Width * Width, ready)) + 2;
                for (int i = 0; i < 2 * Width - 1; ++i) heap.add(i, shifted);
            }
        }
        c.conditional_negate(2 * Width, heap.compress(c));
        return c;
    }

private:
    /// The operand without the Corrections + 1 leading ones of its magnitude.
    static constexpr lhs residue(lhs a) noexcept {
        unsigned m = detail::mul::magnitude(a);
        for (int block = 0; block <= Corrections && m != 0; ++block) m ^= 1u << detail::mul::leading_one(m);
        return static_cast<lhs>(detail::mul::with_sign(a, m));
    }
};

} // namespace lutra
