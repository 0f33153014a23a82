// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/gemm/float_gemm.hpp>
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

inline namespace LUTRA_ISA {

/// The parts of one head within the rows of one image.
template <class T>
struct head_views {
    matrix_view<T> query, key, value; ///< tokens x head_dim
};
/// Head @p head of image @p image in @p qkv, (images * tokens) x 3 dim. Panics past the last of either.
template <class T>
[[nodiscard]] head_views<T> head_of(matrix_view<T> qkv, const vit_config& c, std::size_t image, std::size_t head) {
    const std::size_t tokens = c.tokens(), width = c.head_dim();
    const auto part = [&](std::size_t which) {
        return qkv.block(image * tokens, which * c.dim + head * width, tokens, width);
    };
    return {part(0), part(1), part(2)};
}

namespace kernel {
/// One head of one image: @p p (queries x keys) = softmax(scale Q K^T), @p context (queries x head_dim) = p V. As many rows
/// of scores at a time as stay in the L1 cache.
inline void softmax_head(const head_views<float>& h, float scale, matrix_view<float> p, matrix_view<float> context) {
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
            gemm(query, keys, s, {.scale = scale});
            softmax(s, out, true);
        } else {
            gemm(query, transposed(h.key), out, {.scale = scale});
            softmax(out, out);
        }
        gemm(out, h.value, context.block(first, 0, rows, width));
    }
}
} // namespace kernel

/// softmax(Q K^T / sqrt(head_dim)) V for every image and head (Vaswani et al., 2017), for the first @p queries tokens of
/// each image. The shapes are those of block_activations.
inline void softmax_attention(const vit_config& c, matrix_view<float> qkv, std::span<float> probabilities,
                              matrix_view<float> context, std::size_t queries) {
    const std::size_t tokens = c.tokens(), width = c.head_dim(), images = qkv.rows() / tokens;
    const float scale = 1.0f / std::sqrt(static_cast<float>(width));
    for (std::size_t image = 0; image < images; ++image)
        for (std::size_t head = 0; head < c.heads; ++head) {
            const matrix_view<float> p{probabilities.data() + (image * c.heads + head) * tokens * tokens, queries, tokens};
            head_views<float> h = head_of(qkv, c, image, head);
            h.query = h.query.block(0, 0, queries, width);
            kernel::softmax_head(h, scale, p, context.block(image * tokens, head * width, queries, width));
        }
}

/// relu(Q) (relu(K)^T V) / (relu(Q) . the column sums of relu(K)) for every image and head: attention whose kernel is ReLU
/// instead of softmax (Katharopoulos and others, 2020; Cai and others, 2023), with 2 tokens head_dim^2 products a head in
/// place of 2 tokens^2 head_dim. Replaces queries and keys in @p qkv by their relu; shapes as in block_activations.
inline void linear_attention(const vit_config& c, matrix_view<float> qkv, std::span<float> states,
                             matrix_view<float> context) {
    constexpr float epsilon = 1e-6f; // of the divisor: where no key meets a query, the context is 0
    const std::size_t tokens = c.tokens(), width = c.head_dim(), images = qkv.rows() / tokens, each = c.attention_floats();
    for (std::size_t r = 0; r < qkv.rows(); ++r) apply<relu>(qkv.row(r).first(2 * std::size_t{c.dim}));
    for (std::size_t image = 0; image < images; ++image)
        for (std::size_t head = 0; head < c.heads; ++head) {
            const auto [query, key, value] = head_of(qkv, c, image, head);
            const auto s = linear_attention_state::in(c, states.subspan((image * c.heads + head) * each, each));
            const auto out = context.block(image * tokens, head * width, tokens, width);
            gemm(transposed(key), value, s.key_value);
            std::fill(s.key_sum.begin(), s.key_sum.end(), 0.0f);
            for (std::size_t t = 0; t < tokens; ++t)
                for (std::size_t j = 0; j < width; ++j) s.key_sum[j] += key(t, j);
            gemm(query, s.key_value, out);
            for (std::size_t t = 0; t < tokens; ++t) {
                float divisor = epsilon;
                for (std::size_t j = 0; j < width; ++j) divisor += query(t, j) * s.key_sum[j];
                s.inverse_divisor[t] = 1 / divisor;
                for (float& x : out.row(t)) x *= s.inverse_divisor[t];
            }
        }
}

/// Attention of the kind that the config says. Reads @p qkv (relu_linear replaces queries and keys by their relu) and writes
/// the rest; of softmax the first @p queries tokens of each image, of relu_linear all.
inline void attention(const vit_config& c, matrix_view<float> qkv, std::span<float> kept, matrix_view<float> context,
                      std::size_t queries) {
    if (c.attention == attention_kind::softmax)
        softmax_attention(c, qkv, kept, context, queries);
    else
        linear_attention(c, qkv, kept, context);
}
inline void attention(const vit_config& c, matrix_view<float> qkv, std::span<float> kept, matrix_view<float> context) {
    attention(c, qkv, kept, context, c.tokens());
}

} // namespace LUTRA_ISA
} // namespace lutra
