// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/nn/attention.hpp>
#include <lutra/nn/policy.hpp>
#include <lutra/nn/token_rows.hpp>
#include <lutra/nn/vit_config.hpp>
#include <lutra/numeric/float_batch.hpp>
#include <lutra/prune/keep_tokens.hpp>
#include <lutra/prune/merge_tokens.hpp>
#include <lutra/prune/token_pruning.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace lutra {

namespace detail {
/// Panics unless @p choices are none, or one a block.
constexpr void require_none_or_one_a_block(const vit_config& c, std::span<const layer_choice> choices) {
    require(choices.empty() || choices.size() == c.depth, panic_code::bad_shape,
            "a network takes no layer_choice or one a block", static_cast<long long>(choices.size()), c.depth);
}
/// Panics where the tokens of a network of config @p c cannot be dropped as @p choices, none or one a block, say.
inline void require_token_rules(const vit_config& c, std::span<const layer_choice> choices) {
    require_none_or_one_a_block(c, choices);
    for (const layer_choice& choice : choices) {
        const token_pruning& p = choice.tokens;
        require(c.attention == attention_kind::softmax || p.rule == token_rule::none || p.rule == token_rule::keep_prefix,
                panic_code::unsupported, "tokens are chosen by the probabilities and keys of softmax attention only");
        require(p.rule != token_rule::keep_top || (p.share >= 0 && p.share <= 1), panic_code::bad_argument,
                "keep_top takes a share in [0, 1]");
        require(p.rule != token_rule::keep_above || p.theta >= 0, panic_code::bad_argument,
                "keep_above takes a threshold that is not negative");
    }
}
/// What becomes of the tokens in block @p i, where @p choices are none or one a block. After the last one the head reads the
/// prefix tokens only, so that the others are not computed there: the logits are the same.
[[nodiscard]] constexpr token_pruning token_rule_of(const vit_config& c, std::span<const layer_choice> choices,
                                                    std::size_t i) {
    const token_pruning chosen = choices.empty() ? token_pruning{} : choices[i].tokens;
    return chosen.rule == token_rule::none && i + 1 == c.depth ? token_pruning::keep_prefix() : chosen;
}
} // namespace detail

/// Where the tokens of a batch go after a block: row r of `before` enters, times weight[r], row to[r] of the rows that its
/// image has after it, or none (no_token).
struct token_map {
    token_rows before, after;
    std::span<std::size_t> starts; ///< images + 1: memory of `after`
    std::span<std::uint32_t> to;   ///< a row of `before`
    std::span<float> weight;       ///< likewise

    /// Whether every token of image @p image goes on as it is.
    [[nodiscard]] constexpr bool keeps_all(std::size_t image) const {
        const row_range rows = before[image];
        for (std::size_t t = 0; t < rows.count; ++t)
            if (to[rows.first + t] != t || weight[rows.first + t] != 1) return false;
        return true;
    }
    /// For up to @p tokens tokens of each of @p images images.
    [[nodiscard]] static constexpr token_map take(std::size_t images, std::size_t tokens, arena& memory) {
        token_map m;
        m.starts = memory.take<std::size_t>(images + 1);
        m.to = memory.take<std::uint32_t>(images * tokens);
        m.weight = memory.take<float>(images * tokens);
        return m;
    }
};

/// What choosing tokens needs besides: `Key` is float or std::int8_t, `total` holds its sums over the heads.
template <class Key>
struct token_scratch {
    using total = std::conditional_t<std::is_same_v<Key, float>, float, std::int32_t>;
    std::span<total> keys;          ///< head_dim x patches
    std::span<float> sizes;         ///< tokens
    std::span<std::uint32_t> order; ///< tokens
    merge_scratch merge;

    [[nodiscard]] static constexpr token_scratch take(const vit_config& c, arena& memory) {
        token_scratch s;
        s.keys = memory.take<total>(c.head_dim() * c.patches());
        s.sizes = memory.take<float>(c.tokens());
        s.order = memory.take<std::uint32_t>(c.tokens());
        s.merge = merge_scratch::take(c.tokens(), memory);
        return s;
    }
};

