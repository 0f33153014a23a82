// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/gemm/arch/float_pack.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/numeric/float_batch.hpp>

#include <array>
#include <cstddef>
#include <utility>

/// @file
/// The float micro-kernel: a tile of C of some rows times some registers, held in registers over a block of K. A is read in
/// place (one broadcast a row and k), B from a panel.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

inline constexpr std::size_t float_tile_rows = 6; ///< of a tile as wide as a panel; narrower ones are higher
/// Rows of a tile of @p registers columns: as many sums as there are registers for, and enough of them to hide the time
/// that one takes.
constexpr std::size_t float_rows_of(std::size_t registers) noexcept {
    constexpr bool many = float_panel_registers == 4;
    return registers == 1 ? (many ? 14 : 12) : registers == 2 && many ? 12 : registers == 3 ? 8 : float_tile_rows;
}
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

/// What a block of C becomes: scale * sums + bias + add, of which the latter two may be null; `add` is a block like C.
struct float_finish {
    const float* bias;
    const float* add;
    std::size_t add_stride;
    float scale;
};

/// Rows x @p width (at most Registers registers) of C over @p kc values of k. A is read at a[row * a_row + k * a_col], B at
/// b[k * b_row].
template <std::size_t Rows, std::size_t Registers>
inline void float_tile(std::size_t kc, const float* a, std::size_t a_row, std::size_t a_col, const float* b,
                       std::size_t b_row, float* c, std::size_t c_stride, std::size_t width, const float_finish& finish) {
    float_batch sum[Rows][Registers];
    const float* row[(Rows + 3) / 4]; // each fourth: what lies between is addressed from there
    for (std::size_t i = 0; i < Rows; ++i) {
        if (i % 4 == 0) row[i / 4] = a + i * a_row;
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
            const float_batch left = broadcast(row[i / 4][i % 4 * a_row]);
            for (std::size_t r = 0; r < Registers; ++r) sum[i][r] = multiply_add(left, right[r], sum[i][r]);
        }
        for (const float*& p : row) p += a_col;
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
        const float* add = finish.add != nullptr ? finish.add + r * float_lanes : nullptr;
        if (n == float_lanes) {
            if (add != nullptr)
#pragma GCC unroll 16
                for (std::size_t i = 0; i < Rows; ++i)
                    store(out + i * c_stride, multiply_add(sum[i][r], factor, load(add + i * finish.add_stride) + bias));
            else
#pragma GCC unroll 16
                for (std::size_t i = 0; i < Rows; ++i) store(out + i * c_stride, multiply_add(sum[i][r], factor, bias));
        } else {
#pragma GCC unroll 16
            for (std::size_t i = 0; i < Rows; ++i) {
                float_batch start = bias;
                if (add != nullptr) start = load_partial(add + i * finish.add_stride, n) + bias;
                store_partial(out + i * c_stride, multiply_add(sum[i][r], factor, start), n);
            }
        }
    }
}

/// float_tile of 1 to float_rows_of(Registers) rows.
template <std::size_t Registers, class = std::make_index_sequence<float_rows_of(Registers)>>
struct float_tiles;
template <std::size_t Registers, std::size_t... Rows>
struct float_tiles<Registers, std::index_sequence<Rows...>> {
    static constexpr std::array all{&float_tile<Rows + 1, Registers>...}; ///< [rows - 1]
};

/// All rows of C in the columns of one panel. The last two tiles share what is left evenly: one of few rows would wait for
/// its own sums.
template <std::size_t Registers>
inline void float_panel_rows(const gemm_operand<float>& a, std::size_t k0, std::size_t kc, const float_panel_of_b& b,
                             std::size_t width, matrix_view<float> c, std::size_t j, const float_finish& finish) {
    constexpr std::size_t most = float_rows_of(Registers);
    for (std::size_t i = 0; i < c.rows();) {
        const std::size_t left = c.rows() - i, rows = left >= 2 * most ? most : left > most ? (left + 1) / 2 : left;
        float_finish here = finish;
        if (here.add != nullptr) here.add += i * here.add_stride;
        float_tiles<Registers>::all[rows - 1](kc, a.data + i * a.row_stride + k0 * a.col_stride, a.row_stride, a.col_stride,
                                              b.data, b.row_stride, c.data() + i * c.stride() + j, c.stride(), width, here);
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
