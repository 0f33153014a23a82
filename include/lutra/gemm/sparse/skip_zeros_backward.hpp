// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/arch/skip_float_rows.hpp>
#include <lutra/gemm/float_gemm.hpp>
#include <lutra/gemm/sparse/skip_count.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// The operands of both products that read the gradient @p dy of a linear layer's output.
struct linear_gradients {
    matrix_view<const float> dy;     ///< rows x outputs
    matrix_view<const float> x;      ///< rows x inputs: what the layer read
    matrix_view<float> dweight;      ///< outputs x inputs: grows by dy^T x
    matrix_view<const float> weight; ///< outputs x inputs
    matrix_view<float> dx{};         ///< rows x inputs: becomes dy W; nothing where it has no memory
};

inline namespace LUTRA_ISA {

namespace kernel {

/// What is not zero in a strip of some columns of dy, row by row and column by column.
struct kept_strip {
    static constexpr std::size_t columns = 96;
    std::size_t column_stride;
    std::span<float> by_row, by_column;                 ///< the rows' lists one after the other; the columns' apart
    std::span<std::uint32_t> row_places, column_places; ///< the columns, or rows, of those values
    std::span<std::uint32_t> row_starts;
    std::uint32_t column_counts[columns];

    static constexpr kept_strip take(std::size_t rows, std::size_t outputs, arena& a) {
        const std::size_t most = std::min(rows, float_k_block), wide = std::min(outputs, columns);
        kept_strip s;
        s.column_stride = lutra::detail::round_up(most, 16);
        s.by_row = a.take<float>(most * wide + float_list_slack);
        s.row_places = a.take<std::uint32_t>(most * wide + float_list_slack);
        s.by_column = a.take<float>(wide * s.column_stride);
        s.column_places = a.take<std::uint32_t>(wide * s.column_stride);
        s.row_starts = a.take<std::uint32_t>(most + 1);
        return s;
    }
    /// Lists @p dy, a strip.
    void list(matrix_view<const float> dy) noexcept {
        std::fill_n(column_counts, dy.cols(), 0u);
        std::uint32_t start = 0;
        for (std::size_t r = 0; r < dy.rows(); ++r) {
            row_starts[r] = start;
            start += static_cast<std::uint32_t>(
                keep_floats(dy.data() + r * dy.stride(), dy.cols(), by_row.data() + start, row_places.data() + start));
        }
        row_starts[dy.rows()] = start;
        for (std::uint32_t r = 0; r < dy.rows(); ++r)
            for (std::uint32_t i = row_starts[r]; i < row_starts[r + 1]; ++i) {
                const std::size_t column = row_places[i], at = column * column_stride + column_counts[column]++;
                by_column[at] = by_row[i];
                column_places[at] = r;
            }
    }
    [[nodiscard]] kept_floats row(std::size_t r) const noexcept {
        return {by_row.data() + row_starts[r], row_places.data() + row_starts[r], row_starts[r + 1] - row_starts[r]};
    }
    [[nodiscard]] kept_floats column(std::size_t j) const noexcept {
        return {by_column.data() + j * column_stride, column_places.data() + j * column_stride, column_counts[j]};
    }
};

/// Registers of columns that go together where lists name up to @p rows rows: as many as stay in the L1 cache.
constexpr std::size_t row_group_registers(std::size_t rows) noexcept {
    constexpr std::size_t cache = 6 * 1024; // floats
    return std::clamp<std::size_t>(cache / float_lanes / std::max<std::size_t>(rows, 1), 6, skip_row_registers);
}

/// Both products by lists.
inline void skip_zeros_backward(const linear_gradients& g, arena& scratch) {
    const std::size_t mark = scratch.used(), outputs = g.dy.cols(), inputs = g.x.cols();
    kept_strip strip = kept_strip::take(g.dy.rows(), outputs, scratch);
    for_each_float_block(g.dy.rows(), [&](std::size_t r0, std::size_t rows) {
        for (std::size_t o0 = 0; o0 < outputs; o0 += kept_strip::columns) {
            const std::size_t wide = std::min(kept_strip::columns, outputs - o0);
            strip.list(g.dy.block(r0, o0, rows, wide));
            for_each_row_group(inputs, row_group_registers(rows), [&](std::size_t j, auto* add, std::size_t last) {
                const float* x = g.x.data() + r0 * g.x.stride() + j;
                for (std::size_t o = 0; o < wide; ++o)
                    add(strip.column(o), x, g.x.stride(), g.dweight.data() + (o0 + o) * g.dweight.stride() + j, last,
                        row_sums::add_to_c);
            });
            if (g.dx.data() == nullptr) continue;
            const row_sums how = o0 == 0 ? row_sums::set : row_sums::go_on;
            for_each_row_group(inputs, row_group_registers(wide), [&](std::size_t j, auto* add, std::size_t last) {
                const float* w = g.weight.data() + o0 * g.weight.stride() + j;
                for (std::size_t r = 0; r < rows; ++r)
                    add(strip.row(r), w, g.weight.stride(), g.dx.data() + (r0 + r) * g.dx.stride() + j, last, how);
            });
        }
    });
    scratch.release(mark);
}

} // namespace kernel

/// Bytes of scratch that suffice for gemm_skip_zeros_backward with @p rows rows and @p outputs outputs, or fewer.
[[nodiscard]] constexpr std::size_t skip_zeros_backward_scratch_bytes(std::size_t rows, std::size_t outputs) {
    arena a = arena::counting();
    static_cast<void>(kernel::kept_strip::take(rows, outputs, a));
    return a.used();
}

/// Both products of a linear layer's backward pass that read the gradient of its output, without the products of its
/// elements that are 0: a row of x or W that meets zeros only is not read, and may be NaN. One list of what is left serves
/// both. What is left is added up in the order of the dense products, so that with finite x and W the bits are the same, but
/// for the sign of a zero and, where there are more than 384 outputs, the rounding of dx. Where fewer elements of dy are
/// zero than the dense products take to be slower (least_zeros_to_skip_floats), those are taken: @p how may ask for either.
/// Measured with AVX-512 on 50 to 394 rows, 96 to 1536 outputs and 96 to 384 inputs, zeros at random: 0.8 to 1.4 times the
/// dense products' speed at 0.75, 1.6 to 2.5 times at 0.9. Panics on shapes that do not fit and where a result shares memory
/// with what is read; @p scratch: skip_zeros_backward_scratch_bytes, given back.
/// @return how many elements of dy are zero, and whether they were skipped
///
/// @code
/// lutra::gemm_skip_zeros_backward({dy, x, gradient.weight, parameters.weight, dx}, scratch);
/// @endcode
LUTRA_INLINE skip_count gemm_skip_zeros_backward(const linear_gradients& g, arena& scratch,
                                                 skip_path how = skip_path::best) {
    using lutra::detail::footprint;
    const gemm_operand<float> dy{g.dy}, x{g.x};
    const float_epilogue grows{.accumulate = true};
    kernel::require_float_product(transposed(g.dy), x, g.dweight, grows);
    if (g.dx.data() != nullptr) {
        kernel::require_float_product(dy, g.weight, g.dx, {});
        lutra::detail::require_apart(footprint(g.dx), footprint(x));
        lutra::detail::require_apart(footprint(g.dx), footprint(g.dweight));
    }
    skip_count counted{.elements = g.dy.rows() * g.dy.cols()};
    for (std::size_t r = 0; r < g.dy.rows(); ++r) counted.zeros += count_zeros(g.dy.row(r));
    counted.skipped = counted.elements != 0 &&
                      (how == skip_path::lists || (how == skip_path::best && counted.share() >= least_zeros_to_skip_floats));
    if (counted.skipped) {
        kernel::skip_zeros_backward(g, scratch);
    } else {
        gemm(transposed(g.dy), x, g.dweight, grows);
        if (g.dx.data() != nullptr) gemm(dy, g.weight, g.dx);
    }
    return counted;
}

} // namespace LUTRA_ISA
} // namespace lutra
