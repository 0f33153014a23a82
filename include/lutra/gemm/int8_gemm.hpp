// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/core/executor.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/detail/int8_tiles.hpp>
#include <lutra/gemm/detail/no_overlap.hpp>
#include <lutra/gemm/detail/panel_gemm.hpp>
#include <lutra/gemm/detail/sum_sink.hpp>
#include <lutra/gemm/detail/table_gemm.hpp>
#include <lutra/gemm/epilogue.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace lutra {

/// A right operand (weights, keys or values; K x N) packed for one multiplier's plan and one instruction set; made by
/// `pack_b`. It points into memory and tables of others.
struct packed_int8_b {
    lowered_multiplier multiplier;
    const std::byte* data = nullptr;
    std::size_t k = 0, n = 0;
    isa instructions = isa::scalar;
    bool narrow = false; ///< panels of 8-bit factors
};

inline namespace LUTRA_ISA {

namespace kernel {

/// Panics where a sum of @p k products of @p m can leave int32. Partial sums of terms may: they are taken modulo 2^32.
constexpr void require_sum_fits(const lowered_multiplier& m, std::size_t k) {
    const std::int64_t largest = std::max<std::int64_t>(m.max_product, -std::int64_t{m.min_product});
    if (largest == 0) return;
    const auto most = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max() / largest);
    require(k <= most, panic_code::overflow, "gemm: sums of K products of this multiplier can leave int32; split K",
            static_cast<long long>(k), static_cast<long long>(most));
}
inline void require_isa(isa instructions) {
    require(has_isa(instructions), panic_code::unsupported, "gemm: this machine or build lacks that instruction set",
            static_cast<long long>(instructions), static_cast<long long>(best_isa()));
}

/// Bytes of the panels of a K x N operand; where 8-bit factors may not do, enough for 16-bit ones too.
constexpr std::size_t panel_bytes(const lowered_multiplier& m, std::size_t k, std::size_t n, isa instructions) {
    if (m.kind == plan_kind::table) return 0;
    require(m.rank >= 1 && m.rank <= max_rank, panic_code::bad_argument,
            "gemm: a separable plan has at least one term and at most max_rank", m.rank, max_rank);
    const auto bytes = [&](bool narrow) {
        return with_tile(instructions, narrow, [&]<class Tile>(Tile) { return panel_layout<Tile>{m, k, n}.bytes(); });
    };
    if (m.factors == factor_width::bits16) return bytes(false);
    return m.factors == factor_width::bits8 ? bytes(true) : std::max(bytes(true), bytes(false));
}
/// Bytes of the weights for look-ups, and between rows of them.
constexpr std::size_t looked_up_stride(std::size_t n) noexcept { return lutra::detail::round_up(n, table_padding); }
constexpr std::size_t looked_up_bytes(const lowered_multiplier& m, std::size_t k, std::size_t n) noexcept {
    return m.kind == plan_kind::table || m.kind == plan_kind::error_plane ? k * looked_up_stride(n) : 0;
}

/// Rows of A whose errors are held until their exact sums come: some 2 MiB of them.
constexpr std::size_t error_block_rows(std::size_t rows, std::size_t n) noexcept {
    return std::min(rows, std::clamp<std::size_t>((std::size_t{1} << 19) / std::max<std::size_t>(n, 1), 256, 2048));
}

} // namespace kernel

/// Bytes that `pack_b` needs for a K x N operand under the plan of @p m.
[[nodiscard]] constexpr std::size_t packed_b_bytes(const lowered_multiplier& m, std::size_t k, std::size_t n,
                                                   isa instructions) {
    return lutra::detail::round_up(kernel::panel_bytes(m, k, n, instructions), arena::alignment) +
           kernel::looked_up_bytes(m, k, n);
}
[[nodiscard]] constexpr std::size_t packed_b_bytes(const lowered_multiplier& m, std::size_t k, std::size_t n) {
    return packed_b_bytes(m, k, n, best_isa());
}

