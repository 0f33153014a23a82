// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/gemm/sparse/float_shared_gemm.hpp>
#include <lutra/nn/float_block.hpp>
#include <lutra/nn/policy.hpp>
#include <lutra/nn/vit_config.hpp>
#include <lutra/prune/low_rank.hpp>
#include <lutra/prune/mask.hpp>
#include <lutra/prune/weight_pruning.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

namespace lutra {
inline namespace LUTRA_ISA {

/// The weights of a network as the float kernels read them, in memory of the caller.
struct packed_vit {
    packed_float_b patch_embed;
    std::span<packed_block> blocks;

    /// Packs each W^T, for y = x W^T, into forward_bytes of @p memory.
    [[nodiscard]] LUTRA_INLINE static packed_vit forward(const vit_parameters<const float>& p, arena& memory) {
        return make(p, memory, [](const linear_parameters<const float>& l) { return transposed(l.weight); });
    }
    /// The same of what `weights` and `ranks` of @p choices, none or one a block, keep. Weights that outputs drop together
    /// are skipped; those that each output drops by itself are zeros. Takes pruning_scratch_bytes more and gives them back.
    [[nodiscard]] LUTRA_INLINE static packed_vit forward(const vit_parameters<const float>& p, arena& memory,
                                                         std::span<const layer_choice> choices) {
        packed_vit v;
        v.patch_embed = pack_dense(p.patch_embed.weight, memory);
        v.blocks = memory.take<packed_block>(p.config().depth);
        for (std::size_t i = 0; i < v.blocks.size(); ++i) {
            const auto b = p.block(i);
            const layer_choice choice = choices.empty() ? layer_choice{} : choices[i];
            const auto pack = [&](const linear_parameters<const float>& l, block_layer which) {
                if (const std::size_t rank = choice.ranks[which]; rank != 0) return pack_thin(l.weight, rank, memory);
                if (choice.weights.active()) return pack_pruned(l.weight, choice.weights, memory);
                return packed_linear{pack_dense(l.weight, memory)};
            };
            v.blocks[i].qkv = pack(b.qkv, block_layer::qkv);
            v.blocks[i].proj = pack(b.proj, block_layer::proj);
            v.blocks[i].fc1 = pack(b.fc1, block_layer::fc1);
            v.blocks[i].fc2 = pack(b.fc2, block_layer::fc2);
        }
        return v;
    }
    /// Packs each W, for dx = dy W, into backward_bytes of @p memory.
    [[nodiscard]] LUTRA_INLINE static packed_vit backward(const vit_parameters<const float>& p, arena& memory) {
        return make(p, memory, [](const linear_parameters<const float>& l) { return gemm_operand<float>{l.weight}; });
    }

    /// Bytes that `forward` takes.
    [[nodiscard]] static constexpr std::size_t forward_bytes(const vit_config& c) {
        return bytes(c, [](std::size_t inputs, std::size_t outputs) { return packed_b_floats(inputs, outputs); });
    }
    /// The same with @p choices, none or one a block.
    [[nodiscard]] static constexpr std::size_t forward_bytes(const vit_config& c, std::span<const layer_choice> choices) {
        arena a = arena::counting();
        a.take<float>(packed_b_floats(c.patch_size(), c.dim));
        a.take<packed_block>(c.depth);
        for (std::size_t i = 0; i < c.depth; ++i)
            for (std::size_t l = 0; l < block_layer_count; ++l) {
                const auto [out, in] = block_shapes(c)[l];
                const layer_choice choice = choices.empty() ? layer_choice{} : choices[i];
                if (const std::size_t rank = choice.ranks.of[l]; rank != 0) {
                    a.take<packed_low_rank>(1);
                    a.take<float>(packed_b_floats(in, rank));
                    a.take<float>(packed_b_floats(rank, out));
                    continue;
                }
                const weight_pruning& rule = choice.weights;
                if (rule.active() && rule.rule != weight_rule::n_m) a.take<packed_shared_float_b>(1);
                a.take<std::byte>(pruned_bytes(out, in, rule));
            }
        return a.used();
    }
    /// Bytes that `forward` with @p choices takes besides and gives back.
    [[nodiscard]] static constexpr std::size_t pruning_scratch_bytes(const vit_config& c,
                                                                     std::span<const layer_choice> choices) {
        std::size_t most = 0;
        for (const layer_choice& choice : choices)
            for (std::size_t l = 0; l < block_layer_count; ++l) {
                const auto [out, in] = block_shapes(c)[l];
                arena a = arena::counting();
                if (const std::size_t rank = choice.ranks.of[l]; rank != 0) {
                    a.take<float>(out * rank);
                    a.take<float>(rank * in);
                    most = std::max(most, a.used() + low_rank_scratch_bytes(out, in));
                    continue;
                }
                if (!choice.weights.active()) continue;
                a.take<std::uint8_t>(out * in);
                if (choice.weights.rule == weight_rule::n_m) a.take<float>(out * in);
                most = std::max(most, a.used() + weight_mask_scratch_bytes(choice.weights, out, in));
            }
        return most;
    }
    /// Bytes that `backward` takes.
    [[nodiscard]] static constexpr std::size_t backward_bytes(const vit_config& c) {
        return bytes(c, [](std::size_t inputs, std::size_t outputs) { return packed_b_floats(outputs, inputs); });
    }

private:
    static constexpr std::size_t pruned_bytes(std::size_t out, std::size_t in, const weight_pruning& rule) {
        require_valid(rule);
        if (!rule.active() || rule.rule == weight_rule::n_m) return packed_b_floats(in, out) * sizeof(float);
        return most_packed_shared_float_bytes(rule.kept_inputs(out, in), rule.group(), in, out);
    }
    static packed_float_b pack_dense(matrix_view<const float> weight, arena& memory) {
        return pack_b(transposed(weight), memory.take<float>(packed_b_floats(weight.cols(), weight.rows())));
    }
    static packed_linear pack_pruned(matrix_view<const float> weight, const weight_pruning& rule, arena& memory) {
        const std::size_t out = weight.rows(), in = weight.cols();
        const auto sparse = memory.take<packed_shared_float_b>(rule.rule == weight_rule::n_m ? 0 : 1);
        const auto bytes = memory.take<std::byte>(pruned_bytes(out, in, rule));
        const std::size_t mark = memory.used();
        const auto mask = detail::take_matrix<std::uint8_t>(memory, out, in);
        weight_mask(weight, rule, mask, memory);
        packed_linear packed;
        if (sparse.empty()) {
            const auto kept = detail::take_matrix<float>(memory, out, in);
            for (std::size_t r = 0; r < out; ++r) std::ranges::copy(weight.row(r), kept.row(r).begin());
            zero_dropped(mask, kept);
            static_cast<packed_float_b&>(packed) =
                pack_b(transposed(kept), {reinterpret_cast<float*>(bytes.data()), packed_b_floats(in, out)});
        } else {
            sparse.front() = pack_shared(transposed(weight), transposed(mask), rule.group(), bytes);
            packed.sparse = sparse.data();
        }
        memory.release(mark);
        return packed;
    }
    static packed_linear pack_thin(matrix_view<const float> weight, std::size_t rank, arena& memory) {
        const std::size_t out = weight.rows(), in = weight.cols();
        packed_low_rank& thin = memory.take<packed_low_rank>(1).front();
        const auto down = memory.take<float>(packed_b_floats(in, rank)), up = memory.take<float>(packed_b_floats(rank, out));
        const std::size_t mark = memory.used();
        const auto u = detail::take_matrix<float>(memory, out, rank), v = detail::take_matrix<float>(memory, rank, in);
        low_rank(weight, u, v, memory);
        thin = {pack_b(transposed(v), down), pack_b(transposed(u), up)};
        memory.release(mark);
        packed_linear packed;
        packed.thin = &thin;
        return packed;
    }
    template <class Floats>
    static constexpr std::size_t bytes(const vit_config& c, Floats floats) {
        arena a = arena::counting();
        const std::size_t d = c.dim;
        a.take<float>(floats(c.patch_size(), d));
        a.take<packed_block>(c.depth);
        for (std::size_t i = 0; i < c.depth; ++i)
            for (const std::size_t n : {floats(d, 3 * d), floats(d, d), floats(d, c.mlp), floats(c.mlp, d)})
                a.take<float>(n);
        return a.used();
    }
    template <class Operand>
    static packed_vit make(const vit_parameters<const float>& p, arena& memory, Operand&& operand) {
        const auto pack = [&](const linear_parameters<const float>& l) {
            const gemm_operand<float> w = operand(l);
            return pack_b(w, memory.take<float>(packed_b_floats(w.rows, w.cols)));
        };
        packed_vit v;
        v.patch_embed = pack(p.patch_embed);
        v.blocks = memory.take<packed_block>(p.config().depth);
        for (std::size_t i = 0; i < v.blocks.size(); ++i) {
            const auto b = p.block(i);
            v.blocks[i] = {{pack(b.qkv)}, {pack(b.proj)}, {pack(b.fc1)}, {pack(b.fc2)}};
        }
        return v;
    }
};

} // namespace LUTRA_ISA
} // namespace lutra
