// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/nn/vit_config.hpp>
#include <lutra/prune/low_rank.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace lutra {

/// The ranks of a block's linear layers. One whose rank is not 0 is computed as two thin ones, W ~ U V, the nearest of that
/// rank, for rank * (outputs + inputs) products in place of outputs * inputs.
struct block_ranks {
    std::array<std::uint32_t, block_layer_count> of{}; ///< one a block_layer; 0: as it is

    [[nodiscard]] constexpr std::size_t operator[](block_layer l) const noexcept { return of[static_cast<std::size_t>(l)]; }
    [[nodiscard]] constexpr bool active() const noexcept { return of != decltype(of){}; }
    friend constexpr bool operator==(const block_ranks&, const block_ranks&) = default;
};

/// Panics unless every rank is at most the smaller side of its layer.
constexpr void require_valid(const block_ranks& r, const vit_config& c) {
    for (std::size_t l = 0; l < block_layer_count; ++l) {
        const std::size_t side = std::min(block_shapes(c)[l].outputs, block_shapes(c)[l].inputs);
        require(r.of[l] <= side, panic_code::out_of_range, "the rank of a layer is at most its smaller side",
                static_cast<long long>(r.of[l]), static_cast<long long>(side));
    }
}

/// The ranks at which every layer of a block makes at most the share @p macs, in (0, 1), of its products: see rank_for_macs.
/// At least 1.
///
/// @code
/// for (auto& choice : choices) choice.ranks = lutra::ranks_for_macs(config, 0.5);
/// @endcode
[[nodiscard]] constexpr block_ranks ranks_for_macs(const vit_config& c, double macs) {
    require(macs > 0 && macs < 1, panic_code::out_of_range, "a share of products lies between 0 and 1",
            static_cast<long long>(macs), 1);
    block_ranks r;
    for (std::size_t l = 0; l < block_layer_count; ++l)
        r.of[l] = static_cast<std::uint32_t>(
            std::max<std::size_t>(1, rank_for_macs(block_shapes(c)[l].outputs, block_shapes(c)[l].inputs, macs)));
    return r;
}

} // namespace lutra
