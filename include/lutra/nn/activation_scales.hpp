// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/nn/vit_config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// The activations of one block that are quantised, in the order in which they are made.
enum class block_tensor : std::uint8_t { normed1, query, key, value, context, normed2, hidden };
inline constexpr std::size_t block_tensor_count = 7;

/// The scales of a network's quantised activations, one a tensor, as a view of a flat array: the patches, the input of
/// the head, then block_tensor_count of each block. (Attention probabilities need none: theirs is always 1 / 127.)
template <class T>
class activation_scales {
public:
    [[nodiscard]] static constexpr std::size_t count(const vit_config& c) noexcept { return 2 + block_tensor_count * c.depth; }

    /// Panics unless @p flat has `count(config)` elements.
    constexpr activation_scales(const vit_config& config, std::span<T> flat) : flat_{flat} {
        require(flat.size() == count(config), panic_code::bad_shape, "the activation scales of a ViT have another number than its config says",
                static_cast<long long>(flat.size()), static_cast<long long>(count(config)));
    }
    [[nodiscard]] constexpr T& patches() const noexcept { return flat_[0]; }
    [[nodiscard]] constexpr T& head() const noexcept { return flat_[1]; }
    [[nodiscard]] constexpr T& block(std::size_t layer, block_tensor t) const noexcept {
        return flat_[2 + layer * block_tensor_count + static_cast<std::size_t>(t)];
    }

private:
    std::span<T> flat_;
};

} // namespace lutra
