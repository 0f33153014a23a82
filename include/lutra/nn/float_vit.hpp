// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/nn/activation_hook.hpp>
#include <lutra/nn/float_block.hpp>
#include <lutra/nn/observer.hpp>
#include <lutra/nn/packed_vit.hpp>
#include <lutra/nn/policy.hpp>

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
        detail::require_token_rules(c, choices);
        detail::require_activation_rules(choices);
        detail::require_weight_rules(c, choices);
        packed_ = packed_vit::forward(parameters, memory, choices);
    }

    /// Bytes that the constructor needs.
    [[nodiscard]] static constexpr std::size_t packed_bytes(const vit_config& c,
                                                            std::span<const layer_choice> choices = {}) {
        detail::require_none_or_one_a_block(c, choices);
        return packed_vit::forward_bytes(c, choices) + packed_vit::pruning_scratch_bytes(c, choices);
    }
    /// Bytes of scratch that `forward` needs for @p images images at once, whatever the choices.
    [[nodiscard]] static constexpr std::size_t scratch_bytes(const vit_config& c, std::size_t images) {
        const std::size_t count = std::min(images, together);
        arena a = arena::counting();
        static_cast<void>(forward_buffers::take(c, count, a));
        static_cast<void>(token_flow<float>::take(c, count, a));
        a.take<std::uint32_t>(detail::selection_size(c));
        return a.used() +
               std::max({skip_zeros_scratch_bytes(count * c.tokens(), c.mlp),
                         shared_float_scratch_bytes(std::max(c.dim, c.mlp)), packed_low_rank::scratch_bytes(c.dim)});
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

    [[nodiscard]] const vit_parameters<const float>& parameters() const noexcept { return parameters_; }
    [[nodiscard]] const vit_config& config() const noexcept { return parameters_.config(); }

private:
    static constexpr std::size_t together = 4; ///< images that pass through the network at a time, for the caches' sake

    void forward_some(matrix_view<const float> images, matrix_view<float> logits, arena& scratch,
                      const observer_ref& observer) const {
        const vit_config& c = parameters_.config();
        const forward_buffers b = forward_buffers::take(c, images.rows(), scratch);
        auto flow = token_flow<float>::take(c, images.rows(), scratch);
        const auto selection = scratch.take<std::uint32_t>(detail::selection_size(c));
        extract_patches(c, images, b.patches);
        observer.activation(0, activation_point::patches, matrix_view<const float>{b.patches});
        embed(parameters_, b.patches, b.block.input, packed_.patch_embed);
        for (std::size_t i = 0; i < c.depth; ++i) {
            const auto rules = choices_.empty() ? activation_rules{} : activation_rules{choices_[i]};
            lutra::forward<typename Policy::activation>(
                c, parameters_.block(i), b.block, packed_.blocks[i].with_scratch(scratch),
                detail::token_rule_of(c, choices_, i), flow, activation_hook{rules, i, selection, scratch, observer});
        }
        classify(parameters_, flow.rows(), b.block.output, b.head_normed, logits);
        observer.activation(c.depth - 1, activation_point::head, matrix_view<const float>{b.head_normed});
    }

    vit_parameters<const float> parameters_;
    std::span<const layer_choice> choices_;
    packed_vit packed_;
};

#if LUTRA_USE_COMPILED
extern template class float_vit<vit_defaults>;
#endif

} // namespace LUTRA_ISA
} // namespace lutra
