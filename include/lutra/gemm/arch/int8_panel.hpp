// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>

#include <cstddef>
#include <cstdint>

/// @file
/// What all exact int8 tiles share. A right operand is packed once for all instruction sets: panels of 16 columns, rows of
/// k in pairs, each weight widened to 16 bits: [panel][k / 2][column][k % 2], zero-padded (0 x 0 adds nothing to an exact
/// sum). A tile is a type with
/// - `rows`: the most rows that one call handles well;
/// - `tile<Rows>(pairs, a, a_stride, b, c, c_stride)`: multiplies Rows rows of 16-bit activations (`pairs` pairs of k,
///   strides in elements) by one panel and writes Rows x 16 sums.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

inline constexpr std::size_t int8_panel_columns = 16; ///< columns of B a panel

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
