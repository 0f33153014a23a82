// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nn/policy.hpp>
#include <lutra/nonlinear/activation_table.hpp>
#include <lutra/nonlinear/integer_layer_norm.hpp>
#include <lutra/nonlinear/integer_softmax.hpp>
#include <lutra/nonlinear/pwl.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// The policies of an integer network that is not told otherwise: exact products, tables for the rest. Derive from it:
///
/// @code
/// struct my_policy : lutra::integer_vit_defaults {
///     using multiplier = lutra::drum<4>;
///     using activation = lutra::relu;
/// };
/// @endcode
struct integer_vit_defaults {
    using multiplier = exact;              ///< of the linear layers, patch embedding and head included
    using attention_multiplier = exact;    ///< of Q K^T and A V; queries and probabilities are the left operands
    using activation = trained_activation; ///< between the two layers of the MLP
    using trained_gelu = pwl<gelu, 8>;     ///< what that is where the network was trained with GELU
    using softmax = pwl_softmax<8>;
    using layer_norm = pwl_layer_norm<16>;
};

/// The same with tables of @p Entries everywhere, 8 or 16.
template <int Entries>
struct integer_vit_tables : integer_vit_defaults {
    using trained_gelu = pwl<gelu, Entries>;
    using softmax = pwl_softmax<Entries>;
    using layer_norm = pwl_layer_norm<Entries>;
};

/// What softmax of an integer network is: `scores_by(scale)`, the requantizer of sums that are worth `scale` each, and
/// `apply(scores, probabilities)`, which may overwrite the scores.
template <class S>
concept integer_softmax = requires(matrix_view<std::int16_t> scores, matrix_view<std::int8_t> probabilities) {
    { S::scores_by(0.5) } -> std::same_as<requantizer>;
    S::apply(scores, probabilities);
};
/// What a layer norm of an integer network is: a small value that `make` prepares in `bytes(columns)` of an arena.
template <class L>
concept integer_layer_norm = std::default_initializable<L> && std::copyable<L> &&
    requires(const L& norm, std::span<const float> weight, arena& memory, std::span<const std::int16_t> x,
             std::span<std::int8_t> out) {
    { L::make(weight, weight, 1e-6f, 1.0f, 1.0f, memory) } -> std::same_as<L>;
    { L::bytes(std::size_t{1}) } -> std::same_as<std::size_t>;
    norm(x, out);
};

/// What an activation function of an integer network is, or trained_activation.
template <class A>
concept integer_activation = std::same_as<A, trained_activation> || tabulated_activation<A>;

/// What integer_vit asks of a policy: the members of integer_vit_defaults.
template <class P>
concept integer_vit_policy =
    multiplier_policy<P> && integer_activation<typename P::activation> && tabulated_activation<typename P::trained_gelu> &&
    integer_softmax<typename P::softmax> && integer_layer_norm<typename P::layer_norm>;
static_assert(integer_vit_policy<integer_vit_defaults>);

} // namespace lutra
