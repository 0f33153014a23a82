// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/gemm/detail/sum_sink.hpp>
#include <lutra/gemm/int8_gemm.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

/// @file
/// Integer products for machines of little memory: the right operand is read where it lies, such as weights in flash, and
/// need not be packed. What a kernel wants of both operands it keeps for a few rows and columns at a time.

namespace lutra {
inline namespace LUTRA_ISA {

namespace kernel {

inline constexpr std::size_t lean_columns = 4;   ///< columns of B at a time
inline constexpr std::size_t lean_rows = 16;     ///< the most rows of A at a time: what one mapping of B's columns serves
inline constexpr std::size_t lean_lanes = 2'048; ///< of A at a time, unless one row has more

/// Lanes that a row of A and a column of B of @p k elements take.
constexpr std::size_t lean_depth(const lowered_multiplier& m, std::size_t k) noexcept {
    return m.kind == plan_kind::exact || m.kind == plan_kind::separable ? std::size_t{m.rank} * k : k;
}
/// Rows of A at a time.
constexpr std::size_t lean_block(std::size_t depth) noexcept {
    return std::clamp<std::size_t>(lean_lanes / std::max<std::size_t>(depth, 1), 1, lean_rows);
}

/// What the sums of a block are made of: rows of A and columns of B, `depth` lanes each, one after the other.
template <class Lane>
struct lean_tile {
    const Lane *rows, *columns;
    std::size_t row_count, column_count, depth;
};

/// sums[r][j] = the sum over k of product(row r at k, column j at k), modulo 2^32.
template <class Lane, class Product>
void lean_sums(const lean_tile<Lane>& t, const Product& product, std::int32_t (*sums)[lean_columns]) noexcept {
    for (std::size_t r = 0; r < t.row_count; ++r) {
        const Lane* const x = t.rows + r * t.depth;
        std::uint32_t sum[lean_columns] = {};
        if (t.column_count == lean_columns) {
            const Lane *w0 = t.columns, *w1 = w0 + t.depth, *w2 = w1 + t.depth, *w3 = w2 + t.depth;
            for (std::size_t k = 0; k < t.depth; ++k) {
                sum[0] += static_cast<std::uint32_t>(product(x[k], w0[k]));
                sum[1] += static_cast<std::uint32_t>(product(x[k], w1[k]));
                sum[2] += static_cast<std::uint32_t>(product(x[k], w2[k]));
                sum[3] += static_cast<std::uint32_t>(product(x[k], w3[k]));
            }
        } else {
            for (std::size_t j = 0; j < t.column_count; ++j)
                for (std::size_t k = 0; k < t.depth; ++k)
                    sum[j] += static_cast<std::uint32_t>(product(x[k], t.columns[j * t.depth + k]));
        }
        for (std::size_t j = 0; j < lean_columns; ++j) sums[r][j] = static_cast<std::int32_t>(sum[j]);
    }
}

/// All blocks of a product: `load_row(from, stride, to)` and `load_column` make lanes of K operands.
template <class Lane, class LoadRow, class LoadColumn, class Product>
void lean_product(gemm_operand<std::int8_t> a, gemm_operand<std::int8_t> b, std::size_t depth, arena& scratch,
                  const lutra::detail::sum_sink& sink, const LoadRow& load_row, const LoadColumn& load_column,
                  const Product& product) {
    const std::size_t block = lean_block(depth);
    const auto rows = scratch.take<Lane>(block * depth), columns = scratch.take<Lane>(lean_columns * depth);
    std::int32_t sums[lean_rows][lean_columns];
    for (std::size_t i = 0; i < a.rows; i += block) {
        const std::size_t height = std::min(block, a.rows - i);
        for (std::size_t r = 0; r < height; ++r)
            load_row(a.data + (i + r) * a.row_stride, a.col_stride, rows.data() + r * depth);
        for (std::size_t j = 0; j < b.cols; j += lean_columns) {
            const std::size_t width = std::min(lean_columns, b.cols - j);
            for (std::size_t c = 0; c < width; ++c)
                load_column(b.data + (j + c) * b.col_stride, b.row_stride, columns.data() + c * depth);
            lean_sums(lean_tile<Lane>{rows.data(), columns.data(), height, width, depth}, product, sums);
            sink.block(i, j, {sums[0], height, width, lean_columns});
        }
    }
}

/// The exact and the separable plans: mapped operands, the terms one after another, their scales in B's.
inline void lean_separable(gemm_operand<std::int8_t> a, gemm_operand<std::int8_t> b, const lowered_multiplier& m,
                           arena& scratch, const lutra::detail::sum_sink& sink) {
    const std::size_t k = b.rows;
    const auto load = [&m, k](const std::int16_t* maps, bool scaled) {
        return [&m, k, maps, scaled](const std::int8_t* from, std::size_t stride, std::int16_t* to) {
            for (std::size_t term = 0; term < m.rank; ++term) {
                const std::int16_t* const map = maps == nullptr ? nullptr : maps + 256 * term;
                const int shift = scaled ? m.shifts[term] : 0;
                for (std::size_t i = 0; i < k; ++i, ++to) {
                    const std::int8_t x = from[i * stride];
                    *to = static_cast<std::int16_t>((map == nullptr ? x : map[index_of(x)]) * (1 << shift));
                }
            }
        };
    };
    lean_product<std::int16_t>(a, b, lean_depth(m, k), scratch, sink, load(m.lhs_factors, false), load(m.rhs_factors, true),
                               [](std::int16_t x, std::int16_t w) { return x * w; });
}

/// The plans that look up, by the bits of both operands.
template <class Product>
void lean_look_up(gemm_operand<std::int8_t> a, gemm_operand<std::int8_t> b, arena& scratch,
                  const lutra::detail::sum_sink& sink, const Product& product) {
    const std::size_t k = b.rows;
    const auto load = [k](const std::int8_t* from, std::size_t stride, std::uint8_t* to) {
        for (std::size_t i = 0; i < k; ++i) to[i] = static_cast<std::uint8_t>(from[i * stride]);
    };
    lean_product<std::uint8_t>(a, b, k, scratch, sink, load, load, product);
}

/// Any plan.
LUTRA_INLINE void lean_product(gemm_operand<std::int8_t> a, gemm_operand<std::int8_t> b, const lowered_multiplier& m,
                               arena& scratch, const lutra::detail::sum_sink& sink) {
    lutra::detail::require_inner_dimension(a, b.rows);
    lutra::detail::require_memory(a);
    lutra::detail::require_memory(b);
    require_sum_fits(m, b.rows);
    const std::size_t mark = scratch.used();
    const auto at = [](std::uint8_t x, std::uint8_t w) { return std::size_t{x} << 8 | w; };
    if (m.kind == plan_kind::exact || m.kind == plan_kind::separable) {
        lean_separable(a, b, m, scratch, sink);
    } else if (m.kind == plan_kind::error_plane) {
        const std::int16_t *const lhs = m.lhs_factors, *const rhs = m.rhs_factors; // of operands that are not signed
        lean_look_up(a, b, scratch, sink, [&, lhs, rhs](std::uint8_t x, std::uint8_t w) {
            const int left = lhs == nullptr ? static_cast<std::int8_t>(x) : lhs[x],
                      right = rhs == nullptr ? static_cast<std::int8_t>(w) : rhs[w];
            return left * right + m.errors[at(x, w)] * (1 << m.error_shift);
        });
    } else if (m.products16 != nullptr) {
        lean_look_up(a, b, scratch, sink, [&](std::uint8_t x, std::uint8_t w) { return int{m.products16[at(x, w)]}; });
    } else {
        require(m.products32 != nullptr, panic_code::bad_argument, "lean_gemm: a table plan needs a table");
        lean_look_up(a, b, scratch, sink, [&](std::uint8_t x, std::uint8_t w) { return m.products32[at(x, w)]; });
    }
    scratch.release(mark);
}

} // namespace kernel

/// Bytes of scratch that `lean_gemm` needs for operands of K = @p k under the plan of @p m, whatever M and N.
[[nodiscard]] constexpr std::size_t lean_scratch_bytes(const lowered_multiplier& m, std::size_t k) {
    const std::size_t depth = kernel::lean_depth(m, k);
    arena a = arena::counting();
    const auto take = [&]<class Lane>(Lane) {
        a.take<Lane>(kernel::lean_block(depth) * depth);
        a.take<Lane>(kernel::lean_columns * depth);
    };
    if (m.kind == plan_kind::exact || m.kind == plan_kind::separable)
        take(std::int16_t{});
    else
        take(std::uint8_t{});
    return a.used();
}

/// The integer product A B with multiplier @p m; A is M x K int8 (activations, the left operand), B is K x N (weights, the
/// right one), read where it lies: const memory, flash. The sums are those of `gemm`, bit for bit, and so is what `use`
/// receives. @p scratch: lean_scratch_bytes, at most 10 KiB where rank times K is at most 2,048; given back. Any plan does,
/// with the tables that it names and no others. Panics on shapes that do not fit, where sums of K products can leave int32,
/// on too little scratch, and where the output of a usual epilogue shares memory with an operand.
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
