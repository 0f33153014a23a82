// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: train there and run the model with lutra/nn on firmware."
#endif

#include <lutra/core/arena.hpp>
#include <lutra/nn/float_block.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

/// @file
/// The backward pass of each layer in float. Every function adds to the parameters' gradients; gradients of
/// activations are overwritten unless the text says otherwise.

namespace lutra {
inline namespace LUTRA_ISA {

/// bias_gradient += the sum of the rows of @p dy, which has as many columns.
inline void add_row_sum(matrix_view<const float> dy, std::span<float> bias_gradient) {
    for (std::size_t r = 0; r < dy.rows(); ++r)
        for_each_register(dy.cols(), [&, row = dy.data() + r * dy.stride()](std::size_t i, std::size_t n) {
            store_some(bias_gradient.data() + i, load_some(bias_gradient.data() + i, n) + load_some(row + i, n), n);
        });
}

/// Backward of y = x W^T + bias: the gradients of W and bias grow by dy^T x and the column sums of dy;
/// @p dx, where it has memory, becomes dy W. @p packed, where given, is W packed before.
inline void linear_backward(matrix_view<const float> x, const linear_parameters<const float>& p, matrix_view<const float> dy,
                            const linear_parameters<float>& gradient, matrix_view<float> dx = {},
                            packed_float_b packed = {}) {
    gemm(transposed(dy), x, gradient.weight, {.accumulate = true});
    add_row_sum(dy, gradient.bias);
    if (dx.data() == nullptr) return;
    if (packed.data != nullptr)
        gemm(dy, packed, dx);
    else
        gemm(dy, p.weight, dx);
}

/// Backward of layer norm of one row, whose input was @p x: adds to both gradients and to @p dx.
inline void layer_norm_backward(std::span<const float> x, std::span<const float> weight, row_statistics s,
                                std::span<const float> dy, std::span<float> weight_gradient, std::span<float> bias_gradient,
                                std::span<float> dx) {
    const float_batch mean = broadcast(s.mean), inverse = broadcast(s.inverse_deviation);
    float_batch sum_d = broadcast(0.0f), sum_dx = broadcast(0.0f);
    for_each_register(x.size(), [&](std::size_t i, std::size_t n) {
        const float_batch g = load_some(dy.data() + i, n);
        const float_batch normed = (load_some(x.data() + i, n, s.mean) - mean) * inverse;
        const float_batch d = g * load_some(weight.data() + i, n);
        sum_d = sum_d + d;
        sum_dx = multiply_add(d, normed, sum_dx);
        store_some(weight_gradient.data() + i, multiply_add(g, normed, load_some(weight_gradient.data() + i, n)), n);
        store_some(bias_gradient.data() + i, load_some(bias_gradient.data() + i, n) + g, n);
    });
    const auto count = static_cast<float>(x.size());
    const float_batch mean_d = broadcast(sum_of(sum_d) / count), mean_dx = broadcast(sum_of(sum_dx) / count);
    for_each_register(x.size(), [&](std::size_t i, std::size_t n) {
        const float_batch normed = (load_some(x.data() + i, n) - mean) * inverse;
        const float_batch d = load_some(dy.data() + i, n) * load_some(weight.data() + i, n);
        store_some(dx.data() + i, multiply_add(d - mean_d - normed * mean_dx, inverse, load_some(dx.data() + i, n)), n);
    });
}

/// Backward of layer norm of each row, with the statistics that the forward pass kept: adds to @p dx.
inline void layer_norm_backward(matrix_view<const float> x, const layer_norm_parameters<const float>& p,
                                std::span<const float> statistics, matrix_view<const float> dy,
                                const layer_norm_parameters<float>& gradient, matrix_view<float> dx) {
    for (std::size_t r = 0; r < x.rows(); ++r)
        layer_norm_backward(x.row(r), p.weight, {statistics[2 * r], statistics[2 * r + 1]}, dy.row(r), gradient.weight,
                            gradient.bias, dx.row(r));
}

/// Backward of softmax of one row, in place: dp becomes ds = p (dp - @p mean), where mean is the sum of p dp.
inline void softmax_backward(std::span<const float> p, float mean, std::span<float> dp) {
    const float_batch m = broadcast(mean);
    for_each_register(p.size(), [&](std::size_t i, std::size_t n) {
        store_some(dp.data() + i, load_some(p.data() + i, n) * (load_some(dp.data() + i, n) - m), n);
    });
}

/// The sum of the products of two rows of one length.
inline float dot_product(std::span<const float> a, std::span<const float> b) {
    float_batch sum = broadcast(0.0f);
    for_each_register(a.size(), [&](std::size_t i, std::size_t n) {
        sum = multiply_add(load_some(a.data() + i, n), load_some(b.data() + i, n), sum);
    });
    return sum_of(sum);
}

/// Floats of scratch that attention_backward needs.
[[nodiscard]] constexpr std::size_t attention_gradient_floats(const vit_config& c) noexcept {
    const std::size_t tokens = c.tokens(), width = c.head_dim();
    return c.attention == attention_kind::softmax ? tokens * detail::round_up(tokens, float_lanes)
                                                  : (tokens + width + 1) * width + tokens;
}

/// What the backward pass of one head of one image reads, and the first of its results.
struct head_gradients {
    matrix_view<float> p;            ///< queries that ask x keys: probabilities, as forward left them
    matrix_view<const float> out, d; ///< queries that ask x head_dim: the context and its gradient
    matrix_view<float> value, dvalue;
};

/// Backward of softmax attention, whatever stands between a head's scores and its context: `dscores(head_gradients)` sets
/// dvalue and returns the gradient of the scores, of the shape of p. The rest as for softmax_attention_backward.
template <class DScores>
void softmax_heads_backward(const vit_config& c, const token_rows& rows, matrix_view<float> qkv,
                            std::span<float> probabilities, matrix_view<const float> context,
                            matrix_view<const float> dcontext, matrix_view<float> dqkv, bool prefix_only,
                            DScores&& dscores) {
    const std::size_t width = c.head_dim();
    const float scale = 1.0f / std::sqrt(static_cast<float>(width));
    for (std::size_t image = 0; image < rows.images(); ++image)
        for (std::size_t head = 0; head < c.heads; ++head) {
            const row_range all = rows[image];
            const row_range asking = token_attention<float>{.prefix_only = prefix_only}.context_rows(c, image, all);
            const auto [query, key, value] = head_of(qkv, c, all, head);
            const auto [dquery, dkey, dvalue] = head_of(dqkv, c, all, head);
            const matrix_view<float> ds =
                dscores(head_gradients{probabilities_of(c, probabilities, image, head, asking.count, all.count),
                                       context.block(asking.first, head * width, asking.count, width),
                                       dcontext.block(asking.first, head * width, asking.count, width), value, dvalue});
            gemm(ds, key, dquery.block(0, 0, asking.count, width), {.scale = scale});
            for (std::size_t t = asking.count; t < all.count; ++t) std::fill_n(dquery.row(t).data(), width, 0.0f);
            gemm(transposed(ds), query.block(0, 0, asking.count, width), dkey, {.scale = scale});
        }
}

/// Backward of softmax_attention: @p dqkv from @p dcontext and its own output @p context, which have the rows that
/// `token_attention::context_rows` says. The sum of p dp over a row is that of context dcontext, which is shorter (Dao and
/// others, 2022).
LUTRA_INLINE void softmax_attention_backward(const vit_config& c, const token_rows& rows, matrix_view<float> qkv,
                                             std::span<float> probabilities, matrix_view<const float> context,
                                             matrix_view<const float> dcontext, matrix_view<float> dqkv,
                                             std::span<float> scratch, bool prefix_only) {
    softmax_heads_backward(
        c, rows, qkv, probabilities, context, dcontext, dqkv, prefix_only,
        [&](const head_gradients& h) -> matrix_view<float> {
            const std::size_t queries = h.p.rows(), keys = h.p.cols();
            const matrix_view<float> ds{scratch.data(), queries, keys, detail::round_up(keys, float_lanes)};
            gemm(transposed(h.p), h.d, h.dvalue);
            gemm(h.d, transposed(h.value), ds);
            for (std::size_t t = 0; t < queries; ++t)
                softmax_backward(h.p.row(t), dot_product(h.out.row(t), h.d.row(t)), ds.row(t));
            return ds;
        });
}

/// Backward of linear_attention, which left relu(Q) and relu(K) in @p qkv: @p dqkv from @p dcontext and its own output,
/// whose rows are as for softmax_attention_backward.
LUTRA_INLINE void linear_attention_backward(const vit_config& c, const token_rows& rows, matrix_view<const float> qkv,
                                            std::span<float> states, matrix_view<const float> context,
                                            matrix_view<const float> dcontext, matrix_view<float> dqkv,
                                            std::span<float> scratch, bool prefix_only) {
    const std::size_t width = c.head_dim(), each = c.attention_floats();
    // row = (row + factor * other), where `from` was not cut off by relu
    const auto add_and_mask = [&](std::span<float> row, float factor, const float* other, const float* from) {
        for_each_register(width, [&](std::size_t i, std::size_t n) {
            const float_batch sum = multiply_add(broadcast(factor), load_some(other + i, n), load_some(row.data() + i, n));
            store_some(row.data() + i, sum * relu::with_slope(load_some(from + i, n)).slope, n);
        });
    };
    for (std::size_t image = 0; image < rows.images(); ++image)
        for (std::size_t head = 0; head < c.heads; ++head) {
            const row_range all = rows[image];
            const row_range asking = token_attention<float>{.prefix_only = prefix_only}.context_rows(c, image, all);
            const matrix_view<float> dsum{scratch.data(), asking.count, width}; // of weighted sums before the division
            const matrix_view<float> dkey_value{dsum.data() + asking.count * width, width, width};
            const matrix_view<float> dkey_sum{dkey_value.data() + width * width, 1, width};
            const matrix_view<float> ddivisor{dkey_sum.data() + width, 1, asking.count};
            const auto [every_query, key, value] = head_of(qkv, c, all, head);
            const auto [every_dquery, dkey, dvalue] = head_of(dqkv, c, all, head);
            const auto query = every_query.block(0, 0, asking.count, width);
            const auto dquery = every_dquery.block(0, 0, asking.count, width);
            const auto s = linear_attention_state::in(c, states.subspan((image * c.heads + head) * each, each));
            for (std::size_t t = 0; t < asking.count; ++t) {
                const std::size_t row = asking.first + t, first = head * width;
                float dot = 0;
                for (std::size_t j = 0; j < width; ++j) {
                    dsum(t, j) = dcontext(row, first + j) * s.inverse_divisor[t];
                    dot += dsum(t, j) * context(row, first + j);
                }
                ddivisor(0, t) = -dot;
            }
            gemm(transposed(query), dsum, dkey_value);
            gemm(ddivisor, query, dkey_sum);
            gemm(dsum, transposed(s.key_value), dquery);
            gemm(value, transposed(dkey_value), dkey);
            gemm(key, dkey_value, dvalue);
            for (std::size_t t = 0; t < all.count; ++t) {
                if (t < asking.count)
                    add_and_mask(dquery.row(t), ddivisor(0, t), s.key_sum.data(), query.row(t).data());
                else
                    std::fill_n(every_dquery.row(t).data(), width, 0.0f);
                add_and_mask(dkey.row(t), 1, dkey_sum.data(), key.row(t).data());
            }
        }
}

/// Backward of attention: @p dqkv from @p dcontext, shapes as in block_activations, attention_gradient_floats of @p scratch.
/// @p prefix_only: the context was that of the prefix tokens only (token_attention).
inline void attention_backward(const vit_config& c, const block_activations& a, matrix_view<const float> dcontext,
                               matrix_view<float> dqkv, std::span<float> scratch, bool prefix_only = false) {
    if (c.attention == attention_kind::softmax)
        softmax_attention_backward(c, a.tokens, a.qkv, a.probabilities, a.context, dcontext, dqkv, scratch, prefix_only);
    else
        linear_attention_backward(c, a.tokens, a.qkv, a.probabilities, a.context, dcontext, dqkv, scratch, prefix_only);
}

/// Scratch of `backward`: gradients of one block's activations.
struct block_gradients {
    matrix_view<float> rows_dim; ///< rows x dim
    matrix_view<float> rows_qkv; ///< rows x 3 dim
    matrix_view<float> rows_mlp; ///< rows x mlp
    std::span<float> attention;  ///< attention_gradient_floats

    /// The first @p rows rows of each.
    [[nodiscard]] block_gradients first(std::size_t rows) const {
        const auto cut = [&](matrix_view<float> m) { return m.block(0, 0, rows, m.cols()); };
        return {cut(rows_dim), cut(rows_qkv), cut(rows_mlp), attention};
    }
};

/// Backward of an activation function, in place: @p d becomes d @p slope, dense and of one shape.
inline void multiply_by_slope(matrix_view<const float> slope, matrix_view<float> d) {
    for_each_register(d.rows() * d.cols(), [g = d.data(), s = slope.data()](std::size_t i, std::size_t n) {
        store_some(g + i, load_some(g + i, n) * load_some(s + i, n), n);
    });
}

/// Backward of feed_forward, which kept everything in @p a: @p d (rows x dim) holds the gradient of `output` and receives
/// that of `middle`. @p packed, where given, are the W packed before.
LUTRA_INLINE void feed_forward_backward(const block_parameters<const float>& p, const block_activations& a,
                                        const block_parameters<float>& gradient, matrix_view<float> d,
                                        const block_gradients& scratch, const packed_block& packed = {}) {
    linear_backward(a.hidden, p.fc2, d, gradient.fc2, scratch.rows_mlp, packed.fc2);
    multiply_by_slope(a.slope, scratch.rows_mlp);
    linear_backward(a.normed2, p.fc1, scratch.rows_mlp, gradient.fc1, scratch.rows_dim, packed.fc1);
    layer_norm_backward(a.middle, p.norm2, a.statistics2, scratch.rows_dim, gradient.norm2, d);
}

/// Backward of attend and project: @p d holds the gradient of `middle` and receives that of `input`. `add_to_qkv` may add to
/// the gradient of queries, keys and values, rows x 3 dim. @p packed as above.
template <class AddToQkv>
void attend_backward(const vit_config& c, const block_parameters<const float>& p, const block_activations& a,
                     const block_parameters<float>& gradient, matrix_view<float> d, const block_gradients& scratch,
                     AddToQkv&& add_to_qkv, const packed_block& packed = {}) {
    linear_backward(a.context, p.proj, d, gradient.proj, scratch.rows_dim, packed.proj);
    attention_backward(c, a, scratch.rows_dim, scratch.rows_qkv, scratch.attention);
    add_to_qkv(scratch.rows_qkv);
    linear_backward(a.normed1, p.qkv, scratch.rows_qkv, gradient.qkv, scratch.rows_dim, packed.qkv);
    layer_norm_backward(a.input, p.norm1, a.statistics1, scratch.rows_dim, gradient.norm1, d);
}

/// Backward of one block, whose forward pass kept everything in @p a: @p d (rows x dim) holds the gradient of its output
/// and receives the gradient of its input. @p packed as above.
inline void backward(const vit_config& c, const block_parameters<const float>& p, const block_activations& a,
                     const block_parameters<float>& gradient, matrix_view<float> d, const block_gradients& scratch,
                     const packed_block& packed = {}) {
    feed_forward_backward(p, a, gradient, d, scratch, packed);
    attend_backward(
        c, p, a, gradient, d, scratch, [](matrix_view<float>) {}, packed);
}

/// What the heads keep of a forward pass, and their gradients.
struct head_activations {
    matrix_view<float> normed, dnormed; ///< (images * prefix tokens) x dim
    std::span<float> statistics;        ///< a pair a row of normed
    matrix_view<float> logits, dlogits; ///< images x classes

    [[nodiscard]] static head_activations take(const vit_config& c, std::size_t images, arena& memory) {
        const std::size_t rows = images * c.prefix_tokens();
        const auto matrix = [&](std::size_t r, std::size_t n) { return detail::take_matrix<float>(memory, r, n); };
        head_activations h;
        h.normed = matrix(rows, c.dim);
        h.dnormed = matrix(rows, c.dim);
        h.statistics = memory.take<float>(2 * rows);
        h.logits = matrix(images, c.classes);
        h.dlogits = matrix(images, c.classes);
        return h;
    }
};

/// Backward of classify, which read the tokens @p x with the rows @p rows: @p dx, of the shape of @p x, from dlogits, which
/// it overwrites where the network is distilled.
LUTRA_INLINE void head_backward(const vit_parameters<const float>& p, const head_activations& h, const token_rows& rows,
                                matrix_view<const float> x, const vit_parameters<float>& gradient, matrix_view<float> dx) {
    const vit_config& c = p.config();
    const std::size_t prefix = c.prefix_tokens(), d = c.dim;
    std::fill_n(dx.data(), dx.rows() * d, 0.0f);
    if (c.distilled)
        for (float& v : detail::elements_of(h.dlogits)) v *= 0.5f;
    for (std::size_t which = 0; which < prefix; ++which) {
        const auto part = [&](matrix_view<float> m) {
            return matrix_view<float>{m.data() + which * d, h.logits.rows(), d, prefix * d};
        };
        linear_backward(part(h.normed), which == 0 ? p.head : p.head_dist, h.dlogits,
                        which == 0 ? gradient.head : gradient.head_dist, part(h.dnormed));
    }
    for (std::size_t r = 0; r < h.dnormed.rows(); ++r) {
        const std::size_t row = rows[r / prefix].first + r % prefix;
        layer_norm_backward(x.row(row), p.norm.weight, {h.statistics[2 * r], h.statistics[2 * r + 1]}, h.dnormed.row(r),
                            gradient.norm.weight, gradient.norm.bias, dx.row(row));
    }
}

/// Backward of embed: the gradients of tokens, positions and the patch embedding from @p dx, (images * tokens) x dim.
LUTRA_INLINE void embed_backward(const vit_parameters<const float>& p, matrix_view<const float> patches,
                                 matrix_view<const float> dx, const vit_parameters<float>& gradient) {
    const vit_config& c = p.config();
    const std::size_t tokens = c.tokens(), prefix = c.prefix_tokens(), d = c.dim;
    for (std::size_t image = 0; image < dx.rows() / tokens; ++image) {
        const auto dtokens = dx.block(image * tokens, 0, tokens, d);
        add_row_sum(dtokens.block(0, 0, 1, d), gradient.cls_token);
        if (c.distilled) add_row_sum(dtokens.block(1, 0, 1, d), gradient.dist_token);
        add_row_sum({dtokens.data(), 1, tokens * d}, {gradient.pos_embed.data(), tokens * d});
        linear_backward(patches.block(image * c.patches(), 0, c.patches(), c.patch_size()), p.patch_embed,
                        dtokens.block(prefix, 0, c.patches(), d), gradient.patch_embed);
    }
}

/// `forward` of the last block, of which the head reads the prefix tokens only: attention answers those, and what follows
/// runs on them. Returns the buffers of what follows, images * prefix tokens rows of @p a, whose `middle` lies apart from
/// `input`.
template <float_activation Activation>
block_activations forward_last(const vit_config& c, const block_parameters<const float>& p, const block_activations& a,
                               const packed_block& packed = {}) {
    const std::size_t images = a.tokens.images(), prefix = c.prefix_tokens();
    const block_activations after = a.with_tokens({images, prefix});
    attend(c, p, a, packed, {.prefix_only = true});
    for (std::size_t r = 0; r < images * prefix; ++r)
        std::copy_n(a.input.row(a.tokens[r / prefix].first + r % prefix).data(), c.dim, after.middle.row(r).data());
    linear(after.context, p.proj, after.middle, after.middle, packed.proj);
    feed_forward<Activation>(c, p, after, packed);
    return after;
}

/// Moves the first rows of @p d, those of the prefix tokens, image by image, to where @p rows says; 0 elsewhere.
inline void spread_prefix(const token_rows& rows, std::size_t prefix, matrix_view<float> d) {
    for (std::size_t image = rows.images(); image-- > 0;) { // from behind: nothing is overwritten that is still to move
        const auto [first, tokens] = rows[image];
        for (std::size_t t = tokens; t-- > 0;) {
            if (t >= prefix)
                std::fill_n(d.row(first + t).data(), d.cols(), 0.0f);
            else if (image > 0)
                std::copy_n(d.row(image * prefix + t).data(), d.cols(), d.row(first + t).data());
        }
    }
}

/// Backward of forward_last: the first images * prefix tokens rows of @p d (rows x dim) hold the gradient of its output;
/// @p d receives the gradient of its input.
LUTRA_INLINE void backward_last(const vit_config& c, const block_parameters<const float>& p, const block_activations& a,
                                const block_parameters<float>& gradient, matrix_view<float> d,
                                const block_gradients& scratch, const packed_block& packed = {}) {
    const std::size_t images = a.tokens.images(), prefix = c.prefix_tokens(), count = images * prefix;
    const block_activations after = a.with_tokens({images, prefix});
    const matrix_view<float> dafter = d.block(0, 0, count, c.dim);
    const block_gradients some = scratch.first(count);
    feed_forward_backward(p, after, gradient, dafter, some, packed);
    linear_backward(after.context, p.proj, dafter, gradient.proj, some.rows_dim, packed.proj);
    attention_backward(c, a, some.rows_dim, scratch.rows_qkv, scratch.attention, true);
    linear_backward(a.normed1, p.qkv, scratch.rows_qkv, gradient.qkv, scratch.rows_dim, packed.qkv);
    spread_prefix(a.tokens, prefix, d);
    layer_norm_backward(a.input, p.norm1, a.statistics1, scratch.rows_dim, gradient.norm1, d);
}

} // namespace LUTRA_ISA
} // namespace lutra
