// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/nn/vit_config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// The activations of one block that are quantised, in the order in which they are made.
enum class block_tensor : std::uint8_t {
    normed1, ///< the first layer norm's output, input of qkv
    query,
    key,
    value,
    context, ///< A V, input of proj
    normed2, ///< the second layer norm's output, input of fc1
    hidden,  ///< the activation function's output, input of fc2
};
inline constexpr std::size_t block_tensor_count = 7;

/// The scales of a network's quantised activations, one a tensor, as a view of a flat array: the patches, the input of
/// the head, then block_tensor_count of each block. (Attention probabilities need none: theirs is always 1 / 127.)
/// T is usually float or const float; whatever else belongs to each of these tensors has the same layout.
template <class T>
class activation_scales {
public:
    [[nodiscard]] static constexpr std::size_t count(const vit_config& c) noexcept {
        return 2 + block_tensor_count * c.depth;
    }

    /// Panics unless @p flat has `count(config)` elements.
    constexpr activation_scales(const vit_config& config, std::span<T> flat) : flat_{flat} {
        require(flat.size() == count(config), panic_code::bad_shape,
                "the activation scales of a ViT have another number than its config says",
                static_cast<long long>(flat.size()), static_cast<long long>(count(config)));
    }
    /// Of the normalised pixels.
    [[nodiscard]] constexpr T& patches() const noexcept { return flat_[0]; }
    /// Of the final layer norm's output.
    [[nodiscard]] constexpr T& head() const noexcept { return flat_[1]; }
    /// Of tensor @p t of block @p layer, which must be below the depth.
    [[nodiscard]] constexpr T& block(std::size_t layer, block_tensor t) const noexcept {
        return flat_[2 + layer * block_tensor_count + static_cast<std::size_t>(t)];
    }
    [[nodiscard]] constexpr std::span<T> flat() const noexcept { return flat_; }

private:
    std::span<T> flat_;
};

} // namespace lutra
