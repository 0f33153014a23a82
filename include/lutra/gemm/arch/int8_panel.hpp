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
/// Panels
///   panels and writes Rows x (Panels * 16) sums; strides are in elements;
/// - `map_row(from, k, map, to)`: what is left of k mapped activations by a 256-entry map, or by none;
/// - optionally, to pack B as it is, `pack_rows(from, stride, out)` for `group` rows of a panel and `pack_column(from, out)`
/// for
///   `column_rows` rows of a column that lie side by side.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

inline constexpr std::size_t panel_columns = 16; ///< columns of B a panel

/// How far a tile goes: over each of `terms` terms in `steps` groups of k, and then doubles its sums `doublings[term]`
/// times, which scales the terms before. Tiles of 16-bit lanes have their scales in B and take all terms as one.
struct tile_steps {
    std::size_t steps = 0, terms = 1;
    const std::uint8_t* doublings = nullptr;
    const std::uint32_t* offsets = nullptr; ///< tiles that pick (pick_scalar.hpp): where in a row of A each step reads
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
