// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_panel.hpp>
#include <lutra/gemm/arch/int8_scalar.hpp>

#include <cstddef>
#include <cstdint>

/// @file
/// Tiles of sparse weights that pick their activations: in one step each of a panel's 16 columns takes two of the eight
/// activations that lie at the step's offset, its own two, and adds their products with its two weights. All instruction
/// sets read one layout, [panel][step][weights, picks]: two 16-bit weights a column, and for each the two bytes of the
/// activation within the 16 that are read. A weight that pads is a factor of zero and adds no product.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

inline constexpr std::size_t pick_window = 8;                  ///< activations a step chooses from
inline constexpr std::size_t pick_lanes = 4 * panel_columns;   ///< 16-bit lanes a step and panel: weights, then picks
inline constexpr std::size_t pick_columns = 2 * panel_columns; ///< where the picks begin

/// The picks of activation @p i of a window: the places of its two bytes.
constexpr std::int16_t pick_of(std::size_t i) noexcept { return static_cast<std::int16_t>(2 * i + ((2 * i + 1) << 8)); }

/// The tile in plain C++.
struct pick_scalar {
    using lhs_lane = std::int16_t;
    using rhs_lane = std::int16_t;
    static constexpr std::size_t group = pick_window, rows = 4, panels = 1;
    static constexpr std::int32_t lhs_offset = 0;

    template <std::size_t Rows, std::size_t>
    static void tile(const tile_steps& s, const std::int16_t* a, std::size_t a_stride, const std::int16_t* b, std::size_t,
                     std::int32_t* c, std::size_t c_stride) noexcept {
        for (std::size_t i = 0; i < Rows; ++i, a += a_stride, c += c_stride) {
            std::uint32_t sum[panel_columns] = {}; // terms may wrap around; their sum does not
            const std::int16_t* w = b;
            for (std::size_t step = 0; step < s.steps; ++step, w += pick_lanes) {
                const std::int16_t* x = a + s.offsets[step];
                for (std::size_t j = 0; j < panel_columns; ++j) {
                    const std::int16_t* pick = w + pick_columns + 2 * j;
                    sum[j] += static_cast<std::uint32_t>(x[(pick[0] & 15) / 2] * w[2 * j]) +
                              static_cast<std::uint32_t>(x[(pick[1] & 15) / 2] * w[2 * j + 1]);
                }
            }
            for (std::size_t j = 0; j < panel_columns; ++j) c[j] = static_cast<std::int32_t>(sum[j]);
        }
    }
    static constexpr auto map_row = int8_scalar::map_row;
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
