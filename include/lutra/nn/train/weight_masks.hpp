// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: prune and train there, and run the model with lutra/nn on firmware."
#endif

#include <lutra/core/arena_memory.hpp>
#include <lutra/nn/policy.hpp>
#include <lutra/nn/vit_parameters.hpp>
#include <lutra/prune/weight_pruning.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lutra {

/// What the weight_pruning of each block keeps, a byte a parameter in the order of vit_parameters: 1, or 0 where it is
/// dropped. Made from weights that a mask zeroed already, the mask of a sparser pattern is part of it: training goes on from
/// 2:4 to 1:4 (inherited masks; Fang et al., IDP, arXiv 2208.06118, 2022). Panics unless there is one choice a block, and on
/// a rule out of range.
///
/// @code
/// choices.assign(config.depth, {.weights = lutra::weight_pruning::keep_n_m({2, 4})});
/// trainer.keep(lutra::weight_masks(trainer.parameters(), choices));
/// @endcode
[[nodiscard]] LUTRA_INLINE std::vector<std::uint8_t> weight_masks(const vit_parameters<const float>& p,
                                                                  std::span<const layer_choice> choices) {
    const vit_config& c = p.config();
    require(choices.size() == c.depth, panic_code::bad_shape, "weight_masks takes one layer_choice a block",
            static_cast<long long>(choices.size()), c.depth);
    std::vector<std::uint8_t> masks(p.flat().size(), 1);
    for (std::size_t i = 0; i < c.depth; ++i) {
        const auto b = p.block(i);
        for (const auto& weight : {b.qkv.weight, b.proj.weight, b.fc1.weight, b.fc2.weight}) {
            const arena_memory memory{weight_mask_scratch_bytes(choices[i].weights, weight.rows(), weight.cols())};
            arena scratch{memory.bytes()};
            std::uint8_t* const mask = masks.data() + (weight.data() - p.flat().data());
            weight_mask(weight, choices[i].weights, matrix_view{mask, weight.rows(), weight.cols()}, scratch);
        }
    }
    return masks;
}

} // namespace lutra
