// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/result.hpp>
#include <lutra/core/text.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace lutra {

/// How the tokens of a head attend to each other.
enum class attention_kind : std::uint32_t {
    softmax,     ///< softmax(Q K^T / sqrt(head_dim)) V (Vaswani et al., 2017)
    relu_linear, ///< relu(Q) (relu(K)^T V), divided by its weights' sum (Katharopoulos et al., 2020; Cai et al., 2023)
};

/// The function between the two layers of the MLP.
enum class activation_kind : std::uint32_t {
    gelu, ///< x Phi(x) (Hendrycks and Gimpel, 2016)
    relu, ///< max(x, 0), whose zeros the second layer can skip
};

/// The shape of a Vision Transformer (Dosovitskiy et al., 2021; with `distilled`, DeiT: Touvron et al., 2021):
/// square patches, a class token, learned positions, pre-norm blocks. The member functions hold for what `check` accepts.
struct vit_config {
    std::uint32_t image_height = 28, image_width = 28; ///< pixels; multiples of patch
    std::uint32_t channels = 1;                        ///< of the image, 1 to 4
    std::uint32_t patch = 4;                           ///< side of a patch, pixels
    std::uint32_t dim = 64;                            ///< of a token
    std::uint32_t depth = 4;                           ///< blocks
    std::uint32_t heads = 4;                           ///< of attention; divides dim
    std::uint32_t mlp = 128;                           ///< hidden units of the MLP
    std::uint32_t classes = 10;
    attention_kind attention = attention_kind::softmax;
    activation_kind activation = activation_kind::gelu;
    bool distilled = false;                     ///< a second token and head; the logits are the mean of both heads
    float layer_norm_epsilon = 1e-6f;           ///< added to the variance
    std::array<float, 4> input_mean{};          ///< of pixel / 255, one a channel; the others say nothing
    std::array<float, 4> input_std{1, 1, 1, 1}; ///< likewise, the standard deviation

    /// Tokens before those of the patches: the class token and, distilled, the distillation token.
    [[nodiscard]] constexpr std::size_t prefix_tokens() const noexcept { return distilled ? 2 : 1; }
    /// Patches of an image, row by row.
    [[nodiscard]] constexpr std::size_t patches() const noexcept {
        return std::size_t{image_height / patch} * (image_width / patch);
    }
    /// Tokens of an image.
    [[nodiscard]] constexpr std::size_t tokens() const noexcept { return patches() + prefix_tokens(); }
    /// Columns of queries, keys and values that a head has.
    [[nodiscard]] constexpr std::size_t head_dim() const noexcept { return dim / heads; }
    /// Floats that the attention of one head of one image keeps between forward and backward.
    [[nodiscard]] constexpr std::size_t attention_floats() const noexcept {
        return attention == attention_kind::softmax ? tokens() * tokens() : head_dim() * (head_dim() + 1) + tokens();
    }
    /// Pixels of a patch, all channels.
    [[nodiscard]] constexpr std::size_t patch_size() const noexcept { return std::size_t{channels} * patch * patch; }
    /// Pixels of an image, all channels.
    [[nodiscard]] constexpr std::size_t image_size() const noexcept {
        return std::size_t{channels} * image_height * image_width;
    }

    /// Whether both are the same network; means and deviations beyond the channels do not count.
    friend constexpr bool operator==(const vit_config& a, const vit_config& b) noexcept {
        if (a.image_height != b.image_height || a.image_width != b.image_width || a.channels != b.channels ||
            a.patch != b.patch || a.dim != b.dim || a.depth != b.depth || a.heads != b.heads || a.mlp != b.mlp ||
            a.classes != b.classes || a.attention != b.attention || a.activation != b.activation ||
            a.distilled != b.distilled || a.layer_norm_epsilon != b.layer_norm_epsilon)
            return false;
        for (std::size_t i = 0; i < a.channels && i < a.input_mean.size(); ++i)
            if (a.input_mean[i] != b.input_mean[i] || a.input_std[i] != b.input_std[i]) return false;
        return true;
    }
};

/// The layers of a block that multiply by weights, in the order in which they run.
enum class block_layer : std::uint8_t { qkv, proj, fc1, fc2 };
inline constexpr std::size_t block_layer_count = 4;

/// The size of a layer's weights.
struct layer_shape {
    std::size_t outputs, inputs;
};
/// Those of each block_layer.
[[nodiscard]] constexpr std::array<layer_shape, block_layer_count> block_shapes(const vit_config& c) noexcept {
    const std::size_t d = c.dim, mlp = c.mlp;
    return {{{3 * d, d}, {d, d}, {mlp, d}, {d, mlp}}};
}

/// Whether @p c describes a network that can exist. Error: malformed; the sentence names the field.
[[nodiscard]] constexpr status check(const vit_config& c) {
    const auto wrong = [](std::string_view field, auto value, std::string_view expected) -> status {
        return error{error_code::malformed, 0,
                     text<320>{"vit_config: "} << field << " is " << value << ", expected " << expected};
    };
    constexpr std::uint32_t limit = 1u << 16;
    const std::array<std::pair<std::string_view, std::uint32_t>, 8> sizes{{{"image_height", c.image_height},
                                                                           {"image_width", c.image_width},
                                                                           {"patch", c.patch},
                                                                           {"dim", c.dim},
                                                                           {"depth", c.depth},
                                                                           {"heads", c.heads},
                                                                           {"mlp", c.mlp},
                                                                           {"classes", c.classes}}};
    for (const auto& [field, value] : sizes)
        if (value == 0 || value > limit) return wrong(field, value, "1 to 65536");
    if (c.channels == 0 || c.channels > 4) return wrong("channels", c.channels, "1 to 4");
    if (c.image_height % c.patch != 0) return wrong("image_height", c.image_height, "a multiple of patch");
    if (c.image_width % c.patch != 0) return wrong("image_width", c.image_width, "a multiple of patch");
    if (c.dim % c.heads != 0) return wrong("heads", c.heads, "a divisor of dim");
    if (c.attention > attention_kind::relu_linear)
        return wrong("attention", static_cast<std::uint32_t>(c.attention), "0 (softmax) or 1 (relu_linear)");
    if (c.activation > activation_kind::relu)
        return wrong("activation", static_cast<std::uint32_t>(c.activation), "0 (gelu) or 1 (relu)");
    if (!(c.layer_norm_epsilon > 0 && c.layer_norm_epsilon < 1))
        return wrong("layer_norm_epsilon", "outside (0, 1)", "a small positive number");
    for (std::size_t i = 0; i < c.channels; ++i) {
        if (!(c.input_std[i] > 0 && c.input_std[i] < 1e6f))
            return wrong("input_std", "not a positive number", "a positive number a channel");
        if (!(c.input_mean[i] > -1e6f && c.input_mean[i] < 1e6f))
            return wrong("input_mean", "not a finite number", "a number a channel, below a million");
    }
    return ok();
}

} // namespace lutra
