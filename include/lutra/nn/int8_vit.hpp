// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/nn/activate_sums.hpp>
#include <lutra/nn/activation_hook.hpp>
#include <lutra/nn/activation_scales.hpp>
#include <lutra/nn/float_vit.hpp>
#include <lutra/nn/int8_layers.hpp>
#include <lutra/nn/observer.hpp>
#include <lutra/nn/policy.hpp>
#include <lutra/nn/token_flow.hpp>
#include <lutra/nn/token_rows.hpp>
#include <lutra/nonlinear/quantized_functions.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {
inline namespace LUTRA_ISA {

/// A Vision Transformer whose matrix products are int8, each block under multipliers of its own: post-training
/// quantisation with static scales. Weights and activations are symmetric int8, sums int32; layer norm, softmax, the
/// activation function and the residual stream are float. Everywhere the left operand of a product is the activation (of
/// Q K^T the query, of A V the probability) and the right one the weight (the key, the value). It owns nothing:
/// parameters, scales, multipliers' tables and packed weights live in memory of the caller and must outlive it.
///
/// @code
/// const std::vector<lutra::layer_choice> choices(config.depth, {lutra::lower(lutra::drum<4>{}), {}});
/// lutra::arena_memory weights{lutra::int8_vit<>::packed_bytes(config, choices)};
/// lutra::arena memory{weights.bytes()};
/// const lutra::int8_vit<> vit{parameters, scales, choices, memory};
/// vit.forward(images, logits, scratch); // an arena of int8_vit<>::scratch_bytes(config, images.rows())
/// @endcode
///
/// @tparam Policy its `activation`; its multipliers count only through choice_of<Policy>()
template <vit_policy Policy = vit_defaults>
class int8_vit {
public:
    /// Quantises and packs the weights into @p memory (packed_bytes of it). @p scales in the order of activation_scales,
    /// as calibrated; @p choices one a block; @p corrections of the linear layers' sums, as control_variates has them, or
    /// none. Panics where their numbers are wrong, a scale is not positive and finite, a weight is infinite, a multiplier's
    /// operands are unsigned, sums of products can leave int32, or weights are dropped under a multiplier whose plan looks
    /// products up.
    int8_vit(const vit_parameters<const float>& parameters, std::span<const float> scales,
             std::span<const layer_choice> choices, arena& memory,
             weight_granularity granularity = weight_granularity::per_channel,
             std::span<const std::int32_t> corrections = {})
        : parameters_{parameters},
          scales_{parameters.config(), scales},
          layers_{int8_layers::make(parameters, scales_, choices, granularity, memory, corrections)},
          score_scale_{memory.take<float>(std::size_t{parameters.config().depth} * parameters.config().tokens())} {
        const vit_config& c = parameters.config();
        detail::require_token_rules(c, choices);
        detail::require_activation_rules(choices);
        require(c.attention == attention_kind::softmax, panic_code::unsupported,
                "an int8_vit has softmax attention only: run a network of linear attention in float or as integer_vit");
        for (std::size_t i = 0; i < c.depth; ++i)
            std::fill_n(score_scale_.begin() + static_cast<std::ptrdiff_t>(i * c.tokens()), c.tokens(),
                        int8_layers::score_scale(c, scales_, i));
    }

    /// Bytes of the packed weights. Panics unless there is one choice a block.
    [[nodiscard]] static constexpr std::size_t packed_bytes(const vit_config& c, std::span<const layer_choice> choices) {
        arena a = arena::counting();
        a.take<float>(std::size_t{c.depth} * c.tokens());
        return int8_layers::bytes(c, choices) + a.used();
    }
    /// Bytes of scratch that `forward` needs for @p images images at once, whatever the choices.
    [[nodiscard]] static constexpr std::size_t scratch_bytes(const vit_config& c, std::size_t images) {
        arena a = arena::counting();
        const std::size_t count = std::min(images, together);
        static_cast<void>(take_buffers(c, count, a));
        static_cast<void>(token_flow<std::int8_t>::take(c, count, a));
        a.take<std::uint32_t>(detail::selection_size(c));
        return a.used() + int8_layers::scratch_bytes(c, count);
    }

    /// @p images: count x (channels * height * width), normalised, channel-major; @p logits: count x classes. Panics on
    /// other shapes and where @p scratch is too small, of which nothing is used afterwards. @p observer is told of what the
    /// pass makes on its way (observer.hpp).
    void forward(matrix_view<const float> images, matrix_view<float> logits, arena& scratch,
                 const observer_ref& observer = {}) const {
        const vit_config& c = parameters_.config();
        detail::require_forward_shapes(c, images, logits);
        for (std::size_t first = 0; first < images.rows(); first += together) {
            const std::size_t count = std::min(together, images.rows() - first), mark = scratch.used();
            forward_some(images.block(first, 0, count, images.cols()), logits.block(first, 0, count, c.classes), scratch,
                         observer);
            scratch.release(mark);
        }
    }

    [[nodiscard]] const vit_config& config() const noexcept { return parameters_.config(); }

private:
    static constexpr std::size_t together = 4; ///< images that pass through the network at a time, for the caches' sake

    struct buffers {
        matrix_view<float> x, patches, scores; ///< scores: tokens x tokens
        matrix_view<float> branch;             ///< an output before it is added to x; in the memory of patches
        matrix_view<std::int8_t> normed, qkv, context, hidden, patches8, probabilities;

        /// The first rows of those matrices that have one a token.
        buffers with_rows(std::size_t rows) const {
            buffers b = *this;
            b.x = x.block(0, 0, rows, x.cols());
            b.branch = branch.block(0, 0, rows, branch.cols());
            for (auto* m : {&b.normed, &b.qkv, &b.context, &b.hidden}) *m = m->block(0, 0, rows, m->cols());
            return b;
        }
    };
    static constexpr buffers take_buffers(const vit_config& c, std::size_t images, arena& a) {
        const std::size_t rows = images * c.tokens(), patches = images * c.patches(), d = c.dim;
        const auto floats = [&](std::size_t r, std::size_t n) { return detail::take_matrix<float>(a, r, n); };
        const auto bytes = [&](std::size_t r, std::size_t n) { return detail::take_matrix<std::int8_t>(a, r, n); };
        buffers b;
        b.x = floats(rows, d);
        const auto shared = a.take<float>(std::max(patches * c.patch_size(), rows * d));
        if (!shared.empty()) {
            b.patches = {shared.data(), patches, c.patch_size()};
            b.branch = {shared.data(), rows, d};
        }
        const auto scores = floats(c.tokens(), detail::round_up(c.tokens(), arena::alignment / sizeof(float)));
        if (!scores.empty()) b.scores = scores.block(0, 0, c.tokens(), c.tokens()); // each row on a boundary
        b.normed = bytes(rows, d);
        b.qkv = bytes(rows, 3 * d);
        b.context = bytes(rows, d);
        b.hidden = bytes(rows, c.mlp);
        b.patches8 = bytes(patches, c.patch_size());
        b.probabilities = bytes(c.tokens(), c.tokens());
        return b;
    }

    void forward_some(matrix_view<const float> images, matrix_view<float> logits, arena& scratch,
                      const observer_ref& observer) const {
        const vit_config& c = parameters_.config();
        buffers b = take_buffers(c, images.rows(), scratch);
        auto flow = token_flow<std::int8_t>::take(c, images.rows(), scratch);
        const auto selection = scratch.take<std::uint32_t>(detail::selection_size(c));
        embed(images, b, scratch);
        observer.activation(0, activation_point::patches, matrix_view<const std::int8_t>{b.patches8});
        for (std::size_t i = 0; i < c.depth; ++i)
            block(i, flow, b, scratch, activation_hook{layers_.blocks[i].activations, i, selection, scratch, observer});
        classify(flow.rows(), b, logits, scratch);
        observer.activation(c.depth - 1, activation_point::head,
                            matrix_view<const std::int8_t>{b.normed.block(0, 0, images.rows(), c.dim)});
    }

    /// Block @p i. Leaves @p b with the rows of the tokens that are left.
    void block(std::size_t i, token_flow<std::int8_t>& flow, buffers& b, arena& scratch, const activation_hook& hook) const {
        const vit_config& c = parameters_.config();
        const int8_block& layer = layers_.blocks[i];
        const token_pruning& pruning = layer.tokens;
        const auto p = parameters_.block(i);
        b = b.with_rows(flow.rows().rows());
        const auto scale = [&](block_tensor t) { return scales_.block(i, t); };
        const auto asked = flow.attention(pruning);
        normalize_rows(b.x, p.norm1, scale(block_tensor::normed1), b.normed);
        layer.qkv.multiply(b.normed, scratch, requantize_sums{b.qkv, layer.qkv_output.by, layer.qkv_output.bias});
        const auto part = [&](std::size_t which) { return b.qkv.block(0, which * c.dim, b.qkv.rows(), c.dim); };
        hook(activation_point::normed1, b.normed, scale(block_tensor::normed1));
        hook(activation_point::query, part(0), scale(block_tensor::query));
        hook(activation_point::key, part(1), scale(block_tensor::key));
        hook(activation_point::value, part(2), scale(block_tensor::value));
        attend(i, flow.rows(), asked, b, scratch, hook);
        if (pruning.rule == token_rule::keep_prefix) {
            flow.keep_prefix(c, b.x);
            b = b.with_rows(flow.rows().rows());
        }
        hook(activation_point::context, b.context, scale(block_tensor::context));
        const bool apart = hook.prunes();
        if (apart) {
            layer.proj(b.context, b.branch, scratch);
            join(hook, activation_point::attention_output, b);
        } else {
            layer.proj(b.context, b.x, scratch, true);
        }
        if (pruning.rule != token_rule::keep_prefix && pruning.rule != token_rule::none) {
            flow.drop(c, pruning, b.qkv, 127.0f * static_cast<float>(c.heads), b.x);
            b = b.with_rows(flow.rows().rows());
        }
        normalize_rows(b.x, p.norm2, scale(block_tensor::normed2), b.normed);
        with_activation<typename Policy::activation>(c, [&]<class A>(A) {
            layer.fc1.multiply(b.normed, scratch,
                               activate_sums<A>{b.hidden, layer.fc1.sum_scale, layer.fc1.bias, scale(block_tensor::hidden)});
        });
        hook(activation_point::normed2, b.normed, scale(block_tensor::normed2));
        hook(activation_point::hidden, b.hidden, scale(block_tensor::hidden));
        layer.fc2.correct(b.hidden, scratch,
                          dequantize_sums{apart ? b.branch : b.x, layer.fc2.sum_scale, layer.fc2.bias, !apart},
                          [&](const auto& use) {
                              if (hook.skips_zeros() && layer.fc2.packed.data != nullptr)
                                  hook.fc2(b.hidden, layer.fc2_skipping(), use);
                              else
                                  layer.fc2.product(b.hidden, scratch, use);
                          });
        if (apart) join(hook, activation_point::mlp_output, b);
    }
    /// Adds an output that was pruned apart to the residual stream.
    static void join(const activation_hook& hook, activation_point p, const buffers& b) {
        hook(p, b.branch);
        kernel::add_rows(b.branch, b.x);
    }

    void embed(matrix_view<const float> images, const buffers& b, arena& scratch) const {
        const vit_config& c = parameters_.config();
        extract_patches(c, images, b.patches);
        quantize(detail::elements_of(b.patches), scales_.patches(), detail::elements_of(b.patches8));
        place_prefix(parameters_, b.x);
        layers_.embed(c, b.patches8, b.x, scratch);
    }

    /// Layer norm of each row of @p x, quantised into @p normed.
    void normalize_rows(matrix_view<const float> x, const layer_norm_parameters<const float>& p, float scale,
                        matrix_view<std::int8_t> normed) const {
        for (std::size_t r = 0; r < x.rows(); ++r)
            layer_norm_quantized(x.row(r), p.weight, p.bias, parameters_.config().layer_norm_epsilon, scale, normed.row(r));
    }

    void attend(std::size_t i, const token_rows& rows, const token_attention<std::int32_t>& asked, const buffers& b,
                arena& scratch, const activation_hook& hook) const {
        const vit_config& c = parameters_.config();
        const int8_block& layer = layers_.blocks[i];
        const std::size_t width = c.head_dim();
        const auto score_scale = score_scale_.subspan(i * c.tokens(), c.tokens());
        for (std::size_t image = 0; image < rows.images(); ++image) {
            const row_range all = rows[image], asking = asked.context_rows(c, image, all);
            const auto scores = b.scores.block(0, 0, asking.count, all.count);
            const auto probabilities = b.probabilities.block(0, 0, asking.count, all.count);
            const auto log_sizes = asked.part(asked.log_sizes, all);
            const auto class_attention = asked.part(asked.class_attention, all);
            for (std::size_t head = 0; head < c.heads; ++head) {
                const auto [query, key, value] = head_of(b.qkv, c, all, head);
                gemm(query.block(0, 0, asking.count, width), transposed(key), layer.attention, scratch,
                     dequantize_sums{scores, score_scale, log_sizes});
                hook(activation_point::scores, scores);
                softmax_quantized(scores, 1.0f / 127, probabilities);
                hook(activation_point::probabilities, probabilities, 1.0f / 127);
                asked.add_class(std::span<const std::int8_t>{probabilities.row(0)}, class_attention, head == 0);
                const auto context = b.context.block(asking.first, head * width, asking.count, width);
                gemm(probabilities, value, layer.attention, scratch, requantize_sums{context, layer.context_by, {}});
            }
        }
    }

    void classify(const token_rows& rows, const buffers& b, matrix_view<float> logits, arena& scratch) const {
        const vit_config& c = parameters_.config();
        for (std::size_t which = 0; which < c.prefix_tokens(); ++which) {
            for (std::size_t i = 0; i < logits.rows(); ++i)
                layer_norm_quantized(b.x.row(rows[i].first + which), parameters_.norm.weight, parameters_.norm.bias,
                                     c.layer_norm_epsilon, scales_.head(), b.normed.row(i));
            const int8_linear& head = which == 0 ? layers_.head : layers_.head_dist;
            head(b.normed.block(0, 0, logits.rows(), c.dim), logits, scratch, which > 0);
        }
        if (!c.distilled) return;
        for (std::size_t i = 0; i < logits.rows(); ++i)
            for (float& x : logits.row(i)) x *= 0.5f;
    }

    vit_parameters<const float> parameters_;
    activation_scales<const float> scales_;
    int8_layers layers_;
    std::span<float> score_scale_; ///< what a sum of Q K^T is worth, tokens of each block
};

#if LUTRA_USE_COMPILED
extern template class int8_vit<vit_defaults>;
#endif

} // namespace LUTRA_ISA
} // namespace lutra
