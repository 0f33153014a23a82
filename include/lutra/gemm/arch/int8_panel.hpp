// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>

/// @file
/// What all exact int8 tiles share. A right operand is packed once for all instruction sets: panels of 16 columns, rows of
/// k in pairs, each weight widened to 16 bits: [panel][k / 2][column][k % 2], zero-padded (0 x 0 adds nothing to an exact sum).
/// A tile's function multiplies Rows rows of 16-bit activations (stride in elements, `pairs` pairs of k) by one panel and
/// writes Rows x 16 sums.

namespace lutra::kernel {

inline constexpr std::size_t int8_panel_columns = 16;

} // namespace lutra::kernel
