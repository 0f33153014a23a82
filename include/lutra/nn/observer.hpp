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

/// What watches a forward pass: it is told of each activation as the next operation reads it, pruned if it is, and of the
/// products that may skip zeros. Outputs that join the residual stream are told of only where they are pruned: else they
/// never exist apart. The sizes of what comes follow the tokens that are left.
template <class O>
concept activation_observer = requires(O& o, std::size_t layer, activation_point p, matrix_view<const float> x,
                                       matrix_view<const std::int8_t> q, const skip_count& s) {
    o.activation(layer, p, x);
    o.activation(layer, p, q);
    o.skipped(layer, p, s);
};

/// An activation_observer of any type, or none, behind three functions, so that a network is compiled once for all of them.
/// It refers to the observer and must not outlive it.
class observer_ref {
public:
    constexpr observer_ref() noexcept = default;
    template <class O>
    requires(!std::same_as<std::remove_cvref_t<O>, observer_ref> &&
             activation_observer<std::remove_reference_t<
                 O>>) constexpr observer_ref(O&& observer) noexcept // NOLINT(google-explicit-constructor):
                                                                    // it stands for
                                                                    // any of them
        : observer_{const_cast<void*>(static_cast<const void*>(&observer))},
          floats_{&pass_on<std::remove_reference_t<O>, float>},
          bytes_{&pass_on<std::remove_reference_t<O>, std::int8_t>},
          skipped_{&pass_count_on<std::remove_reference_t<O>>} {}

    /// Whether there is one.
    [[nodiscard]] explicit constexpr operator bool() const noexcept { return observer_ != nullptr; }
    constexpr void activation(std::size_t layer, activation_point p, matrix_view<const float> x) const {
        if (observer_ != nullptr) floats_(observer_, layer, p, x);
    }
    constexpr void activation(std::size_t layer, activation_point p, matrix_view<const std::int8_t> x) const {
        if (observer_ != nullptr) bytes_(observer_, layer, p, x);
    }
    constexpr void skipped(std::size_t layer, activation_point p, const skip_count& counted) const {
        if (observer_ != nullptr) skipped_(observer_, layer, p, counted);
    }

private:
    template <class O, class T>
    static void pass_on(void* observer, std::size_t layer, activation_point p, matrix_view<const T> x) {
        static_cast<O*>(observer)->activation(layer, p, x);
    }
    template <class O>
    static void pass_count_on(void* observer, std::size_t layer, activation_point p, const skip_count& counted) {
        static_cast<O*>(observer)->skipped(layer, p, counted);
    }

    void* observer_ = nullptr;
    void (*floats_)(void*, std::size_t, activation_point, matrix_view<const float>) = nullptr;
    void (*bytes_)(void*, std::size_t, activation_point, matrix_view<const std::int8_t>) = nullptr;
    void (*skipped_)(void*, std::size_t, activation_point, const skip_count&) = nullptr;
};

} // namespace lutra
