// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/core/text.hpp>
#include <lutra/nn/vit_config.hpp>

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>
#include <type_traits>

namespace lutra {

/// Of a linear layer, y = x W^T + bias.
template <class T>
struct linear_parameters {
    matrix_view<T> weight; ///< outputs x inputs, as PyTorch keeps it
    std::span<T> bias;     ///< outputs
};
/// Of a layer normalisation.
template <class T>
struct layer_norm_parameters {
    std::span<T> weight, bias; ///< dim each
};
/// Of one pre-norm block.
template <class T>
struct block_parameters {
    layer_norm_parameters<T> norm1;
    linear_parameters<T> qkv;  ///< 3 dim x dim: queries, keys, values, head by head in each
    linear_parameters<T> proj; ///< dim x dim
    layer_norm_parameters<T> norm2;
    linear_parameters<T> fc1; ///< mlp x dim
    linear_parameters<T> fc2; ///< dim x mlp
};

/// The shape of a parameter as PyTorch has it, outermost first.
using parameter_shape = std::initializer_list<std::size_t>;
/// Whether it is the weight of a linear layer or of the patch convolution, outputs first: what random initialisation
/// scales by its extents and what weight decay shrinks. Tokens, positions, biases and layer norms are not.
[[nodiscard]] constexpr bool is_weight_matrix(parameter_shape s) noexcept { return s.size() == 2 || s.size() == 4; }

/// The parameters of a ViT as views into one flat array, in the order of timm's state_dict. The same type serves
/// weights, gradients and the moments of an optimizer, which therefore line up element by element. It owns nothing.
template <class T>
class vit_parameters {
public:
    /// Views of @p flat, for a config that `check` accepts. Panics unless there are exactly `count(config)` elements.
    vit_parameters(const vit_config& config, std::span<T> flat) : config_{config} {
        require(flat.size() == count(config), panic_code::bad_shape,
                "the flat parameters of a ViT have another size than its config says", static_cast<long long>(flat.size()),
                static_cast<long long>(count(config)));
        cursor at{flat.data()};
        cls_token = at.vector(config.dim);
        if (config.distilled) dist_token = at.vector(config.dim);
        pos_embed = at.matrix(config.tokens(), config.dim);
        patch_embed = at.linear(config.dim, config.patch_size());
        blocks_ = at.next;
        at.next += block_count(config) * config.depth;
        norm = at.layer_norm(config.dim);
        head = at.linear(config.classes, config.dim);
        if (config.distilled) head_dist = at.linear(config.classes, config.dim);
    }
    template <class U>
        requires(std::is_const_v<T> && std::is_same_v<U, std::remove_const_t<T>>)
    vit_parameters(const vit_parameters<U>& other) : vit_parameters(other.config(), std::span<T>{other.flat()}) {}

    /// How many parameters a network of this shape has.
    [[nodiscard]] static constexpr std::size_t count(const vit_config& c) noexcept {
        const std::size_t d = c.dim, prefix = c.prefix_tokens();
        return prefix * d + c.tokens() * d + (c.patch_size() + 1) * d + block_count(c) * c.depth + 2 * d +
               prefix * c.classes * (d + 1);
    }

    [[nodiscard]] const vit_config& config() const noexcept { return config_; }
    /// All elements, in the order of `for_each`.
    [[nodiscard]] std::span<T> flat() const noexcept { return {cls_token.data(), count(config_)}; }
    /// Block @p i; panics past the depth.
    [[nodiscard]] block_parameters<T> block(std::size_t i) const {
        require(i < config_.depth, panic_code::out_of_range, "a block past the depth of the ViT", static_cast<long long>(i),
                config_.depth);
        const std::size_t d = config_.dim;
        cursor at{blocks_ + i * block_count(config_)};
        block_parameters<T> b;
        b.norm1 = at.layer_norm(d);
        b.qkv = at.linear(3 * d, d);
        b.proj = at.linear(d, d);
        b.norm2 = at.layer_norm(d);
        b.fc1 = at.linear(config_.mlp, d);
        b.fc2 = at.linear(d, config_.mlp);
        return b;
    }