/// Packs @p b (K x N) for products with @p m into @p memory: packed_b_bytes of it, on a 4-byte boundary. Panics where the
/// memory is too small, misaligned or that of @p b, where sums of K products could leave int32, and where this machine lacks
/// @p instructions (the kernels to use, for tests and comparisons).
[[nodiscard]] LUTRA_INLINE packed_int8_b pack_b(gemm_operand<std::int8_t> b, const lowered_multiplier& m,
                                                std::span<std::byte> memory, isa instructions = best_isa()) {
    kernel::require_isa(instructions);
    lutra::detail::require_memory(b);
    const std::size_t need = packed_b_bytes(m, b.rows, b.cols, instructions);
    require(memory.size() >= need, panic_code::arena_too_small, "the memory for a packed int8 operand is too small",
            static_cast<long long>(memory.size()), static_cast<long long>(need));
    require(reinterpret_cast<std::uintptr_t>(memory.data()) % alignof(std::int32_t) == 0, panic_code::misaligned,
            "the memory for a packed int8 operand must start on a 4-byte boundary");
    lutra::detail::require_apart({reinterpret_cast<std::uintptr_t>(memory.data()), 1, need, 0}, lutra::detail::footprint(b));
    kernel::require_sum_fits(m, b.rows);
    packed_int8_b packed{m, memory.data(), b.rows, b.cols, instructions, m.factors != factor_width::bits16};
    if (m.factors == factor_width::bits8_but_128)
        packed.narrow = kernel::with_tile(instructions, true, [&]<class Tile>(Tile) {
            if constexpr (kernel::picks_weights<Tile>)
                return kernel::panel_layout<Tile>{m, b.rows, b.cols}.lost(memory.data()).pack(b, m);
            else
                return kernel::narrow_lanes<Tile> && !(kernel::loses_weights(m) && kernel::holds_lowest(b));
        });
    if (m.kind != plan_kind::table)
        kernel::with_tile(instructions, packed.narrow,
                          [&]<class Tile>(Tile) { kernel::pack_panels<Tile>(b, m, instructions, memory.data()); });
    if (kernel::looked_up_bytes(m, b.rows, b.cols) != 0) {
        const std::size_t stride = kernel::looked_up_stride(b.cols);
        std::byte* out = memory.data() + need - b.rows * stride;
        for (std::size_t k = 0; k < b.rows; ++k, out += stride)
            for (std::size_t j = 0; j < stride; ++j) out[j] = static_cast<std::byte>(j < b.cols ? b(k, j) : std::int8_t{0});
    }
    return packed;
}

namespace kernel {

/// Calls f(by_activation, by_weight), the table that the plan of @p m looks up and its transpose. Otherwise nothing.
template <class F>
constexpr void with_table(const lowered_multiplier& m, F&& f) {
    if (m.kind == plan_kind::error_plane)
        f(m.errors, m.errors_by_weight);
    else if (m.kind == plan_kind::table && m.products16 != nullptr)
        f(m.products16, m.products16_by_weight);
    else if (m.kind == plan_kind::table)
        f(m.products32, static_cast<const std::int32_t*>(nullptr));
}

/// The look-ups of a plan.
inline void looked_up_gemm(gemm_operand<std::int8_t> a, const packed_int8_b& b, arena& scratch,
                           const lutra::detail::sum_sink& sink) {
    const lowered_multiplier& m = b.multiplier;
    const std::byte* weights = b.data + lutra::detail::round_up(panel_bytes(m, b.k, b.n, b.instructions), arena::alignment);
    with_table(m, [&]<class Entry>(const Entry* by_activation, const Entry* by_weight) {
        table_gemm(by_activation, by_weight, a, reinterpret_cast<const std::uint8_t*>(weights), looked_up_stride(b.n), b.k,
                   b.n, scratch, b.instructions, sink);
    });
}

/// The separable part of a plan.
inline void separable_gemm(gemm_operand<std::int8_t> a, const packed_int8_b& b, arena& scratch,
                           const lutra::detail::sum_sink& sink) {
    with_tile(b.instructions, b.narrow, [&]<class Tile>(Tile) {
        panel_gemm<Tile>(b.multiplier, a, packed_panels{b.data, b.k, b.n, b.instructions}, scratch, sink);
    });
}

/// Exact sums that meet their errors, M x N of them at @p errors, on the way to a sink.
struct error_adder {
    std::int32_t* errors;
    std::size_t stride, first_row;
    int shift;
    const lutra::detail::sum_sink& sink;

