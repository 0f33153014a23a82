// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: train there and run the model with lutra/nn on firmware."
#endif

#include <lutra/core/arena.hpp>
#include <lutra/nn/float_vit.hpp>
#include <lutra/nn/train/float_pass.hpp>
#include <lutra/nn/train/loss.hpp>
#include <lutra/nn/train/product_backward.hpp>
#include <lutra/nn/train/quantized_forward.hpp>
#include <lutra/nn/train/token_steps.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {
inline namespace LUTRA_ISA {

/// Forward as int8_vit computes it, under its multipliers, bit for bit; backward into the float parameters, through
/// quantisations by the straight-through estimator with range clipping (nothing passes where |x / scale| > 127) and through
/// products by their slopes. So a network learns to live with a circuit: quantisation-aware (Jacob and others, 2018) and
/// approximate-aware training. Where the choices drop tokens, those leave as in int8_vit; which ones stay counts as fixed,
/// and the gradient passes through what the others become. Weights are quantised anew each time, at the scales of their
/// channels; the scales of activations are given. It points into memory of others, which may change between steps.
///
/// @code
/// const lutra::factored_slopes slopes = lutra::factored_slopes::averaged(lutra::gradient_table{multiplier});
/// const std::vector<lutra::layer_choice> choices(config.depth, {multiplier, {}});
/// const std::vector<lutra::layer_slopes> by(config.depth, {slopes.view(), {}});
/// lutra::vit_trainer<lutra::quantized_pass<>> trainer{config, options, {scales, choices, by}};
/// @endcode
template <vit_policy Policy = vit_defaults>
class quantized_pass {
public:
    /// What the pass keeps of the forward pass over some images.
    struct activations {
        int8_layers layers;
        matrix_view<float> patches, logits; ///< ...; images x classes
        matrix_view<std::int8_t> patches8;  ///< (images * patches) x patch_size
        std::span<token_block<quantized_activations>> blocks;
        matrix_view<float> head_real;         ///< (images * prefix tokens) x dim, not yet quantised
        matrix_view<std::int8_t> head_normed; ///< of the same shape
        std::span<float> head_statistics, score_scale;
        token_steps<std::int8_t> steps;
        std::span<std::int32_t> class_attention; ///< a row, of one block at a time

        /// The rows of @p m that go to head @p which.
        template <class T>
        [[nodiscard]] static matrix_view<T> rows_of_head(const vit_config& c, matrix_view<T> m, std::size_t which) {
            return {m.data() + which * c.dim, m.rows() / c.prefix_tokens(), c.dim, c.prefix_tokens() * c.dim};
        }
    };

    /// @p scales, @p choices and @p corrections as int8_vit takes them; @p slopes one a block, or none: straight-through.
    /// Panics where the number of slopes is wrong.
    quantized_pass(std::span<const float> scales, std::span<const layer_choice> choices,
                   std::span<const layer_slopes> slopes = {}, std::span<const std::int32_t> corrections = {},
                   weight_granularity granularity = weight_granularity::per_channel)
        : scales_{scales}, choices_{choices}, slopes_{slopes}, corrections_{corrections}, granularity_{granularity} {
        require(slopes.empty() || slopes.size() == choices.size(), panic_code::bad_shape,
                "a quantized_pass takes one layer_slopes for each layer_choice, or none",
                static_cast<long long>(slopes.size()), static_cast<long long>(choices.size()));
    }

    /// Bytes that `run` needs for so many images.
    [[nodiscard]] std::size_t scratch_bytes(const vit_config& c, std::size_t images) const {
        arena a = arena::counting();
        static_cast<void>(take(c, images, a));
        static_cast<void>(gradients::take(c, images, a));
        return a.used() + int8_layers::bytes(c, choices_) + int8_layers::scratch_bytes(c, images);
    }

    /// The forward pass: @p images is count x (channels * height * width), normalised. The result lives in @p memory
    /// (scratch_bytes suffice). Panics as int8_vit does.
    [[nodiscard]] activations forward(const vit_parameters<const float>& p, matrix_view<const float> images,
                                      arena& memory) const {
        const vit_config& c = p.config();
        require(c.attention == attention_kind::softmax, panic_code::unsupported,
                "a quantized_pass has softmax attention only, as int8_vit has");
        detail::require_token_rules(c, choices_);
        for (const layer_choice& choice : choices_)
            require(!choice.ranks.active(), panic_code::unsupported,
                    "a quantized_pass keeps the rank of all layers: train for a lower one in float");
        const activation_scales<const float> scales{c, scales_};
        activations a = take(c, images.rows(), memory);
        a.layers = int8_layers::make(p, scales, choices_, granularity_, memory, corrections_);
        extract_patches(c, images, a.patches);
        quantize_elements(detail::elements_of(a.patches), scales.patches(), detail::elements_of(a.patches8));
        const matrix_view<float> x = a.blocks.front().before.input;
        place_prefix(p, x);
        a.layers.embed(c, a.patches8, x, memory);
        for (std::size_t i = 0; i < c.depth; ++i) run_block(p, i, a, memory);
        const token_rows& rows = a.steps.rows();
        const std::size_t prefix = c.prefix_tokens();
        for (std::size_t r = 0; r < a.head_real.rows(); ++r) {
            const row_statistics s = layer_norm(a.blocks.back().after.output.row(rows[r / prefix].first + r % prefix),
                                                p.norm.weight, p.norm.bias, c.layer_norm_epsilon, a.head_real.row(r));
            a.head_statistics[2 * r] = s.mean;
            a.head_statistics[2 * r + 1] = s.inverse_deviation;
        }
        quantize_elements(detail::elements_of(a.head_real), scales.head(), detail::elements_of(a.head_normed));
        for (std::size_t which = 0; which < prefix; ++which)
            (which == 0 ? a.layers.head : a.layers.head_dist)(activations::rows_of_head(c, a.head_normed, which), a.logits,
                                                              memory, which > 0);
        if (c.distilled)
            for (float& v : detail::elements_of(a.logits)) v *= 0.5f;
        return a;
    }

    /// Forward and backward. Adds to @p gradient. Panics where shapes do not fit.
    loss_report run(const vit_parameters<const float>& p, matrix_view<const float> images, const training_targets& targets,
                    const vit_parameters<float>& g, arena& scratch) const {
        const vit_config& c = p.config();
        const activation_scales<const float> scales{c, scales_};
        const std::size_t count = images.rows(), tokens = c.tokens(), prefix = c.prefix_tokens(), d = c.dim;
        const std::size_t mark = scratch.used();
        const gradients b = gradients::take(c, count, scratch);
        const activations a = forward(p, images, scratch);
        const loss_report report = loss_of(a.logits, targets, b.dlogits);

        const auto slopes = [&](std::size_t i) { return slopes_.empty() ? layer_slopes{} : slopes_[i]; };
        const token_rows& rows = a.steps.rows();
        matrix_view<float> dx = b.dx.block(0, 0, rows.rows(), d), other = b.other;
        std::fill_n(dx.data(), dx.rows() * d, 0.0f);
        if (c.distilled)
            for (float& v : detail::elements_of(b.dlogits)) v *= 0.5f;
        for (std::size_t which = 0; which < prefix; ++which)
            linear_backward(activations::rows_of_head(c, a.head_normed, which), scales.head(),
                            which == 0 ? a.layers.head : a.layers.head_dist, slopes(c.depth - 1).linear, b.dlogits,
                            which == 0 ? g.head : g.head_dist, b.block.products,
                            activations::rows_of_head(c, b.dhead, which));
        kernel::mask_range(detail::elements_of(b.dhead), detail::elements_of(a.head_real), scales.head());
        for (std::size_t r = 0; r < count * prefix; ++r) {
            const std::size_t row = rows[r / prefix].first + r % prefix;
            layer_norm_backward(a.blocks.back().after.output.row(row), p.norm.weight,
                                {a.head_statistics[2 * r], a.head_statistics[2 * r + 1]}, b.dhead.row(r), g.norm.weight,
                                g.norm.bias, dx.row(row));
        }
        for (std::size_t i = c.depth; i-- > 0;) {
            const token_block<quantized_activations>& k = a.blocks[i];
            const int8_block& layer = a.layers.blocks[i];
            feed_forward_backward(p.block(i), layer, scales, i, slopes(i).linear, k.after, g.block(i), dx,
                                  b.block.first(dx.rows()));
            const std::span<const float> dattention = drop_backward(c, layer.tokens, k, dx, other, b.dattention);
            attend_backward(c, p.block(i), layer, scales, i, slopes(i), k.before, dattention, g.block(i), dx,
                            b.block.first(dx.rows()));
        }
        for (std::size_t image = 0; image < count; ++image) {
            const auto dtokens = dx.block(image * tokens, 0, tokens, d);
            add_row_sum(dtokens.block(0, 0, 1, d), g.cls_token);
            if (c.distilled) add_row_sum(dtokens.block(1, 0, 1, d), g.dist_token);
            add_row_sum({dtokens.data(), 1, tokens * d}, {g.pos_embed.data(), tokens * d});
            linear_backward(a.patches8.block(image * c.patches(), 0, c.patches(), c.patch_size()), scales.patches(),
                            a.layers.patch_embed, slopes(0).linear, dtokens.block(prefix, 0, c.patches(), d), g.patch_embed,
                            b.block.products);
        }
        scratch.release(mark);
        return report;
    }

private:
    static activations take(const vit_config& c, std::size_t images, arena& memory) {
        const auto matrix = [&](std::size_t r, std::size_t n) { return detail::take_matrix<float>(memory, r, n); };
        const std::size_t heads = images * c.prefix_tokens();
        activations a;
        a.patches = matrix(images * c.patches(), c.patch_size());
        a.patches8 = detail::take_matrix<std::int8_t>(memory, images * c.patches(), c.patch_size());
        a.blocks = memory.take<token_block<quantized_activations>>(c.depth);
        matrix_view<float> x = matrix(images * c.tokens(), c.dim);
        for (std::size_t i = 0; i < c.depth; ++i) {
            auto k = token_block<quantized_activations>::take(c, images, memory);
            k.before = quantized_activations::take(c, images, x, memory);
            x = k.before.output;
            if (!a.blocks.empty()) a.blocks[i] = k;
        }
        a.steps = token_steps<std::int8_t>::take(c, images, memory);
        a.class_attention = memory.take<std::int32_t>(images * c.tokens());
        a.head_real = matrix(heads, c.dim);
        a.head_normed = detail::take_matrix<std::int8_t>(memory, heads, c.dim);
        a.head_statistics = memory.take<float>(2 * heads);
        a.score_scale = memory.take<float>(c.tokens());
        a.logits = matrix(images, c.classes);
        return a;
    }
    /// What backward needs besides.
    struct gradients {
        matrix_view<float> dlogits, dhead;
        matrix_view<float> dx, other; ///< (images * tokens) x dim
        std::span<float> dattention;  ///< a row
        quantized_block_gradients block;

        static gradients take(const vit_config& c, std::size_t images, arena& memory) {
            const auto matrix = [&](std::size_t r, std::size_t n) { return detail::take_matrix<float>(memory, r, n); };
            gradients g;
            g.dlogits = matrix(images, c.classes);
            g.dhead = matrix(images * c.prefix_tokens(), c.dim);
            g.dx = matrix(images * c.tokens(), c.dim);
            g.other = matrix(images * c.tokens(), c.dim);
            g.dattention = memory.take<float>(images * c.tokens());
            g.block = quantized_block_gradients::take(c, images, memory);
            return g;
        }
    };

    /// Forward of block @p i, after those before it.
    void run_block(const vit_parameters<const float>& p, std::size_t i, activations& a, arena& memory) const {
        const vit_config& c = p.config();
        const activation_scales<const float> scales{c, scales_};
        const int8_block& layer = a.layers.blocks[i];
        token_block<quantized_activations>& k = a.blocks[i];
        k.before = k.before.with_tokens(a.steps.rows());
        std::fill(a.score_scale.begin(), a.score_scale.end(), int8_layers::score_scale(c, scales, i));
        const auto asked = a.steps.attention(layer.tokens, a.class_attention);
        attend(c, p.block(i), layer, scales, i, a.score_scale, k.before, asked, memory);
        for (std::size_t r = 0; r < asked.class_attention.size(); ++r)
            k.attention[r] = static_cast<float>(asked.class_attention[r]) / 127;
        a.steps.drop(c, layer.tokens, k, a.class_attention, 127.0f * static_cast<float>(c.heads));
        feed_forward<typename Policy::activation>(c, p.block(i), layer, scales, i, k.after, memory);
    }

    std::span<const float> scales_;
    std::span<const layer_choice> choices_;
    std::span<const layer_slopes> slopes_;
    std::span<const std::int32_t> corrections_;
    weight_granularity granularity_;
};
static_assert(training_pass<quantized_pass<>>);

#if LUTRA_USE_COMPILED
extern template class quantized_pass<vit_defaults>;
#endif

} // namespace LUTRA_ISA
} // namespace lutra