    std::span<T> cls_token, dist_token;   ///< dim each; dist_token is empty unless distilled
    matrix_view<T> pos_embed;             ///< tokens x dim
    linear_parameters<T> patch_embed;     ///< dim x (channels * patch * patch)
    layer_norm_parameters<T> norm;        ///< before the head
    linear_parameters<T> head, head_dist; ///< classes x dim; head_dist is empty unless distilled

    /// Calls `f(name, elements, shape)` for each tensor in order of memory, with timm's name (valid during the call) and
    /// a parameter_shape.
    template <class F>
    void for_each(F&& f) const {
        using shape = parameter_shape;
        const std::size_t d = config_.dim, classes = config_.classes;
        f(std::string_view{"cls_token"}, cls_token, shape{1, 1, d});
        if (config_.distilled) f(std::string_view{"dist_token"}, dist_token, shape{1, 1, d});
        f(std::string_view{"pos_embed"}, elements(pos_embed), shape{1, config_.tokens(), d});
        f(std::string_view{"patch_embed.proj.weight"}, elements(patch_embed.weight),
          shape{d, config_.channels, config_.patch, config_.patch});
        f(std::string_view{"patch_embed.proj.bias"}, patch_embed.bias, shape{d});
        for (std::size_t i = 0; i < config_.depth; ++i) {
            const block_parameters<T> b = block(i);
            const auto named = [&](std::string_view part, std::span<T> values, shape dims) {
                f((text<64>{} << "blocks." << i << "." << part).view(), values, dims);
            };
            const auto linear = [&](std::string_view weight, std::string_view bias, const linear_parameters<T>& l) {
                named(weight, elements(l.weight), shape{l.weight.rows(), l.weight.cols()});
                named(bias, l.bias, shape{l.bias.size()});
            };
            named("norm1.weight", b.norm1.weight, shape{d});
            named("norm1.bias", b.norm1.bias, shape{d});
            linear("attn.qkv.weight", "attn.qkv.bias", b.qkv);
            linear("attn.proj.weight", "attn.proj.bias", b.proj);
            named("norm2.weight", b.norm2.weight, shape{d});
            named("norm2.bias", b.norm2.bias, shape{d});
            linear("mlp.fc1.weight", "mlp.fc1.bias", b.fc1);
            linear("mlp.fc2.weight", "mlp.fc2.bias", b.fc2);
        }
        f(std::string_view{"norm.weight"}, norm.weight, shape{d});
        f(std::string_view{"norm.bias"}, norm.bias, shape{d});
        f(std::string_view{"head.weight"}, elements(head.weight), shape{classes, d});
        f(std::string_view{"head.bias"}, head.bias, shape{classes});
        if (!config_.distilled) return;
        f(std::string_view{"head_dist.weight"}, elements(head_dist.weight), shape{classes, d});
        f(std::string_view{"head_dist.bias"}, head_dist.bias, shape{classes});
    }

private:
    struct cursor {
        T* next;
        std::span<T> vector(std::size_t n) {
            T* const here = next;
            next += n;
            return {here, n};
        }
        matrix_view<T> matrix(std::size_t rows, std::size_t cols) { return {vector(rows * cols).data(), rows, cols}; }
        linear_parameters<T> linear(std::size_t out, std::size_t in) {
            const matrix_view<T> weight = matrix(out, in);
            return {weight, vector(out)};
        }
        layer_norm_parameters<T> layer_norm(std::size_t n) {
            const std::span<T> weight = vector(n);
            return {weight, vector(n)};
        }
    };
    static std::span<T> elements(matrix_view<T> m) { return {m.data(), m.rows() * m.cols()}; }
    static constexpr std::size_t block_count(const vit_config& c) noexcept {
        const std::size_t d = c.dim, h = c.mlp;
        return 4 * d + 3 * d * (d + 1) + d * (d + 1) + h * (d + 1) + d * (h + 1);
    }

    vit_config config_;
    T* blocks_ = nullptr;
};

} // namespace lutra
