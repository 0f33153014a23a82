// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/nn/activate_sums.hpp>
#include <lutra/nn/activation_scales.hpp>
#include <lutra/nn/float_vit.hpp>
#include <lutra/nn/int8_layers.hpp>
#include <lutra/nn/last_block.hpp>
#include <lutra/nn/policy.hpp>
#include <lutra/nonlinear/quantized_functions.hpp>

#include <algorithm>
#include <cmath>
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
    /// as calibrated; @p choices one a block. Panics where their numbers are wrong, a scale is not positive and finite, a
    /// weight is infinite, a multiplier's operands are unsigned, or sums of products can leave int32.
    int8_vit(const vit_parameters<const float>& parameters, std::span<const float> scales,
             std::span<const layer_choice> choices, arena& memory,
             weight_granularity granularity = weight_granularity::per_channel)
        : parameters_{parameters},
          scales_{parameters.config(), scales},
          layers_{int8_layers::make(parameters, scales_, choices, granularity, memory)},
          score_scale_{memory.take<float>(std::size_t{parameters.config().depth} * parameters.config().tokens())} {
        const vit_config& c = parameters.config();
        require(c.attention == attention_kind::softmax, panic_code::unsupported,
                "an int8_vit has softmax attention only: run a network of linear attention in float or as integer_vit");
        for (std::size_t i = 0; i < c.depth; ++i)
            std::fill_n(score_scale_.begin() + static_cast<std::ptrdiff_t>(i * c.tokens()), c.tokens(),
                        scales_.block(i, block_tensor::query) * scales_.block(i, block_tensor::key) /
                            std::sqrt(static_cast<float>(c.head_dim())));
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
        static_cast<void>(take_buffers(c, std::min(images, together), a));
        return a.used() + int8_layers::scratch_bytes(c, std::min(images, together));
    }

    /// @p images: count x (channels * height * width), normalised, channel-major; @p logits: count x classes. Panics on
    /// other shapes and where @p scratch is too small, of which nothing is used afterwards.
    void forward(matrix_view<const float> images, matrix_view<float> logits, arena& scratch) const {
        const vit_config& c = parameters_.config();
        detail::require_forward_shapes(c, images, logits);
        for (std::size_t first = 0; first < images.rows(); first += together) {
            const std::size_t count = std::min(together, images.rows() - first), mark = scratch.used();
            const buffers b = take_buffers(c, count, scratch);
            embed(images.block(first, 0, count, images.cols()), b, scratch);
            for (std::size_t i = 0; i < c.depth; ++i) {
                const bool last = i + 1 == c.depth; // of which the heads read the prefix tokens only
                normalize_rows(b.x, parameters_.block(i).norm1, scales_.block(i, block_tensor::normed1), b.normed);
                const int8_block& layer = layers_.blocks[i];
                gemm(b.normed, layer.qkv.packed, scratch,
                     requantize_sums{b.qkv, layer.qkv_output.by, layer.qkv_output.bias});
                attend(i, b, last ? c.prefix_tokens() : c.tokens(), scratch);
                if (!last) after_attention(i, b.x, b.context, b.normed, b.hidden, scratch);
                for (std::size_t which = 0; which < c.prefix_tokens() && last; ++which) {
                    const auto rows = [&](auto m) { return token_of_each(m, which, c.tokens()); };
                    after_attention(i, rows(b.x), rows(b.context), rows(b.normed), rows(b.hidden), scratch);
                }
            }
            classify(b, logits.block(first, 0, count, c.classes), scratch);
            scratch.release(mark);
        }
    }

    [[nodiscard]] const vit_config& config() const noexcept { return parameters_.config(); }

