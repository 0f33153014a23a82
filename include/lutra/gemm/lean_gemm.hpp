// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/gemm/arch/lean_mve.hpp>
#include <lutra/gemm/arch/lean_pairs.hpp>
#include <lutra/gemm/detail/sum_sink.hpp>
#include <lutra/gemm/int8_gemm.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

/// @file
/// Integer products for machines of little memory: the right operand is read where it lies, such as weights in flash, and
/// need not be packed. What a kernel wants of both operands it keeps for a few rows and columns at a time.

namespace lutra {
inline namespace LUTRA_ISA {

namespace kernel {

inline constexpr std::size_t lean_rows = 32;     ///< the most rows of A at a time: what one mapping of B's columns serves
inline constexpr std::size_t lean_bytes = 8'192; ///< of A at a time, unless two rows have more

/// Whether a plan multiplies mapped operands; the others look up.
constexpr bool lean_multiplies(const lowered_multiplier& m) noexcept {
    return m.kind == plan_kind::exact || m.kind == plan_kind::separable;
}
/// Bytes that a row of A and a column of B of @p k elements take at most, whichever kernel runs: so it is on every
/// processor.
constexpr std::size_t lean_row_bytes(const lowered_multiplier& m, std::size_t k) noexcept {
    return lean_multiplies(m) ? std::size_t{m.rank} * ((k + 7) / 8 * 8) * sizeof(std::int16_t) : k;
}
/// Rows of A at a time, an even number.
constexpr std::size_t lean_block(std::size_t row_bytes) noexcept {
    return std::clamp<std::size_t>(lean_bytes / std::max<std::size_t>(row_bytes, 1), 2, lean_rows) / 2 * 2;
}

/// All blocks of a product. Kernel: `row(from, to, r)` and `column(from, to, j)` make lanes of K operands, `sums(rows,
/// columns, count, to)` adds up.
template <class Kernel>
void lean_blocks(gemm_operand<std::int8_t> a, gemm_operand<std::int8_t> b, std::size_t row_bytes, arena& scratch,
                 const lutra::detail::sum_sink& sink, const Kernel& kernel) {
    using lane = typename Kernel::lane;
    const std::size_t block = lean_block(row_bytes), depth = row_bytes / sizeof(lane);
    const auto rows = scratch.take<lane>(block * depth), columns = scratch.take<lane>(lean_columns * depth);
    // kernels read whole pairs of rows and four columns
    if (a.rows < block) std::fill(rows.begin(), rows.end(), lane{0});
    if (b.cols < lean_columns) std::fill(columns.begin(), columns.end(), lane{0});
    std::int32_t sums[lean_rows][lean_columns];
    for (std::size_t i = 0; i < a.rows; i += block) {
        const std::size_t height = std::min(block, a.rows - i);
        for (std::size_t r = 0; r < height; ++r) kernel.row(a.data + (i + r) * a.row_stride, rows.data(), r);
        for (std::size_t j = 0; j < b.cols; j += lean_columns) {
            const std::size_t width = std::min(lean_columns, b.cols - j);
            for (std::size_t c = 0; c < width; ++c) kernel.column(b.data + (j + c) * b.col_stride, columns.data(), c);
            kernel.sums(rows.data(), columns.data(), height, sums);
            sink.block(i, j, {sums[0], height, width, lean_columns});
        }
    }
}

/// The exact and the separable plans: mapped operands, the terms one after another, their scales in B's.
struct lean_products {
    using lane = lean_pairs::lane;
    const lowered_multiplier& m;
    std::size_t k, row_stride, column_stride, depth;

    void row(const std::int8_t* from, lane* rows, std::size_t r) const noexcept {
        load(from, row_stride, m.lhs_factors, rows + lean_pairs::row(r, depth), lean_pairs::row_step, false);
    }
    void column(const std::int8_t* from, lane* columns, std::size_t j) const noexcept {
        load(from, column_stride, m.rhs_factors, columns + lean_pairs::column(j), lean_pairs::column_step, true);
    }
    void sums(const lane* rows, const lane* columns, std::size_t count, std::int32_t (*to)[lean_columns]) const noexcept {
        lean_pairs::sums(rows, columns, count, depth, to);
    }

private:
    void load(const std::int8_t* from, std::size_t stride, const std::int16_t* maps, lane* to, std::size_t step,
              bool scaled) const noexcept {
        for (std::size_t term = 0; term < m.rank; ++term, to += lean_pairs::depth(k) / 2 * step) {
            const std::int16_t* const map = maps == nullptr ? nullptr : maps + 256 * term; // none: one term, no shift
            const int shift = scaled ? m.shifts[term] : 0;
#if !defined(__OPTIMIZE_SIZE__) // the usual cases, without a test for each operand
            constexpr std::integral_constant<std::size_t, 1> dense;
            if (map == nullptr && stride == dense) {
                lean_pairs::load(from, k, to, step);
                continue;
            }
            if (stride == dense && shift == 0) {
                lean_pairs::load(from, dense, k, to, step, [map](std::int8_t x) { return map[index_of(x)]; });
                continue;
            }
            if (map == nullptr) {
                lean_pairs::load(from, stride, k, to, step, [](std::int8_t x) { return lane{x}; });
                continue;
            }
#endif
            lean_pairs::load(from, stride, k, to, step, [map, shift](std::int8_t x) {
                return static_cast<lane>((map == nullptr ? x : map[index_of(x)]) * (1 << shift));
            });
        }
    }
};

/// The plans that look up: `product(x, w)` by the bits of both operands.
template <class Product>
struct lean_look_ups {
    using lane = std::uint8_t;
    std::size_t k, row_stride, column_stride;
    Product product;

    void row(const std::int8_t* from, lane* rows, std::size_t r) const noexcept { load(from, row_stride, rows + r * k); }
    void column(const std::int8_t* from, lane* columns, std::size_t j) const noexcept {
        load(from, column_stride, columns + j * k);
    }
    void sums(const lane* rows, const lane* columns, std::size_t count, std::int32_t (*to)[lean_columns]) const noexcept {
        for (std::size_t r = 0; r < count; ++r, rows += k) {
            const lane *w0 = columns, *w1 = w0 + k, *w2 = w1 + k, *w3 = w2 + k;
            std::uint32_t sum[lean_columns] = {};
            for (std::size_t i = 0; i < k; ++i) {
                sum[0] += static_cast<std::uint32_t>(product(rows[i], w0[i]));
                sum[1] += static_cast<std::uint32_t>(product(rows[i], w1[i]));
                sum[2] += static_cast<std::uint32_t>(product(rows[i], w2[i]));
                sum[3] += static_cast<std::uint32_t>(product(rows[i], w3[i]));
            }
            for (std::size_t j = 0; j < lean_columns; ++j) to[r][j] = static_cast<std::int32_t>(sum[j]);
        }
    }

private:
    void load(const std::int8_t* from, std::size_t stride, lane* to) const noexcept {
        for (std::size_t i = 0; i < k; ++i) to[i] = static_cast<lane>(from[i * stride]);
    }
};

/// Any plan.
LUTRA_INLINE void lean_product(gemm_operand<std::int8_t> a, gemm_operand<std::int8_t> b, const lowered_multiplier& m,
                               arena& scratch, const lutra::detail::sum_sink& sink) {
    lutra::detail::require_inner_dimension(a, b.rows);
    lutra::detail::require_memory(a);
    lutra::detail::require_memory(b);
    require_sum_fits(m, b.rows);
    m.require_tables();
    const std::size_t mark = scratch.used();
    const auto at = [](std::uint8_t x, std::uint8_t w) { return std::size_t{x} << 8 | w; };
    const std::size_t row_bytes = lean_row_bytes(m, b.rows);
    const auto run = [&](const auto& kernel) { lean_blocks(a, b, row_bytes, scratch, sink, kernel); };
    const auto look_up = [&]<class Product>(const Product& product) {
        run(lean_look_ups<Product>{b.rows, a.col_stride, b.row_stride, product});
    };
    if (lean_multiplies(m)) {
#if LUTRA_ARM_MVE
        const bool bytes = m.rank == 1 && (m.factors == factor_width::bits8 ||
                                           (m.factors == factor_width::bits8_but_128 && !holds_least(a) && !holds_least(b)));
        if (bytes)
            run(mve_products<std::int8_t>{m, b.rows, a.col_stride, b.row_stride});
        else
            run(mve_products<std::int16_t>{m, b.rows, a.col_stride, b.row_stride});
#else
        run(lean_products{m, b.rows, a.col_stride, b.row_stride, m.rank * lean_pairs::depth(b.rows)});
#endif
    } else if (m.kind == plan_kind::error_plane) {
        const std::int16_t *const lhs = m.lhs_factors, *const rhs = m.rhs_factors; // of operands that are not signed
        look_up([&, lhs, rhs](std::uint8_t x, std::uint8_t w) {
            const int left = lhs == nullptr ? static_cast<std::int8_t>(x) : lhs[x],
                      right = rhs == nullptr ? static_cast<std::int8_t>(w) : rhs[w];
            return left * right + m.errors[at(x, w)] * (1 << m.error_shift);
        });
    } else if (m.products16 != nullptr) {
        look_up([&](std::uint8_t x, std::uint8_t w) { return int{m.products16[at(x, w)]}; });
    } else {
        look_up([&](std::uint8_t x, std::uint8_t w) { return m.products32[at(x, w)]; });
    }
    scratch.release(mark);
}

} // namespace kernel

/// Bytes of scratch that `lean_gemm` needs for operands of K = @p k under the plan of @p m, whatever M and N.
[[nodiscard]] constexpr std::size_t lean_scratch_bytes(const lowered_multiplier& m, std::size_t k) {
    const std::size_t row_bytes = kernel::lean_row_bytes(m, k);
    arena a = arena::counting();
    a.take<std::byte>(kernel::lean_block(row_bytes) * row_bytes);
    a.take<std::byte>(kernel::lean_columns * row_bytes);
    return a.used();
}

/// The integer product A B with multiplier @p m; A is M x K int8 (activations, the left operand), B is K x N (weights, the
/// right one), read where it lies: const memory, flash. The sums are those of `gemm`, bit for bit, and so is what `use`
/// receives. @p scratch: lean_scratch_bytes, at most 12 KiB where rank times K is at most 512; given back. Any plan does,
/// with the tables that it names and no others. Panics on shapes that do not fit, where sums of K products can leave int32,
/// where a table is missing, on too little scratch, and where the output of a usual epilogue shares memory with an operand.
///
/// @code
/// lutra::lean_gemm(x, lutra::transposed(weight), multiplier, scratch, lutra::requantize_sums{out, by, bias});
/// @endcode
template <class Use>
void lean_gemm(gemm_operand<std::int8_t> a, gemm_operand<std::int8_t> b, const lowered_multiplier& m, arena& scratch,
               Use&& use) {
    kernel::require_output_apart(use, a, b);
    kernel::lean_product(a, b, m, scratch, lutra::detail::sum_sink{use});
}

} // namespace LUTRA_ISA
} // namespace lutra
