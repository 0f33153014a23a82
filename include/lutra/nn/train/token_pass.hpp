// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: train there and run the model with lutra/nn on firmware."
#endif

#include <lutra/core/arena.hpp>
#include <lutra/nn/float_vit.hpp>
#include <lutra/nn/train/backward.hpp>
#include <lutra/nn/train/float_pass.hpp>
#include <lutra/nn/train/loss.hpp>
#include <lutra/nn/train/token_steps.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace lutra {
inline namespace LUTRA_ISA {

/// Adds to @p dqkv what the gradient @p dattention of the class token's probabilities, summed over the heads, asks for.
LUTRA_INLINE void class_attention_backward(const vit_config& c, const block_activations& a,
                                           std::span<const float> dattention, matrix_view<float> dqkv) {
    const std::size_t width = c.head_dim();
    const float scale = 1.0f / std::sqrt(static_cast<float>(width));
    for (std::size_t image = 0; image < a.tokens.images(); ++image) {
        const auto [first, tokens] = a.tokens[image];
        for (std::size_t head = 0; head < c.heads; ++head) {
            const auto h = head_of(a.qkv, c, a.tokens[image], head), dh = head_of(dqkv, c, a.tokens[image], head);
            const auto p = probabilities_of(c, a.probabilities, image, head, tokens, tokens).row(0);
            float mean = 0;
            for (std::size_t t = 0; t < tokens; ++t) mean += p[t] * dattention[first + t];
            for (std::size_t t = 0; t < tokens; ++t) {
                const float ds = scale * p[t] * (dattention[first + t] - mean);
                for (std::size_t j = 0; j < width; ++j) {
                    dh.query(0, j) += ds * h.key(t, j);
                    dh.key(t, j) += ds * h.query(0, j);
                }
            }
        }
    }
}

/// Forward and backward in float of a network that drops tokens, as float_vit does with the same choices: for vit_trainer to
/// train what is left. Which tokens stay counts as fixed; the gradient passes through fused and merged tokens, and through
/// the class attention that weights the fused ones.
///
/// @code
/// std::vector<lutra::layer_choice> choices(config.depth);
/// choices[1].tokens = lutra::token_pruning::keep_top(0.5f);
/// lutra::vit_trainer trainer{config, options, lutra::token_pass<>{choices}};
/// @endcode
template <vit_policy Policy = vit_defaults>
class token_pass {
public:
    token_pass() = default; ///< all tokens
    /// One choice a block, or none.
    explicit token_pass(std::span<const layer_choice> choices) : choices_{choices.begin(), choices.end()} {}

    [[nodiscard]] std::size_t scratch_bytes(const vit_config& c, std::size_t images) const {
        if (drops_nothing()) return dense_.scratch_bytes(c, images);
        arena a = arena::counting();
        static_cast<void>(buffers::take(c, images, a));
        return a.used();
    }

    /// As float_pass, which it is where no token is dropped, and panics where there is not one choice a block or a rule
    /// reads softmax attention that the network does not have.
    loss_report run(const vit_parameters<const float>& p, matrix_view<const float> images, const training_targets& targets,
                    const vit_parameters<float>& g, arena& scratch) const {
        const vit_config& c = p.config();
        detail::require_token_rules(c, choices_);
        if (drops_nothing()) return dense_.run(p, images, targets, g, scratch);
        const std::size_t mark = scratch.used();
        const buffers b = buffers::take(c, images.rows(), scratch);
        extract_patches(c, images, b.patches);
        embed(p, b.patches, b.blocks.front().before.input);
        token_steps<float> steps = b.steps;
        for (std::size_t i = 0; i < c.depth; ++i) run_block(p, i, b.blocks[i], steps);
        const token_rows& rows = steps.rows();
        const block_activations& last = b.blocks.back().after;
        classify(p, rows, last.output, b.head.normed, b.head.logits, b.head.statistics);
        const loss_report report = loss_of(b.head.logits, targets, b.head.dlogits);
        matrix_view<float> d = b.dx.block(0, 0, rows.rows(), c.dim), other = b.other;
        head_backward(p, b.head, rows, last.output, g, d);
        for (std::size_t i = c.depth; i-- > 0;) {
            const token_block<block_activations>& k = b.blocks[i];
            feed_forward_backward(p.block(i), k.after, g.block(i), d, b.scratch.first(d.rows()));
            const std::span<const float> dattention =
                drop_backward(c, detail::token_rule_of(c, choices_, i), k, d, other, b.dattention);
            attend_backward(c, p.block(i), k.before, g.block(i), d, b.scratch.first(d.rows()), [&](matrix_view<float> dqkv) {
                if (!dattention.empty()) class_attention_backward(c, k.before, dattention, dqkv);
            });
        }
        embed_backward(p, b.patches, d, g);
        scratch.release(mark);
        return report;
    }

private:
    struct buffers {
        matrix_view<float> patches;
        std::span<token_block<block_activations>> blocks;
        head_activations head;
        matrix_view<float> dx, other; ///< rows x dim
        block_gradients scratch;
        std::span<float> dattention; ///< a row
        token_steps<float> steps;

        static buffers take(const vit_config& c, std::size_t images, arena& memory) {
            const std::size_t tokens = c.tokens(), rows = images * tokens, d = c.dim;
            const auto matrix = [&](std::size_t r, std::size_t n) { return detail::take_matrix<float>(memory, r, n); };
            const auto floats = [&](std::size_t n) { return memory.take<float>(n); };
            buffers b;
            b.patches = matrix(images * c.patches(), c.patch_size());
            b.blocks = memory.take<token_block<block_activations>>(c.depth);
            matrix_view<float> x = matrix(rows, d);
            for (std::size_t i = 0; i < c.depth; ++i) {
                auto k = token_block<block_activations>::take(c, images, memory);
                k.before.tokens = {images, tokens};
                k.before.input = x;
                k.before.normed1 = matrix(rows, d);
                k.before.qkv = matrix(rows, 3 * d);
                k.before.probabilities = floats(images * c.heads * c.attention_floats());
                k.before.context = matrix(rows, d);
                k.before.middle = matrix(rows, d);
                k.before.normed2 = matrix(rows, d);
                k.before.hidden = matrix(rows, c.mlp);
                k.before.slope = matrix(rows, c.mlp);
                k.before.output = x = matrix(rows, d);
                k.before.statistics1 = floats(2 * rows);
                k.before.statistics2 = floats(2 * rows);
                if (!b.blocks.empty()) b.blocks[i] = k;
            }
            b.head = head_activations::take(c, images, memory);
            b.dx = matrix(rows, d);
            b.other = matrix(rows, d);
            b.scratch = {matrix(rows, d), matrix(rows, 3 * d), matrix(rows, c.mlp), floats(attention_gradient_floats(c))};
            b.dattention = floats(rows);
            b.steps = token_steps<float>::take(c, images, memory);
            return b;
        }
    };

    bool drops_nothing() const {
        return std::all_of(choices_.begin(), choices_.end(),
                           [](const layer_choice& k) { return k.tokens.rule == token_rule::none; });
    }
    /// Forward of block @p i.
    void run_block(const vit_parameters<const float>& p, std::size_t i, token_block<block_activations>& k,
                   token_steps<float>& steps) const {
        const vit_config& c = p.config();
        const token_pruning pruning = detail::token_rule_of(c, choices_, i);
        k.before = k.before.with_tokens(steps.rows());
        attend(c, p.block(i), k.before, {}, steps.attention(pruning, k.attention));
        project(p.block(i), k.before);
        steps.drop(c, pruning, k, k.attention, static_cast<float>(c.heads));
        feed_forward<typename Policy::activation>(c, p.block(i), k.after);
    }

    std::vector<layer_choice> choices_;
    float_pass<Policy> dense_;
};
static_assert(training_pass<token_pass<>>);

#if LUTRA_USE_COMPILED
extern template class token_pass<vit_defaults>;
#endif

} // namespace LUTRA_ISA
} // namespace lutra
