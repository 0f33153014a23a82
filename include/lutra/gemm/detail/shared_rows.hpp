// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/arch/gather_lanes.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/gemm/sparse/reference.hpp>
#include <lutra/prune/block.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

/// @file
/// Groups of columns of a right operand that share which of its rows they keep. Packed, such an operand is a table of its
/// groups, and for each group the gather of its rows' activations and the elements that were kept.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// What a group keeps: rows of B, and entries of the gather that fetches their activations.
struct shared_rows {
    std::uint32_t kept = 0, entries = 0;
};

/// The rows that the columns of a group share: those of one column of a mask.
struct rows_of_mask {
    gemm_operand<std::uint8_t> kept; ///< K x N
    std::size_t columns;             ///< of a group

    [[nodiscard]] constexpr bool operator()(std::size_t k, std::size_t group) const noexcept {
        return kept(k, group * columns) != 0;
    }
    /// Panics where columns of a group keep different rows.
    constexpr void require_shared() const {
        for (std::size_t j = 0; j < kept.cols; ++j)
            for (std::size_t k = 0; k < kept.rows; ++k)
                require((kept(k, j) != 0) == (*this)(k, j / columns), panic_code::bad_argument,
                        "columns of one group must keep the same rows of B; this row and column differ",
                        static_cast<long long>(k), static_cast<long long>(j));
    }
};
/// The same of a block mask.
struct rows_of_blocks {
    gemm_operand<std::uint8_t> kept; ///< tiles across K x tiles across N
    block_shape tile;

    [[nodiscard]] constexpr bool operator()(std::size_t k, std::size_t group) const noexcept {
        return kept(k / tile.inputs, group) != 0;
    }
    /// Panics unless there is an element for each tile of a K x N operand.
    constexpr void require_shape(std::size_t k, std::size_t n) const {
        require(tile.inputs >= 1 && tile.outputs >= 1, panic_code::bad_argument, "a tile of weights has at least one weight",
                static_cast<long long>(tile.outputs), static_cast<long long>(tile.inputs));
        require(kept.rows == tile.cols(k), panic_code::bad_shape, "gemm: a mask of blocks needs a row for each tile of K",
                static_cast<long long>(kept.rows), static_cast<long long>(tile.cols(k)));
        require(kept.cols == tile.rows(n), panic_code::bad_shape, "gemm: a mask of blocks needs a column for each tile of N",
                static_cast<long long>(kept.cols), static_cast<long long>(tile.rows(n)));
    }
};

/// Counts what a group keeps of @p k rows, and writes the entries of its gather to @p to, unless that is null.
template <class Gather, class Keeps>
shared_rows write_gather(const Keeps& keeps, std::size_t group, std::size_t k, std::byte* to) noexcept {
    shared_rows rows;
    for (std::size_t first = 0; first < k; first += Gather::window) {
        // The last window begins early where that keeps it within a row.
        const std::size_t begin = k < Gather::window ? 0 : std::min(first, k - Gather::window);
        gather_head head{static_cast<std::uint32_t>(begin), 0};
        for (std::size_t i = first; i < std::min(first + Gather::window, k); ++i) {
            if (!keeps(i, group)) continue;
            if (to != nullptr && head.count == 0) std::memset(to, 0, Gather::bytes);
            if (to != nullptr) Gather::pick(to, head.count, i - begin);
            ++head.count;
        }
        if (head.count == 0) continue;
        if (to != nullptr) std::memcpy(to, &head, sizeof head), to += Gather::bytes;
        rows.kept += head.count;
        ++rows.entries;
    }
    return rows;
}

/// Bytes of the table of @p groups groups.
constexpr std::size_t shared_table_bytes(std::size_t groups) noexcept {
    return lutra::detail::round_up(groups * sizeof(shared_rows), arena::alignment);
}
/// Bytes of a group's gather.
template <class Gather>
constexpr std::size_t gather_bytes(const shared_rows& rows) noexcept {
    return lutra::detail::round_up(rows.entries * Gather::bytes, arena::alignment);
}
/// Panics on groups of no columns.
constexpr void require_group(std::size_t columns) {
    require(columns >= 1, panic_code::bad_argument, "a group of columns that share their rows has at least one", 0, 1);
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
