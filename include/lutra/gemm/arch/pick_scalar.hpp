// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_panel.hpp>
#include <lutra/gemm/arch/int8_scalar.hpp>

#include <cstddef>
#include <cstdint>

/// @file
/// Tiles of sparse weights that pick their activations: in one step each of a panel's 16 columns takes some of the
/// activations in the 16 bytes at the step's offset, its own ones, and adds their products with its weights: two of eight in
/// tiles of 16-bit lanes, four of sixteen in tiles of 8-bit ones. Weights lie as [panel][step][weights, picks]: four bytes
/// of weights a column, and for each byte of an activation its place among the 16. A weight that pads is a factor of zero
/// and adds no product. In all else these are tiles as in int8_panel.hpp, with the lanes of 16 bytes as their `group`.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

inline constexpr std::size_t pick_bytes = 16;               ///< of activations a step chooses from
inline constexpr std::size_t pick_part = 4 * panel_columns; ///< bytes of a step's weights, and of its picks
inline constexpr std::size_t pick_window = pick_bytes / 2;  ///< 16-bit activations a step chooses from
inline constexpr std::size_t pick_columns = pick_part / 2;  ///< where the picks begin, in 16-bit lanes
inline constexpr std::size_t pick_lanes = 2 * pick_columns; ///< 16-bit lanes a step

/// The picks of activation @p i of a window: the places of its bytes.
template <class Lane>
constexpr Lane pick_of(std::size_t i) noexcept {
    if constexpr (sizeof(Lane) == 1)
        return static_cast<Lane>(i);
    else
        return static_cast<Lane>(2 * i + ((2 * i + 1) << 8));
}

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