private:
    static constexpr std::size_t together = 4; ///< images that pass through the network at a time, for the caches' sake

    struct buffers {
        matrix_view<float> x, patches, scores; ///< scores: tokens x tokens
        matrix_view<std::int8_t> normed, qkv, context, hidden, patches8, probabilities;
    };
    static constexpr buffers take_buffers(const vit_config& c, std::size_t images, arena& a) {
        const std::size_t rows = images * c.tokens(), patches = images * c.patches(), d = c.dim;
        const auto floats = [&](std::size_t r, std::size_t n) { return detail::take_matrix<float>(a, r, n); };
        const auto bytes = [&](std::size_t r, std::size_t n) { return detail::take_matrix<std::int8_t>(a, r, n); };
        buffers b;
        b.x = floats(rows, d);
        b.patches = floats(patches, c.patch_size());
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

    void embed(matrix_view<const float> images, const buffers& b, arena& scratch) const {
        const vit_config& c = parameters_.config();
        const std::size_t prefix = c.prefix_tokens(), tokens = c.tokens(), patches = c.patches();
        extract_patches(c, images, b.patches);
        quantize(detail::elements_of(b.patches), scales_.patches(), detail::elements_of(b.patches8));
        place_prefix(parameters_, b.x);
        const dequantize_sums add{b.x, layers_.patch_embed.sum_scale, layers_.patch_embed.bias, true};
        gemm(b.patches8, layers_.patch_embed.packed, scratch, [&](std::size_t r, std::size_t first, auto sums) {
            add(r / patches * tokens + prefix + r % patches, first, sums);
        });
    }

    /// Layer norm of each row of @p x, quantised into @p normed.
    void normalize_rows(matrix_view<const float> x, const layer_norm_parameters<const float>& p, float scale,
                        matrix_view<std::int8_t> normed) const {
        for (std::size_t r = 0; r < x.rows(); ++r)
            layer_norm_quantized(x.row(r), p.weight, p.bias, parameters_.config().layer_norm_epsilon, scale, normed.row(r));
    }

    /// What follows attention in block @p i, for some rows of @p x.
    void after_attention(std::size_t i, matrix_view<float> x, matrix_view<const std::int8_t> context,
                         matrix_view<std::int8_t> normed, matrix_view<std::int8_t> hidden, arena& scratch) const {
        const int8_block& layer = layers_.blocks[i];
        layer.proj(context, x, scratch, true);
        normalize_rows(x, parameters_.block(i).norm2, scales_.block(i, block_tensor::normed2), normed);
        with_activation<typename Policy::activation>(parameters_.config(), [&]<class A>(A) {
            gemm(normed, layer.fc1.packed, scratch,
                 activate_sums<A>{hidden, layer.fc1.sum_scale, layer.fc1.bias, scales_.block(i, block_tensor::hidden)});
        });
        layer.fc2(hidden, x, scratch, true);
    }

    /// Attention of the first @p queries tokens of each image.
    void attend(std::size_t i, const buffers& b, std::size_t queries, arena& scratch) const {
        const vit_config& c = parameters_.config();
        const int8_block& layer = layers_.blocks[i];
        const std::size_t tokens = c.tokens(), width = c.head_dim();
        const auto score_scale = score_scale_.subspan(i * tokens, tokens);
        const matrix_view<float> scores = b.scores.block(0, 0, queries, tokens);
        const matrix_view<std::int8_t> probabilities = b.probabilities.block(0, 0, queries, tokens);
        for (std::size_t image = 0; image < b.qkv.rows() / tokens; ++image)
            for (std::size_t head = 0; head < c.heads; ++head) {
                const auto [query, key, value] = head_of(b.qkv, c, image, head);
                gemm(query.block(0, 0, queries, width), transposed(key), layer.attention, scratch,
                     dequantize_sums{scores, score_scale, {}});
                softmax_quantized(scores, 1.0f / 127, probabilities);
                gemm(probabilities, value, layer.attention, scratch,
                     requantize_sums{b.context.block(image * tokens, head * width, queries, width), layer.context_by, {}});
            }
    }

    void classify(const buffers& b, matrix_view<float> logits, arena& scratch) const {
        const vit_config& c = parameters_.config();
        for (std::size_t which = 0; which < c.prefix_tokens(); ++which) {
            for (std::size_t i = 0; i < logits.rows(); ++i)
                layer_norm_quantized(b.x.row(i * c.tokens() + which), parameters_.norm.weight, parameters_.norm.bias,
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

} // namespace LUTRA_ISA
} // namespace lutra
