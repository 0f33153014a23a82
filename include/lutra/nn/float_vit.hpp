// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/nn/activation_hook.hpp>
#include <lutra/nn/float_block.hpp>
#include <lutra/nn/observer.hpp>
#include <lutra/nn/policy.hpp>
#include <lutra/prune/mask.hpp>
#include <lutra/prune/weight_pruning.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

namespace detail {
/// Panics unless @p images and @p logits have a network's shapes.
template <class Image, class Logit>
void require_forward_shapes(const vit_config& c, const matrix_view<Image>& images, const matrix_view<Logit>& logits) {
    require(images.cols() == c.image_size(), panic_code::bad_shape, "an image has another size than the network reads",
            static_cast<long long>(images.cols()), static_cast<long long>(c.image_size()));
    require(logits.rows() == images.rows(), panic_code::bad_shape, "the logits need a row for each image",
            static_cast<long long>(logits.rows()), static_cast<long long>(images.rows()));
    require(logits.cols() == c.classes, panic_code::bad_shape, "the logits need a column for each class",
            static_cast<long long>(logits.cols()), c.classes);
}
} // namespace detail

inline namespace LUTRA_ISA {

/// Turns 8-bit pixels into what the network reads: (pixel / 255 - mean) / std, channel by channel. @p pixels and @p out hold
/// whole images, channel-major. Panics unless they do, as many of one as of the other.
inline void normalize(const vit_config& c, std::span<const std::uint8_t> pixels, std::span<float> out) {
    require(pixels.size() == out.size() && pixels.size() % c.image_size() == 0, panic_code::bad_shape,
            "normalize: the pixels and floats must be whole images of the config, as many of one as of the other",
            static_cast<long long>(pixels.size()), static_cast<long long>(out.size()));
    const std::size_t plane = std::size_t{c.image_height} * c.image_width;
    for (std::size_t start = 0; start < pixels.size(); start += plane) {
        const std::size_t channel = start / plane % c.channels;
        const float scale = 1.0f / (255.0f * c.input_std[channel]);
        const float shift = -c.input_mean[channel] / c.input_std[channel];
        for (std::size_t i = start; i < start + plane; ++i) out[i] = static_cast<float>(pixels[i]) * scale + shift;
    }
}

/// A Vision Transformer in float, with its weights packed for the kernels. It owns nothing: parameters, choices and packed
/// weights live in memory of the caller and must outlive it.
///
/// @code
/// lutra::arena_memory weights{lutra::float_vit<>::packed_bytes(config)}; // hosted; or a static array
/// lutra::arena_memory scratch{lutra::float_vit<>::scratch_bytes(config, images.rows())};
/// lutra::arena weights_arena{weights.bytes()}, scratch_arena{scratch.bytes()};
/// const lutra::float_vit<> vit{parameters, weights_arena};
/// vit.forward(images, logits, scratch_arena);
/// @endcode
template <vit_policy Policy = vit_defaults>
class float_vit {
public:
    /// Packs the weights into @p memory (packed_bytes of it). @p choices, none or one a block, say which tokens and weights
    /// are dropped and which activations become 0; their multipliers do not count. Weights that outputs drop together are
    /// skipped; those that each output drops by itself are zeros in a dense product. Panics where their number is wrong,
    /// where a rule's number is, and where it reads softmax attention that the network does not have.
    float_vit(const vit_parameters<const float>& parameters, arena& memory, std::span<const layer_choice> choices = {})
        : parameters_{parameters}, choices_{choices} {
        const vit_config& c = parameters.config();
        require_none_or_one_a_block(c, choices);
        detail::require_token_rules(c, choices);
        detail::require_activation_rules(choices);
        detail::require_weight_rules(choices);
        const auto dense = [&](const linear_parameters<const float>& l) {
            return pack_b(transposed(l.weight), memory.take<float>(packed_b_floats(l.weight.cols(), l.weight.rows())));
        };
        patch_embed_ = dense(parameters.patch_embed);
        blocks_ = memory.take<packed_block>(c.depth);
        for (std::size_t i = 0; i < c.depth; ++i) {
            const auto b = parameters.block(i);
            const auto pack = [&](const linear_parameters<const float>& l) {
                if (choices.empty() || !choices[i].weights.active()) return packed_linear{dense(l), {}};
                return pack_pruned(l.weight, choices[i].weights, memory);
            };
            blocks_[i].qkv = pack(b.qkv);
            blocks_[i].proj = pack(b.proj);
            blocks_[i].fc1 = pack(b.fc1);
            blocks_[i].fc2 = pack(b.fc2);
        }
    }

    /// Bytes that the constructor needs.
    [[nodiscard]] static constexpr std::size_t packed_bytes(const vit_config& c,
                                                            std::span<const layer_choice> choices = {}) {
        require_none_or_one_a_block(c, choices);
        arena a = arena::counting();
        std::size_t scratch = 0;
        a.take<float>(packed_b_floats(c.patch_size(), c.dim));
        a.take<packed_block>(c.depth);
        for (std::size_t i = 0; i < c.depth; ++i) {
            const auto add = [&](std::size_t out, std::size_t in) {
                if (choices.empty() || !choices[i].weights.active()) {
                    a.take<float>(packed_b_floats(in, out));
                } else {
                    a.take<std::byte>(pruned_bytes(out, in, choices[i].weights));
                    scratch = std::max(scratch, pruning_scratch_bytes(out, in, choices[i].weights));
                }
            };
            add(3 * std::size_t{c.dim}, c.dim);
            add(c.dim, c.dim);
            add(c.mlp, c.dim);
            add(c.dim, c.mlp);
        }
        return a.used() + scratch;
    }
    /// Bytes of scratch that `forward` needs for @p images images at once, whatever the choices.
    [[nodiscard]] static constexpr std::size_t scratch_bytes(const vit_config& c, std::size_t images) {
        arena a = arena::counting();
        static_cast<void>(forward_buffers::take(c, images, a));
        static_cast<void>(token_flow<float>::take(c, images, a));
        a.take<std::uint32_t>(detail::selection_size(c));
        return a.used() + std::max(skip_zeros_scratch_bytes(images * c.tokens(), c.mlp),
                                   shared_float_scratch_bytes(std::max(c.dim, c.mlp)));
    }

    /// @p images: count x (channels * height * width), normalised, channel-major; @p logits: count x classes. Panics on
    /// other shapes and where @p scratch is too small, of which nothing is used afterwards. @p observer is told of what the
    /// pass makes on its way (observer.hpp).
    template <activation_observer Observer = const no_observer>
    void forward(matrix_view<const float> images, matrix_view<float> logits, arena& scratch,
                 Observer&& observer = {}) const {
        const vit_config& c = parameters_.config();
        detail::require_forward_shapes(c, images, logits);
        const std::size_t mark = scratch.used();
        const forward_buffers b = forward_buffers::take(c, images.rows(), scratch);
        auto flow = token_flow<float>::take(c, images.rows(), scratch);
        const auto selection = scratch.take<std::uint32_t>(detail::selection_size(c));
        extract_patches(c, images, b.patches);
        if constexpr (detail::observes<Observer>)
            observer.activation(0, activation_point::patches, matrix_view<const float>{b.patches});
        embed(parameters_, b.patches, b.block.input, patch_embed_);
        for (std::size_t i = 0; i < c.depth; ++i) {
            const auto rules = choices_.empty() ? activation_rules{} : activation_rules{choices_[i]};
            const auto tokens = choices_.empty() ? token_pruning{} : choices_[i].tokens;
            const auto block = [&](const auto& hook) {
                packed_block packed = blocks_[i];
                packed.scratch = &scratch;
                lutra::forward<typename Policy::activation>(c, parameters_.block(i), b.block, packed, tokens, flow, hook);
            };
            if (detail::observes<Observer> || rules.active())
                block(activation_hook{rules, i, selection, scratch, observer});
            else
                block(no_hook{});
        }
        classify(parameters_, flow.rows(), b.block.output, b.head_normed, logits);
        if constexpr (detail::observes<Observer>)
            observer.activation(c.depth - 1, activation_point::head, matrix_view<const float>{b.head_normed});
        scratch.release(mark);
    }

    [[nodiscard]] const vit_parameters<const float>& parameters() const noexcept { return parameters_; }
    [[nodiscard]] const vit_config& config() const noexcept { return parameters_.config(); }

private:
    static constexpr void require_none_or_one_a_block(const vit_config& c, std::span<const layer_choice> choices) {
        require(choices.empty() || choices.size() == c.depth, panic_code::bad_shape,
                "a float_vit takes no layer_choice or one a block", static_cast<long long>(choices.size()), c.depth);
    }
    /// Packs what @p rule keeps of outputs x inputs weights, in pruned_bytes of @p memory; pruning_scratch_bytes more are
    /// given back.
    static packed_linear pack_pruned(matrix_view<const float> weight, const weight_pruning& rule, arena& memory) {
        const std::size_t out = weight.rows(), in = weight.cols();
        const auto bytes = memory.take<std::byte>(pruned_bytes(out, in, rule));
        const std::size_t mark = memory.used();
        const auto mask = detail::take_matrix<std::uint8_t>(memory, out, in);
        weight_mask(weight, rule, mask, memory);
        packed_linear packed;
        if (rule.rule == weight_rule::n_m) {
            const auto kept = detail::take_matrix<float>(memory, out, in);
            for (std::size_t r = 0; r < out; ++r) std::ranges::copy(weight.row(r), kept.row(r).begin());
            zero_dropped(mask, kept);
            packed.dense = pack_b(transposed(kept), {reinterpret_cast<float*>(bytes.data()), packed_b_floats(in, out)});
        } else {
            packed.sparse = pack_shared(transposed(weight), transposed(mask), rule.group(), bytes);
        }
        memory.release(mark);
        return packed;
    }
    static constexpr std::size_t pruned_bytes(std::size_t out, std::size_t in, const weight_pruning& rule) {
        require_valid(rule);
        if (rule.rule == weight_rule::n_m) return packed_b_floats(in, out) * sizeof(float);
        return most_packed_shared_float_bytes(rule.kept_inputs(out, in), rule.group(), in, out);
    }
    static constexpr std::size_t pruning_scratch_bytes(std::size_t out, std::size_t in, const weight_pruning& rule) {
        arena a = arena::counting();
        a.take<std::uint8_t>(out * in);
        if (rule.rule == weight_rule::n_m) a.take<float>(out * in);
        return a.used() + weight_mask_scratch_bytes(rule, out, in);
    }

    vit_parameters<const float> parameters_;
    std::span<const layer_choice> choices_;
    packed_float_b patch_embed_;
    std::span<packed_block> blocks_;
};

} // namespace LUTRA_ISA
} // namespace lutra