inline namespace LUTRA_ISA {

/// Chooses tokens by a rule other than none: fills @p map, whose `before` says which rows there are.
/// @param qkv rows x 3 dim, of which the keys are read (their sum over the heads: a greater one than the mean, alike in its
///     direction)
/// @param attention the sums over the heads of the class token's probabilities, one a row; read by keep_top and keep_above
/// @param one what a probability of 1 in all heads sums to
/// @param sizes of the tokens, one a row, or empty; receives those of the rows that stay: a fused token counts as one, a
///     merged one as all that it holds
template <class Key>
void select_tokens(const vit_config& c, const token_pruning& p, matrix_view<const Key> qkv,
                   std::span<const typename token_scratch<Key>::total> attention, float one, std::span<float> sizes,
                   token_map& map, const token_scratch<Key>& scratch) {
    using total = typename token_scratch<Key>::total;
    const std::size_t prefix = c.prefix_tokens(), width = c.head_dim();
    const auto merge = [&](row_range patches, std::span<std::uint32_t> to, std::span<float> weight) {
        const matrix_view<total> keys{scratch.keys.data(), width, patches.count};
        for (std::size_t t = 0; t < patches.count; ++t) {
            const Key* key = &qkv(patches.first + t, c.dim);
            for (std::size_t j = 0; j < width; ++j) {
                total sum = 0;
                for (std::size_t h = 0; h < c.heads; ++h) sum = static_cast<total>(sum + key[h * width + j]);
                keys(j, t) = sum;
            }
        }
        const std::size_t kept = merge_similar(matrix_view<const total>{keys}, p.pairs, to, scratch.merge);
        const std::span<const float> size = sizes.subspan(patches.first, patches.count);
        std::fill_n(scratch.sizes.begin(), kept, 0.0f);
        for (std::size_t t = 0; t < size.size(); ++t) scratch.sizes[to[t]] += size[t];
        for (std::size_t t = 0; t < size.size(); ++t) weight[t] = size[t] / scratch.sizes[to[t]];
        return kept;
    };
    map.starts[0] = 0;
    for (std::size_t image = 0; image < map.before.images(); ++image) {
        const auto [first, count] = map.before[image];
        const row_range patches{first + prefix, count - prefix};
        const auto to = map.to.subspan(first, count), patch_to = to.subspan(prefix);
        const auto weight = map.weight.subspan(first, count), patch_weight = weight.subspan(prefix);
        const auto paid = attention.empty() ? attention : attention.subspan(patches.first, patches.count);
        const auto fuse = [&](std::size_t kept) {
            return kept + fuse_rest(paid, p.rest, 1 / one, static_cast<std::uint32_t>(kept), patch_to, patch_weight);
        };
        std::size_t kept = 0;
        switch (p.rule) {
        case token_rule::keep_top:
            kept = fuse(keep_top(paid, detail::share_of(p.share, paid.size()), patch_to, scratch.order.first(paid.size())));
            break;
        case token_rule::keep_above:
            kept = fuse(keep_above(
                paid, static_cast<double>(p.theta) * static_cast<double>(one) / static_cast<double>(count), patch_to));
            break;
        case token_rule::merge_similar: kept = merge(patches, patch_to, patch_weight); break;
        case token_rule::none:
        case token_rule::keep_prefix:
            std::fill(patch_to.begin(), patch_to.end(), no_token);
            std::fill(patch_weight.begin(), patch_weight.end(), 0.0f);
            break;
        }
        for (std::size_t t = 0; t < prefix; ++t) {
            to[t] = static_cast<std::uint32_t>(t);
            weight[t] = 1;
        }
        for (std::uint32_t& t : patch_to)
            if (t != no_token) t += static_cast<std::uint32_t>(prefix);
        const std::size_t start = map.starts[image];
        map.starts[image + 1] = start + prefix + kept;
        if (sizes.empty()) continue;
        const auto merged = scratch.sizes.first(prefix + kept);
        std::fill(merged.begin(), merged.end(), 0.0f);
        for (std::size_t t = 0; t < count; ++t) {
            if (to[t] == no_token) continue;
            float& size = merged[to[t]];
            size = p.rule == token_rule::merge_similar ? size + sizes[first + t] : weight[t] == 1 ? sizes[first + t] : 1;
        }
        std::copy(merged.begin(), merged.end(), sizes.begin() + static_cast<std::ptrdiff_t>(start));
    }
    map.after = token_rows{map.starts.first(map.before.images() + 1)};
}

/// Sends the rows of one image's tokens, @p x, to @p y, which does not overlap them: as @p map says.
inline void send_tokens(const token_map& map, std::size_t image, matrix_view<const float> x, matrix_view<float> y) {
    const row_range from = map.before[image];
    for (std::size_t r = 0; r < y.rows(); ++r) std::fill_n(&y(r, 0), y.cols(), 0.0f);
    for (std::size_t t = 0; t < from.count; ++t) {
        const std::uint32_t to = map.to[from.first + t];
        if (to == no_token) continue;
        const float *in = &x(t, 0), weight = map.weight[from.first + t];
        float* out = &y(to, 0);
        for_each_register(y.cols(), [&, by = broadcast(weight)](std::size_t i, std::size_t n) {
            store_some(out + i, multiply_add(by, load_some(in + i, n), load_some(out + i, n)), n);
        });
    }
}

/// The tokens of a batch on their way through a network that drops some: which rows there still are, and how many tokens
/// each stands for. `Key` is what its keys are, float or std::int8_t.
template <class Key>
class token_flow {
public:
    using total = typename token_scratch<Key>::total;

    [[nodiscard]] static constexpr token_flow take(const vit_config& c, std::size_t images, arena& memory) {
        const std::size_t rows = images * c.tokens();
        token_flow f;
        f.rows_ = {images, c.tokens()};
        f.map_ = token_map::take(images, c.tokens(), memory);
        f.other_starts_ = memory.take<std::size_t>(images + 1);
        f.attention_ = memory.take<total>(rows);
        f.sizes_ = memory.take<float>(rows);
        f.log_sizes_ = memory.take<float>(rows);
        f.scratch_ = token_scratch<Key>::take(c, memory);
        f.spare_ = memory.take<float>(c.tokens() * c.dim);
        return f;
    }

    [[nodiscard]] constexpr const token_rows& rows() const noexcept { return rows_; }
    /// What the attention of a block that drops tokens by @p p reads and writes.
    [[nodiscard]] token_attention<total> attention(const token_pruning& p) const noexcept {
        token_attention<total> a;
        if (merged_) a.log_sizes = log_sizes_.first(rows_.rows());
        if (p.reads_class_attention()) a.class_attention = attention_.first(rows_.rows());
        a.prefix_only = p.rule == token_rule::keep_prefix;
        return a;
    }
    /// Drops tokens by @p p, whose rule is neither none nor keep_prefix, after attention: @p x, rows x dim, is left with
    /// those that stay, front to back. @p qkv and @p one as for select_tokens.
    void drop(const vit_config& c, const token_pruning& p, matrix_view<const Key> qkv, float one, matrix_view<float> x) {
        if (p.rule == token_rule::merge_similar && !merged_) {
            std::fill_n(sizes_.begin(), rows_.rows(), 1.0f);
            merged_ = true;
        }
        map_.before = rows_;
        select_tokens<Key>(c, p, qkv, p.reads_class_attention() ? attention_.first(rows_.rows()) : std::span<total>{}, one,
                           merged_ ? sizes_ : std::span<float>{}, map_, scratch_);
        for (std::size_t image = 0; image < rows_.images(); ++image) {
            const row_range from = map_.before[image], to = map_.after[image];
            if (to.first == from.first && map_.keeps_all(image)) continue;
            const matrix_view<float> spare{spare_.data(), to.count, x.cols()};
            send_tokens(map_, image, x.block(from.first, 0, from.count, x.cols()), spare);
            std::copy_n(spare.data(), to.count * x.cols(), x.data() + to.first * x.cols());
        }
        rows_ = map_.after;
        std::swap(map_.starts, other_starts_); // the next block's must not overwrite those in use
        if (merged_)
            for (std::size_t r = 0; r < rows_.rows(); ++r) log_sizes_[r] = std::log(sizes_[r]);
    }
    /// Leaves @p x, rows x dim and dense, with the prefix tokens only.
    void keep_prefix(const vit_config& c, matrix_view<float> x) {
        const std::size_t prefix = c.prefix_tokens(), d = x.cols();
        for (std::size_t image = 1; image < rows_.images(); ++image)
            std::copy_n(x.data() + rows_[image].first * d, prefix * d, x.data() + image * prefix * d);
        rows_ = {rows_.images(), prefix};
        merged_ = false;
    }

private:
    token_rows rows_;
    token_map map_;
    std::span<std::size_t> other_starts_;
    std::span<total> attention_;
    std::span<float> sizes_, log_sizes_;
    token_scratch<Key> scratch_;
    std::span<float> spare_; ///< tokens x dim
    bool merged_ = false;    ///< whether a token stands for several
};

#if LUTRA_USE_COMPILED
extern template class token_flow<float>;
extern template class token_flow<std::int8_t>;
#endif

} // namespace LUTRA_ISA
} // namespace lutra
