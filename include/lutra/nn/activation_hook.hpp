// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/gemm/epilogue.hpp>
#include <lutra/gemm/sparse/skip_zeros.hpp>
#include <lutra/gemm/sparse/skip_zeros_int8.hpp>
#include <lutra/nn/observer.hpp>
#include <lutra/nn/policy.hpp>
#include <lutra/nn/vit_config.hpp>
#include <lutra/prune/activation_pruning.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

/// @file
/// What comes between the operations of a block: pruning as its layer_choice says, then the observer.

namespace lutra {

/// What a layer_choice says of activations.
struct activation_rules {
    activation_pruning pruning{};
    bool skip_zeros = false;
    float hidden_threshold = 0;
    std::span<const float> taus{};

    constexpr activation_rules() noexcept = default;
    explicit constexpr activation_rules(const layer_choice& c) noexcept
        : pruning{c.pruning}, skip_zeros{c.skip_zeros}, hidden_threshold{c.hidden_threshold}, taus{c.taus} {}
    /// The rule at @p p.
    [[nodiscard]] constexpr activation_pruning at(activation_point p) const noexcept {
        if (!is_pruned_at(p)) return {};
        activation_pruning rule = pruning;
        if (!taus.empty()) rule.tau = taus[static_cast<std::size_t>(p)];
        return rule;
    }
    /// Whether they ask for anything that a dense forward pass does not do.
    [[nodiscard]] constexpr bool active() const noexcept { return pruning.active() || skip_zeros || hidden_threshold > 0; }
};

namespace detail {
/// Panics where a choice prunes by a number out of its range.
constexpr void require_activation_rules(std::span<const layer_choice> choices) {
    for (const layer_choice& c : choices) {
        require_valid(c.pruning);
        require(c.taus.empty() || c.taus.size() == activation_point_count, panic_code::bad_shape,
                "a layer_choice has no thresholds of its own for each activation_point, or one for each",
                static_cast<long long>(c.taus.size()), static_cast<long long>(activation_point_count));
        for (const float tau : c.taus) require(tau >= 0, panic_code::bad_argument, "a pruning threshold must be at least 0");
        require(c.hidden_threshold >= 0, panic_code::bad_argument, "the threshold of hidden units must be at least 0");
    }
}
/// The elements of scratch by which top-k selects in a row of any activation.
constexpr std::size_t selection_size(const vit_config& c) noexcept {
    return std::max({std::size_t{c.dim}, std::size_t{c.mlp}, c.tokens()});
}
} // namespace detail

inline namespace LUTRA_ISA {

/// The hook of one block: by default nothing comes between. It refers to what it is made from.
class activation_hook {
public:
    activation_hook() noexcept = default;
    /// @p selection: detail::selection_size elements, for floats and top-k; @p scratch: skip_zeros_scratch_bytes of fc2.
    activation_hook(const activation_rules& rules, std::size_t layer, std::span<std::uint32_t> selection, arena& scratch,
                    const observer_ref& observer) noexcept
        : rules_{rules},
          layer_{layer},
          selection_{selection},
          scratch_{&scratch},
          observer_{observer},
          active_{rules.active() || observer} {}

    /// Whether anything comes between.
    [[nodiscard]] bool active() const noexcept { return active_; }
    /// Whether outputs are pruned before they join the residual stream.
    [[nodiscard]] bool prunes() const noexcept { return rules_.pruning.active(); }
    /// Whether fc2's product is to look for zeros.
    [[nodiscard]] bool skips_zeros() const noexcept { return rules_.skip_zeros; }

    /// An activation was made.
    void operator()(activation_point p, const matrix_view<float>& x) const {
        if (!active_) return;
        prune(x, rules_.at(p), selection_);
        if (p == activation_point::hidden && rules_.hidden_threshold > 0) prune_threshold(x, rules_.hidden_threshold);
        observer_.activation(layer_, p, matrix_view<const float>{x});
    }
    /// The same in int8 at @p scale.
    void operator()(activation_point p, const matrix_view<std::int8_t>& x, float scale) const {
        if (!active_) return;
        prune(x, rules_.at(p), scale);
        if (p == activation_point::hidden && rules_.hidden_threshold > 0)
            prune_threshold(x, integer_threshold(rules_.hidden_threshold, scale));
        observer_.activation(layer_, p, matrix_view<const std::int8_t>{x});
    }

    /// fc2's product in float where skips_zeros(): by the zeros of @p hidden rows of weights are skipped if that pays.
    void fc2(matrix_view<const float> hidden, const packed_float_b& weight, matrix_view<float> y,
             const float_epilogue& e) const {
        observer_.skipped(layer_, activation_point::hidden, gemm_skip_zeros(hidden, weight, y, *scratch_, e));
    }
    /// The same in int8.
    template <class Use>
    void fc2(matrix_view<const std::int8_t> hidden, const skipping_int8_b& weight, const Use& use) const {
        observer_.skipped(layer_, activation_point::hidden, gemm_skip_zeros(hidden, weight, *scratch_, use));
    }

private:
    activation_rules rules_{};
    std::size_t layer_ = 0;
    std::span<std::uint32_t> selection_{};
    arena* scratch_ = nullptr;
    observer_ref observer_{};
    bool active_ = false;
};

namespace kernel {
/// to += from, of dense matrices of one shape.
inline void add_rows(matrix_view<const float> from, matrix_view<float> to) noexcept {
    for_each_register(from.rows() * from.cols(), [&](std::size_t i, std::size_t n) {
        store_some(to.data() + i, load_some(to.data() + i, n) + load_some(from.data() + i, n), n);
    });
}
} // namespace kernel

} // namespace LUTRA_ISA
} // namespace lutra
