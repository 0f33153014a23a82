// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/nn/float_block.hpp>
#include <lutra/nn/last_block.hpp>
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

/// A Vision Transformer in float, with its weights packed for the kernels. It owns nothing: parameters and packed weights
/// live in memory of the caller and must outlive it.
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
    /// Packs the weights into @p memory (packed_bytes(config) of it).
    float_vit(const vit_parameters<const float>& parameters, arena& memory)
        : parameters_{parameters}, packed_{packed_vit::forward(parameters, memory)} {}

    /// Bytes of the packed weights.
    [[nodiscard]] static constexpr std::size_t packed_bytes(const vit_config& c) { return packed_vit::forward_bytes(c); }
    /// Bytes of scratch that `forward` needs for @p images images at once.
    [[nodiscard]] static constexpr std::size_t scratch_bytes(const vit_config& c, std::size_t images) {
        arena a = arena::counting();
        static_cast<void>(forward_buffers::take(c, std::min(images, together), a));
        return a.used();
    }

    /// @p images: count x (channels * height * width), normalised, channel-major; @p logits: count x classes. Panics on
    /// other shapes and where @p scratch is too small, of which nothing is used afterwards.
    void forward(matrix_view<const float> images, matrix_view<float> logits, arena& scratch) const {
        const vit_config& c = parameters_.config();
        detail::require_forward_shapes(c, images, logits);
        for (std::size_t first = 0; first < images.rows(); first += together) {
            const std::size_t count = std::min(together, images.rows() - first), mark = scratch.used();
            const forward_buffers b = forward_buffers::take(c, count, scratch);
            extract_patches(c, images.block(first, 0, count, images.cols()), b.patches);
            embed(parameters_, b.patches, b.block.input, packed_.patch_embed);
            for (std::size_t i = 0; i + 1 < c.depth; ++i)
                lutra::forward<typename Policy::activation>(c, parameters_.block(i), b.block, packed_.blocks[i]);
            forward_last<typename Policy::activation>(c, parameters_.block(c.depth - 1), b.block, packed_.blocks.back());
            classify(parameters_, b.block.output, b.head_normed, logits.block(first, 0, count, c.classes));
            scratch.release(mark);
        }
    }

    [[nodiscard]] const vit_parameters<const float>& parameters() const noexcept { return parameters_; }
    [[nodiscard]] const vit_config& config() const noexcept { return parameters_.config(); }

private:
    static constexpr std::size_t together = 4; ///< images that pass through the network at a time, for the caches' sake

    vit_parameters<const float> parameters_;
    packed_vit packed_;
};

} // namespace LUTRA_ISA
} // namespace lutra
