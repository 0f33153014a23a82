// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace lutra {

/// How a block chooses the patch tokens that go on.
enum class token_rule : std::uint8_t {
    none,          ///< all of them
    keep_top,      ///< those with the greatest class attention, a fixed share (EViT: Liang et al., 2022)
    keep_above,    ///< those whose class attention passes a threshold: their number follows the image, nothing is sorted
    merge_similar, ///< the most similar pairs become one token each (ToMe: Bolya et al., 2023)
    keep_prefix,   ///< none: in the last block, whose patch tokens nobody reads, the logits stay what they were
};

/// What becomes of the tokens that keep_top and keep_above do not choose.
enum class rest_tokens : std::uint8_t {
    drop, ///< nothing
    sum,  ///< one token behind the others, their sum weighted by class attention, as in EViT
    mean, ///< the same divided by the sum of the weights
};

/// What a block does with its tokens after attention and before the MLP: those that it drops or merges, neither its MLP
/// nor any later block computes. The prefix (class and distillation) tokens always stay, the others keep their order.
/// Class attention is what the class token pays to a patch token, its probability, in the mean over the heads.
///
/// @code
/// choices[1].tokens = lutra::token_pruning::keep_top(0.7f);
/// choices.back().tokens = lutra::token_pruning::keep_prefix();
/// @endcode
struct token_pruning {
    token_rule rule = token_rule::none;
    rest_tokens rest = rest_tokens::sum; ///< of keep_top and keep_above
    float share = 1;                     ///< of keep_top: ceil(share * patch tokens) stay, at least one
    float theta = 0;                     ///< of keep_above: a token stays whose class attention > theta / tokens
    std::uint32_t pairs = 0;             ///< of merge_similar: tokens that go; at most half of the patch tokens

    [[nodiscard]] static constexpr token_pruning keep_top(float share, rest_tokens rest = rest_tokens::sum) noexcept {
        return {.rule = token_rule::keep_top, .rest = rest, .share = share};
    }
    [[nodiscard]] static constexpr token_pruning keep_above(float theta, rest_tokens rest = rest_tokens::sum) noexcept {
        return {.rule = token_rule::keep_above, .rest = rest, .theta = theta};
    }
    [[nodiscard]] static constexpr token_pruning merge_similar(std::uint32_t pairs) noexcept {
        return {.rule = token_rule::merge_similar, .pairs = pairs};
    }
    [[nodiscard]] static constexpr token_pruning keep_prefix() noexcept { return {.rule = token_rule::keep_prefix}; }

    [[nodiscard]] constexpr bool reads_class_attention() const noexcept {
        return rule == token_rule::keep_top || rule == token_rule::keep_above;
    }
    friend constexpr bool operator==(const token_pruning&, const token_pruning&) = default;
};

namespace detail {
/// ceil(share * count), 1 to count; 0 of 0.
[[nodiscard]] constexpr std::size_t share_of(float share, std::size_t count) {
    require(share >= 0 && share <= 1, panic_code::bad_argument, "a share of tokens is in [0, 1]");
    const float exact = share * static_cast<float>(count);
    const auto whole = static_cast<std::size_t>(exact);
    const std::size_t up = whole + (static_cast<float>(whole) < exact);
    return std::min(std::max<std::size_t>(up, 1), count);
}
} // namespace detail

/// Patch tokens (a fused one included) that leave a block which @p patches of them enter; of keep_above, at most.
/// Panics where the share is not in [0, 1].
///
/// @code
/// static_assert(lutra::tokens_after(lutra::token_pruning::keep_top(0.7f), 49) == 35 + 1);
/// @endcode
[[nodiscard]] constexpr std::size_t tokens_after(const token_pruning& p, std::size_t patches) {
    switch (p.rule) {
    case token_rule::keep_top: {
        const std::size_t kept = detail::share_of(p.share, patches);
        return kept + (kept < patches && p.rest != rest_tokens::drop);
    }
    case token_rule::merge_similar: return patches - std::min<std::size_t>(p.pairs, patches / 2);
    case token_rule::keep_prefix: return 0;
    case token_rule::none:
    case token_rule::keep_above: break;
    }
    return patches;
}

} // namespace lutra
