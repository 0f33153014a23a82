// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: choose ranks and train there, and run the model with lutra/nn on firmware."
#endif

#include <lutra/core/arena_memory.hpp>
#include <lutra/gemm/float_gemm.hpp>
#include <lutra/nn/policy.hpp>
#include <lutra/nn/vit_parameters.hpp>
#include <lutra/prune/low_rank.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lutra {
namespace detail {
/// The weights of a block, one a block_layer.
template <class T>
std::array<matrix_view<T>, block_layer_count> weights_of(const block_parameters<T>& b) {
    return {b.qkv.weight, b.proj.weight, b.fc1.weight, b.fc2.weight};
}
} // namespace detail

/// The ranks of each block that keep the share @p energy, in (0, 1], of the sum of squares of every layer's weights; 0 where
/// as many products are made without them. See rank_for_energy.
///
/// @code
/// const auto ranks = lutra::ranks_for_energy(model.parameters(), 0.9);
/// for (std::size_t i = 0; i < choices.size(); ++i) choices[i].ranks = ranks[i];
/// @endcode
[[nodiscard]] LUTRA_INLINE std::vector<block_ranks> ranks_for_energy(const vit_parameters<const float>& p, double energy) {
    require(energy > 0 && energy <= 1, panic_code::out_of_range, "a share of energy that layers keep lies in (0, 1]",
            static_cast<long long>(energy), 1);
    std::vector<block_ranks> ranks(p.config().depth);
    for (std::size_t i = 0; i < ranks.size(); ++i)
        for (std::size_t l = 0; l < block_layer_count; ++l) {
            const matrix_view<const float> w = detail::weights_of(p.block(i))[l];
            const std::size_t side = std::min(w.rows(), w.cols());
            std::vector<double> values(side), vectors(side * side);
            const arena_memory memory{singular_values_scratch_bytes(w.rows(), w.cols())};
            arena scratch{memory.bytes()};
            singular_values(w, values, matrix_view{vectors.data(), side, side}, scratch);
            const std::size_t rank = std::max<std::size_t>(1, rank_for_energy(values, energy));
            if (rank * (w.rows() + w.cols()) < w.rows() * w.cols()) ranks[i].of[l] = static_cast<std::uint32_t>(rank);
        }
    return ranks;
}

/// Puts in the place of each layer's weights the nearest ones of the rank that @p choices, one a block, say, if they do.
/// Done every few steps and at last, training goes on among networks of low rank (projected gradients; Jain and others,
/// 2010). Panics on another number of choices and on ranks that the layers cannot have.
LUTRA_INLINE void lower_ranks(const vit_parameters<float>& p, std::span<const layer_choice> choices) {
    const vit_config& c = p.config();
    require(choices.size() == c.depth, panic_code::bad_shape, "lower_ranks takes one layer_choice a block",
            static_cast<long long>(choices.size()), c.depth);
    for (std::size_t i = 0; i < c.depth; ++i) {
        require_valid(choices[i].ranks, c);
        for (std::size_t l = 0; l < block_layer_count; ++l) {
            const std::size_t rank = choices[i].ranks.of[l];
            if (rank == 0) continue;
            const matrix_view<float> w = detail::weights_of(p.block(i))[l];
            std::vector<float> u(w.rows() * rank), v(rank * w.cols());
            const arena_memory memory{low_rank_scratch_bytes(w.rows(), w.cols())};
            arena scratch{memory.bytes()};
            const matrix_view left{u.data(), w.rows(), rank}, right{v.data(), rank, w.cols()};
            low_rank(w, left, right, scratch);
            gemm(left, right, w);
        }
    }
}

} // namespace lutra