    void block(std::size_t row, std::size_t first, const matrix_view<const std::int32_t>& exact) const {
        const matrix_view<std::int32_t> sums{errors + row * stride + first, exact.rows(), exact.cols(), stride};
        for (std::size_t r = 0; r < exact.rows(); ++r)
            for (std::size_t j = 0; j < exact.cols(); ++j)
                sums(r, j) = static_cast<std::int32_t>((static_cast<std::uint32_t>(sums(r, j)) << shift) +
                                                       static_cast<std::uint32_t>(exact(r, j)));
        sink.block(first_row + row, first, sums);
    }
};

/// Errors of a block of rows, then exact sums that meet them.
inline void error_plane_gemm(gemm_operand<std::int8_t> a, const packed_int8_b& b, arena& scratch,
                             const lutra::detail::sum_sink& sink) {
    const std::size_t rows = error_block_rows(a.rows, b.n);
    const auto errors = scratch.take<std::int32_t>(rows * b.n);
    const std::size_t mark = scratch.used();
    for (std::size_t i0 = 0; i0 < a.rows; i0 += rows) {
        gemm_operand<std::int8_t> block = a;
        block.data += i0 * a.row_stride;
        block.rows = std::min(rows, a.rows - i0);
        const store_sums keep{{errors.data(), block.rows, b.n}};
        looked_up_gemm(block, b, scratch, lutra::detail::sum_sink{keep});
        scratch.release(mark);
        const error_adder add{errors.data(), b.n, i0, b.multiplier.error_shift, sink};
        separable_gemm(block, b, scratch, lutra::detail::sum_sink{add});
        scratch.release(mark);
    }
}

/// Any plan.
LUTRA_INLINE void int8_product(gemm_operand<std::int8_t> a, const packed_int8_b& b, arena& scratch,
                               const lutra::detail::sum_sink& sink) {
    lutra::detail::require_inner_dimension(a, b.k);
    lutra::detail::require_memory(a);
    const std::size_t mark = scratch.used();
    switch (b.multiplier.kind) {
    case plan_kind::exact:
    case plan_kind::separable: separable_gemm(a, b, scratch, sink); break;
    case plan_kind::error_plane: error_plane_gemm(a, b, scratch, sink); break;
    case plan_kind::table: looked_up_gemm(a, b, scratch, sink); break;
    }
    scratch.release(mark);
}

/// Panics where the output of a usual epilogue shares memory with an operand.
template <class Use>
void require_output_apart([[maybe_unused]] const Use& use,
                          [[maybe_unused]] const std::same_as<gemm_operand<std::int8_t>> auto&... operands) {
    if constexpr (requires { lutra::detail::footprint(use.out); })
        (lutra::detail::require_apart(lutra::detail::footprint(use.out), lutra::detail::footprint(operands)), ...);
}
template <class Use>
void require_output_apart(const Use& use, const gemm_operand<std::int8_t>& a, [[maybe_unused]] const packed_int8_b& b) {
    require_output_apart(use, a);
    if constexpr (requires { lutra::detail::footprint(use.out); })
        lutra::detail::require_apart(
            lutra::detail::footprint(use.out),
            {reinterpret_cast<std::uintptr_t>(b.data), 1, packed_b_bytes(b.multiplier, b.k, b.n, b.instructions), 0});
}

} // namespace kernel

