// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/workload.hpp>
#include <lutra/nn/policy.hpp>
#include <lutra/nn/vit_config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// Operations that describe() emits for a ViT, and their dependencies together.
[[nodiscard]] constexpr std::size_t operation_count(const vit_config& c) noexcept { return 1 + 12 * std::size_t{c.depth} + 1 + c.prefix_tokens(); }
[[nodiscard]] constexpr std::size_t dependency_count(const vit_config& c) noexcept { return 15 * std::size_t{c.depth} + 1 + c.prefix_tokens(); }

/// What a forward pass of @p images images asks of hardware, dense: every operation of the network in order, with shapes,
/// 8-bit operands and the multiplier of each matrix product. @p choices one a block. Embedding is layer 0's and the head is the last
/// layer's. Written into @p out, which needs operation_count and dependency_count places; the names are those of the
/// multipliers and must live as long as the workload.
constexpr workload describe(const vit_config& c, std::span<const layer_choice> choices, std::uint64_t images, workload_builder& out) {
    require(choices.size() == c.depth, panic_code::bad_shape, "describe takes one layer_choice a block", static_cast<long long>(choices.size()),
            c.depth);
    const std::uint64_t tokens = c.tokens(), d = c.dim;
    const operand activation{}, weight{.cls = tensor_class::weight};
    const auto matmul = [&](std::string_view label, std::uint32_t layer, std::uint64_t batch, std::uint64_t m, std::uint64_t k, std::uint64_t n,
                            const operand& rhs, const lowered_multiplier& by) {
        return operation{.kind = operation_kind::matmul, .label = label, .layer = layer, .batch = batch, .m = m, .n = n, .k = k,
                         .lhs = activation, .rhs = rhs, .out = activation, .mac = by.cost, .multiplier = by.name};
    };
    const auto other = [&](operation_kind kind, std::string_view label, std::uint32_t layer, std::uint64_t batch, std::uint64_t m,
                           std::uint64_t n, const operand& rhs = no_operand) {
        return operation{.kind = kind, .label = label, .layer = layer, .batch = batch, .m = m, .n = n, .lhs = activation, .rhs = rhs,
                         .out = activation};
    };
    std::uint32_t x = out.add(matmul("patch_embed", 0, images, c.patches(), c.patch_size(), d, weight, choices.front().linear));
    for (std::uint32_t i = 0; i < c.depth; ++i) {
        const layer_choice& by = choices[i];
        const std::uint32_t normed1 = out.add(other(operation_kind::layer_norm, "norm1", i, images, tokens, d), {x});
        const std::uint32_t qkv = out.add(matmul("attn.qkv", i, images, tokens, d, 3 * d, weight, by.linear), {normed1});
        const std::uint32_t scores =
            out.add(matmul("attn.scores", i, images * c.heads, tokens, c.head_dim(), tokens, activation, by.attention), {qkv});
        const std::uint32_t shares = out.add(other(operation_kind::softmax, "attn.softmax", i, images * c.heads, tokens, tokens), {scores});
        const std::uint32_t context =
            out.add(matmul("attn.context", i, images * c.heads, tokens, tokens, c.head_dim(), activation, by.attention), {qkv, shares});
        const std::uint32_t proj = out.add(matmul("attn.proj", i, images, tokens, d, d, weight, by.linear), {context});
        x = out.add(other(operation_kind::elementwise, "attn.add", i, images, tokens, d, activation), {x, proj});
        const std::uint32_t normed2 = out.add(other(operation_kind::layer_norm, "norm2", i, images, tokens, d), {x});
        const std::uint32_t fc1 = out.add(matmul("mlp.fc1", i, images, tokens, d, c.mlp, weight, by.linear), {normed2});
        const std::uint32_t hidden = out.add(other(operation_kind::elementwise, "mlp.activation", i, images, tokens, c.mlp), {fc1});
        const std::uint32_t fc2 = out.add(matmul("mlp.fc2", i, images, tokens, c.mlp, d, weight, by.linear), {hidden});
        x = out.add(other(operation_kind::elementwise, "mlp.add", i, images, tokens, d, activation), {x, fc2});
    }
    const std::uint32_t last = c.depth - 1;
    const std::uint32_t normed = out.add(other(operation_kind::layer_norm, "norm", last, images, c.prefix_tokens(), d), {x});
    for (std::size_t which = 0; which < c.prefix_tokens(); ++which)
        out.add(matmul(which == 0 ? "head" : "head_dist", last, images, 1, d, c.classes, weight, choices.back().linear), {normed});
    return out.view();
}

} // namespace lutra
