// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/gemm/float_gemm.hpp>
#include <lutra/nn/activation_hook.hpp>
#include <lutra/nn/token_rows.hpp>
#include <lutra/nn/vit_config.hpp>
#include <lutra/nonlinear/float_functions.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <span>

/// @file
/// Attention in float, of both kinds. Shapes are those of block_activations.

namespace lutra {

/// What linear attention keeps of one head of one image, in attention_floats(config) floats.
struct linear_attention_state {
    matrix_view<float> key_value;     ///< head_dim x head_dim: the sum over tokens of relu(k)^T v
    std::span<float> key_sum;         ///< head_dim: the sum of relu(k)
    std::span<float> inverse_divisor; ///< tokens: 1 / (relu(q) . key_sum + epsilon)

    static constexpr linear_attention_state in(const vit_config& c, std::span<float> memory) {
        const std::size_t width = c.head_dim();
        return {{memory.data(), width, width},
                memory.subspan(width * width, width),
                memory.subspan(width * width + width, c.tokens())};
    }
};

/// What a network that drops tokens asks of attention; nothing by default. Total is float, or an integer that holds sums of
/// int8 probabilities.
template <class Total>
struct token_attention {
    std::span<const float> log_sizes{}; ///< one a row, added to the scores of its key: proportional attention; or empty
    std::span<Total> class_attention{}; ///< one a row: receives the class token's probabilities, summed over heads; or empty
    bool prefix_only = false;           ///< context of the prefix tokens only: images * prefix tokens rows

