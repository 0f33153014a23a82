// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/gemm/float_gemm.hpp>
#include <lutra/gemm/sparse/float_shared_gemm.hpp>
#include <lutra/nn/activation_hook.hpp>
#include <lutra/nn/attention.hpp>
#include <lutra/nn/policy.hpp>
#include <lutra/nn/token_flow.hpp>
#include <lutra/nn/token_rows.hpp>
#include <lutra/nn/vit_parameters.hpp>
#include <lutra/nonlinear/float_functions.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>

/// @file
/// The layers of a ViT in float. Activations are rows of tokens: images one after the other, as token_rows says.
/// The same code serves inference, where all blocks share one set of buffers (forward_buffers), and training, where each
/// keeps its own.

namespace lutra {

namespace detail {
/// rows x cols elements of @p memory; nothing where that only counts.
template <class T>
constexpr matrix_view<T> take_matrix(arena& memory, std::size_t rows, std::size_t cols) {
    const std::span<T> elements = memory.take<T>(rows * cols);
    return elements.size() == rows * cols ? matrix_view<T>{elements.data(), rows, cols} : matrix_view<T>{};
}
/// All elements of a dense matrix.
template <class T>
constexpr std::span<T> elements_of(matrix_view<T> m) noexcept {
    return {m.data(), m.rows() * m.cols()};
}
} // namespace detail

/// The float buffers of one block, dense.
struct block_activations {
    token_rows tokens;                         ///< whose rows they are
    matrix_view<float> input;                  ///< rows x dim
    matrix_view<float> normed1;                ///< rows x dim
    matrix_view<float> qkv;                    ///< rows x 3 dim
    std::span<float> probabilities;            ///< images x heads x attention_floats(): tokens x tokens for softmax
    matrix_view<float> context;                ///< rows x dim
    matrix_view<float> middle;                 ///< rows x dim; may be `input`
    matrix_view<float> normed2;                ///< rows x dim; may be `normed1`
    matrix_view<float> hidden;                 ///< rows x mlp
    matrix_view<float> slope;                  ///< rows x mlp: the activation function's slopes, for training; or empty
    matrix_view<float> output;                 ///< rows x dim; may be `middle`
    std::span<float> statistics1, statistics2; ///< rows x 2: mean, 1 / deviation, for training; or empty

    /// The first rows of each matrix: as many as @p rows says, whose they are.
    [[nodiscard]] constexpr block_activations with_tokens(const token_rows& rows) const {
        block_activations a = *this;
        a.tokens = rows;
        for (matrix_view<float>* m :
             {&a.input, &a.normed1, &a.qkv, &a.context, &a.middle, &a.normed2, &a.hidden, &a.slope, &a.output})
            if (!m->empty()) *m = m->block(0, 0, rows.rows(), m->cols());
        return a;
    }
};

/// The buffers of a forward pass that keeps nothing, for `images` images.
struct forward_buffers {
    matrix_view<float> patches;     ///< (images * patches) x patch_size
    block_activations block;        ///< of all blocks; input, middle and output are one
    matrix_view<float> head_normed; ///< (images * prefix tokens) x dim

