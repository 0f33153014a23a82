// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: train there and run the model with lutra/nn on firmware."
#endif

#include <lutra/core/arena.hpp>
#include <lutra/nn/float_block.hpp>
#include <lutra/nn/int8_layers.hpp>
#include <lutra/nonlinear/quantized_functions.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

/// @file
/// The forward pass of int8_vit that keeps what a backward pass needs: the same kernels and the same integers.

namespace lutra {

/// What one block of an int8 network keeps for its backward pass, dense; rows = images x tokens.
struct quantized_activations {
    token_rows tokens;                         ///< whose rows they are
    matrix_view<float> input, middle, output;  ///< rows x dim: the residual stream
    matrix_view<float> real1, real2;           ///< rows x dim: the layer norms' outputs, not yet quantised
    std::span<float> statistics1, statistics2; ///< rows x 2: mean, 1 / deviation
    matrix_view<float> slope;                  ///< rows x mlp: of the activation, 0 where its value is clipped
    std::span<float> attended; ///< a matrix of tokens x tokens for each image and head (head_of): softmax's output
    matrix_view<std::int8_t> normed1, normed2, context;   ///< rows x dim
    matrix_view<std::int8_t> qkv;                         ///< rows x 3 dim
    matrix_view<std::int8_t> hidden;                      ///< rows x mlp
    std::span<std::int8_t> probabilities;                 ///< as attended
    matrix_view<std::uint8_t> qkv_inside, context_inside; ///< 1 where the value is in the range of its scale, else 0
    std::span<float> qkv_limits, context_limits;          ///< of sums: the largest magnitude that is, a column

