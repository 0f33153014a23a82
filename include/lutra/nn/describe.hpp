// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/workload.hpp>
#include <lutra/nn/policy.hpp>
#include <lutra/nn/vit_config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace lutra {

namespace detail {
/// How many layers are two products in place of one.
[[nodiscard]] constexpr std::size_t thin_layers(std::span<const layer_choice> choices) noexcept {
    std::size_t n = 0;
    for (const layer_choice& c : choices)
        for (const std::uint32_t rank : c.ranks.of) n += rank != 0;
    return n;
}
} // namespace detail

/// How many operations describe() emits for a ViT; @p choices count only where they have ranks.
[[nodiscard]] constexpr std::size_t operation_count(const vit_config& c,
                                                    std::span<const layer_choice> choices = {}) noexcept {
    return 1 + (c.attention == attention_kind::softmax ? 12 : 15) * std::size_t{c.depth} + 1 + c.prefix_tokens() +
           detail::thin_layers(choices);
}
/// How many dependencies they have together.
[[nodiscard]] constexpr std::size_t dependency_count(const vit_config& c,
                                                     std::span<const layer_choice> choices = {}) noexcept {
    return (c.attention == attention_kind::softmax ? 15 : 21) * std::size_t{c.depth} + 1 + c.prefix_tokens() +
           detail::thin_layers(choices);
}

