// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/workload.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// @file
/// Swin Transformers as shapes only, to be simulated without their arithmetic.

namespace lutra {

/// The shape of a Swin Transformer (Liu et al., 2021): attention in square windows, and four stages, each of half the
/// height and width of the one before. The defaults are Swin-T's.
struct swin_config {
    static constexpr std::size_t stages = 4;
    std::uint32_t image = 224;                                 ///< side, pixels
    std::uint32_t channels = 3;                                ///< of the image
    std::uint32_t patch = 4;                                   ///< side of a patch, pixels
    std::uint32_t window = 7;                                  ///< side of a window, tokens
    std::array<std::uint32_t, stages> dims{96, 192, 384, 768}; ///< of a token
    std::array<std::uint32_t, stages> depths{2, 2, 6, 2};      ///< blocks
    std::array<std::uint32_t, stages> heads{3, 6, 12, 24};     ///< of attention; divide dims
    std::uint32_t mlp_ratio = 4;                               ///< hidden units of an MLP, times dims
    std::uint32_t classes = 1000;

    /// Tokens of an image in stage @p s are the square of this.
    [[nodiscard]] constexpr std::uint64_t side(std::size_t s) const noexcept { return (image / patch) >> s; }
    /// Blocks of all stages.
    [[nodiscard]] constexpr std::size_t blocks() const noexcept {
        std::size_t n = 0;
        for (const std::uint32_t d : depths) n += d;
        return n;
    }
    friend constexpr bool operator==(const swin_config&, const swin_config&) = default;
};

/// Presets at 224 x 224 pixels and 1000 classes.
inline constexpr swin_config swin_tiny{};
inline constexpr swin_config swin_small{.depths{2, 2, 18, 2}};

/// How many operations describe() emits for a Swin Transformer.
[[nodiscard]] constexpr std::size_t operation_count(const swin_config& c) noexcept {
    return 2 + 13 * c.blocks() + 2 * (c.stages - 1) + 3;
}
/// How many dependencies they have together.
[[nodiscard]] constexpr std::size_t dependency_count(const swin_config& c) noexcept {
    return 1 + 16 * c.blocks() + 2 * (c.stages - 1) + 3;
}

/// What a forward pass of @p images images asks of hardware: every operation of the network in order, with shapes and 8-bit
/// operands. Windows are the batch of attention's products. The bias by relative position is one weight for each head
/// and pair of a window's tokens, as hardware would keep the table it is read from. To shift the windows moves data and is
/// no operation, nor is the mask that the shift needs, which adds to that bias. `layer` counts blocks through all stages;
/// the embedding is of the first, a merge of patches of the block that it leads to, the head of the last.
/// @param images at least 1
/// @param out takes operation_count operations and dependency_count dependencies
/// @return all that @p out holds
///
/// Panics when a size or @p images is 0 (bad_argument), when patches, windows, heads or the halves from stage to stage do
/// not divide what they should (bad_shape), and when @p out is full (out_of_range).
///
/// @code
/// lutra::workload_buffer<256> out;
/// const double gigamacs = 1e-9 * static_cast<double>(lutra::describe(lutra::swin_tiny, 1, out).macs());
/// @endcode
template <class Builder>
constexpr workload describe(const swin_config& c, std::uint64_t images, Builder& out) {
    for (const std::uint64_t size : {images, std::uint64_t{c.image}, std::uint64_t{c.channels}, std::uint64_t{c.patch},
                                     std::uint64_t{c.window}, std::uint64_t{c.mlp_ratio}, std::uint64_t{c.classes}})
        require(size != 0, panic_code::bad_argument, "a Swin Transformer's sizes, and its images, are at least 1", 0, 1);
    require(c.image % c.patch == 0, panic_code::bad_shape, "the image's side must be a multiple of the patch's", c.image,
            c.patch);
    for (std::size_t s = 0; s < c.stages; ++s) {
        require(c.dims[s] != 0 && c.depths[s] != 0 && c.heads[s] != 0, panic_code::bad_argument,
                "a stage needs columns, blocks and heads", 0, 1);
        require(c.dims[s] % c.heads[s] == 0, panic_code::bad_shape, "a stage's dims must be a multiple of its heads",
                c.dims[s], c.heads[s]);
        require(c.side(s) != 0 && c.side(s) << s == c.side(0) && c.side(s) % c.window == 0, panic_code::bad_shape,
                "a stage's side must be half of that before, and a multiple of the window",
                static_cast<long long>(c.side(s)), c.window);
    }
    struct extent {
        std::uint64_t batch, m, n, k = 1;
    };
    using kind = operation_kind;
    using index = std::uint32_t;
    const operand activation{}, weight{.cls = tensor_class::weight};
    std::uint32_t layer = 0;
    const auto make = [&](kind what, std::string_view label, extent e, const operand& rhs = no_operand) {
        return operation{.kind = what,
                         .label = label,
                         .layer = layer,
                         .batch = e.batch,
                         .m = e.m,
                         .n = e.n,
                         .k = e.k,
                         .lhs = activation,
                         .rhs = rhs,
                         .out = activation};
    };
    const std::uint64_t pixels = std::uint64_t{c.patch} * c.patch * c.channels, area = std::uint64_t{c.window} * c.window;
    const std::uint64_t patches = c.side(0) * c.side(0);
    const index embedded = out.add(make(kind::matmul, "patch_embed", {images, patches, c.dims[0], pixels}, weight));
    index x = out.add(make(kind::layer_norm, "patch_norm", {images, patches, c.dims[0]}), {embedded});
    for (std::size_t s = 0; s < c.stages; ++s) {
        const std::uint64_t tokens = c.side(s) * c.side(s), d = c.dims[s], heads = c.heads[s], width = d / heads;
        const std::uint64_t windows = images * (tokens / area), maps = windows * heads, mlp = d * c.mlp_ratio;
        if (s != 0) {
            const std::uint64_t four = 4 * std::uint64_t{c.dims[s - 1]};
            const index norm = out.add(make(kind::layer_norm, "merge.norm", {images, tokens, four}), {x});
            x = out.add(make(kind::matmul, "merge", {images, tokens, d, four}, weight), {norm});
        }
        for (std::uint32_t block = 0; block < c.depths[s]; ++block, ++layer) {
            const index norm1 = out.add(make(kind::layer_norm, "norm1", {images, tokens, d}), {x});
            const index qkv = out.add(make(kind::matmul, "attn.qkv", {images, tokens, 3 * d, d}, weight), {norm1});
            const index scores = out.add(make(kind::matmul, "attn.scores", {maps, area, area, width}, activation), {qkv});
            const index biased =
                out.add(make(kind::elementwise, "attn.bias_add", {windows, heads * area, area}, weight), {scores});
            const index shares = out.add(make(kind::softmax, "attn.softmax", {maps, area, area}), {biased});
            const index context =
                out.add(make(kind::matmul, "attn.context", {maps, area, width, area}, activation), {shares, qkv});
            const index proj = out.add(make(kind::matmul, "attn.proj", {images, tokens, d, d}, weight), {context});
            x = out.add(make(kind::elementwise, "attn.add", {images, tokens, d}, activation), {x, proj});
            const index norm2 = out.add(make(kind::layer_norm, "norm2", {images, tokens, d}), {x});
            const index fc1 = out.add(make(kind::matmul, "mlp.fc1", {images, tokens, mlp, d}, weight), {norm2});
            const index hidden = out.add(make(kind::elementwise, "mlp.activation", {images, tokens, mlp}), {fc1});
            const index fc2 = out.add(make(kind::matmul, "mlp.fc2", {images, tokens, d, mlp}, weight), {hidden});
            x = out.add(make(kind::elementwise, "mlp.add", {images, tokens, d}, activation), {x, fc2});
        }
    }
    --layer;
    const std::uint64_t tokens = c.side(c.stages - 1) * c.side(c.stages - 1), d = c.dims.back();
    const index norm = out.add(make(kind::layer_norm, "norm", {images, tokens, d}), {x});
    const index mean = out.add(make(kind::reduction, "pool", {images, 1, d, tokens}), {norm});
    out.add(make(kind::matmul, "head", {images, 1, c.classes, d}, weight), {mean});
    return out.view();
}

} // namespace lutra
