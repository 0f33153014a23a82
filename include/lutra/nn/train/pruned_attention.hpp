// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: train there and run the model with lutra/nn on firmware."
#endif

#include <lutra/nn/attention.hpp>
#include <lutra/nn/train/backward.hpp>
#include <lutra/nn/train/gradient_pruning.hpp>
#include <lutra/prune/threshold.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

/// @file
/// Softmax attention whose scores and probabilities are pruned as DynaTran does (Tuli and Jha, AccelTran, 2023), and its
/// backward pass. A pruned element passes no gradient on; what softmax made of a pruned score counts as before.

namespace lutra {

/// Floats of scratch that both take: a head's scores, and its pruned probabilities.
[[nodiscard]] constexpr std::size_t pruned_attention_floats(const vit_config& c) noexcept {
    return 2 * c.tokens() * detail::round_up(c.tokens(), std::size_t{16});
}

inline namespace LUTRA_ISA {

namespace kernel {
/// Two matrices of one shape in the scratch of pruned attention.
struct pruned_head_scratch {
    matrix_view<float> first, second;

    pruned_head_scratch(std::span<float> memory, std::size_t rows, std::size_t cols)
        : first{memory.data(), rows, cols, lutra::detail::round_up(cols, std::size_t{16})},
          second{memory.data() + memory.size() / 2, rows, cols, first.stride()} {}
};
} // namespace kernel

/// softmax_attention with scores and probabilities pruned by @p tau. @p probabilities receives them unpruned, with a minus
/// sign where their score was pruned. @return zeros among scores and pruned probabilities
LUTRA_INLINE std::size_t pruned_softmax_attention(const vit_config& c, const token_rows& rows, matrix_view<float> qkv,
                                                  std::span<float> probabilities, matrix_view<float> context, float tau,
                                                  std::span<float> scratch, bool prefix_only) {
    const std::size_t width = c.head_dim();
    const float scale = 1.0f / std::sqrt(static_cast<float>(width));
    std::size_t zeros = 0;
    for (std::size_t image = 0; image < rows.images(); ++image)
        for (std::size_t head = 0; head < c.heads; ++head) {
            const row_range all = rows[image];
            const row_range asking = token_attention<float>{.prefix_only = prefix_only}.context_rows(c, image, all);
            const auto h = head_of(qkv, c, all, head);
            const auto p = probabilities_of(c, probabilities, image, head, asking.count, all.count);
            const kernel::pruned_head_scratch s{scratch, asking.count, all.count};
            gemm(h.query.block(0, 0, asking.count, width), transposed(h.key), s.first, {.scale = scale});
            zeros += prune_threshold(s.first, tau);
            for (std::size_t t = 0; t < p.rows(); ++t) std::ranges::copy(s.first.row(t), s.second.row(t).begin());
            softmax(s.first, s.first);
            for (std::size_t t = 0; t < p.rows(); ++t)
                for_each_register(all.count, [&](std::size_t i, std::size_t n) {
                    const float_batch minus = broadcast(0.5f) - one_where_zero(load_some(&s.second(t, i), n));
                    store_some(&p(t, i), with_sign_of(load_some(&s.first(t, i), n), minus), n);
                });
            zeros += prune_threshold(s.first, tau);
            gemm(s.first, h.value, context.block(asking.first, head * width, asking.count, width));
        }
    return zeros;
}

/// Its backward pass: @p dqkv from @p dcontext, as for softmax_attention_backward; @p context is pruned, and @p dcontext is
/// 0 where that is. `prune_scores(ds)` may prune the gradient of a head's scores.
template <class PruneScores>
void pruned_softmax_attention_backward(const vit_config& c, const token_rows& rows, matrix_view<float> qkv,
                                       std::span<float> probabilities, matrix_view<const float> context,
                                       matrix_view<const float> dcontext, matrix_view<float> dqkv, float tau,
                                       std::span<float> scratch, bool prefix_only, PruneScores&& prune_scores) {
    const float_batch limit = broadcast(tau), one = broadcast(1.0f);
    softmax_heads_backward(c, rows, qkv, probabilities, context, dcontext, dqkv, prefix_only,
                           [&](const head_gradients& h) -> matrix_view<float> {
                               const kernel::pruned_head_scratch s{scratch, h.p.rows(), h.p.cols()};
                               const matrix_view<float> ds = s.first, pruned = s.second;
                               for (std::size_t t = 0; t < ds.rows(); ++t)
                                   for_each_register(ds.cols(), [&](std::size_t i, std::size_t n) {
                                       store_some(&pruned(t, i), zero_within(absolute(load_some(&h.p(t, i), n)), limit), n);
                                   });
                               gemm(transposed(pruned), h.d, h.dvalue);
                               gemm(h.d, transposed(h.value), ds);
                               for (std::size_t t = 0; t < ds.rows(); ++t) {
                                   const float_batch mean = broadcast(dot_product(h.out.row(t), h.d.row(t)));
                                   for_each_register(ds.cols(), [&](std::size_t i, std::size_t n) {
                                       const float_batch signed_p = load_some(&h.p(t, i), n);
                                       const float_batch dp =
                                           load_some(&ds(t, i), n) * (one - one_where_zero(load_some(&pruned(t, i), n)));
                                       const float_batch kept = one - one_where_zero(maximum(signed_p, broadcast(0.0f)));
                                       store_some(&ds(t, i), signed_p * (dp - mean) * kept, n);
                                   });
                               }
                               prune_scores(ds);
                               return ds;
                           });
}

} // namespace LUTRA_ISA
} // namespace lutra
