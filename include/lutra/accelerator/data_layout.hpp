// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/accelerator/report.hpp>

#include <cstdint>
#include <numeric>

namespace lutra {

/// How a matrix lies in main memory, which moves whole bursts, whereas an array of MACs asks for a block of it at a time.
enum class data_layout : std::uint8_t {
    ideal,      ///< no burst moves an element in vain, whatever is asked for
    block_wise, ///< block by block, each from a burst of its own on: Amirshahi and others (arXiv 2312.13000, 2023)
    row_major,  ///< row by row, each from a burst of its own on; every row of a block is asked for by itself
};

namespace detail {

/// A matrix of rows x columns that is asked for in blocks of block_rows x block_columns, smaller ones at its lower and right
/// edge; no extent of 0.
struct blocked_matrix {
    std::uint64_t rows = 1, columns = 1, block_rows = 1, block_columns = 1;
};

/// The bursts of @p burst bits (at least 1) that bring all blocks of @p m, elements of @p width bits, each block once;
/// the bits of the matrix must fit 64 bits.
[[nodiscard]] constexpr checked_count bursts_of(data_layout layout, const blocked_matrix& m, std::uint64_t width,
                                                std::uint64_t burst) noexcept {
    const auto whole = [&](std::uint64_t rows, std::uint64_t columns) {
        return checked_count{ceil_div(rows * columns * width, burst)};
    };
    switch (layout) {
    case data_layout::ideal: break;
    case data_layout::block_wise: {
        const checked_count down = m.rows / m.block_rows, across = m.columns / m.block_columns;
        const std::uint64_t low = m.rows % m.block_rows, narrow = m.columns % m.block_columns; // of the blocks at the edges
        return down * across * whole(m.block_rows, m.block_columns) + down * whole(m.block_rows, narrow) +
               across * whole(low, m.block_columns) + whole(low, narrow);
    }
    case data_layout::row_major: {
        // A block that ends within a burst shares it with the next one, which asks for it again.
        const std::uint64_t across = ceil_div(m.columns, m.block_columns);
        const std::uint64_t apart = burst / std::gcd(m.block_columns * width, burst); // blocks that begin with a burst
        return checked_count{m.rows} * (whole(1, m.columns) + (across - ceil_div(across, apart)));
    }
    }
    return whole(m.rows, m.columns);
}

} // namespace detail

} // namespace lutra