/// Bytes of scratch that suffice for `gemm` with @p rows rows of A, or fewer, and a packed K x N operand under the plan of
/// @p m.
[[nodiscard]] constexpr std::size_t int8_gemm_scratch_bytes(const lowered_multiplier& m, std::size_t rows, std::size_t k,
                                                            std::size_t n, isa instructions) {
    const bool errors = m.kind == plan_kind::error_plane;
    const std::size_t block = errors ? kernel::error_block_rows(rows, n) : rows;
    std::size_t most = 0;
    kernel::with_table(m, [&]<class Entry>(const Entry*, const Entry*) {
        most = kernel::table_scratch_bytes<Entry>(block, k, n, instructions);
    });
    for (const bool narrow : {false, true})
        if (m.kind != plan_kind::table)
            kernel::with_tile(instructions, narrow, [&]<class Tile>(Tile) {
                arena panels = arena::counting();
                kernel::take_panel_scratch<Tile>(m, block, k, panels);
                most = std::max(most, panels.used());
            });
    if (!errors) return most;
    arena a = arena::counting();
    a.take<std::int32_t>(block * n);
    return a.used() + most;
}
[[nodiscard]] constexpr std::size_t int8_gemm_scratch_bytes(const lowered_multiplier& m, std::size_t rows, std::size_t k,
                                                            std::size_t n) {
    return int8_gemm_scratch_bytes(m, rows, k, n, best_isa());
}

/// The integer product A B with the multiplier that @p b was packed for: A is M x K int8 (activations, the left operand), B
/// is K x N (weights, the right one). Sums are int32 and exact: what `gemm_reference` says, on every instruction set.
/// `use(row, first column, sums)` receives each element of the result once, in pieces of rows in any order, while A is
/// still read: it must not write to A. epilogue.hpp has the usual ones. @p scratch: int8_gemm_scratch_bytes, given back.
/// Panics on shapes that do not fit, on too little scratch, and where the output of a usual epilogue shares memory with A
/// or the packed B.
///
/// @code
/// const lutra::packed_int8_b b = lutra::pack_b(lutra::transposed(weight), lutra::lower(lutra::drum<4>{}), memory);
/// lutra::gemm(x, b, scratch, lutra::store_sums{sums});
/// @endcode
template <class Use>
void gemm(gemm_operand<std::int8_t> a, const packed_int8_b& b, arena& scratch, Use&& use) {
    kernel::require_output_apart(use, a, b);
    kernel::int8_product(a, b, scratch, lutra::detail::sum_sink{use});
}

namespace kernel {
/// `gemm(a, b, scratch, use)` with the rows of A shared out to the workers of @p ex, with @p bytes of scratch for each.
template <executor Executor, class Packed, class Use>
void share_rows(Executor& ex, const gemm_operand<std::int8_t>& a, const Packed& b, std::size_t bytes, arena& scratch,
                Use& use) {
    struct lower_rows {
        const lutra::detail::sum_sink& sink;
        std::size_t first;

        void block(std::size_t row, std::size_t column, const matrix_view<const std::int32_t>& sums) const {
            sink.block(first + row, column, sums);
        }
    };
    const lutra::detail::sum_sink sink{use};
    const std::size_t workers = workers_of(ex), mark = scratch.used();
    const auto memory = scratch.take<std::byte>(workers * bytes);
    ex.run(workers, [&](std::size_t task, std::size_t worker) {
        const std::size_t first = a.rows * task / workers, last = a.rows * (task + 1) / workers;
        gemm_operand<std::int8_t> part = a;
        part.data += first * a.row_stride;
        part.rows = last - first;
        arena mine{memory.subspan(worker * bytes, bytes)};
        gemm(part, b, mine, lower_rows{sink, first});
    });
    scratch.release(mark);
}
} // namespace kernel

/// The same with rows of A shared out to the workers of @p ex: any number of workers gives the same sums. @p scratch:
/// int8_gemm_scratch_bytes for all rows, once a worker. @p use may be called by several workers at once, for different rows.
template <executor Executor, class Use>
void gemm(Executor& ex, gemm_operand<std::int8_t> a, const packed_int8_b& b, arena& scratch, Use&& use) {
    kernel::require_output_apart(use, a, b);
    kernel::share_rows(ex, a, b, int8_gemm_scratch_bytes(b.multiplier, a.rows, b.k, b.n, b.instructions), scratch, use);
}

} // namespace LUTRA_ISA
} // namespace lutra
