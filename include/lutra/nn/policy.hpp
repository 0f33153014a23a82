// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/exact.hpp>
#include <lutra/multiplier/lowering.hpp>
#include <lutra/nn/block_ranks.hpp>
#include <lutra/nn/vit_config.hpp>
#include <lutra/nonlinear/float_functions.hpp>
#include <lutra/prune/activation_pruning.hpp>
#include <lutra/prune/token_pruning.hpp>
#include <lutra/prune/weight_pruning.hpp>

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <span>
#include <utility>

namespace lutra {

/// As an activation of a policy: the one that the network was trained with, vit_config::activation.
struct trained_activation {};

/// Calls `f(function)` with what @p Activation stands for in a network of config @p c: itself, or where it is
/// trained_activation, Gelu{} or relu{}.
template <class Activation, class Gelu = gelu, class F>
constexpr decltype(auto) with_activation(const vit_config& c, F&& f) {
    if constexpr (!std::same_as<Activation, trained_activation>)
        return std::forward<F>(f)(Activation{});
    else if (c.activation == activation_kind::relu)
        return std::forward<F>(f)(relu{});
    else
        return std::forward<F>(f)(Gelu{});
}

/// The policies of a network that is not told otherwise: everything exact, and nothing dropped. Derive from it and replace
/// what differs:
///
/// @code
/// struct my_policy : lutra::vit_defaults {
///     using multiplier = lutra::drum<4>;
///     static constexpr auto tokens = lutra::token_pruning::keep_top(0.7f);
///     static constexpr bool skip_zeros = true;
/// };
/// @endcode
struct vit_defaults {
    using multiplier = exact;                      ///< of the linear layers, patch embedding and head included
    using attention_multiplier = exact;            ///< of Q K^T and A V; queries and probabilities are the left operands
    using activation = trained_activation;         ///< between the two layers of the MLP
    static constexpr activation_pruning pruning{}; ///< these are the members of layer_choice
    static constexpr token_pruning tokens{};
    static constexpr bool skip_zeros = false;
    static constexpr weight_pruning weights{};
    static constexpr block_ranks ranks{};
};

/// A policy that names the multipliers of a network.
template <class P>
concept multiplier_policy = multiplier<typename P::multiplier> && multiplier<typename P::attention_multiplier>;

/// A function of float_batches, or trained_activation.
template <class A>
concept float_activation = std::same_as<A, trained_activation> || requires(float_batch x) {
    { A::value(x) } -> std::same_as<float_batch>;
};

/// What the network templates ask of a policy: the members of vit_defaults.
template <class P>
concept vit_policy = multiplier_policy<P> && float_activation<typename P::activation>;
static_assert(vit_policy<vit_defaults>);

/// The choices of one block at run time; a network takes one a block. The patch embedding goes with the first block and
/// the head with the last. The default is exact and drops nothing. It points into the tables of its multipliers.
struct layer_choice {
    lowered_multiplier linear{};    ///< of qkv, proj, fc1 and fc2; the activation is the left operand
    lowered_multiplier attention{}; ///< of Q K^T and A V; queries and probabilities are the left operands
    activation_pruning pruning{};   ///< of the block's activations, where is_pruned_at (nn/observer.hpp) says
    token_pruning tokens{};         ///< which tokens go on to the MLP and the later blocks
    bool skip_zeros = false;        ///< fc2 skips the weights that meet zeros, where that pays
    float hidden_threshold = 0;     ///< hidden units of at most this magnitude become 0 (see hidden_thresholds)
    std::span<const float> taus{};  ///< one an activation_point, in place of pruning.tau; or empty
    weight_pruning weights{};       ///< which weights of qkv, proj, fc1 and fc2 are kept
    block_ranks ranks{};            ///< which of these are computed as two thin layers, in place of what `weights` says
    /// In place of `linear`, of one block_layer each; null where `linear` holds. They must outlive the network.
    std::array<const lowered_multiplier*, block_layer_count> by_layer{};

    /// The multiplier of @p layer.
    [[nodiscard]] constexpr const lowered_multiplier& of(block_layer layer) const noexcept {
        const lowered_multiplier* const own = by_layer[static_cast<std::size_t>(layer)];
        return own != nullptr ? *own : linear;
    }
    /// Whether every multiplier takes signed operands.
    [[nodiscard]] constexpr bool signed_operands() const noexcept {
        for (const lowered_multiplier* own : by_layer)
            if (own != nullptr && !own->signed_operands()) return false;
        return linear.signed_operands() && attention.signed_operands();
    }
    /// Whether it says no more than which multipliers: nothing of its block is dropped. It compares no floats, which not
    /// every processor has.
    [[nodiscard]] constexpr bool drops_nothing() const noexcept {
        return tokens.rule == token_rule::none && pruning.kind == activation_pruning_kind::none &&
               (std::bit_cast<std::uint32_t>(hidden_threshold) << 1) == 0 && taus.empty() && !weights.active() &&
               !ranks.active();
    }
    /// Panics where a table that a multiplier's plan reads is missing.
    constexpr void require_tables() const {
        linear.require_tables();
        attention.require_tables();
        for (const lowered_multiplier* own : by_layer)
            if (own != nullptr) own->require_tables();
    }
};

namespace detail {
/// Panics where a choice drops weights by a number out of its range or has ranks that the layers of @p c cannot have, and
/// where fc2 is to be changed in two ways at once.
constexpr void require_weight_rules(const vit_config& c, std::span<const layer_choice> choices) {
    for (const layer_choice& choice : choices) {
        require_valid(choice.weights);
        require_valid(choice.ranks, c);
        require(!choice.skip_zeros || (!choice.weights.active() && choice.ranks[block_layer::fc2] == 0),
                panic_code::unsupported,
                "fc2 skips either dropped weights or zeros of its input, and zeros only where it has its full rank: choose "
                "skip_zeros or one of weights and ranks for a block");
    }
}
} // namespace detail

/// The choice that a policy makes for every block; on firmware its tables are constants (see lowered_v).
template <multiplier_policy Policy>
[[nodiscard]] layer_choice choice_of() {
    layer_choice c{.linear = lower(typename Policy::multiplier{}),
                   .attention = lower(typename Policy::attention_multiplier{})};
    if constexpr (requires { Policy::pruning; }) c.pruning = Policy::pruning;
    if constexpr (requires { Policy::tokens; }) c.tokens = Policy::tokens;
    if constexpr (requires { Policy::skip_zeros; }) c.skip_zeros = Policy::skip_zeros;
    if constexpr (requires { Policy::weights; }) c.weights = Policy::weights;
    if constexpr (requires { Policy::ranks; }) c.ranks = Policy::ranks;
    return c;
}

} // namespace lutra
