// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_panel.hpp>

#include <cstddef>
#include <cstdint>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// The exact tile in plain C++.
struct int8_scalar {
    static constexpr std::size_t rows = 4;
    template <std::size_t Rows>
    static void tile(std::size_t pairs, const std::int16_t* a, std::size_t a_stride, const std::int16_t* b, std::int32_t* c,
                     std::size_t c_stride) noexcept {
        for (std::size_t i = 0; i < Rows; ++i) {
            std::int32_t sum[int8_panel_columns] = {};
            const std::int16_t* row = a + i * a_stride;
            for (std::size_t p = 0; p < pairs; ++p)
                for (std::size_t j = 0; j < int8_panel_columns; ++j) {
                    const std::int16_t* w = b + (p * int8_panel_columns + j) * 2;
                    sum[j] += row[2 * p] * w[0] + row[2 * p + 1] * w[1];
                }
            for (std::size_t j = 0; j < int8_panel_columns; ++j) c[i * c_stride + j] = sum[j];
        }
    }
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
