// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/prune/block.hpp>
#include <lutra/prune/n_m.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace lutra {

/// What shares a choice among the weights of a layer.
enum class weight_rule : std::uint8_t {
    none,       ///< all are kept
    n_m,        ///< N of M neighbouring inputs, each output its own
    n_m_shared, ///< N of M neighbouring inputs, the same for a panel of neighbouring outputs
    block,      ///< whole tiles
};

/// Which weights of the linear layers of a block are kept, chosen by magnitude when the network is made, from the float
/// weights. Zeros lose first, so that weights trained under a mask of the same rule keep it.
///
/// @code
/// choices[1].weights = lutra::weight_pruning::keep_n_m({2, 4});
/// choices[2].weights = lutra::weight_pruning::drop_blocks({64, 16}, 0.5);
/// @endcode
struct weight_pruning {
    weight_rule rule = weight_rule::none;
    lutra::n_m pattern{};   ///< of n_m and n_m_shared
    std::size_t panel = 64; ///< of n_m_shared: the neighbouring outputs that share a pattern
    block_shape tile{};     ///< of block
    double dropped = 0;     ///< of block: the share of the tiles that go, in [0, 1]

    [[nodiscard]] static constexpr weight_pruning keep_n_m(lutra::n_m pattern) noexcept {
        return {.rule = weight_rule::n_m, .pattern = pattern};
    }
    [[nodiscard]] static constexpr weight_pruning keep_shared(lutra::n_m pattern, std::size_t panel = 64) noexcept {
        return {.rule = weight_rule::n_m_shared, .pattern = pattern, .panel = panel};
    }
    [[nodiscard]] static constexpr weight_pruning drop_blocks(block_shape tile, double dropped) noexcept {
        return {.rule = weight_rule::block, .tile = tile, .dropped = dropped};
    }

    [[nodiscard]] constexpr bool active() const noexcept { return rule != weight_rule::none; }
    /// How many neighbouring outputs keep the same inputs.
    [[nodiscard]] constexpr std::size_t group() const noexcept {
        return rule == weight_rule::block ? tile.outputs : rule == weight_rule::n_m_shared ? panel : 1;
    }
    /// Groups that @p outputs fall into.
    [[nodiscard]] constexpr std::size_t groups(std::size_t outputs) const noexcept {
        return (outputs + group() - 1) / group();
    }
    /// Of outputs x inputs weights, the most inputs that all groups keep together: exact for N:M, and for tiles where these
    /// divide the inputs.
    [[nodiscard]] constexpr std::size_t kept_inputs(std::size_t outputs, std::size_t inputs) const noexcept {
        const std::size_t all = groups(outputs) * inputs;
        if (rule == weight_rule::none) return all;
        if (rule == weight_rule::block) {
            const std::size_t tiles = tile.rows(outputs) * tile.cols(inputs);
            return std::min(all, (tiles - tiles_to_drop(tiles, dropped)) * tile.inputs);
        }
        return groups(outputs) * (inputs / pattern.m * pattern.n + pattern.kept_of(inputs % pattern.m));
    }
    /// The share of outputs x inputs weights that is dropped: exact for N:M, and for tiles where these divide both.
    [[nodiscard]] constexpr double dropped_share(std::size_t outputs, std::size_t inputs) const noexcept {
        if (rule == weight_rule::none || outputs == 0 || inputs == 0) return 0;
        if (rule == weight_rule::block) {
            const std::size_t tiles = tile.rows(outputs) * tile.cols(inputs);
            return static_cast<double>(tiles_to_drop(tiles, dropped)) / static_cast<double>(tiles);
        }
        return 1 - static_cast<double>(kept_inputs(outputs, inputs)) / static_cast<double>(groups(outputs) * inputs);
    }
    friend constexpr bool operator==(const weight_pruning&, const weight_pruning&) = default;
};

/// Panics unless what the rule reads is in its range; NaN is in none.
constexpr void require_valid(const weight_pruning& p) {
    if (p.rule == weight_rule::n_m || p.rule == weight_rule::n_m_shared) require_pattern(p.pattern);
    if (p.rule == weight_rule::n_m_shared)
        require(p.panel >= 1, panic_code::bad_argument, "a panel of outputs that share a pattern has at least one", 0, 1);
    if (p.rule != weight_rule::block) return;
    detail::require_block_shape(p.tile);
    require(p.dropped >= 0 && p.dropped <= 1, panic_code::out_of_range, "the share of tiles to drop lies in 0 to 1",
            static_cast<long long>(p.dropped), 1);
}

/// Bytes of scratch that weight_mask takes for @p outputs x @p inputs weights.
[[nodiscard]] constexpr std::size_t weight_mask_scratch_bytes(const weight_pruning& p, std::size_t outputs,
                                                              std::size_t inputs) {
    if (p.rule != weight_rule::block) return 0;
    arena a = arena::counting();
    a.take<std::uint8_t>(p.tile.rows(outputs) * p.tile.cols(inputs));
    return a.used() + block_mask_scratch_bytes(outputs, inputs, p.tile);
}

/// Writes to @p mask (outputs x inputs, 1 or 0 a weight) what @p p keeps of @p weights, of any arithmetic type. Panics on a
/// rule out of range, on other shapes and on too little @p scratch (weight_mask_scratch_bytes), which is given back.
template <class T>
constexpr void weight_mask(matrix_view<T> weights, const weight_pruning& p, matrix_view<std::uint8_t> mask, arena& scratch) {
    require_valid(p);
    detail::require_mask(matrix_view<const std::remove_const_t<T>>{weights}, mask);
    switch (p.rule) {
    case weight_rule::none:
        for (std::size_t row = 0; row < mask.rows(); ++row) std::ranges::fill(mask.row(row), std::uint8_t{1});
        return;
    case weight_rule::n_m:
    case weight_rule::n_m_shared: return n_m_mask(weights, p.pattern, mask, p.group());
    case weight_rule::block: break;
    }
    const std::size_t mark = scratch.used(), rows = p.tile.rows(mask.rows()), cols = p.tile.cols(mask.cols());
    const matrix_view<std::uint8_t> tiles{scratch.take<std::uint8_t>(rows * cols).data(), rows, cols};
    block_mask(weights, p.tile, p.dropped, tiles, scratch);
    expand_block_mask(tiles, p.tile, mask);
    scratch.release(mark);
}

} // namespace lutra
