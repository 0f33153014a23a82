// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_panel.hpp>

#include <cstddef>
#include <cstdint>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// The tile of 16-bit lanes in plain C++.
struct int8_scalar {
    using lhs_lane = std::int16_t;
    using rhs_lane = std::int16_t;
    static constexpr std::size_t group = 2, rows = 4, panels = 1;
    static constexpr std::int32_t lhs_offset = 0;

    template <std::size_t Rows, std::size_t>
    static void tile(const tile_steps& s, const std::int16_t* a, std::size_t a_stride, const std::int16_t* b, std::size_t,
                     std::int32_t* c, std::size_t c_stride) noexcept {
        for (std::size_t i = 0; i < Rows; ++i, a += a_stride, c += c_stride) {
            std::uint32_t sum[panel_columns] = {}; // terms may wrap around; their sum does not
            for (std::size_t step = 0; step < s.steps; ++step)
                for (std::size_t j = 0; j < panel_columns; ++j) {
                    const std::int16_t* w = b + (step * panel_columns + j) * 2;
                    sum[j] +=
                        static_cast<std::uint32_t>(a[2 * step] * w[0]) + static_cast<std::uint32_t>(a[2 * step + 1] * w[1]);
                }
            for (std::size_t j = 0; j < panel_columns; ++j) c[j] = static_cast<std::int32_t>(sum[j]);
        }
    }
    static void map_row(const std::int8_t* from, std::size_t k, const std::int16_t* map, std::int16_t* to) noexcept {
        for (std::size_t i = 0; i < k; ++i) to[i] = map == nullptr ? from[i] : map[static_cast<std::uint8_t>(from[i])];
    }
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