    /// Takes them from @p memory. normed2 is normed1, unless they are to be told @p apart after each block.
    [[nodiscard]] static constexpr forward_buffers take(const vit_config& c, std::size_t images, arena& memory,
                                                        bool apart = false) {
        const std::size_t rows = images * c.tokens(), d = c.dim;
        forward_buffers b;
        b.block.tokens = {images, c.tokens()};
        b.patches = detail::take_matrix<float>(memory, images * c.patches(), c.patch_size());
        b.block.input = b.block.middle = b.block.output = detail::take_matrix<float>(memory, rows, d);
        b.block.normed1 = detail::take_matrix<float>(memory, rows, d);
        b.block.normed2 = apart ? detail::take_matrix<float>(memory, rows, d) : b.block.normed1;
        b.block.qkv = detail::take_matrix<float>(memory, rows, 3 * d);
        b.block.probabilities = memory.take<float>(images * c.heads * c.attention_floats());
        b.block.context = detail::take_matrix<float>(memory, rows, d);
        b.block.hidden = detail::take_matrix<float>(memory, rows, c.mlp);
        b.head_normed = detail::take_matrix<float>(memory, images * c.prefix_tokens(), d);
        return b;
    }
};

inline namespace LUTRA_ISA {

/// y = x W^T + bias (+ @p add, of y's shape, where it has memory): x is rows x inputs, y rows x outputs. @p packed, where
/// given, is W^T packed before.
inline void linear(matrix_view<const float> x, const linear_parameters<const float>& p, matrix_view<float> y,
                   matrix_view<const float> add = {}, packed_float_b packed = {}) {
    const float_epilogue e{.bias = p.bias.data(), .add = add};
    if (packed.data != nullptr)
        gemm(x, packed, y, e);
    else
        gemm(x, transposed(p.weight), y, e);
}

/// Layer normalisation of each row of @p x into @p y (which may be @p x). Row r's mean and 1 / deviation go to
/// statistics[2 r] and [2 r + 1], unless that is empty.
inline void layer_norm(matrix_view<const float> x, const layer_norm_parameters<const float>& p, float epsilon,
                       matrix_view<float> y, std::span<float> statistics = {}) {
    for (std::size_t r = 0; r < x.rows(); ++r) {
        const row_statistics s = layer_norm(x.row(r), p.weight, p.bias, epsilon, y.row(r));
        if (!statistics.empty()) {
            statistics[2 * r] = s.mean;
            statistics[2 * r + 1] = s.inverse_deviation;
        }
    }
}

/// A linear layer of low rank, W ~ U V: the right operands V^T and U^T.
struct packed_low_rank {
    packed_float_b down, up;                ///< inputs x rank, rank x outputs
    static constexpr std::size_t rows = 64; ///< that pass through both products at a time, for the caches' sake

    /// Bytes of scratch that `linear` takes at this rank.
    [[nodiscard]] static constexpr std::size_t scratch_bytes(std::size_t rank) noexcept {
        arena a = arena::counting();
        a.take<float>(rows * rank);
        return a.used();
    }
};

/// The packed right operand of a linear layer: dense, empty, of what is kept where outputs drop weights together, or of
/// low rank.
struct packed_linear : packed_float_b {
    const packed_shared_float_b* sparse = nullptr;
    const packed_low_rank* thin = nullptr;
    arena* scratch = nullptr; ///< of a sparse one shared_float_scratch_bytes, of a thin one its scratch_bytes

    /// Whether it is one product of all the weights.
    [[nodiscard]] bool dense() const noexcept { return sparse == nullptr && thin == nullptr; }
};
/// `linear` with the weights of a block.
inline void linear(matrix_view<const float> x, const linear_parameters<const float>& p, matrix_view<float> y,
                   std::type_identity_t<matrix_view<const float>> add, const packed_linear& packed) {
    if (packed.dense()) return linear(x, p, y, add, static_cast<const packed_float_b&>(packed));
    if (packed.sparse != nullptr)
        return gemm(x, *packed.sparse, y, *packed.scratch, {.bias = p.bias.data(), .scale = 1, .add = add});
    const std::size_t rank = packed.thin->up.k, mark = packed.scratch->used();
    const auto between = detail::take_matrix<float>(*packed.scratch, std::min(packed_low_rank::rows, x.rows()), rank);
    for (std::size_t first = 0; first < x.rows(); first += between.rows()) {
        const std::size_t count = std::min(between.rows(), x.rows() - first);
        const auto part = [&](const auto& m) { return m.empty() ? m : m.block(first, 0, count, m.cols()); };
        gemm(part(x), packed.thin->down, between.block(0, 0, count, rank));
        gemm(between.block(0, 0, count, rank), packed.thin->up, part(y),
             {.bias = p.bias.data(), .scale = 1, .add = part(add)});
    }
    packed.scratch->release(mark);
}

/// The packed right operands of one block's linear layers; each may be empty.
struct packed_block {
    packed_linear qkv, proj, fc1, fc2;

    /// The same with @p scratch for sparse ones.
    [[nodiscard]] packed_block with_scratch(arena& scratch) const noexcept {
        packed_block b = *this;
        for (packed_linear* l : {&b.qkv, &b.proj, &b.fc1, &b.fc2}) l->scratch = &scratch;
        return b;
    }
};

namespace kernel {
/// to = from, of dense matrices, unless they are one.
inline void copy_rows(matrix_view<float> from, matrix_view<float> to) {
    if (from.data() != to.data()) std::copy_n(from.data(), from.rows() * from.cols(), to.data());
}
} // namespace kernel

/// The first part of a pre-norm block: `context` = attention(norm1(input)). @p hook: what comes between
/// (activation_hook.hpp).
LUTRA_INLINE void attend(const vit_config& c, const block_parameters<const float>& p, const block_activations& a,
                         const packed_block& packed = {}, const token_attention<float>& asked = {},
                         const activation_hook& hook = {}) {
    layer_norm(a.input, p.norm1, c.layer_norm_epsilon, a.normed1, a.statistics1);
    hook(activation_point::normed1, a.normed1);
    linear(a.normed1, p.qkv, a.qkv, {}, packed.qkv);
    const std::size_t rows = a.qkv.rows(), d = c.dim;
    if (hook.active()) {
        hook(activation_point::query, a.qkv.block(0, 0, rows, d));
        hook(activation_point::key, a.qkv.block(0, d, rows, d));
        hook(activation_point::value, a.qkv.block(0, 2 * d, rows, d));
    }
    attention(c, a.tokens, a.qkv, a.probabilities, a.context, asked, hook);
    if (hook.active())
        hook(activation_point::context,
             a.context.block(0, 0, asked.prefix_only ? a.tokens.images() * c.prefix_tokens() : rows, d));
}

/// The second: `middle` = input + proj(context).
LUTRA_INLINE void project(const block_parameters<const float>& p, const block_activations& a,
                          const packed_block& packed = {}, const activation_hook& hook = {}) {
    if (hook.prunes()) {
        linear(a.context, p.proj, a.normed1, {}, packed.proj);
        hook(activation_point::attention_output, a.normed1);
        kernel::copy_rows(a.input, a.middle);
        return kernel::add_rows(a.normed1, a.middle);
    }
    linear(a.context, p.proj, a.middle, a.input, packed.proj);
}

/// The third: `output` = middle + fc2(activation(fc1(norm2(middle)))). @tparam Activation such as gelu: `value`, and
/// `with_slope` where `slope` is to be kept; or trained_activation.
template <float_activation Activation>
void feed_forward(const vit_config& c, const block_parameters<const float>& p, const block_activations& a,
                  const packed_block& packed = {}, const activation_hook& hook = {}) {
    layer_norm(a.middle, p.norm2, c.layer_norm_epsilon, a.normed2, a.statistics2);
    hook(activation_point::normed2, a.normed2);
    linear(a.normed2, p.fc1, a.slope.empty() ? a.hidden : a.slope, {}, packed.fc1);
    with_activation<Activation>(c, [&]<class A>(A) {
        if (a.slope.empty())
            apply<A>(detail::elements_of(a.hidden));
        else
            apply_with_slope<A>(detail::elements_of(a.slope), detail::elements_of(a.hidden));
    });
    hook(activation_point::hidden, a.hidden);
    const bool apart = hook.prunes();
    const matrix_view<float> y = apart ? a.normed2 : a.output;
    const matrix_view<const float> add = apart ? matrix_view<const float>{} : a.middle;
    if (hook.skips_zeros() && packed.fc2.dense())
        hook.fc2(a.hidden, packed.fc2, y, {.bias = p.fc2.bias.data(), .scale = 1, .add = add});
    else
        linear(a.hidden, p.fc2, y, add, packed.fc2);
    if (!apart) return;
    hook(activation_point::mlp_output, y);
    kernel::copy_rows(a.middle, a.output);
    kernel::add_rows(y, a.output);
}

/// One pre-norm block: x + proj(attention(norm1(x))), then x + fc2(activation(fc1(norm2(x)))). Reads `input`, writes the
/// rest.
template <float_activation Activation>
void forward(const vit_config& c, const block_parameters<const float>& p, const block_activations& a,
             const packed_block& packed = {}) {
    attend(c, p, a, packed);
    project(p, a, packed);
    feed_forward<Activation>(c, p, a, packed);
}

/// The same in buffers of which input, middle and output are one, with the tokens of @p flow, from which @p pruning drops
/// some. With a hook `packed` is not empty.
template <float_activation Activation>
void forward(const vit_config& c, const block_parameters<const float>& p, const block_activations& buffers,
             const packed_block& packed, const token_pruning& pruning, token_flow<float>& flow,
             const activation_hook& hook = {}) {
    block_activations a = buffers.with_tokens(flow.rows());
    attend(c, p, a, packed, flow.attention(pruning), hook);
    if (pruning.rule == token_rule::keep_prefix) {
        flow.keep_prefix(c, a.middle);
        a = a.with_tokens(flow.rows());
    }
    project(p, a, packed, hook);
    if (pruning.rule != token_rule::keep_prefix && pruning.rule != token_rule::none) {
        flow.drop(c, pruning, a.qkv, static_cast<float>(c.heads), a.middle);
        a = a.with_tokens(flow.rows());
    }
    feed_forward<Activation>(c, p, a, packed, hook);
}

/// Cuts images into patches: @p images is count x (channels * height * width), channel-major; row r of @p patches, dense,
/// holds patch r % patches() of image r / patches(), channel-major too: a convolution of stride `patch` becomes a product.
template <class T>
void extract_patches(const vit_config& c, matrix_view<const std::type_identity_t<T>> images, matrix_view<T> patches) {
    const std::size_t across = c.image_width / c.patch, side = c.patch;
    for (std::size_t r = 0; r < patches.rows(); ++r) {
        const T* image = images.row(r / c.patches()).data();
        const std::size_t which = r % c.patches(), top = which / across * side, left = which % across * side;
        T* out = patches.row(r).data();
        for (std::size_t ch = 0; ch < c.channels; ++ch)
            for (std::size_t y = 0; y < side; ++y) {
                const T* from = image + (ch * c.image_height + top + y) * c.image_width + left;
                out = std::copy(from, from + side, out);
            }
    }
}

/// Starts each image's tokens with what does not depend on it: the positions, with the class token (and the distillation
/// token) added to the first ones. @p tokens is (images * tokens) x dim.
inline void place_prefix(const vit_parameters<const float>& p, matrix_view<float> tokens) {
    const std::size_t count = p.config().tokens(), d = p.config().dim;
    for (std::size_t image = 0; image < tokens.rows() / count; ++image) {
        float* first = tokens.row(image * count).data();
        std::copy_n(p.pos_embed.data(), count * d, first);
        for (std::size_t j = 0; j < d; ++j) first[j] += p.cls_token[j];
        for (std::size_t j = 0; j < p.dist_token.size(); ++j) first[d + j] += p.dist_token[j];
    }
}

/// Embeds patches and puts the class token (and the distillation token) before them, positions added:
/// @p patches is (images * patches) x patch_size, @p tokens (images * tokens) x dim.
LUTRA_INLINE void embed(const vit_parameters<const float>& p, matrix_view<const float> patches, matrix_view<float> tokens,
                        packed_float_b packed = {}) {
    const vit_config& c = p.config();
    const std::size_t count = c.tokens(), prefix = c.prefix_tokens(), d = c.dim;
    for (std::size_t image = 0; image < tokens.rows() / count; ++image) {
        for (std::size_t which = 0; which < prefix; ++which)
            for (std::size_t j = 0; j < d; ++j)
                tokens(image * count + which, j) = p.pos_embed(which, j) + (which == 0 ? p.cls_token : p.dist_token)[j];
        linear(patches.block(image * c.patches(), 0, c.patches(), c.patch_size()), p.patch_embed,
               tokens.block(image * count + prefix, 0, c.patches(), d), p.pos_embed.block(prefix, 0, c.patches(), d),
               packed);
    }
}

/// Final layer norm of the prefix tokens, and the heads: @p tokens is rows x dim, @p normed (images * prefix) x dim, dense,
/// which receives the heads' input, @p logits images x classes. @p statistics as for layer_norm, one pair a row of
/// @p normed. A distilled network answers with the mean of its two heads.
LUTRA_INLINE void classify(const vit_parameters<const float>& p, const token_rows& rows, matrix_view<const float> tokens,
                           matrix_view<float> normed, matrix_view<float> logits, std::span<float> statistics = {}) {
    const vit_config& c = p.config();
    const std::size_t prefix = c.prefix_tokens();
    for (std::size_t r = 0; r < normed.rows(); ++r) {
        const row_statistics s = layer_norm(tokens.row(rows[r / prefix].first + r % prefix), p.norm.weight, p.norm.bias,
                                            c.layer_norm_epsilon, normed.row(r));
        if (statistics.empty()) continue;
        statistics[2 * r] = s.mean;
        statistics[2 * r + 1] = s.inverse_deviation;
    }
    const auto token = [&](std::size_t which) {
        return matrix_view<const float>{normed.data() + which * c.dim, logits.rows(), c.dim, prefix * c.dim};
    };
    linear(token(0), p.head, logits);
    if (!c.distilled) return;
    linear(token(1), p.head_dist, logits, logits);
    for (std::size_t i = 0; i < logits.rows(); ++i)
        for (float& x : logits.row(i)) x *= 0.5f;
}

} // namespace LUTRA_ISA
} // namespace lutra
