// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: train there and run the model with lutra/nn on firmware."
#endif

#include <lutra/core/arena.hpp>
#include <lutra/nn/float_vit.hpp>
#include <lutra/nn/train/backward.hpp>
#include <lutra/nn/train/loss.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>

namespace lutra {

/// What computes the gradient of a network for vit_trainer, on one thread: `scratch_bytes` for so many images at once, and
/// `run`, which adds to the gradient and says what the images cost. It may be shared by several threads.
template <class P>
concept training_pass = std::copyable<P> &&
    requires(const P& pass, const vit_config& c, const vit_parameters<const float>& parameters,
             matrix_view<const float> images, const training_targets& targets, const vit_parameters<float>& gradient,
             arena& scratch) {
    { pass.scratch_bytes(c, std::size_t{1}) } -> std::same_as<std::size_t>;
    { pass.run(parameters, images, targets, gradient, scratch) } -> std::same_as<loss_report>;
};

inline namespace LUTRA_ISA {

/// Forward and backward in float.
template <vit_policy Policy = vit_defaults>
class float_pass {
public:
    [[nodiscard]] static std::size_t scratch_bytes(const vit_config& c, std::size_t images) {
        arena a = arena::counting();
        static_cast<void>(buffers::take(c, images, a));
        return a.used();
    }

    /// @p images: count x (channels * height * width), normalised. Adds to @p gradient. Panics where shapes do not fit.
    static loss_report run(const vit_parameters<const float>& p, matrix_view<const float> images,
                           const training_targets& targets, const vit_parameters<float>& g, arena& scratch) {
        const vit_config& c = p.config();
        const std::size_t count = images.rows(), tokens = c.tokens(), prefix = c.prefix_tokens(), d = c.dim;
        const std::size_t mark = scratch.used();
        const buffers b = buffers::take(c, count, scratch);
        extract_patches(c, images, b.patches);
        embed(p, b.patches, b.blocks.front().input);
        for (std::size_t i = 0; i < c.depth; ++i) forward<typename Policy::activation>(c, p.block(i), b.blocks[i]);
        const matrix_view<float> x = b.blocks.back().output;
        classify(p, b.blocks.back().tokens, x, b.head_normed, b.logits, b.head_statistics);
        const loss_report report = loss_of(b.logits, targets, b.dlogits);

        std::fill_n(b.dx.data(), count * tokens * d, 0.0f);
        if (c.distilled)
            for (float& v : detail::elements_of(b.dlogits)) v *= 0.5f;
        for (std::size_t which = 0; which < prefix; ++which) {
            const auto part = [&](matrix_view<float> m) {
                return matrix_view<float>{m.data() + which * d, count, d, prefix * d};
            };
            linear_backward(part(b.head_normed), which == 0 ? p.head : p.head_dist, b.dlogits,
                            which == 0 ? g.head : g.head_dist, part(b.dhead));
        }
        for (std::size_t r = 0; r < count * prefix; ++r) {
            const std::size_t row = r / prefix * tokens + r % prefix;
            layer_norm_backward(x.row(row), p.norm.weight, {b.head_statistics[2 * r], b.head_statistics[2 * r + 1]},
                                b.dhead.row(r), g.norm.weight, g.norm.bias, b.dx.row(row));
        }
        for (std::size_t i = c.depth; i-- > 0;) backward(c, p.block(i), b.blocks[i], g.block(i), b.dx, b.scratch);
        for (std::size_t image = 0; image < count; ++image) {
            const auto dtokens = b.dx.block(image * tokens, 0, tokens, d);
            add_row_sum(dtokens.block(0, 0, 1, d), g.cls_token);
            if (c.distilled) add_row_sum(dtokens.block(1, 0, 1, d), g.dist_token);
            add_row_sum({dtokens.data(), 1, tokens * d}, {g.pos_embed.data(), tokens * d});
            linear_backward(b.patches.block(image * c.patches(), 0, c.patches(), c.patch_size()), p.patch_embed,
                            dtokens.block(prefix, 0, c.patches(), d), g.patch_embed);
        }
        scratch.release(mark);
        return report;
    }

private:
    /// What forward keeps for backward, and what backward needs besides.
    struct buffers {
        matrix_view<float> patches;
        std::span<block_activations> blocks;
        matrix_view<float> head_normed, dhead; ///< (images * prefix tokens) x dim
        std::span<float> head_statistics;
        matrix_view<float> logits, dlogits; ///< images x classes
        matrix_view<float> dx;              ///< rows x dim
        block_gradients scratch;

        static buffers take(const vit_config& c, std::size_t images, arena& memory) {
            const std::size_t tokens = c.tokens(), rows = images * tokens, d = c.dim;
            const auto matrix = [&](std::size_t r, std::size_t n) { return detail::take_matrix<float>(memory, r, n); };
            buffers b;
            b.patches = matrix(images * c.patches(), c.patch_size());
            b.blocks = memory.take<block_activations>(c.depth);
            matrix_view<float> x = matrix(rows, d);
            for (std::size_t i = 0; i < c.depth; ++i) {
                const block_activations a{
                    .tokens = {images, tokens}, .input = x, .normed1 = matrix(rows, d), .qkv = matrix(rows, 3 * d),
                    .probabilities = memory.take<float>(images * c.heads * c.attention_floats()),
                    .context = matrix(rows, d), .middle = matrix(rows, d), .normed2 = matrix(rows, d),
                    .hidden = matrix(rows, c.mlp), .slope = matrix(rows, c.mlp), .output = matrix(rows, d),
                    .statistics1 = memory.take<float>(2 * rows), .statistics2 = memory.take<float>(2 * rows)};
                x = a.output;
                if (!b.blocks.empty()) b.blocks[i] = a;
            }
            b.head_normed = matrix(images * c.prefix_tokens(), d);
            b.dhead = matrix(images * c.prefix_tokens(), d);
            b.head_statistics = memory.take<float>(2 * images * c.prefix_tokens());
            b.logits = matrix(images, c.classes);
            b.dlogits = matrix(images, c.classes);
            b.dx = matrix(rows, d);
            b.scratch = {matrix(rows, d), matrix(rows, 3 * d), matrix(rows, c.mlp),
                         memory.take<float>(attention_gradient_floats(c))};
            return b;
        }
    };
};
static_assert(training_pass<float_pass<>>);

} // namespace LUTRA_ISA
} // namespace lutra
