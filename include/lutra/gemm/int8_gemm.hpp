// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/arch/int8_avx2.hpp>
#include <lutra/gemm/arch/int8_avx512.hpp>
#include <lutra/gemm/arch/int8_scalar.hpp>
#include <lutra/gemm/detail/table_gemm.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace lutra {

/// A right operand (weights, keys or values; K x N) packed for one multiplier's plan; made by `pack_b`. It points into
/// memory and tables of others. The layout depends on the plan alone, not on the instruction set.
struct packed_int8_b {
    lowered_multiplier multiplier;
    const std::byte* data = nullptr;
    std::size_t k = 0, n = 0;
};

inline namespace LUTRA_ISA {

namespace kernel {

inline constexpr std::size_t int8_block_rows = 64; ///< rows of A that are widened at a time

/// Panics where a sum of @p k products of @p m, or a part of it, can leave int32.
constexpr void require_sum_fits(const lowered_multiplier& m, std::size_t k) {
    const std::int64_t largest = std::max<std::int64_t>(m.max_product, -std::int64_t{m.min_product});
    if (largest == 0) return;
    const auto most = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max() / largest);
    require(k <= most, panic_code::overflow, "gemm: sums of K products of this multiplier can leave int32; split K",
            static_cast<long long>(k), static_cast<long long>(most));
}

} // namespace kernel

/// Bytes that `pack_b` needs for a K x N operand under the plan of @p m.
[[nodiscard]] constexpr std::size_t packed_b_bytes(const lowered_multiplier& m, std::size_t k, std::size_t n) noexcept {
    if (m.kind == plan_kind::exact)
        return lutra::detail::round_up(k, 2) * lutra::detail::round_up(n, kernel::int8_panel_columns) * sizeof(std::int16_t);
    return k * lutra::detail::round_up(n, kernel::table_padding);
}

/// Packs @p b (K x N) for products with @p m into @p memory: packed_b_bytes of it, on an even address. Panics where the
/// memory is too small or misaligned, and where sums of K products could leave int32.
[[nodiscard]] inline packed_int8_b pack_b(gemm_operand<std::int8_t> b, const lowered_multiplier& m,
                                          std::span<std::byte> memory) {
    require(memory.size() >= packed_b_bytes(m, b.rows, b.cols), panic_code::arena_too_small,
            "the memory for a packed int8 operand is too small", static_cast<long long>(memory.size()),
            static_cast<long long>(packed_b_bytes(m, b.rows, b.cols)));
    kernel::require_sum_fits(m, b.rows);
    if (m.kind == plan_kind::exact) {
        require(reinterpret_cast<std::uintptr_t>(memory.data()) % alignof(std::int16_t) == 0, panic_code::misaligned,
                "the memory for a packed int8 operand must start on an even address");
        constexpr std::size_t width = kernel::int8_panel_columns;
        auto* out = reinterpret_cast<std::int16_t*>(memory.data());
        for (std::size_t j0 = 0; j0 < b.cols; j0 += width)
            for (std::size_t k0 = 0; k0 < b.rows; k0 += 2)
                for (std::size_t j = j0; j < j0 + width; ++j)
                    for (std::size_t k = k0; k < k0 + 2; ++k) *out++ = j < b.cols && k < b.rows ? b(k, j) : std::int8_t{0};
    } else {
        const std::size_t width = lutra::detail::round_up(b.cols, kernel::table_padding);
        for (std::size_t k = 0; k < b.rows; ++k)
            for (std::size_t j = 0; j < width; ++j)
                memory[k * width + j] = static_cast<std::byte>(j < b.cols ? b(k, j) : std::int8_t{0});
    }
    return {m, memory.data(), b.rows, b.cols};
}

