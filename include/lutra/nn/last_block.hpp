// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nn/float_block.hpp>

#include <cstddef>
#include <span>

/// @file
/// The last block, of which only the tokens that the heads read matter: whatever follows its keys and values is worked out
/// for those alone, to the same bits. At 50 tokens and depth 4 that spares a fifth of all products.

namespace lutra {

/// Token @p which of each image, where the rows of @p m are images of @p tokens rows.
template <class T>
[[nodiscard]] constexpr matrix_view<T> token_of_each(matrix_view<T> m, std::size_t which, std::size_t tokens) {
    if (m.rows() == 0) return {nullptr, 0, m.cols()};
    return {m.data() + which * m.stride(), m.rows() / tokens, m.cols(), tokens * m.stride()};
}

inline namespace LUTRA_ISA {

/// `forward` of the last block for the prefix tokens; the other rows of what follows attention keep what they held.
template <float_activation Activation>
void forward_last(const vit_config& c, const block_parameters<const float>& p, const block_activations& a,
                  const packed_block& packed = {}) {
    const std::size_t tokens = c.tokens(), prefix = c.prefix_tokens(), images = a.input.rows() / tokens;
    layer_norm(a.input, p.norm1, c.layer_norm_epsilon, a.normed1, a.statistics1);
    linear(a.normed1, p.qkv, a.qkv, {}, packed.qkv);
    attention(c, a.qkv, a.probabilities, a.context, prefix);
    for (std::size_t which = 0; which < prefix; ++which) {
        const auto rows = [&](matrix_view<float> m) { return token_of_each(m, which, tokens); };
        const matrix_view<float> middle = rows(a.middle), normed = rows(a.normed2), hidden = rows(a.hidden);
        linear(rows(a.context), p.proj, middle, rows(a.input), packed.proj);
        for (std::size_t i = 0; i < images; ++i) {
            const row_statistics s =
                layer_norm(middle.row(i), p.norm2.weight, p.norm2.bias, c.layer_norm_epsilon, normed.row(i));
            if (a.statistics2.empty()) continue;
            a.statistics2[2 * (i * tokens + which)] = s.mean;
            a.statistics2[2 * (i * tokens + which) + 1] = s.inverse_deviation;
        }
        const matrix_view<float> before = a.slope.empty() ? hidden : rows(a.slope);
        linear(normed, p.fc1, before, {}, packed.fc1);
        with_activation<Activation>(c, [&]<class A>(A) {
            for (std::size_t i = 0; i < images; ++i) {
                if (a.slope.empty())
                    apply<A>(hidden.row(i));
                else
                    apply_with_slope<A>(before.row(i), hidden.row(i));
            }
        });
        linear(hidden, p.fc2, rows(a.output), middle, packed.fc2);
    }
}

} // namespace LUTRA_ISA
} // namespace lutra