    /// The rows of the context of image @p image, whose tokens are @p all.
    [[nodiscard]] constexpr row_range context_rows(const vit_config& c, std::size_t image, row_range all) const noexcept {
        return prefix_only ? row_range{image * c.prefix_tokens(), c.prefix_tokens()} : all;
    }
    /// The part of @p per_row that belongs to @p rows; empty where that is.
    template <class T>
    [[nodiscard]] static constexpr std::span<T> part(std::span<T> per_row, row_range rows) {
        return per_row.empty() ? per_row : per_row.subspan(rows.first, rows.count);
    }
    /// Adds the class token's probabilities @p p of one head to its image's @p sums; the first head sets them.
    template <class Probability>
    static constexpr void add_class(std::span<const Probability> p, std::span<Total> sums, bool first) {
        for (std::size_t t = 0; t < sums.size(); ++t)
            sums[t] = first ? static_cast<Total>(p[t]) : static_cast<Total>(sums[t] + p[t]);
    }
};

inline namespace LUTRA_ISA {

/// The parts of one head within the rows of one image.
template <class T>
struct head_views {
    matrix_view<T> query, key, value; ///< tokens x head_dim
};
/// Head @p head of the image with the rows @p image of @p qkv, which is rows x 3 dim. Panics past the last of either.
template <class T>
[[nodiscard]] head_views<T> head_of(matrix_view<T> qkv, const vit_config& c, row_range image, std::size_t head) {
    const std::size_t width = c.head_dim();
    const auto part = [&](std::size_t which) {
        return qkv.block(image.first, which * c.dim + head * width, image.count, width);
    };
    return {part(0), part(1), part(2)};
}

/// What softmax attention keeps of head @p head of image @p image: its probabilities, dense, at the start of its
/// attention_floats(config).
[[nodiscard]] inline matrix_view<float> probabilities_of(const vit_config& c, std::span<float> kept, std::size_t image,
                                                         std::size_t head, std::size_t queries, std::size_t tokens) {
    return {kept.data() + (image * c.heads + head) * c.attention_floats(), queries, tokens};
}

namespace kernel {
/// One head of one image: @p p (queries x keys) = softmax(scale Q K^T + log_sizes), @p context (queries x head_dim) = p V.
/// As many rows of scores at a time as stay in the L1 cache, unless a hook sees all of them. @p log_sizes may be null.
inline void softmax_head(const head_views<float>& h, float scale, const float* log_sizes, matrix_view<float> p,
                         matrix_view<float> context, const activation_hook& hook) {
    if (hook.active()) {
        gemm(h.query, transposed(h.key), p, {.bias = log_sizes, .scale = scale});
        hook(activation_point::scores, p);
        softmax(p, p);
        hook(activation_point::probabilities, p);
        gemm(p, h.value, context);
        return;
    }
    alignas(64) float turned[float_k_block * float_panel], scores[4096];
    const std::size_t tokens = h.key.rows(), width = h.key.cols(), padded = lutra::detail::round_up(tokens, float_lanes);
    const bool fits = packed_b_floats(width, tokens) <= std::size(turned) && padded <= std::size(scores);
    packed_float_b keys;
    if (fits) keys = pack_b(transposed(h.key), turned);
    for (std::size_t first = 0, rows; first < p.rows(); first += rows) {
        rows = fits ? std::min(std::size(scores) / padded, p.rows() - first) : p.rows();
        const auto query = h.query.block(first, 0, rows, width);
        const auto out = p.block(first, 0, rows, tokens);
        if (fits) {
            const matrix_view<float> s{scores, rows, tokens, padded};
            gemm(query, keys, s, {.bias = log_sizes, .scale = scale});
            softmax(s, out, true);
        } else {
            gemm(query, transposed(h.key), out, {.bias = log_sizes, .scale = scale});
            softmax(out, out);
        }
        gemm(out, h.value, context.block(first, 0, rows, width));
    }
}
} // namespace kernel

/// softmax(Q K^T / sqrt(head_dim)) V for every image and head (Vaswani et al., 2017). The shapes are those of
/// block_activations. @p hook: what comes between (activation_hook.hpp).
LUTRA_INLINE void softmax_attention(const vit_config& c, const token_rows& rows, matrix_view<float> qkv,
                                    std::span<float> probabilities, matrix_view<float> context,
                                    const token_attention<float>& asked = {}, const activation_hook& hook = {}) {
    const std::size_t width = c.head_dim();
    const float scale = 1.0f / std::sqrt(static_cast<float>(width));
    for (std::size_t image = 0; image < rows.images(); ++image) {
        const row_range all = rows[image], asking = asked.context_rows(c, image, all);
        const auto log_sizes = asked.part(asked.log_sizes, all);
        const auto class_attention = asked.part(asked.class_attention, all);
        for (std::size_t head = 0; head < c.heads; ++head) {
            head_views<float> h = head_of(qkv, c, all, head);
            h.query = h.query.block(0, 0, asking.count, width);
            const auto p = probabilities_of(c, probabilities, image, head, asking.count, all.count);
            kernel::softmax_head(h, scale, log_sizes.data(), p,
                                 context.block(asking.first, head * width, asking.count, width), hook);
            asked.add_class(std::span<const float>{p.row(0)}, class_attention, head == 0);
        }
    }
}

/// relu(Q) (relu(K)^T V) / (relu(Q) . the column sums of relu(K)) for every image and head: attention whose kernel is ReLU
/// instead of softmax (Katharopoulos and others, 2020; Cai and others, 2023), with 2 tokens head_dim^2 products a head in
/// place of 2 tokens^2 head_dim. Replaces queries and keys in @p qkv by their relu; shapes as in block_activations.
LUTRA_INLINE void linear_attention(const vit_config& c, const token_rows& rows, matrix_view<float> qkv,
                                   std::span<float> states, matrix_view<float> context, bool prefix_only = false) {
    constexpr float epsilon = 1e-6f; // of the divisor: where no key meets a query, the context is 0
    const std::size_t width = c.head_dim(), each = c.attention_floats();
    for (std::size_t r = 0; r < qkv.rows(); ++r) apply<relu>(qkv.row(r).first(2 * std::size_t{c.dim}));
    for (std::size_t image = 0; image < rows.images(); ++image)
        for (std::size_t head = 0; head < c.heads; ++head) {
            const row_range all = rows[image];
            const row_range asking = token_attention<float>{.prefix_only = prefix_only}.context_rows(c, image, all);
            const auto [every_query, key, value] = head_of(qkv, c, all, head);
            const auto query = every_query.block(0, 0, asking.count, width);
            const auto s = linear_attention_state::in(c, states.subspan((image * c.heads + head) * each, each));
            const auto out = context.block(asking.first, head * width, asking.count, width);
            gemm(transposed(key), value, s.key_value);
            std::fill(s.key_sum.begin(), s.key_sum.end(), 0.0f);
            for (std::size_t t = 0; t < all.count; ++t)
                for (std::size_t j = 0; j < width; ++j) s.key_sum[j] += key(t, j);
            gemm(query, s.key_value, out);
            for (std::size_t t = 0; t < asking.count; ++t) {
                float divisor = epsilon;
                for (std::size_t j = 0; j < width; ++j) divisor += query(t, j) * s.key_sum[j];
                s.inverse_divisor[t] = 1 / divisor;
                for (float& x : out.row(t)) x *= s.inverse_divisor[t];
            }
        }
}

/// Attention of the kind that the config says. Reads @p qkv (relu_linear replaces queries and keys by their relu) and writes
/// the rest.
inline void attention(const vit_config& c, const token_rows& rows, matrix_view<float> qkv, std::span<float> kept,
                      matrix_view<float> context, const token_attention<float>& asked = {},
                      const activation_hook& hook = {}) {
    if (c.attention == attention_kind::softmax)
        softmax_attention(c, rows, qkv, kept, context, asked, hook);
    else
        linear_attention(c, rows, qkv, kept, context, asked.prefix_only);
}

} // namespace LUTRA_ISA
} // namespace lutra
