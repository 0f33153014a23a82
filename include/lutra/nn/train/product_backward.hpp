// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: train there and run the model with lutra/nn on firmware."
#endif

#include <lutra/multiplier/product_slopes.hpp>
#include <lutra/nn/int8_linear.hpp>
#include <lutra/nn/train/backward.hpp>
#include <lutra/nn/train/quantized_forward.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

/// @file
/// The backward pass of int8 layers under any multiplier. A sum of f(a, w) has the gradient sum dy df/da(a, w) by an
/// activation; with the slope as terms own(a) other(w), that is a float product of dy and other(W) a term, times own(A).

namespace lutra {
inline namespace LUTRA_ISA {

namespace kernel {

/// out(r, j) = map[q(r, j)] * scale(r), or q(r, j) * scale(r) without a map.
template <class Scale>
void map_operand(matrix_view<const std::int8_t> q, std::span<const float> map, Scale&& scale, matrix_view<float> out) {
    for (std::size_t r = 0; r < q.rows(); ++r) {
        const std::int8_t* const from = q.row(r).data();
        float* const to = out.row(r).data();
        const float s = scale(r);
        if (map.empty())
            for (std::size_t j = 0; j < q.cols(); ++j) to[j] = static_cast<float>(from[j]) * s;
        else
            for (std::size_t j = 0; j < q.cols(); ++j) to[j] = map[static_cast<std::uint8_t>(from[j])] * s;
    }
}

/// d = (or +=) the sum over the terms of @p s of own_t(x) * product_t, element by element, where `product(map, to,
/// accumulate)` computes the float product with the other operand under a map. @p memory: as many floats as @p d.
template <class Product>
void add_terms(const slope_terms& s, matrix_view<const std::int8_t> x, matrix_view<float> d, bool accumulate,
               std::span<float> memory, Product&& product) {
    for (std::size_t t = 0; t < s.rank; ++t) {
        const auto other = s.other.empty() ? s.other : s.other.subspan(256 * t, 256);
        if (s.own.empty()) {
            product(other, d, accumulate || t > 0);
            continue;
        }
        const matrix_view<float> one{memory.data(), d.rows(), d.cols()};
        product(other, one, false);
        const float* const own = s.own.data() + 256 * t;
        for (std::size_t r = 0; r < d.rows(); ++r) {
            const std::int8_t* const q = x.row(r).data();
            const float* const from = one.row(r).data();
            float* const to = d.row(r).data();
            const bool add = accumulate || t > 0;
            for (std::size_t j = 0; j < d.cols(); ++j)
                to[j] = (add ? to[j] : 0.0f) + own[static_cast<std::uint8_t>(q[j])] * from[j];
        }
    }
}

/// d *= 1 where @p real is in the range of int8 at @p scale, else 0.
inline void mask_range(std::span<float> d, std::span<const float> real, float scale) {
    const inside_range inside{scale};
    for_each_register(d.size(), [&](std::size_t i, std::size_t n) {
        store_some(d.data() + i, load_some(d.data() + i, n) * inside(load_some(real.data() + i, n)), n);
    });
}
inline void mask_range(std::span<float> d, std::span<const std::uint8_t> inside) {
    for (std::size_t i = 0; i < d.size(); ++i) d[i] *= static_cast<float>(inside[i]);
}

} // namespace kernel

/// Memory of product_backward: a mapped operand, and a product before it meets its factor.
struct product_gradients {
    std::span<float> mapped, product;
};

/// Backward of an int8 linear layer, whose input @p x had the scale @p x_scale: the gradients of its float weights and bias
/// grow; @p dx, where it has memory, becomes the gradient of the real input, as if quantisation were the identity.
LUTRA_INLINE void linear_backward(matrix_view<const std::int8_t> x, float x_scale, const int8_linear& layer,
                                  const product_slopes& slopes, matrix_view<const float> dy,
                                  const linear_parameters<float>& gradient, const product_gradients& memory,
                                  matrix_view<float> dx = {}) {
    const matrix_view<const std::int8_t> weight = layer.weight;
    kernel::add_terms(slopes.rhs, weight, gradient.weight, true, memory.product,
                      [&](std::span<const float> map, matrix_view<float> to, bool accumulate) {
                          const matrix_view<float> mapped{memory.mapped.data(), x.rows(), x.cols()};
                          kernel::map_operand(
                              x, map, [&](std::size_t) { return x_scale; }, mapped);
                          gemm(transposed(dy), mapped, to, {.accumulate = accumulate});
                      });
    add_row_sum(dy, gradient.bias);
    if (dx.data() == nullptr) return;
    kernel::add_terms(slopes.lhs, x, dx, false, memory.product,
                      [&](std::span<const float> map, matrix_view<float> to, bool accumulate) {
                          const matrix_view<float> mapped{memory.mapped.data(), weight.rows(), weight.cols()};
                          kernel::map_operand(
                              weight, map, [&](std::size_t o) { return layer.sum_scale[o] / x_scale; }, mapped);
                          gemm(dy, mapped, to, {.accumulate = accumulate});
                      });
}

/// Backward of quantized_attention: @p dqkv from @p dcontext, both of real values. @p dattention: the gradient of the class
/// token's probabilities, summed over the heads, one a row; or empty. @p scores: tokens x tokens floats.
LUTRA_INLINE void quantized_attention_backward(const vit_config& c, const activation_scales<const float>& scales,
                                               std::size_t i, const product_slopes& slopes, const quantized_activations& a,
                                               matrix_view<const float> dcontext, std::span<const float> dattention,
                                               matrix_view<float> dqkv, std::span<float> scores,
                                               const product_gradients& memory) {
    const std::size_t width = c.head_dim();
    const float divisor = std::sqrt(static_cast<float>(width));
    const auto scale = [&](block_tensor t) { return scales.block(i, t); };
    const auto mapped = [&](matrix_view<const std::int8_t> q, std::span<const float> map, float by) {
        const matrix_view<float> out{memory.mapped.data(), q.rows(), q.cols()};
        kernel::map_operand(
            q, map, [by](std::size_t) { return by; }, out);
        return out;
    };
    const auto add = [&](const slope_terms& s, matrix_view<const std::int8_t> x, matrix_view<float> d, auto&& product) {
        kernel::add_terms(s, x, d, false, memory.product,
                          [&](std::span<const float> map, matrix_view<float> to, bool accumulate) {
                              product(map, to, float_epilogue{.accumulate = accumulate});
                          });
    };
    for (std::size_t image = 0; image < a.tokens.images(); ++image) {
        const row_range all = a.tokens[image];
        const matrix_view<float> ds{scores.data(), all.count, all.count};
        for (std::size_t head = 0; head < c.heads; ++head) {
            const auto [query, key, value] = head_of(a.qkv, c, all, head);
            const auto [dquery, dkey, dvalue] = head_of(dqkv, c, all, head);
            const auto p = a.head_of(a.attended, c, image, head);
            const matrix_view<const std::int8_t> p8 = a.head_of(a.probabilities, c, image, head);
            const matrix_view<const float> d = dcontext.block(all.first, head * width, all.count, width);
            add(slopes.rhs, value, dvalue, [&](std::span<const float> map, matrix_view<float> to, float_epilogue e) {
                gemm(transposed(mapped(p8, map, 1.0f / 127)), d, to, e);
            });
            add(slopes.lhs, p8, ds, [&, v = value](std::span<const float> map, matrix_view<float> to, float_epilogue e) {
                gemm(d, transposed(mapped(v, map, scale(block_tensor::value))), to, e);
            });
            for (std::size_t t = 0; t < (dattention.empty() ? 0 : all.count); ++t) ds(0, t) += dattention[all.first + t];
            for (std::size_t t = 0; t < all.count; ++t)
                softmax_backward(p.row(t), dot_product(p.row(t), ds.row(t)), ds.row(t));
            add(slopes.lhs, query, dquery,
                [&, k = key](std::span<const float> map, matrix_view<float> to, float_epilogue e) {
                    gemm(ds, mapped(k, map, scale(block_tensor::key) / divisor), to, e);
                });
            add(slopes.rhs, key, dkey, [&, q = query](std::span<const float> map, matrix_view<float> to, float_epilogue e) {
                gemm(transposed(ds), mapped(q, map, scale(block_tensor::query) / divisor), to, e);
            });
        }
    }
}

/// Scratch of `backward`: gradients of one block's activations.
struct quantized_block_gradients {
    matrix_view<float> rows_dim; ///< rows x dim
    matrix_view<float> rows_qkv; ///< rows x 3 dim
    matrix_view<float> rows_mlp; ///< rows x mlp
    std::span<float> scores;     ///< tokens x tokens
    product_gradients products;

    /// The first @p rows rows of each.
    [[nodiscard]] quantized_block_gradients first(std::size_t rows) const {
        quantized_block_gradients g = *this;
        for (matrix_view<float>* m : {&g.rows_dim, &g.rows_qkv, &g.rows_mlp}) *m = m->block(0, 0, rows, m->cols());
        return g;
    }
    [[nodiscard]] static quantized_block_gradients take(const vit_config& c, std::size_t images, arena& memory) {
        const std::size_t rows = images * c.tokens(), d = c.dim;
        const std::size_t inputs = std::max(
            {rows * std::max<std::size_t>(d, c.mlp), images * c.patches() * c.patch_size(), c.tokens() * c.tokens()});
        const std::size_t weights = std::max({3 * d, c.patch_size(), std::size_t{c.mlp}, std::size_t{c.classes}}) * d;
        quantized_block_gradients g;
        g.rows_dim = detail::take_matrix<float>(memory, rows, d);
        g.rows_qkv = detail::take_matrix<float>(memory, rows, 3 * d);
        g.rows_mlp = detail::take_matrix<float>(memory, rows, c.mlp);
        g.scores = memory.take<float>(c.tokens() * c.tokens());
        g.products.mapped = memory.take<float>(std::max(inputs, weights));
        g.products.product = memory.take<float>(std::max(inputs, weights));
        return g;
    }
};

/// Backward of feed_forward of an int8 block: @p d (rows x dim) holds the gradient of `output` and receives that of
/// `middle`. Quantisations are the identity within +-127 scale, and pass nothing beyond.
LUTRA_INLINE void feed_forward_backward(const block_parameters<const float>& p, const int8_block& layer,
                                        const activation_scales<const float>& scales, std::size_t i,
                                        const product_slopes& slopes, const quantized_activations& a,
                                        const block_parameters<float>& gradient, matrix_view<float> d,
                                        const quantized_block_gradients& scratch) {
    const auto scale = [&](block_tensor t) { return scales.block(i, t); };
    linear_backward(a.hidden, scale(block_tensor::hidden), layer.fc2, slopes, d, gradient.fc2, scratch.products,
                    scratch.rows_mlp);
    multiply_by_slope(a.slope, scratch.rows_mlp);
    linear_backward(a.normed2, scale(block_tensor::normed2), layer.fc1, slopes, scratch.rows_mlp, gradient.fc1,
                    scratch.products, scratch.rows_dim);
    kernel::mask_range(detail::elements_of(scratch.rows_dim), detail::elements_of(a.real2), scale(block_tensor::normed2));
    layer_norm_backward(a.middle, p.norm2, a.statistics2, scratch.rows_dim, gradient.norm2, d);
}

/// Backward of attend of an int8 block: @p d holds the gradient of `middle` and receives that of `input`. @p dattention as
/// for quantized_attention_backward.
LUTRA_INLINE void attend_backward(const vit_config& c, const block_parameters<const float>& p, const int8_block& layer,
                                  const activation_scales<const float>& scales, std::size_t i, const layer_slopes& slopes,
                                  const quantized_activations& a, std::span<const float> dattention,
                                  const block_parameters<float>& gradient, matrix_view<float> d,
                                  const quantized_block_gradients& scratch) {
    const auto scale = [&](block_tensor t) { return scales.block(i, t); };
    linear_backward(a.context, scale(block_tensor::context), layer.proj, slopes.linear, d, gradient.proj, scratch.products,
                    scratch.rows_dim);
    kernel::mask_range(detail::elements_of(scratch.rows_dim), detail::elements_of(a.context_inside));
    quantized_attention_backward(c, scales, i, slopes.attention, a, scratch.rows_dim, dattention, scratch.rows_qkv,
                                 scratch.scores, scratch.products);
    kernel::mask_range(detail::elements_of(scratch.rows_qkv), detail::elements_of(a.qkv_inside));
    linear_backward(a.normed1, scale(block_tensor::normed1), layer.qkv, slopes.linear, scratch.rows_qkv, gradient.qkv,
                    scratch.products, scratch.rows_dim);
    kernel::mask_range(detail::elements_of(scratch.rows_dim), detail::elements_of(a.real1), scale(block_tensor::normed1));
    layer_norm_backward(a.input, p.norm1, a.statistics1, scratch.rows_dim, gradient.norm1, d);
}

} // namespace LUTRA_ISA
} // namespace lutra
