// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

/// @file
/// Block sparsity of weights (outputs x inputs): whole tiles of them are dropped, at best tiles of the size that an
/// accelerator or a kernel works in (Parikh et al., arXiv 2403.14047, 2024; Xiao et al., arXiv 2312.13000, 2023). A block
/// mask has a byte a tile, 1 where it is kept.

namespace lutra {

/// The size of a tile of weights. Those at the edges may be smaller.
struct block_shape {
    std::size_t outputs = 16, inputs = 16;

    /// Tiles across @p n outputs, and across @p k inputs.
    [[nodiscard]] constexpr std::size_t rows(std::size_t n) const noexcept { return (n + outputs - 1) / outputs; }
    [[nodiscard]] constexpr std::size_t cols(std::size_t k) const noexcept { return (k + inputs - 1) / inputs; }
    friend constexpr bool operator==(const block_shape&, const block_shape&) = default;
};

/// The whole number of @p tiles that dropping the share @p dropped of them takes, halves rounded up.
[[nodiscard]] constexpr std::size_t tiles_to_drop(std::size_t tiles, double dropped) noexcept {
    return static_cast<std::size_t>(dropped * static_cast<double>(tiles) + 0.5);
}

namespace detail {

/// A tile of the candidates to drop.
struct block_energy {
    double mean_square;
    std::size_t index;

    /// Whether this one goes first; of equal tiles, that of the higher index.
    [[nodiscard]] constexpr bool operator<(const block_energy& other) const noexcept {
        return mean_square < other.mean_square || (mean_square == other.mean_square && index > other.index);
    }
};

template <class T>
constexpr double mean_square(const matrix_view<T>& tile) noexcept {
    double sum = 0;
    for (std::size_t row = 0; row < tile.rows(); ++row)
        for (std::size_t col = 0; col < tile.cols(); ++col) {
            const auto x = static_cast<double>(tile(row, col));
            sum += x * x;
        }
    return sum / static_cast<double>(tile.rows() * tile.cols());
}

constexpr void require_block_shape(block_shape tile) {
    require(tile.outputs >= 1 && tile.inputs >= 1, panic_code::bad_argument, "a tile of weights has at least one weight",
            static_cast<long long>(tile.outputs), static_cast<long long>(tile.inputs));
}

} // namespace detail

/// Bytes of scratch that block_mask takes for @p n x @p k weights.
[[nodiscard]] constexpr std::size_t block_mask_scratch_bytes(std::size_t n, std::size_t k, block_shape tile) {
    detail::require_block_shape(tile);
    arena a = arena::counting();
    a.take<detail::block_energy>(tile.rows(n) * tile.cols(k));
    return a.used();
}

/// Drops the share @p dropped (0 to 1) of all tiles of @p weights (outputs x inputs, of any arithmetic type), rounded to
/// whole tiles: those of the smallest L2 norm; of equal ones, those of the higher index. The smaller tiles at the edges are
/// judged by their mean square, which for all others is the same order. @p mask: rows(N) x cols(K) of @p tile, 1 where a
/// tile is kept. Panics on other shapes, on a share out of range and on too little @p scratch, which is given back.
template <class T>
constexpr void block_mask(matrix_view<T> weights, block_shape tile, double dropped, matrix_view<std::uint8_t> mask,
                          arena& scratch) {
    detail::require_block_shape(tile);
    require(dropped >= 0 && dropped <= 1, panic_code::out_of_range, "the share of tiles to drop lies in 0 to 1",
            static_cast<long long>(dropped), 1);
    const std::size_t rows = tile.rows(weights.rows()), cols = tile.cols(weights.cols());
    require(mask.rows() == rows, panic_code::bad_shape, "a block mask must have a row for each row of tiles",
            static_cast<long long>(mask.rows()), static_cast<long long>(rows));
    require(mask.cols() == cols, panic_code::bad_shape, "a block mask must have a column for each column of tiles",
            static_cast<long long>(mask.cols()), static_cast<long long>(cols));
    const std::size_t mark = scratch.used();
    const auto tiles = scratch.take<detail::block_energy>(rows * cols);
    for (std::size_t i = 0; i < tiles.size(); ++i) {
        const std::size_t row = i / cols * tile.outputs, col = i % cols * tile.inputs;
        tiles[i] = {detail::mean_square(weights.block(row, col, std::min(tile.outputs, weights.rows() - row),
                                                      std::min(tile.inputs, weights.cols() - col))),
                    i};
        mask(i / cols, i % cols) = 1;
    }
    const std::size_t count = tiles_to_drop(tiles.size(), dropped);
    const auto end = tiles.begin() + static_cast<std::ptrdiff_t>(count);
    if (count < tiles.size()) std::nth_element(tiles.begin(), end, tiles.end());
    for (auto t = tiles.begin(); t != end; ++t) mask(t->index / cols, t->index % cols) = 0;
    scratch.release(mark);
}

/// The mask of single weights that a block mask stands for. @p weights: outputs x inputs. Panics on other shapes.
constexpr void expand_block_mask(matrix_view<const std::uint8_t> blocks, block_shape tile,
                                 matrix_view<std::uint8_t> weights) {
    detail::require_block_shape(tile);
    require(blocks.rows() == tile.rows(weights.rows()) && blocks.cols() == tile.cols(weights.cols()), panic_code::bad_shape,
            "a block mask must have a byte for each tile; its columns and those needed follow",
            static_cast<long long>(blocks.cols()), static_cast<long long>(tile.cols(weights.cols())));
    for (std::size_t row = 0; row < weights.rows(); ++row)
        for (std::size_t col = 0; col < weights.cols(); ++col)
            weights(row, col) = blocks(row / tile.outputs, col / tile.inputs) != 0;
}

} // namespace lutra
