// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/gemm/arch/softmax_rows.hpp>
#include <lutra/gemm/int8_gemm_batch.hpp>
#include <lutra/nn/activation_scales.hpp>
#include <lutra/nn/float_vit.hpp>
#include <lutra/nn/frozen_network.hpp>
#include <lutra/nn/int8_layers.hpp>
#include <lutra/nn/integer_linear_attention.hpp>
#include <lutra/nn/integer_policy.hpp>
#include <lutra/numeric/constexpr_math.hpp>
#include <lutra/numeric/quantize.hpp>
#include <lutra/numeric/saturate.hpp>
#include <lutra/numeric/unfused.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {
inline namespace LUTRA_ISA {

/// A Vision Transformer without floating point between its int8 image and its int32 logits: the matrix products of int8_vit,
/// and integers for what stands between them. Layer norm, softmax and the activation function are the policy's; the residual
/// stream is int16 in steps of 2^-residual_fraction, to which layers add with saturation. Every machine gives the same bits.
/// It owns nothing: scales, multipliers' tables and all that it prepares live in memory of the caller and must outlive it;
/// the float parameters need not.
///
/// @code
/// lutra::arena_memory prepared{lutra::integer_vit<>::packed_bytes(config, choices)};
/// lutra::arena memory{prepared.bytes()};
/// const lutra::integer_vit<> vit{parameters, scales, choices, memory};
/// vit.quantize_pixels(pixels, image);     // uint8 to int8 by a table
/// vit.forward(images, logits, scratch);   // int8 to int32; an arena of integer_vit<>::scratch_bytes(config, images.rows())
/// @endcode
///
/// @tparam Policy its `activation`, `trained_gelu`, `softmax` and `layer_norm`; its multipliers count only through
/// choice_of<Policy>()
template <integer_vit_policy Policy = integer_vit_defaults>
class integer_vit {
public:
    static constexpr int logit_fraction = 16; ///< a logit of 1 is 2^16

    /// Quantises and packs the weights, and prepares the rest, in @p memory (packed_bytes of it). @p scales and @p choices
    /// as for int8_vit. Panics as that does, where @p residual_fraction is not in [0, 15], and as the policy's parts do.
    integer_vit(const vit_parameters<const float>& parameters, std::span<const float> scales,
                std::span<const layer_choice> choices, arena& memory,
                weight_granularity granularity = weight_granularity::per_channel)
        : integer_vit(parameters, scales, choices, memory, granularity, residual_fraction_for(parameters, scales)) {}
    integer_vit(const vit_parameters<const float>& parameters, std::span<const float> scales,
                std::span<const layer_choice> choices, arena& memory, weight_granularity granularity, int residual_fraction)
        : config_{parameters.config()},
          scales_{parameters.config(), scales},
          residual_fraction_{residual_fraction},
          layers_{int8_layers::make<false>(parameters, scales_, choices, granularity, memory)} {
        const vit_config& c = config_;
        for (const layer_choice& choice : choices) {
            require(choice.tokens.rule == token_rule::none, panic_code::unsupported,
                    "an integer_vit keeps all its tokens: drop them in float_vit or int8_vit");
            require(!activation_rules{choice}.active(), panic_code::unsupported,
                    "an integer_vit keeps all its activations: prune them in float_vit or int8_vit");
        }
        require(residual_fraction >= 0 && residual_fraction <= 15, panic_code::bad_argument,
                "the residual stream of an integer_vit has 0 to 15 fraction bits", residual_fraction, 15);
        const float residual = 1.0f / static_cast<float>(1 << residual_fraction);
        const auto to = [&](const int8_linear& layer, double scale) {
            const auto out = output_requantizer::take(layer.bias.size(), memory);
            out.set(layer, 0, layer.bias.size(), static_cast<float>(scale));
            return out;
        };
        const auto norm = [&](const layer_norm_parameters<const float>& p, float scale) {
            return layer_norm::make(p.weight, p.bias, c.layer_norm_epsilon, residual, scale, memory);
        };
        fill_pixels(memory.take<std::int8_t>(std::size_t{256} * c.channels));
        const matrix_view<std::int16_t> tokens = detail::take_matrix<std::int16_t>(memory, c.tokens(), c.dim);
        for (std::size_t t = 0; t < c.tokens(); ++t)
            for (std::size_t j = 0; j < c.dim; ++j) tokens(t, j) = quantize<std::int16_t>(start(parameters, t, j), residual);
        start_ = tokens;
        patch_output_ = to(layers_.patch_embed, residual);
        blocks_ = memory.take<block>(c.depth);
        for (std::size_t i = 0; i < c.depth; ++i) {
            const auto scale = [&](block_tensor t) { return scales_.block(i, t); };
            const auto p = parameters.block(i);
            const int8_block& layer = layers_.blocks[i];
            block& b = blocks_[i];
            b.norm1 = norm(p.norm1, scale(block_tensor::normed1));
            b.norm2 = norm(p.norm2, scale(block_tensor::normed2));
            b.scores_by = memory.take<requantizer>(c.tokens());
            const double score = static_cast<double>(scale(block_tensor::query)) *
                                 static_cast<double>(scale(block_tensor::key)) /
                                 math::sqrt(static_cast<double>(c.head_dim()));
            std::fill(b.scores_by.begin(), b.scores_by.end(), softmax::scores_by(score));
            b.context_by = integer_linear_attention::context_by(static_cast<double>(scale(block_tensor::value)),
                                                                static_cast<double>(scale(block_tensor::context)));
            b.proj_output = to(layer.proj, residual);
            const auto hidden = static_cast<double>(scale(block_tensor::hidden));
            const int fraction = activation_input_fraction(hidden);
            b.fc1_output = to(layer.fc1, 1.0 / (1 << fraction));
            const auto values = with_activation<typename Policy::activation, typename Policy::trained_gelu>(
                c, [&]<class A>(A) { return activation_values<A>(fraction, hidden); });
            b.activation = memory.take<std::int8_t>(values.size());
            std::copy(values.begin(), values.end(), b.activation.begin());
            b.fc2_output = to(layer.fc2, residual);
        }
        norm_ = norm(parameters.norm, scales_.head());
        const double logit = static_cast<double>(c.prefix_tokens()) / (1 << logit_fraction); // of a mean
        head_output_ = to(layers_.head, logit);
        if (c.distilled) head_dist_output_ = to(layers_.head_dist, logit);
    }

    /// Bytes of all that the constructor keeps. Panics unless there is one choice a block.
    [[nodiscard]] static constexpr std::size_t packed_bytes(const vit_config& c, std::span<const layer_choice> choices) {
        arena a = arena::counting();
        const auto to = [&](std::size_t outputs) { static_cast<void>(output_requantizer::take(outputs, a)); };
        a.take<std::int8_t>(std::size_t{256} * c.channels);
        a.take<std::int16_t>(c.tokens() * c.dim);
        to(c.dim);
        a.take<block>(c.depth);
        std::size_t bytes = int8_layers::bytes(c, choices) + (2 * std::size_t{c.depth} + 1) * layer_norm::bytes(c.dim);
        for (std::size_t i = 0; i < c.depth; ++i) {
            a.take<requantizer>(c.tokens());
            to(c.dim);
            to(c.mlp);
            a.take<std::int8_t>(256);
            to(c.dim);
        }
        for (std::size_t i = 0; i < c.prefix_tokens(); ++i) to(c.classes);
        return bytes + a.used();
    }
    /// Bytes of scratch that `forward` needs for @p images images at once, whatever the choices.
    [[nodiscard]] static constexpr std::size_t scratch_bytes(const vit_config& c, std::size_t images) {
        arena a = arena::counting();
        a.take<std::int8_t>(images * c.image_size());
        a.take<std::int32_t>(images * c.classes);
        static_cast<void>(take_buffers(c, images, a));
        return a.used() + int8_layers::scratch_bytes<false>(c, images);
    }
    /// The most fraction bits, up to 12, with which the residual stream holds an estimate of its greatest magnitude: that of
    /// the embedding plus, for each layer that adds to it, bias + |row of weights| x 127 scale, as if the layer's inputs
    /// were aligned with the row and together as long as one element at the end of its range. Where more comes, it
    /// saturates.
    [[nodiscard]] static int residual_fraction_for(const vit_parameters<const float>& p, std::span<const float> scales) {
        const vit_config& c = p.config();
        const activation_scales<const float> at{c, scales};
        double most = 0;
        for (std::size_t j = 0; j < c.dim; ++j) {
            double total = 0;
            for (std::size_t t = 0; t < c.tokens(); ++t)
                total = std::max(total, std::abs(static_cast<double>(start(p, t, j))));
            const auto add = [&](const linear_parameters<const float>& layer, float scale) {
                double squares = 0;
                for (const float w : layer.weight.row(j))
                    squares += unfused(static_cast<double>(w) * static_cast<double>(w));
                total +=
                    math::sqrt(squares) * 127 * static_cast<double>(scale) + std::abs(static_cast<double>(layer.bias[j]));
            };
            add(p.patch_embed, at.patches());
            for (std::size_t i = 0; i < c.depth; ++i) {
                add(p.block(i).proj, at.block(i, block_tensor::context));
                add(p.block(i).fc2, at.block(i, block_tensor::hidden));
            }
            most = std::max(most, total);
        }
        int fraction = 12;
        for (double unit = 0x1p12; fraction > 0 && most * unit > 32767; unit /= 2) --fraction;
        return fraction;
    }

    /// Turns 8-bit pixels into what `forward` reads, by a table a channel: (pixel / 255 - mean) / std at the scale of the
    /// patches. @p pixels and @p out hold whole images, channel-major. Panics unless they do, as many of one as of the
    /// other.
    void quantize_pixels(std::span<const std::uint8_t> pixels, std::span<std::int8_t> out) const {
        require(pixels.size() == out.size() && pixels.size() % config_.image_size() == 0, panic_code::bad_shape,
                "quantize_pixels: whole images of the config, as many elements out as pixels in",
                static_cast<long long>(pixels.size()), static_cast<long long>(out.size()));
        const std::size_t plane = std::size_t{config_.image_height} * config_.image_width;
        for (std::size_t start = 0; start < pixels.size(); start += plane) {
            const std::int8_t* values = pixels_.data() + 256 * (start / plane % config_.channels);
            for (std::size_t i = start; i < start + plane; ++i) out[i] = values[pixels[i]];
        }
    }

    /// @p images: count x (channels * height * width), int8 at the scale of the patches, channel-major; @p logits: count x
    /// classes, in steps of 2^-logit_fraction. No floating point. Panics on other shapes and where @p scratch is too small,
    /// of which nothing is used afterwards.
    void forward(matrix_view<const std::int8_t> images, matrix_view<std::int32_t> logits, arena& scratch) const {
        const vit_config& c = config_;
        detail::require_forward_shapes(c, images, logits);
        const std::size_t mark = scratch.used();
        const buffers b = take_buffers(c, images.rows(), scratch);
        embed(images, b, scratch);
        for (std::size_t i = 0; i < c.depth; ++i) {
            const int8_block& layer = layers_.blocks[i];
            const block& between = blocks_[i];
            normalize_rows(between.norm1, b);
            gemm(b.normed, layer.qkv.packed, scratch, requantize_sums{b.qkv, layer.qkv_output.by, layer.qkv_output.bias});
            attend(layer, between, b, scratch);
            gemm(b.context, layer.proj.packed, scratch,
                 requantize_add_sums{b.x, between.proj_output.by, between.proj_output.bias});
            normalize_rows(between.norm2, b);
            gemm(b.normed, layer.fc1.packed, scratch,
                 requantize_sums{b.hidden, between.fc1_output.by, between.fc1_output.bias, between.activation});
            gemm(b.hidden, layer.fc2.packed, scratch,
                 requantize_add_sums{b.x, between.fc2_output.by, between.fc2_output.bias});
        }
        classify(b, logits, scratch);
        scratch.release(mark);
    }
    /// The same from normalised images to logits in float, as int8_vit takes and gives them: only the ends are float.
    void forward(matrix_view<const float> images, matrix_view<float> logits, arena& scratch) const {
        detail::require_forward_shapes(config_, images, logits);
        const std::size_t mark = scratch.used();
        const auto quantized = detail::take_matrix<std::int8_t>(scratch, images.rows(), images.cols());
        const auto integers = detail::take_matrix<std::int32_t>(scratch, logits.rows(), logits.cols());
        for (std::size_t r = 0; r < images.rows(); ++r) quantize(images.row(r), scales_.patches(), quantized.row(r));
        forward(quantized, integers, scratch);
        for (std::size_t r = 0; r < logits.rows(); ++r)
            dequantize(integers.row(r), 1.0f / (1 << logit_fraction), logits.row(r));
        scratch.release(mark);
    }

    /// All its integers but the multipliers', to be written down (codesign/firmware_header.hpp) or run by frozen_vit. They
    /// lie in the memory of this network, the blocks in frozen_bytes of @p memory. Panics over linear attention.
    [[nodiscard]] frozen_network frozen(arena& memory) const requires requires(const typename Policy::layer_norm& norm) {
        norm.integers();
    }
    {
        require(config_.attention == attention_kind::softmax, panic_code::unsupported,
                "only an integer_vit of softmax attention can be frozen");
        const auto linear = [](const int8_linear& layer, const output_requantizer& to) {
            return frozen_linear{layer.weight, to.by, to.bias};
        };
        frozen_network net{.config = config_,
                           .residual_fraction = residual_fraction_,
                           .pixels = pixels_,
                           .start = start_,
                           .patch_embed = linear(layers_.patch_embed, patch_output_),
                           .blocks = {},
                           .norm = norm_.integers(),
                           .head = linear(layers_.head, head_output_),
                           .head_dist = {}};
        if (config_.distilled) net.head_dist = linear(layers_.head_dist, head_dist_output_);
        const auto blocks = memory.take<frozen_block>(config_.depth);
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            const int8_block& layer = layers_.blocks[i];
            const block& b = blocks_[i];
            blocks[i] = {.norm1 = b.norm1.integers(),
                         .norm2 = b.norm2.integers(),
                         .qkv = linear(layer.qkv, layer.qkv_output),
                         .proj = linear(layer.proj, b.proj_output),
                         .fc1 = linear(layer.fc1, b.fc1_output),
                         .fc2 = linear(layer.fc2, b.fc2_output),
                         .scores_by = b.scores_by.front(),
                         .context_by = layer.context_by.front(),
                         .activation = b.activation};
        }
        net.blocks = blocks;
        return net;
    }
    [[nodiscard]] static constexpr std::size_t frozen_bytes(const vit_config& c) {
        arena a = arena::counting();
        a.take<frozen_block>(c.depth);
        return a.used();
    }

    [[nodiscard]] const vit_config& config() const noexcept { return config_; }
    [[nodiscard]] int residual_fraction() const noexcept { return residual_fraction_; }

private:
    using softmax = typename Policy::softmax;
    using layer_norm = typename Policy::layer_norm;
    struct block {
        layer_norm norm1, norm2;
        output_requantizer proj_output, fc1_output, fc2_output; ///< to the residual stream, to the activation's input
        std::span<requantizer> scores_by;                       ///< of Q K^T, one a token
        requantizer context_by;                                 ///< of linear attention
        std::span<std::int8_t> activation;                      ///< its 256 values
    };
    struct buffers {
        matrix_view<std::int16_t> x, scores; ///< scores: tokens x tokens
        matrix_view<std::int8_t> patches, normed, qkv, context, hidden, probabilities;
        integer_linear_attention linear; ///< in place of scores and probabilities
    };
    static constexpr buffers take_buffers(const vit_config& c, std::size_t images, arena& a) {
        const std::size_t rows = images * c.tokens(), d = c.dim;
        const auto bytes = [&](std::size_t r, std::size_t n) { return detail::take_matrix<std::int8_t>(a, r, n); };
        buffers b;
        b.x = detail::take_matrix<std::int16_t>(a, rows, d);
        b.patches = bytes(images * c.patches(), c.patch_size());
        b.normed = bytes(rows, d);
        b.qkv = bytes(rows, 3 * d);
        b.context = bytes(rows, d);
        b.hidden = bytes(rows, c.mlp);
        if (c.attention == attention_kind::softmax) {
            b.scores = detail::take_matrix<std::int16_t>(a, c.tokens(), c.tokens());
            b.probabilities = bytes(c.tokens(), c.tokens());
        } else {
            b.linear = integer_linear_attention::take(c.tokens(), c.head_dim(), a);
        }
        return b;
    }
    /// What a token's element is before its patch is added.
    static float start(const vit_parameters<const float>& p, std::size_t token, std::size_t j) {
        const float prefix = token == 0 ? p.cls_token[j] : token < p.config().prefix_tokens() ? p.dist_token[j] : 0.0f;
        return p.pos_embed(token, j) + prefix;
    }
    void fill_pixels(std::span<std::int8_t> values) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            const double mean = static_cast<double>(config_.input_mean[i / 256]), pixel = static_cast<double>(i % 256) / 255;
            const double x = (pixel - mean) / static_cast<double>(config_.input_std[i / 256]);
            values[i] = quantize(static_cast<float>(x), scales_.patches());
        }
        pixels_ = values;
    }

    void embed(matrix_view<const std::int8_t> images, const buffers& b, arena& scratch) const {
        const std::size_t prefix = config_.prefix_tokens(), tokens = config_.tokens(), patches = config_.patches();
        extract_patches(config_, images, b.patches);
        for (std::size_t image = 0; image < images.rows(); ++image)
            std::copy_n(start_.data(), tokens * config_.dim, b.x.row(image * tokens).data());
        const requantize_add_sums add{b.x, patch_output_.by, patch_output_.bias};
        gemm(b.patches, layers_.patch_embed.packed, scratch, [&](std::size_t r, std::size_t first, auto sums) {
            add(r / patches * tokens + prefix + r % patches, first, sums);
        });
    }
    static void normalize_rows(const layer_norm& norm, const buffers& b) {
        for (std::size_t r = 0; r < b.x.rows(); ++r) norm(b.x.row(r), b.normed.row(r));
    }
    void attend(const int8_block& layer, const block& between, const buffers& b, arena& scratch) const {
        const std::size_t tokens = config_.tokens(), width = config_.head_dim();
        for (std::size_t image = 0; image < b.qkv.rows() / tokens; ++image)
            for (std::size_t head = 0; head < config_.heads; ++head) {
                const auto [query, key, value] = head_of(b.qkv, config_, {image * tokens, tokens}, head);
                const auto context = b.context.block(image * tokens, head * width, tokens, width);
                if (config_.attention == attention_kind::relu_linear) {
                    b.linear(query, key, value, layer.attention, between.context_by, context, scratch);
                    continue;
                }
                gemm(query, transposed(key), layer.attention, scratch,
                     requantize_sums_to_int16{b.scores, between.scores_by, {}});
                kernel::softmax_rows<softmax>(b.scores, b.probabilities, best_isa());
                gemm(b.probabilities, value, layer.attention, scratch, requantize_sums{context, layer.context_by, {}});
            }
    }
    void classify(const buffers& b, matrix_view<std::int32_t> logits, arena& scratch) const {
        for (std::size_t which = 0; which < config_.prefix_tokens(); ++which) {
            for (std::size_t i = 0; i < logits.rows(); ++i) norm_(b.x.row(i * config_.tokens() + which), b.normed.row(i));
            const int8_linear& head = which == 0 ? layers_.head : layers_.head_dist;
            const output_requantizer& to = which == 0 ? head_output_ : head_dist_output_;
            gemm(b.normed.block(0, 0, logits.rows(), config_.dim), head.packed, scratch,
                 [&](std::size_t r, std::size_t first, std::span<const std::int32_t> sums) {
                     for (std::size_t j = 0; j < sums.size(); ++j) {
                         const std::int32_t sum = saturating_add(sums[j], to.bias[first + j]);
                         const auto y = requantize<std::int32_t>(sum, to.by[first + j]);
                         std::int32_t& logit = logits(r, first + j);
                         logit = which == 0 ? y : saturating_add(logit, y);
                     }
                 });
        }
    }

    vit_config config_;
    activation_scales<const float> scales_;
    int residual_fraction_;
    int8_layers layers_;
    std::span<const std::int8_t> pixels_;   ///< 256 values a channel
    matrix_view<const std::int16_t> start_; ///< tokens x dim: what the residual stream of an image starts with
    output_requantizer patch_output_, head_output_, head_dist_output_;
    layer_norm norm_;
    std::span<block> blocks_;
};

#if LUTRA_USE_COMPILED
extern template class integer_vit<integer_vit_defaults>;
#endif

} // namespace LUTRA_ISA
} // namespace lutra
