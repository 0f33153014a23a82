// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/gemm/sparse/skip_count.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace lutra {

/// The activations of a network that can be pruned or observed, in the order in which they are made. All but the first two
/// belong to a block.
enum class activation_point : std::uint8_t {
    patches,          ///< what the patch embedding reads; of layer 0
    head,             ///< what the head reads: the final layer norm's output; of the last layer
    normed1,          ///< the first layer norm's output
    query,            ///< Q, of all heads
    key,              ///< K, likewise
    value,            ///< V, likewise
    scores,           ///< Q K^T / sqrt(head_dim) of one head of one image
    probabilities,    ///< their softmax
    context,          ///< A V, of all heads
    attention_output, ///< proj's output before it is added to the residual stream
    normed2,          ///< the second layer norm's output
    hidden,           ///< the activation function's output, FFN1's
    mlp_output,       ///< fc2's output, FFN2's, before it is added to the residual stream
};
inline constexpr std::size_t activation_point_count = 13;

/// The enumerator's name.
[[nodiscard]] constexpr std::string_view to_string(activation_point p) noexcept {
    constexpr std::array<std::string_view, activation_point_count> names{
        "patches",       "head",    "normed1",          "query",   "key",    "value",     "scores",
        "probabilities", "context", "attention_output", "normed2", "hidden", "mlp_output"};
    return names[static_cast<std::size_t>(p)];
}

/// Whether DynaTran prunes at @p p: everywhere within a block but what the layer norms make, whose rows have one length.
[[nodiscard]] constexpr bool is_pruned_at(activation_point p) noexcept {
    return p > activation_point::normed1 && p != activation_point::normed2;
}

/// The observer that looks at nothing; a network under it is compiled as without one.
struct no_observer {};

/// What watches a forward pass: it is told of each activation as the next operation reads it, pruned if it is, and of the
/// products that may skip zeros. Outputs that join the residual stream are told of only where they are pruned: else they
/// never exist apart. The sizes of what comes follow the tokens that are left.
template <class O>
concept activation_observer = std::same_as<std::remove_cvref_t<O>, no_observer> ||
    requires(O& o, std::size_t layer, activation_point p, matrix_view<const float> x, matrix_view<const std::int8_t> q,
             const skip_count& s) {
    o.activation(layer, p, x);
    o.activation(layer, p, q);
    o.skipped(layer, p, s);
};
static_assert(activation_observer<no_observer>);

namespace detail {
template <class O>
inline constexpr bool observes = !std::same_as<std::remove_cvref_t<O>, no_observer>;
}

} // namespace lutra
