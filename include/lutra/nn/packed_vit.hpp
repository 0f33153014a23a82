// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/nn/float_block.hpp>

#include <cstddef>
#include <initializer_list>
#include <span>

namespace lutra {
inline namespace LUTRA_ISA {

/// The weights of a network as the float kernels read them, in memory of the caller.
struct packed_vit {
    packed_float_b patch_embed;
    std::span<packed_block> blocks;

    /// Packs each W^T, for y = x W^T, into forward_bytes of @p memory.
    [[nodiscard]] static packed_vit forward(const vit_parameters<const float>& p, arena& memory) {
        return make(p, memory, [](const linear_parameters<const float>& l) { return transposed(l.weight); });
    }
    /// Packs each W, for dx = dy W, into backward_bytes of @p memory.
    [[nodiscard]] static packed_vit backward(const vit_parameters<const float>& p, arena& memory) {
        return make(p, memory, [](const linear_parameters<const float>& l) { return gemm_operand<float>{l.weight}; });
    }

    /// Bytes that `forward` takes.
    [[nodiscard]] static constexpr std::size_t forward_bytes(const vit_config& c) {
        return bytes(c, [](std::size_t inputs, std::size_t outputs) { return packed_b_floats(inputs, outputs); });
    }
    /// Bytes that `backward` takes.
    [[nodiscard]] static constexpr std::size_t backward_bytes(const vit_config& c) {
        return bytes(c, [](std::size_t inputs, std::size_t outputs) { return packed_b_floats(outputs, inputs); });
    }

private:
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
            v.blocks[i] = {pack(b.qkv), pack(b.proj), pack(b.fc1), pack(b.fc2)};
        }
        return v;
    }
};

} // namespace LUTRA_ISA
} // namespace lutra
