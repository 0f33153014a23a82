// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/exact.hpp>
#include <lutra/multiplier/lowering.hpp>
#include <lutra/nonlinear/float_functions.hpp>

#include <concepts>

namespace lutra {

/// The policies of a network that is not told otherwise: everything exact. Derive from it and replace what differs:
///
/// @code
/// struct my_policy : lutra::vit_defaults {
///     using multiplier = lutra::drum<4>;
/// };
/// @endcode
struct vit_defaults {
    using multiplier = exact;           ///< of the linear layers, patch embedding and head included
    using attention_multiplier = exact; ///< of Q K^T and A V; queries and probabilities are the left operands
    using activation = gelu;            ///< between the two layers of the MLP
};

/// A policy that names the multipliers of a network.
template <class P>
concept multiplier_policy = multiplier<typename P::multiplier> && multiplier<typename P::attention_multiplier>;

/// What the network templates ask of a policy: the members of vit_defaults.
template <class P>
concept vit_policy = multiplier_policy<P> && requires(float_batch x) {
    { P::activation::value(x) } -> std::same_as<float_batch>;
};
static_assert(vit_policy<vit_defaults>);

/// The choices of one block at run time; a network takes one a block. The patch embedding goes with the first block and
/// the head with the last. The default is exact. It points into the tables of its multipliers.
struct layer_choice {
    lowered_multiplier linear{};    ///< of qkv, proj, fc1 and fc2; the activation is the left operand
    lowered_multiplier attention{}; ///< of Q K^T and A V; queries and probabilities are the left operands
};

/// The choice that a policy makes for every block; on firmware its tables are constants (see lowered_v).
template <multiplier_policy Policy>
[[nodiscard]] layer_choice choice_of() {
    return {lower(typename Policy::multiplier{}), lower(typename Policy::attention_multiplier{})};
}

} // namespace lutra
