// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/numeric/float_batch.hpp>

#include <algorithm>
#include <cstddef>

/// @file
/// The float micro-kernel: a tile of C of some rows times up to three registers, held in registers over a block of K.
/// A is read in place (one broadcast a row and k), B from a packed panel.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr std::size_t float_tile_rows = 8; // 8 x 3 accumulators of 32 registers
#else
inline constexpr std::size_t float_tile_rows = 4; // 4 x 3 accumulators of 16
#endif
inline constexpr std::size_t float_tile_registers = 3;
inline constexpr std::size_t float_panel = float_tile_registers * float_lanes; ///< columns of B a panel
inline constexpr std::size_t float_k_block = 128;                             ///< a panel's rows: it stays in the L1 cache

/// Copies rows k0 .. k0 + kc and columns j .. j + width of @p b into @p out, k-major, zero-padded to whole registers.
/// Returns the number of floats written.
inline std::size_t pack_float_panel(const gemm_operand<float>& b, std::size_t k0, std::size_t kc, std::size_t j,
                                    std::size_t width, float* out) {
    const std::size_t padded = lutra::detail::round_up(width, float_lanes);
    if (b.col_stride == 1) {
        for (std::size_t k = 0; k < kc; ++k) {
            const float* from = b.data + (k0 + k) * b.row_stride + j;
            float* to = out + k * padded;
            for_each_register(width, [&](std::size_t c, std::size_t n) { store(to + c, load_some(from + c, n)); });
        }
    } else {
        std::size_t c = 0;
        for (; c + 4 <= width; c += 4) { // four columns at a time: whole quarters of a cache line are written
            const float* from = b.data + k0 * b.row_stride + (j + c) * b.col_stride;
            for (std::size_t k = 0; k < kc; ++k)
                for (std::size_t i = 0; i < 4; ++i) out[k * padded + c + i] = from[k * b.row_stride + i * b.col_stride];
        }
        for (; c < padded; ++c)
            for (std::size_t k = 0; k < kc; ++k) out[k * padded + c] = c < width ? b(k0 + k, j + c) : 0.0f;
    }
    return kc * padded;
}

/// A tile of Rows rows and @p width columns (at most Registers registers) of C over @p kc values of k: C, or C + C's old
/// values where @p add, = scale * sums + bias. A is read at a[row * a_row + k * a_col], B from a panel; @p bias may be null.
template <std::size_t Rows, std::size_t Registers>
inline void float_tile(std::size_t kc, const float* a, std::size_t a_row, std::size_t a_col, const float* b, float* c,
                       std::size_t c_stride, std::size_t width, const float* bias, bool add, float scale) {
    float_batch sum[Rows][Registers];
    for (std::size_t i = 0; i < Rows; ++i)
        for (std::size_t r = 0; r < Registers; ++r) sum[i][r] = broadcast(0.0f);
    const float* row[Rows];
    for (std::size_t i = 0; i < Rows; ++i) row[i] = a + i * a_row;
    for (std::size_t k = 0; k < kc; ++k) {
        float_batch right[Registers];
        for (std::size_t r = 0; r < Registers; ++r) right[r] = load(b + (k * Registers + r) * float_lanes);
        for (std::size_t i = 0; i < Rows; ++i) {
            const float_batch left = broadcast(row[i][k * a_col]);
            for (std::size_t r = 0; r < Registers; ++r) sum[i][r] = multiply_add(left, right[r], sum[i][r]);
        }
    }
    const float_batch factor = broadcast(scale);
    for (std::size_t i = 0; i < Rows; ++i)
        for (std::size_t r = 0; r < Registers; ++r) {
            const std::size_t n = std::min(float_lanes, width - r * float_lanes);
            float* out = c + i * c_stride + r * float_lanes;
            float_batch start = broadcast(0.0f);
            if (add) start = load_some(out, n);
            if (bias != nullptr) start = start + load_some(bias + r * float_lanes, n);
            store_some(out, multiply_add(sum[i][r], factor, start), n);
        }
}

/// All rows of C in the columns of one panel, in tiles as tall as fit.
template <std::size_t Registers>
inline void float_panel_rows(const gemm_operand<float>& a, std::size_t k0, std::size_t kc, const float* b, std::size_t width,
                             matrix_view<float> c, std::size_t j, const float* bias, bool add, float scale) {
    std::size_t i = 0;
    const auto tile = [&]<std::size_t Rows>() {
        for (; i + Rows <= c.rows(); i += Rows)
            float_tile<Rows, Registers>(kc, a.data + i * a.row_stride + k0 * a.col_stride, a.row_stride, a.col_stride, b,
                                        c.data() + i * c.stride() + j, c.stride(), width, bias, add, scale);
    };
    if constexpr (float_tile_rows == 8) tile.template operator()<8>();
    tile.template operator()<4>();
    tile.template operator()<2>();
    tile.template operator()<1>();
}

/// Columns j .. j + width of C from one panel of B.
inline void float_panel_product(const gemm_operand<float>& a, std::size_t k0, std::size_t kc, const float* b,
                                std::size_t width, matrix_view<float> c, std::size_t j, const float* bias, bool add,
                                float scale) {
    if (width > 2 * float_lanes)
        float_panel_rows<3>(a, k0, kc, b, width, c, j, bias, add, scale);
    else if (width > float_lanes)
        float_panel_rows<2>(a, k0, kc, b, width, c, j, bias, add, scale);
    else
        float_panel_rows<1>(a, k0, kc, b, width, c, j, bias, add, scale);
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
