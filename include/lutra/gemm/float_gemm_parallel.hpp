// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/executor.hpp>
#include <lutra/gemm/float_gemm.hpp>

#include <algorithm>
#include <cstddef>

/// @file
/// Float products on many workers. Each element of C is summed by one worker in the order of one thread, so the bits do
/// not depend on the executor.

namespace lutra {

/// One float product of many: what `gemm(a, b, c, epilogue)` takes.
struct float_product {
    gemm_operand<float> a, b;
    matrix_view<float> c;
    float_epilogue epilogue{};
};

inline namespace LUTRA_ISA {

namespace kernel {

/// Cuts [0, @p count) into pieces of a multiple of @p grain, @p pieces or fewer, and runs `f(first, size)` for each.
template <executor E, class F>
void for_each_piece(E& ex, std::size_t count, std::size_t grain, std::size_t pieces, F&& f) {
    const std::size_t size = std::max(lutra::detail::round_up((count + pieces - 1) / pieces, grain), grain);
    ex.run((count + size - 1) / size, [&](std::size_t task, std::size_t) {
        const std::size_t first = task * size;
        f(first, std::min(size, count - first));
    });
}

/// The epilogue of a part of C.
inline float_epilogue part_of(float_epilogue e, std::size_t i, std::size_t j, std::size_t rows, std::size_t cols) {
    if (e.bias != nullptr) e.bias += j;
    if (e.add.data() != nullptr) e.add = e.add.block(i, j, rows, cols);
    return e;
}

/// Rows first .. first + rows of @p a.
inline gemm_operand<float> rows_of(const gemm_operand<float>& a, std::size_t first, std::size_t rows) noexcept {
    return {a.data + first * a.row_stride, rows, a.cols, a.row_stride, a.col_stride};
}

} // namespace kernel

/// `gemm(a, b, c, e)` with the rows of C shared out among the workers of @p ex: the same bits.
template <executor E>
void gemm(E& ex, gemm_operand<float> a, packed_float_b b, matrix_view<float> c, const float_epilogue& e = {}) {
    kernel::require_float_product(a, b, c, e);
    kernel::for_each_piece(ex, c.rows(), kernel::float_tile_rows, 2 * workers_of(ex), [&](std::size_t i, std::size_t rows) {
        gemm(kernel::rows_of(a, i, rows), b, c.block(i, 0, rows, c.cols()), kernel::part_of(e, i, 0, rows, c.cols()));
    });
}

/// `gemm(a, b, c, e)` with the longer side of C shared out among the workers of @p ex: the same bits. A worker packs the
/// part of B that it needs, so columns are shared out where there are as many as rows.
template <executor E>
void gemm(E& ex, gemm_operand<float> a, gemm_operand<float> b, matrix_view<float> c, const float_epilogue& e = {}) {
    kernel::require_float_product(a, b, c, e);
    if (c.rows() > c.cols())
        kernel::for_each_piece(ex, c.rows(), kernel::float_tile_rows, workers_of(ex), [&](std::size_t i, std::size_t rows) {
            gemm(kernel::rows_of(a, i, rows), b, c.block(i, 0, rows, c.cols()), kernel::part_of(e, i, 0, rows, c.cols()));
        });
    else
        kernel::for_each_piece(ex, c.cols(), kernel::float_panel, 2 * workers_of(ex), [&](std::size_t j, std::size_t cols) {
            gemm(a, gemm_operand<float>{b.data + j * b.col_stride, b.rows, cols, b.row_stride, b.col_stride},
                 c.block(0, j, c.rows(), cols), kernel::part_of(e, 0, j, c.rows(), cols));
        });
}

/// @p count independent products, each on one worker; `product(i)` yields the i-th as a float_product. For attention: one a
/// head, on strided views of the rows that hold queries, keys and values, of which nothing is copied but the right
/// operand's panels as they are needed.
///
/// @code
/// lutra::gemm_batch(ex, heads, [&](std::size_t h) {
///     return lutra::float_product{query(h), lutra::transposed(key(h)), scores(h), {.scale = 0.125f}};
/// });
/// @endcode
template <executor E, class Product>
void gemm_batch(E& ex, std::size_t count, Product&& product) {
    ex.run(count, [&](std::size_t task, std::size_t) {
        const float_product p = product(task);
        gemm(p.a, p.b, p.c, p.epilogue);
    });
}

} // namespace LUTRA_ISA
} // namespace lutra