/// What a forward pass of @p images images asks of hardware: every operation of the network in order, with shapes, 8-bit
/// operands and the multiplier of each matrix product. The embedding counts as layer 0's, the head as the last's. What
/// `tokens` of the choices surely drop (so nothing of keep_above) is left out where it is no longer computed; to choose it
/// is far less work than any product, and no operation. Weights that `weights` of the choices drop are zero and skipped:
/// their share is exact, but for tiles that do not divide a layer, which are taken as whole ones. A layer of low rank is two
/// operations: "mlp.fc1.down" and "mlp.fc1.up" in place of "mlp.fc1". Of a last block without a rule all tokens count, as
/// hardware would run it, though our networks then compute what the head reads: `observe` tells.
/// @param choices one a block, used as int8_vit uses them; the multipliers' names must live as long as the workload
/// @param out takes operation_count operations and dependency_count dependencies
/// @return all that @p out holds
///
/// Panics when there is not one choice a block, or @p out is full.
///
/// @code
/// const std::vector<lutra::layer_choice> choices(config.depth);
/// lutra::workload_buffer<64> out; // or a workload_builder over memory of operation_count and dependency_count elements
/// const double gigamacs = 1e-9 * static_cast<double>(lutra::describe(config, choices, 1, out).macs());
/// @endcode
template <class Builder>
constexpr workload describe(const vit_config& c, std::span<const layer_choice> choices, std::uint64_t images, Builder& out) {
    require(!choices.empty() && choices.size() == c.depth, panic_code::bad_shape, "describe takes one layer_choice a block",
            static_cast<long long>(choices.size()), c.depth);
    struct product {
        std::uint64_t batch, m, k, n;
    };
    struct extent {
        std::uint64_t batch, m, n;
    };
    using kind = operation_kind;
    const std::uint64_t d = c.dim, maps = images * c.heads, width = c.head_dim();
    std::uint64_t tokens = c.tokens(), asking = tokens; // that enter the block; whose context is read
    const operand activation{}, weight{.cls = tensor_class::weight};
    std::uint32_t layer = 0;
    const auto matmul = [&](std::string_view label, product p, const operand& rhs, const lowered_multiplier& by) {
        return operation{.kind = kind::matmul,
                         .label = label,
                         .layer = layer,
                         .batch = p.batch,
                         .m = p.m,
                         .n = p.n,
                         .k = p.k,
                         .lhs = activation,
                         .rhs = rhs,
                         .out = activation,
                         .mac = by.cost,
                         .multiplier = by.name};
    };
    struct layer_labels {
        std::string_view whole, down, up;
    };
    constexpr layer_labels labels[]{{"attn.qkv", "attn.qkv.down", "attn.qkv.up"},
                                    {"attn.proj", "attn.proj.down", "attn.proj.up"},
                                    {"mlp.fc1", "mlp.fc1.down", "mlp.fc1.up"},
                                    {"mlp.fc2", "mlp.fc2.down", "mlp.fc2.up"}};
    const auto linear = [&](block_layer which, product p, std::uint32_t from) {
        const layer_choice& choice = choices[layer];
        const lowered_multiplier& m = choice.of(which);
        const layer_labels& label = labels[static_cast<std::size_t>(which)];
        if (const std::uint64_t rank = choice.ranks[which]; rank != 0) {
            const auto thin = out.add(matmul(label.down, {p.batch, p.m, p.k, rank}, weight, m), {from});
            return out.add(matmul(label.up, {p.batch, p.m, rank, p.n}, weight, m), {thin});
        }
        operand rhs = weight;
        rhs.sparsity = rhs.skipped = choice.weights.dropped_share(p.n, p.k);
        return out.add(matmul(label.whole, p, rhs, m), {from});
    };
    const auto other = [&](kind what, std::string_view label, extent e, const operand& rhs = no_operand) {
        return operation{.kind = what,
                         .label = label,
                         .layer = layer,
                         .batch = e.batch,
                         .m = e.m,
                         .n = e.n,
                         .lhs = activation,
                         .rhs = rhs,
                         .out = activation};
    };
    const auto softmax_context = [&](std::uint32_t qkv, const lowered_multiplier& by) {
        const auto scores = out.add(matmul("attn.scores", {maps, asking, width, tokens}, activation, by), {qkv});
        const auto shares = out.add(other(kind::softmax, "attn.softmax", {maps, asking, tokens}), {scores});
        return out.add(matmul("attn.context", {maps, asking, tokens, width}, activation, by), {qkv, shares});
    };
    const auto linear_context = [&](std::uint32_t qkv, const lowered_multiplier& by) {
        const auto cut = out.add(other(kind::elementwise, "attn.relu", {images, tokens, 2 * d}), {qkv});
        const auto key_value = out.add(matmul("attn.key_value", {maps, width, tokens, width}, activation, by), {qkv, cut});
        operation sum = other(kind::reduction, "attn.key_sum", {maps, 1, width});
        sum.k = tokens;
        const auto key_sum = out.add(sum, {cut});
        const auto sums = out.add(matmul("attn.sums", {maps, asking, width, width}, activation, by), {cut, key_value});
        const auto divisors = out.add(matmul("attn.divisors", {maps, asking, width, 1}, activation, {}), {cut, key_sum});
        return out.add(other(kind::elementwise, "attn.divide", {images, asking, d}, activation), {sums, divisors});
    };
    std::uint32_t x =
        out.add(matmul("patch_embed", {images, c.patches(), c.patch_size(), d}, weight, choices.front().linear));
    for (; layer < c.depth; ++layer) {
        const token_pruning& pruning = choices[layer].tokens;
        if (pruning.rule == token_rule::keep_prefix) asking = c.prefix_tokens();
        const lowered_multiplier& attention = choices[layer].attention;
        const auto norm1 = out.add(other(kind::layer_norm, "norm1", {images, tokens, d}), {x});
        const auto qkv = linear(block_layer::qkv, {images, tokens, d, 3 * d}, norm1);
        const auto context =
            c.attention == attention_kind::softmax ? softmax_context(qkv, attention) : linear_context(qkv, attention);
        const auto proj = linear(block_layer::proj, {images, asking, d, d}, context);
        x = out.add(other(kind::elementwise, "attn.add", {images, asking, d}, activation), {x, proj});
        asking = tokens = c.prefix_tokens() + tokens_after(pruning, tokens - c.prefix_tokens());
        const auto norm2 = out.add(other(kind::layer_norm, "norm2", {images, tokens, d}), {x});
        const auto fc1 = linear(block_layer::fc1, {images, tokens, d, c.mlp}, norm2);
        const auto hidden = out.add(other(kind::elementwise, "mlp.activation", {images, tokens, c.mlp}), {fc1});
        const auto fc2 = linear(block_layer::fc2, {images, tokens, c.mlp, d}, hidden);
        x = out.add(other(kind::elementwise, "mlp.add", {images, tokens, d}, activation), {x, fc2});
    }
    layer = c.depth - 1;
    const auto norm = out.add(other(kind::layer_norm, "norm", {images, c.prefix_tokens(), d}), {x});
    out.add(matmul("head", {images, 1, d, c.classes}, weight, choices.back().linear), {norm});
    if (c.distilled) out.add(matmul("head_dist", {images, 1, d, c.classes}, weight, choices.back().linear), {norm});
    return out.view();
}

} // namespace lutra
