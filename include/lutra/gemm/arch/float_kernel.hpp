// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/gemm/arch/float_pack.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/numeric/float_batch.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>

/// @file
/// The float micro-kernel: a tile of C of six rows times some registers, held in registers over a block of K. A is read in
/// place (one broadcast a row and k), B from a panel.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

inline constexpr std::size_t float_tile_rows = 6;
inline constexpr std::size_t float_row_block = 384; ///< rows of A that stay in the L2 cache while panels of B pass

/// A panel of B where it lies, packed or in place.
struct float_panel_of_b {
    const float* data;
    std::size_t row_stride;
};

/// Asks for the cache line of @p p, where the compiler can say so.
inline void prefetch(const float* p) noexcept {
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(p);
#else
    static_cast<void>(p);
#endif
}

/// Where a block of C comes from: C, or C + C's old values where `add`, = scale * sums + bias, of which the latter may be
/// null.
struct float_finish {
    const float* bias;
    bool add;
    float scale;
};

/// Rows x @p width (at most Registers registers) of C over @p kc values of k. A is read at a[row * a_row + k * a_col], B at
/// b[k * b_row].
template <std::size_t Rows, std::size_t Registers>
inline void float_tile(std::size_t kc, const float* a, std::size_t a_row, std::size_t a_col, const float* b,
                       std::size_t b_row, float* c, std::size_t c_stride, std::size_t width, const float_finish& finish) {
    float_batch sum[Rows][Registers];
    const float* row[Rows];
    for (std::size_t i = 0; i < Rows; ++i) {
        row[i] = a + i * a_row;
        for (std::size_t r = 0; r < Registers; ++r) {
            prefetch(c + i * c_stride + r * float_lanes);
            sum[i][r] = broadcast(0.0f);
        }
    }
    for (std::size_t k = 0; k < kc; ++k, b += b_row) {
        float_batch right[Registers];
        for (std::size_t r = 0; r < Registers; ++r) {
            right[r] = load(b + r * float_lanes);
        }
        for (std::size_t i = 0; i < Rows; ++i) {
            const float_batch left = broadcast(row[i][k * a_col]);
            for (std::size_t r = 0; r < Registers; ++r) sum[i][r] = multiply_add(left, right[r], sum[i][r]);
        }
    }
    // Unrolled, for else the sums would go through memory.
    const float_batch factor = broadcast(finish.scale);
    const std::size_t last = width - (Registers - 1) * float_lanes; // columns of the last register
#pragma GCC unroll 8
    for (std::size_t r = 0; r < Registers; ++r) {
        const std::size_t n = r + 1 < Registers ? float_lanes : last;
        float_batch bias = broadcast(0.0f);
        if (finish.bias != nullptr) bias = load_some(finish.bias + r * float_lanes, n);
        float* out = c + r * float_lanes;
        if (n == float_lanes) {
            if (finish.add)
#pragma GCC unroll 8
                for (std::size_t i = 0; i < Rows; ++i)
                    store(out + i * c_stride, multiply_add(sum[i][r], factor, load(out + i * c_stride) + bias));
            else
#pragma GCC unroll 8
                for (std::size_t i = 0; i < Rows; ++i) store(out + i * c_stride, multiply_add(sum[i][r], factor, bias));
        } else {
#pragma GCC unroll 8
            for (std::size_t i = 0; i < Rows; ++i) {
                const float_batch start = finish.add ? load_partial(out + i * c_stride, n) + bias : bias;
                store_partial(out + i * c_stride, multiply_add(sum[i][r], factor, start), n);
            }
        }
    }
}

/// All rows of C in the columns of one panel. The last two tiles share what is left evenly: a tile of one row would wait
/// for its own sums.
template <std::size_t Registers>
inline void float_panel_rows(const gemm_operand<float>& a, std::size_t k0, std::size_t kc, const float_panel_of_b& b,
                             std::size_t width, matrix_view<float> c, std::size_t j, const float_finish& finish) {
    const auto tile = [&]<std::size_t Rows>(std::size_t i) {
        float_tile<Rows, Registers>(kc, a.data + i * a.row_stride + k0 * a.col_stride, a.row_stride, a.col_stride, b.data,
                                    b.row_stride, c.data() + i * c.stride() + j, c.stride(), width, finish);
    };
    for (std::size_t i = 0; i < c.rows();) {
        const std::size_t left = c.rows() - i;
        const bool last_two = left > float_tile_rows && left < 2 * float_tile_rows;
        const std::size_t rows = last_two ? (left + 1) / 2 : std::min(left, float_tile_rows);
        switch (rows) {
        case 6: tile.template operator()<6>(i); break;
        case 5: tile.template operator()<5>(i); break;
        case 4: tile.template operator()<4>(i); break;
        case 3: tile.template operator()<3>(i); break;
        case 2: tile.template operator()<2>(i); break;
        default: tile.template operator()<1>(i);
        }
        i += rows;
    }
}

/// Columns j .. j + width of C from one panel of B.
inline void float_panel_product(const gemm_operand<float>& a, std::size_t k0, std::size_t kc, const float_panel_of_b& b,
                                std::size_t width, matrix_view<float> c, std::size_t j, const float_finish& finish) {
    const std::size_t registers = (width + float_lanes - 1) / float_lanes;
    if constexpr (float_panel_registers == 4) {
        if (registers == 4) return float_panel_rows<4>(a, k0, kc, b, width, c, j, finish);
        if (registers == 3) return float_panel_rows<3>(a, k0, kc, b, width, c, j, finish);
    }
    switch (registers) {
    case 2: return float_panel_rows<2>(a, k0, kc, b, width, c, j, finish);
    default: return float_panel_rows<1>(a, k0, kc, b, width, c, j, finish);
    }
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
