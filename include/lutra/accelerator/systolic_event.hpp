// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <cstdint>

/// @file
/// The event mode of `systolic`: the wavefront of every fold, cycle by cycle, in constant memory. It knows only when the
/// edges of the array move, and so checks the closed forms of systolic.hpp.

namespace lutra::detail {

/// A matrix product as it lies on the array: @p down x @p across values stay in the cells, a fold of the array's size at a
/// time, and @p through values stream past each of them.
struct systolic_space {
    std::uint64_t down = 0, across = 0, through = 0;
    bool sums_stay = false; ///< the cells keep sums, not an operand: output stationary
};

/// What passed the edges of the array, in elements, and what its cells did.
struct systolic_edges {
    std::uint64_t cycles = 0;
    std::uint64_t left = 0;   ///< entered the rows
    std::uint64_t top = 0;    ///< entered the columns
    std::uint64_t bottom = 0; ///< left the columns
    std::uint64_t macs = 0;
    friend constexpr bool operator==(const systolic_edges&, const systolic_edges&) = default;
};

/// How many of @p lanes lanes pass an element in cycle @p cycle, where lane i passes @p length of them, one a cycle from
/// cycle @p first + i on. No lanes or no length: 0.
[[nodiscard]] constexpr std::uint64_t skewed_lanes(std::uint64_t cycle, std::uint64_t first, std::uint64_t lanes,
                                                   std::uint64_t length) noexcept {
    if (cycle < first) return 0;
    const std::uint64_t since = cycle - first;
    const std::uint64_t started = std::min(since + 1, lanes), ended = since < length ? 0 : since - length + 1;
    return started > ended ? started - ended : 0;
}

/// Runs one fold on @p rows x @p columns cells, of which @p used_rows x @p used_columns have work, and adds it to @p sum.
constexpr void walk_fold(std::uint64_t rows, std::uint64_t columns, std::uint64_t used_rows, std::uint64_t used_columns,
                         const systolic_space& space, systolic_edges& sum) noexcept {
    const std::uint64_t loading = space.sums_stay ? 0 : rows; // cycles to fill the cells, one row each
    // Results leave at the bottom: partial sums once they passed all rows; sums that stay when the first one is complete,
    // row after row.
    const std::uint64_t leaving = space.sums_stay ? space.through - 1 : loading + rows - 1;
    const std::uint64_t results = space.sums_stay ? rows : space.through; // a column
    const std::uint64_t unused = space.sums_stay ? rows - used_rows : 0;  // of them, which come first: the lowest rows
    std::uint64_t cycle = 0, working = 0;                                 // working: cells
    // A fold ends when the last column, used or not, is empty: the array does not know which ones are.
    for (; cycle < leaving || skewed_lanes(cycle, leaving, columns, results) != 0; ++cycle) {
        if (space.sums_stay)
            sum.top += skewed_lanes(cycle, 0, used_columns, space.through);
        else if (cycle < rows && rows - cycle <= used_rows) // the lowest row goes in first
            sum.top += used_columns;
        sum.left += skewed_lanes(cycle, loading, used_rows, space.through);
        sum.bottom += skewed_lanes(cycle, leaving + unused, used_columns, results - unused);
        // The cells of one antidiagonal begin together and end together.
        working += skewed_lanes(cycle, loading, used_rows, used_columns);
        working -= skewed_lanes(cycle, loading + space.through, used_rows, used_columns);
        sum.macs += working;
    }
    sum.cycles += cycle;
}

/// Runs all folds one after the other; time is proportional to the cycles.
[[nodiscard]] constexpr systolic_edges walk_folds(std::uint64_t rows, std::uint64_t columns,
                                                  const systolic_space& space) noexcept {
    systolic_edges sum;
    if (space.through == 0) return sum;
    for (std::uint64_t column = 0; column < space.across; column += columns)
        for (std::uint64_t row = 0; row < space.down; row += rows)
            walk_fold(rows, columns, std::min(rows, space.down - row), std::min(columns, space.across - column), space, sum);
    return sum;
}

} // namespace lutra::detail