    /// Takes them from @p memory; @p input is the output of the block before.
    [[nodiscard]] static quantized_activations take(const vit_config& c, std::size_t images, matrix_view<float> input,
                                                    arena& memory) {
        const std::size_t tokens = c.tokens(), rows = images * tokens, d = c.dim,
                          scores = images * c.heads * tokens * tokens;
        const auto floats = [&](std::size_t n) { return detail::take_matrix<float>(memory, rows, n); };
        const auto bytes = [&](std::size_t n) { return detail::take_matrix<std::int8_t>(memory, rows, n); };
        const auto marks = [&](std::size_t n) { return detail::take_matrix<std::uint8_t>(memory, rows, n); };
        quantized_activations a;
        a.tokens = {images, tokens};
        a.input = input;
        a.middle = floats(d);
        a.output = floats(d);
        a.real1 = floats(d);
        a.real2 = floats(d);
        a.statistics1 = memory.take<float>(2 * rows);
        a.statistics2 = memory.take<float>(2 * rows);
        a.slope = floats(c.mlp);
        a.attended = memory.take<float>(scores);
        a.normed1 = bytes(d);
        a.normed2 = bytes(d);
        a.context = bytes(d);
        a.qkv = bytes(3 * d);
        a.hidden = bytes(c.mlp);
        a.probabilities = memory.take<std::int8_t>(scores);
        a.qkv_inside = marks(3 * d);
        a.context_inside = marks(d);
        a.qkv_limits = memory.take<float>(3 * d);
        a.context_limits = memory.take<float>(c.head_dim());
        return a;
    }
    /// The first rows of each matrix: as many as @p rows says, whose they are.
    [[nodiscard]] quantized_activations with_tokens(const token_rows& rows) const {
        quantized_activations a = *this;
        a.tokens = rows;
        const auto cut = [&](auto&... m) { ((m = m.block(0, 0, rows.rows(), m.cols())), ...); };
        cut(a.input, a.middle, a.output, a.real1, a.real2, a.slope);
        cut(a.normed1, a.normed2, a.context, a.qkv, a.hidden, a.qkv_inside, a.context_inside);
        return a;
    }
    /// The attention matrix of one head of one image, dense, in @p all, which has room for every token of all.
    template <class T>
    [[nodiscard]] matrix_view<T> head_of(std::span<T> all, const vit_config& c, std::size_t image, std::size_t head) const {
        const std::size_t room = std::size_t{c.tokens()} * c.tokens(), count = tokens[image].count;
        return {all.data() + (image * c.heads + head) * room, count, count};
    }
};

inline namespace LUTRA_ISA {

/// 1 where a real number is within +-127 scale, the range of int8, else 0: the slope of the straight-through estimator of a
/// quantisation, times its scale (Bengio, Leonard and Courville, 2013).
class inside_range {
public:
    explicit inside_range(float scale) noexcept
        : beyond_{broadcast(std::nextafter(127 * scale, std::numeric_limits<float>::infinity()))} {}
    float_batch operator()(float_batch x) const noexcept {
        const float_batch room = (beyond_ - absolute(x)) * broadcast(0x1p120f);
        return minimum(maximum(room, broadcast(0.0f)), broadcast(1.0f));
    }

private:
    float_batch beyond_;
};

/// out = quantize(x, scale), as the fused functions of int8_vit do it.
inline void quantize_elements(std::span<const float> x, float scale, std::span<std::int8_t> out) {
    const scale_batch by{scale};
    for_each_register(
        x.size(), [&](std::size_t i, std::size_t n) { store_quantized(out.data() + i, load_some(x.data() + i, n), by, n); });
}

/// requantize_sums that also marks which results were in range.
struct requantize_and_mark {
    requantize_sums use;
    matrix_view<std::uint8_t> inside; ///< M x N
    std::span<const float> limits;    ///< of |sum + bias|, one a column

    /// The limits of requantizers: 127 / ratio each.
    static void set_limits(std::span<const requantizer> by, std::span<float> limits) {
        for (std::size_t j = 0; j < limits.size(); ++j)
            limits[j] = by[j].multiplier == 0 ? std::numeric_limits<float>::infinity()
                                              : static_cast<float>(std::ldexp(127.0 / by[j].multiplier, by[j].shift));
    }
    void operator()(std::size_t row, std::size_t first, std::span<const std::int32_t> sums) const {
        block(row, first, {sums.data(), 1, sums.size()});
    }
    /// The same for a block of sums.
    void block(std::size_t row, std::size_t first, const matrix_view<const std::int32_t>& sums) const {
        use.block(row, first, sums);
        for (std::size_t r = 0; r < sums.rows(); ++r) {
            const std::int32_t* const from = sums.row(r).data();
            std::uint8_t* const to = inside.row(row + r).data() + first;
            for (std::size_t j = 0; j < sums.cols(); ++j) {
                const float bias = use.bias.empty() ? 0.0f : static_cast<float>(use.bias[first + j]);
                to[j] = std::abs(static_cast<float>(from[j]) + bias) <= limits[first + j];
            }
        }
    }
};

/// Attention of an int8 block: from qkv to context, for every image and head.
LUTRA_INLINE void quantized_attention(const vit_config& c, const int8_block& layer, std::span<const float> score_scale,
                                      const quantized_activations& a, const token_attention<std::int32_t>& asked,
                                      arena& scratch) {
    const std::size_t width = c.head_dim();
    requantize_and_mark::set_limits(layer.context_by, a.context_limits);
    for (std::size_t image = 0; image < a.tokens.images(); ++image) {
        const row_range all = a.tokens[image];
        const auto log_sizes = asked.part(asked.log_sizes, all);
        const auto class_attention = asked.part(asked.class_attention, all);
        for (std::size_t head = 0; head < c.heads; ++head) {
            const auto [query, key, value] = head_of(a.qkv, c, all, head);
            const auto p = a.head_of(a.attended, c, image, head);
            const auto p8 = a.head_of(a.probabilities, c, image, head);
            gemm(query, transposed(key), layer.attention, scratch, dequantize_sums{p, score_scale, log_sizes});
            for (std::size_t t = 0; t < all.count; ++t) softmax(p.row(t));
            quantize_elements(detail::elements_of(p), 1.0f / 127, detail::elements_of(p8));
            asked.add_class(std::span<const std::int8_t>{p8.row(0)}, class_attention, head == 0);
            const std::size_t column = head * width;
            const requantize_sums to_int8{a.context.block(all.first, column, all.count, width), layer.context_by, {}};
            gemm(
                p8, value, layer.attention, scratch,
                requantize_and_mark{to_int8, a.context_inside.block(all.first, column, all.count, width), a.context_limits});
        }
    }
}

/// Block @p i of an int8 network up to its MLP: reads `input`, writes what follows up to `middle`. @p score_scale: `tokens`
/// times what a sum of Q K^T is worth. @p scratch: int8_layers::scratch_bytes.
inline void attend(const vit_config& c, const block_parameters<const float>& p, const int8_block& layer,
                   const activation_scales<const float>& scales, std::size_t i, std::span<const float> score_scale,
                   const quantized_activations& a, const token_attention<std::int32_t>& asked, arena& scratch) {
    layer_norm(a.input, p.norm1, c.layer_norm_epsilon, a.real1, a.statistics1);
    quantize_elements(detail::elements_of(a.real1), scales.block(i, block_tensor::normed1), detail::elements_of(a.normed1));
    requantize_and_mark::set_limits(layer.qkv_output.by, a.qkv_limits);
    layer.qkv.multiply(a.normed1, scratch,
                       requantize_and_mark{{a.qkv, layer.qkv_output.by, layer.qkv_output.bias}, a.qkv_inside, a.qkv_limits});
    quantized_attention(c, layer, score_scale, a, asked, scratch);
    std::copy_n(a.input.data(), a.input.rows() * c.dim, a.middle.data());
    layer.proj(a.context, a.middle, scratch, true);
}

/// The MLP of block @p i of an int8 network: reads `middle`, writes the rest.
template <float_activation Activation>
void feed_forward(const vit_config& c, const block_parameters<const float>& p, const int8_block& layer,
                  const activation_scales<const float>& scales, std::size_t i, const quantized_activations& a,
                  arena& scratch) {
    const auto scale = [&](block_tensor t) { return scales.block(i, t); };
    layer_norm(a.middle, p.norm2, c.layer_norm_epsilon, a.real2, a.statistics2);
    quantize_elements(detail::elements_of(a.real2), scale(block_tensor::normed2), detail::elements_of(a.normed2));
    layer.fc1(a.normed2, a.slope, scratch);
    with_activation<Activation>(c, [&]<class A>(A) {
        const scale_batch by{scale(block_tensor::hidden)};
        const inside_range inside{scale(block_tensor::hidden)};
        const std::span<float> x = detail::elements_of(a.slope);
        for_each_register(x.size(), [&](std::size_t k, std::size_t n) {
            const float_batch from = load_some(x.data() + k, n), value = A::value(from);
            store_quantized(a.hidden.data() + k, value, by, n);
            store_some(x.data() + k, A::with_slope(from).slope * inside(value), n);
        });
    });
    std::copy_n(a.middle.data(), a.middle.rows() * c.dim, a.output.data());
    layer.fc2(a.hidden, a.output, scratch, true);
}

} // namespace LUTRA_ISA
} // namespace lutra
