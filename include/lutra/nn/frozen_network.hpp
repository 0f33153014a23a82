// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/nn/vit_config.hpp>
#include <lutra/nonlinear/integer_layer_norm.hpp>
#include <lutra/numeric/requantize.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// A linear layer of a frozen_network: int8 weights, and what turns its sums into its output.
struct frozen_linear {
    matrix_view<const std::int8_t> weight; ///< outputs x inputs, as quantised, whatever the multiplier
    std::span<const requantizer> by;       ///< one an output
    std::span<const std::int32_t> bias;    ///< likewise, in units of a sum
};

/// One block of a frozen_network.
struct frozen_block {
    layer_norm_integers norm1, norm2;
    frozen_linear qkv, proj, fc1, fc2;       ///< to int8; proj and fc2 to the residual stream
    requantizer scores_by;                   ///< of Q K^T, to the softmax
    requantizer context_by;                  ///< of A V
    std::span<const std::int8_t> activation; ///< 256 values, by the bits of fc1's output
};

/// All the numbers of an integer_vit but its multipliers': integers that can stand in flash. It owns nothing. Weights are in
/// their own order, so that any multiplier may be chosen for them (see frozen_vit).
struct frozen_network {
    vit_config config;                     ///< as that of the model; of softmax attention
    int residual_fraction = 0;             ///< of the residual stream
    std::span<const std::int8_t> pixels;   ///< 256 values a channel: what an 8-bit pixel becomes
    matrix_view<const std::int16_t> start; ///< tokens x dim: what the residual stream of an image starts with
    frozen_linear patch_embed;             ///< to the residual stream
    std::span<const frozen_block> blocks;
    layer_norm_integers norm;      ///< before the head
    frozen_linear head, head_dist; ///< to logits in steps of 2^-16; head_dist is empty unless distilled
};

} // namespace lutra
