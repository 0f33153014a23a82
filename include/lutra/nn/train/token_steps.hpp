// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: train there and run the model with lutra/nn on firmware."
#endif

#include <lutra/core/arena.hpp>
#include <lutra/nn/float_block.hpp>
#include <lutra/nn/token_flow.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

/// @file
/// Dropping tokens in training, where what each block had before and after must be kept, and its gradient.

namespace lutra {

/// What a block that drops tokens keeps of a forward pass. `Activations` has the matrices of a block, a row a token, and
/// `with_tokens`.
template <class Activations>
struct token_block {
    Activations before, after; ///< of attention, and of the MLP: the same where no token is dropped
    matrix_view<float> kept;   ///< rows x dim: the rows of `middle` that stay
    token_map map;
    std::span<float> attention; ///< a row: the class token's probabilities, summed over the heads

    /// Takes all but the activations from @p memory.
    [[nodiscard]] static token_block take(const vit_config& c, std::size_t images, arena& memory) {
        token_block k;
        k.kept = detail::take_matrix<float>(memory, images * c.tokens(), c.dim);
        k.map = token_map::take(images, c.tokens(), memory);
        k.attention = memory.take<float>(images * c.tokens());
        return k;
    }
};

inline namespace LUTRA_ISA {

/// The tokens of a batch on their way through a network in training: token_flow that overwrites nothing.
template <class Key>
class token_steps {
public:
    using total = typename token_scratch<Key>::total;

    [[nodiscard]] static token_steps take(const vit_config& c, std::size_t images, arena& memory) {
        token_steps t;
        t.rows_ = {images, c.tokens()};
        t.sizes_ = memory.take<float>(images * c.tokens());
        t.log_sizes_ = memory.take<float>(images * c.tokens());
        t.scratch_ = token_scratch<Key>::take(c, memory);
        return t;
    }

    [[nodiscard]] const token_rows& rows() const noexcept { return rows_; }
    /// What the attention of a block that drops tokens by @p p reads, and writes to @p class_attention, one a row.
    [[nodiscard]] token_attention<total> attention(const token_pruning& p, std::span<total> class_attention) const {
        token_attention<total> a;
        if (merged_) a.log_sizes = log_sizes_.first(rows_.rows());
        if (p.reads_class_attention()) a.class_attention = class_attention.first(rows_.rows());
        return a;
    }
    /// Sets `after` of @p k, whose `before` ends with `middle`; where tokens leave by @p p, its `middle` are those that
    /// stay.
    /// @p class_attention and @p one as for select_tokens.
    template <class Activations>
    void drop(const vit_config& c, const token_pruning& p, token_block<Activations>& k,
              std::span<const total> class_attention, float one) {
        k.after = k.before;
        if (p.rule == token_rule::none) return;
        if (p.rule == token_rule::merge_similar && !merged_) {
            std::fill(sizes_.begin(), sizes_.end(), 1.0f);
            merged_ = true;
        }
        k.map.before = rows_;
        select_tokens<Key>(c, p, k.before.qkv, p.reads_class_attention() ? class_attention : std::span<const total>{}, one,
                           merged_ ? sizes_ : std::span<float>{}, k.map, scratch_);
        rows_ = k.map.after;
        k.after.middle = k.kept;
        k.after = k.after.with_tokens(rows_);
        for (std::size_t image = 0; image < rows_.images(); ++image) {
            const row_range from = k.map.before[image], to = rows_[image];
            send_tokens(k.map, image, k.before.middle.block(from.first, 0, from.count, c.dim),
                        k.kept.block(to.first, 0, to.count, c.dim));
        }
        for (std::size_t r = 0; merged_ && r < rows_.rows(); ++r) log_sizes_[r] = std::log(sizes_[r]);
    }

private:
    token_rows rows_;
    std::span<float> sizes_, log_sizes_; ///< a row
    token_scratch<Key> scratch_;
    bool merged_ = false; ///< whether a token may stand for several
};

/// Backward of sending rows by @p map: the gradient @p dy of the rows that stay becomes @p dx of all.
LUTRA_INLINE void send_tokens_backward(const token_map& map, matrix_view<const float> dy, matrix_view<float> dx) {
    for (std::size_t image = 0; image < map.before.images(); ++image) {
        const row_range from = map.before[image], after = map.after[image];
        for (std::size_t r = from.first; r < from.first + from.count; ++r) {
            float* out = &dx(r, 0);
            if (map.to[r] == no_token) {
                std::fill_n(out, dx.cols(), 0.0f);
                continue;
            }
            const float *in = &dy(after.first + map.to[r], 0), weight = map.weight[r];
            for (std::size_t j = 0; j < dx.cols(); ++j) out[j] = weight * in[j];
        }
    }
}

/// The gradient of class attention through the weights of the fused tokens, which keep_top and keep_above made of the rows
/// of @p x: one a row to @p dattention, of the sum over the heads @p attention. @p y are the rows that stayed, @p dy their
/// gradient.
LUTRA_INLINE void fuse_backward(const vit_config& c, rest_tokens rest, const token_map& map,
                                std::span<const float> attention, matrix_view<const float> x, matrix_view<const float> y,
                                matrix_view<const float> dy, std::span<float> dattention) {
    const float one = static_cast<float>(c.heads);
    for (std::size_t image = 0; image < map.before.images(); ++image) {
        const auto [first, count] = map.before[image];
        const auto [start, after] = map.after[image];
        std::fill_n(dattention.begin() + static_cast<std::ptrdiff_t>(first), count, 0.0f);
        if (rest == rest_tokens::drop) continue;
        const std::size_t fused = start + after - 1;
        float sum = 0;
        bool whole = after == count; // nothing was fused; one token alone may be, into its own place
        for (std::size_t r = first + c.prefix_tokens(); r < first + count; ++r)
            if (map.to[r] + 1 == after) {
                sum += attention[r];
                whole = whole && map.weight[r] == 1;
            }
        if (whole || (rest == rest_tokens::mean && !(sum > 0))) continue;
        for (std::size_t r = first + c.prefix_tokens(); r < first + count; ++r) {
            if (map.to[r] + 1 != after) continue;
            float dot = 0;
            for (std::size_t j = 0; j < x.cols(); ++j)
                dot += dy(fused, j) * (rest == rest_tokens::mean ? x(r, j) - y(fused, j) : x(r, j));
            dattention[r] = rest == rest_tokens::mean ? dot / sum : dot / one;
        }
    }
}

/// Backward of token_steps::drop: @p d, the gradient of the rows of @p k that stay, becomes that of all, in the memory of
/// @p other, which gets that of @p d. Returns the gradient of its class attention, in @p dattention, one a row; or nothing.
template <class Activations>
std::span<const float> drop_backward(const vit_config& c, const token_pruning& p, const token_block<Activations>& k,
                                     matrix_view<float>& d, matrix_view<float>& other, std::span<float> dattention) {
    if (p.rule == token_rule::none) return {};
    if (p.reads_class_attention())
        fuse_backward(c, p.rest, k.map, k.attention, k.before.middle, k.after.middle, d, dattention);
    const matrix_view<float> dx{other.data(), k.before.tokens.rows(), c.dim};
    send_tokens_backward(k.map, d, dx);
    other = d;
    d = dx;
    return p.reads_class_attention() ? dattention : std::span<float>{};
}

} // namespace LUTRA_ISA
} // namespace lutra