namespace kernel {

/// The exact plan: blocks of rows widened to 16 bits, then tiles. `use(row, first column, sums)` takes each row once.
template <class Tile, class Use>
void exact_gemm(gemm_operand<std::int8_t> a, const packed_int8_b& b, arena& scratch, Use&& use) {
    const std::size_t pairs = (b.k + 1) / 2, padded = lutra::detail::round_up(b.n, int8_panel_columns);
    const auto* panels = reinterpret_cast<const std::int16_t*>(b.data);
    const auto wide = scratch.take<std::int16_t>(int8_block_rows * 2 * pairs);
    const auto sums = scratch.take<std::int32_t>(int8_block_rows * padded);
    for (std::size_t i0 = 0; i0 < a.rows; i0 += int8_block_rows) {
        const std::size_t rows = std::min(int8_block_rows, a.rows - i0);
        for (std::size_t i = 0; i < rows; ++i) {
            std::int16_t* to = wide.data() + i * 2 * pairs;
            const std::int8_t* from = a.data + (i0 + i) * a.row_stride;
            for (std::size_t k = 0; k < b.k; ++k) to[k] = from[k * a.col_stride];
            if (b.k % 2 != 0) to[b.k] = 0;
        }
        for (std::size_t j = 0; j < padded; j += int8_panel_columns) {
            std::size_t i = 0;
            const auto tiles = [&]<std::size_t Rows>() {
                for (; i + Rows <= rows; i += Rows)
                    Tile::template tile<Rows>(pairs, wide.data() + i * 2 * pairs, 2 * pairs, panels + j * 2 * pairs,
                                              sums.data() + i * padded + j, padded);
            };
            if constexpr (Tile::rows >= 8) tiles.template operator()<8>();
            tiles.template operator()<4>();
            tiles.template operator()<1>();
        }
        for (std::size_t i = 0; i < rows; ++i)
            use(i0 + i, std::size_t{0}, std::span<const std::int32_t>{sums.data() + i * padded, b.n});
    }
}

} // namespace kernel

/// Bytes of scratch that suffice for `gemm` with @p rows rows of A, or fewer, and a packed K x N operand under the plan of
/// @p m.
[[nodiscard]] constexpr std::size_t int8_gemm_scratch_bytes(const lowered_multiplier& m, std::size_t rows, std::size_t k,
                                                            std::size_t n) {
    arena a = arena::counting();
    if (m.kind == plan_kind::exact) {
        a.take<std::int16_t>(kernel::int8_block_rows * lutra::detail::round_up(k, 2));
        a.take<std::int32_t>(kernel::int8_block_rows * lutra::detail::round_up(n, kernel::int8_panel_columns));
        return a.used();
    }
    std::size_t most = 0;
    for (const isa i : all_isas)
        most = std::max(most, m.products16 == nullptr ? kernel::table_scratch_bytes<std::int32_t>(rows, k, n, i)
                                                      : kernel::table_scratch_bytes<std::int16_t>(rows, k, n, i));
    return most;
}

/// The integer product A B with the multiplier that @p b was packed for: A is M x K int8 (activations, the left operand), B
/// is K x N (weights, the right one). Sums are int32 and exact: what `gemm_reference` says, on every instruction set.
/// `use(row, first column, sums)` receives each element of the result once, in pieces of rows in any order, while A is
/// still read: it must not write to A. epilogue.hpp has the usual ones. @p scratch: int8_gemm_scratch_bytes, given back.
/// @p instructions: the kernels to use, for tests and comparisons. Panics on shapes that do not fit, on too little scratch,
/// and on instructions beyond best_isa().
///
/// @code
/// const lutra::packed_int8_b b = lutra::pack_b(lutra::transposed(weight), lutra::lower(lutra::drum<4>{}), memory);
/// lutra::gemm(x, b, scratch, lutra::store_sums{sums});
/// @endcode
template <class Use>
void gemm(gemm_operand<std::int8_t> a, const packed_int8_b& b, arena& scratch, Use&& use, isa instructions = best_isa()) {
    lutra::detail::require_inner_dimension(a, b.k);
    require(has_isa(instructions), panic_code::unsupported, "gemm: this machine or build lacks that instruction set",
            static_cast<long long>(instructions), static_cast<long long>(best_isa()));
    const std::size_t mark = scratch.used();
    const lowered_multiplier& m = b.multiplier;
    if (m.kind == plan_kind::exact) {
        switch (instructions) {
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
        case isa::avx512bw: kernel::exact_gemm<kernel::int8_avx512>(a, b, scratch, use); break;
#endif
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
        case isa::avx2: kernel::exact_gemm<kernel::int8_avx2>(a, b, scratch, use); break;
#endif
        default: kernel::exact_gemm<kernel::int8_scalar>(a, b, scratch, use);
        }
    } else {
        const auto* weights = reinterpret_cast<const std::uint8_t*>(b.data);
        const std::size_t padded = lutra::detail::round_up(b.n, kernel::table_padding);
        if (m.products16 == nullptr)
            kernel::table_gemm<std::int32_t>(m.products32, nullptr, a, weights, padded, b.k, b.n, scratch, instructions,
                                             use);
        else
            kernel::table_gemm(m.products16, m.products16_by_weight, a, weights, padded, b.k, b.n, scratch, instructions,
                               use);
    }
    scratch.release(mark);
}

} // namespace LUTRA_ISA
} // namespace lutra
