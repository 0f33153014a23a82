// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>

#include <cstddef>
#include <cstdint>

/// @file
/// What all int8 tiles share. A right operand is packed into panels of 16 columns; within a panel, terms of the separable
/// plan (one in the exact plan) follow one another, and within a term, groups of 2 or 4 rows of k:
/// [panel][term][k / group][column][k % group]. Zeros pad a factor, so that padding adds no product.
///
/// A tile is a type with
/// - `lhs_lane`, `rhs_lane`: the element types of the mapped A and of the packed B;
/// - `group`: how many k one step takes; 2 for 16-bit lanes, 4 for 8-bit ones;
/// - `lhs_offset`: what was added to each element of A, whose effect the driver takes back;
/// - `rows`, `panels`: the most rows and panels of one call;
/// - `tile<Rows, Panels>(steps, a, a_stride, b, b_stride, c, c_stride)`: multiplies Rows rows of mapped activations by
///   Panels panels and writes Rows x (Panels * 16) sums; strides are in elements; or `tiles<Rows, Panels>(..., count)`,
///   which does so for `count` tiles side by side;
/// - in tiles of 16-bit lanes, `map_row(from, k, map, to)`: k activations by a 256-entry map, or by none;
/// - in tiles of 8-bit lanes, `copy_row(from, k, to)`: k activations as they are, plus lhs_offset;
/// - optionally in these, for factors that do not fit them (detail/lost_factors.hpp), `add_groups(...)`, which adds
///   to a tile's sums what activations lost, and `add_picked<Panels>(...)`, which adds what weights lost;
/// - optionally, to pack B as it is, `pack_rows(from, stride, out)` for `group` rows of a panel and `pack_column(from, out)`
///   for `column_rows` rows of a column that lie side by side.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

inline constexpr std::size_t panel_columns = 16; ///< columns of B a panel

/// Whether a tile is one of 8-bit lanes.
template <class Tile>
inline constexpr bool narrow_lanes = sizeof(typename Tile::rhs_lane) == 1;
/// Whether a tile can add what weights lost.
template <class Tile>
inline constexpr bool picks_weights = requires {
    &Tile::template add_picked<1>;
};

/// How far a tile goes: over each of `terms` terms in `steps` groups of k, and then doubles its sums `doublings[term]`
/// times, which scales the terms before. Tiles of 16-bit lanes have their scales in B and take all terms as one.
struct tile_steps {
    std::size_t steps = 0, terms = 1;
    const std::uint8_t* doublings = nullptr;
    const std::uint32_t* offsets = nullptr; ///< tiles that pick (pick_scalar.hpp): where in a row of A each step reads
    const std::int32_t* start = nullptr;    ///< tiles with an lhs_offset: what their sums are added to, one value a column
};

/// Activations of one row and one step that lost a part of their factor: `which` has 1 for each of them, else 0.
struct lost_group {
    std::uint32_t row, step;
    std::uint8_t which[4];
};

/// What activations lost in a term, its scale taken in; and what weights of lane `kept` lost, if any did.
struct lost_factor {
    std::int32_t by;
    std::int8_t kept, weight;
};

/// Weights of two panels that lost a part of their factor, from a window of `lost_window` rows of k. The bytes of a register
/// are four places for each pair of columns, of which `places` get activations of the window, by their indices `from`.
/// Where `of` is not zero, all places are taken that will be, and it says whose weight each is.
struct lost_pick {
    std::uint8_t from[64];
    std::uint8_t places[8], of[2][8]; ///< bits
    std::uint32_t window;             ///< where in a row of mapped activations it begins
};
inline constexpr std::size_t lost_window = 64;

/// The picks of two panels in a term, and what each weight lost.
struct lost_picks {
    const lost_pick* data = nullptr;
    std::size_t count = 0;
    std::int32_t lost = 0;
    int shift = 0; ///< of the term
};

/// Where the rows of a tile are. An address takes a base and a stride or its double, so that one base serves three
/// rows; with one base for all, compilers run out of registers for the other multiples of the stride.
template <std::size_t Rows, class Lane>
struct row_addresses {
    Lane* base[(Rows + 2) / 3];
    std::size_t stride;

    row_addresses(Lane* first, std::size_t s) noexcept : stride{s} {
#pragma GCC unroll 16
        for (std::size_t i = 0; i < (Rows + 2) / 3; ++i) base[i] = first + 3 * i * s;
    }
    [[nodiscard]] Lane* row(std::size_t i) const noexcept { return base[i / 3] + i % 3 * stride; }
    void advance(std::size_t lanes) noexcept {
#pragma GCC unroll 16
        for (std::size_t i = 0; i < (Rows + 2) / 3; ++i) base[i] += lanes;
    }
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
