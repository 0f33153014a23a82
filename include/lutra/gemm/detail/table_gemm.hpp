// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/gemm/arch/table_avx2.hpp>
#include <lutra/gemm/arch/table_avx512.hpp>
#include <lutra/gemm/arch/table_neon.hpp>
#include <lutra/gemm/arch/table_permute.hpp>
#include <lutra/gemm/arch/table_scalar.hpp>
#include <lutra/gemm/arch/table_vbmi.hpp>
#include <lutra/gemm/detail/sum_sink.hpp>
#include <lutra/gemm/operand.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// How sums of looked-up products are made.
enum class table_plan : std::uint8_t {
    permute,      ///< look-ups in registers; as look_up where there is no AVX-512
    look_up,      ///< one scalar look-up a product
    lane_rows,    ///< blocks of rows of A, added for each weight
    lane_columns, ///< blocks of columns of B, added for each activation; needs the table by weight
};

inline constexpr std::array all_table_plans{table_plan::permute, table_plan::look_up, table_plan::lane_rows,
                                            table_plan::lane_columns};

inline constexpr std::size_t table_padding = 64;        ///< packed weights have a multiple of so many columns
inline constexpr std::size_t rows_given = 16;           ///< whose sums are handed on at once
inline constexpr std::size_t table_most_indices = 2048; ///< indices whose sums are kept at a time, in the L2 cache

/// The kernels of one instruction set for blocks with rows of one width.
template <class Entry>
struct table_kernels {
    table_groups (*groups)(const std::uint8_t*, std::size_t) noexcept;
    void (*expand)(const Entry*, const std::uint8_t*, table_groups, std::byte*) noexcept;
    /// for 1, 2, 4 and 8 blocks
    void (*add[4])(const std::byte*, const std::uint8_t*, std::size_t, std::size_t, std::uint16_t*) noexcept;
};

template <class Isa, class Entry, std::size_t Bytes>
inline constexpr table_kernels<Entry> table_kernels_of{
    &Isa::groups,
    [](const Entry* t, const std::uint8_t* x, table_groups g, std::byte* to) noexcept {
        Isa::template expand<Bytes>(t, x, g, to);
    },
    {&Isa::template add<Bytes, 1>, &Isa::template add<Bytes, 2>, &Isa::template add<Bytes, 4>,
     &Isa::template add<Bytes, 8>}};

template <class Entry, std::size_t Bytes>
[[nodiscard]] inline const table_kernels<Entry>& table_kernels_for([[maybe_unused]] isa instructions) noexcept {
    switch (instructions) {
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    case isa::avx512bw:
    case isa::avx512vnni:
    case isa::avx512vbmi: return table_kernels_of<table_avx512, Entry, Bytes>;
#endif
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    case isa::avx2:
    case isa::avx_vnni: return table_kernels_of<table_avx2, Entry, Bytes>;
#endif
#if defined(__ARM_NEON) && defined(__aarch64__)
    case isa::neon:
    case isa::neon_dot: return table_kernels_of<table_neon, Entry, Bytes>;
#endif
    default: return table_kernels_of<table_scalar, Entry, Bytes>;
    }
}

[[nodiscard]] constexpr bool permutes_tables(isa instructions) noexcept {
    return instructions == isa::avx512bw || instructions == isa::avx512vnni || instructions == isa::avx512vbmi;
}

/// The kernels of table_plan::permute of one instruction set.
template <class Entry>
struct permute_kernels {
    std::size_t columns; ///< of a tile
    /// for 1, 2 and 4 tiles
    void (*add[3])(const Entry*, const std::int8_t*, std::size_t, const std::uint8_t*, std::size_t, std::size_t,
                   std::uint16_t*) noexcept;
};

template <class Isa, class Entry>
inline constexpr permute_kernels<Entry> permute_kernels_of{
    Isa::columns, {&Isa::template add<1, Entry>, &Isa::template add<2, Entry>, &Isa::template add<4, Entry>}};

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
template <class Entry>
[[nodiscard]] inline const permute_kernels<Entry>& permute_kernels_for([[maybe_unused]] isa instructions) noexcept {
    #if LUTRA_RUNTIME_DISPATCH || defined(__AVX512VBMI__)
    if (instructions == isa::avx512vbmi) return permute_kernels_of<table_permute_vbmi, Entry>;
    #endif
    return permute_kernels_of<table_permute_avx512, Entry>;
}
#endif

/// What sixteen products of one row of A or one step cost, in cycles; measured. Look-ups by VBMI are an estimate: of 64
/// products 15 vector instructions, 8 where entries are bytes, at two a cycle, of which one may be a byte permute.
struct table_costs {
    std::size_t look_up; ///< 16 look-ups one by one, or in registers where there are such
    std::size_t expand;  ///< one block with rows of 64 bytes
    std::size_t add;     ///< 16 rows of it
};
template <class Entry>
[[nodiscard]] constexpr table_costs table_costs_of(isa instructions) noexcept {
    if (instructions == isa::avx512vbmi) return {sizeof(Entry) == 1 ? 1u : 2u, 1500, 36};
    if (permutes_tables(instructions)) return {sizeof(Entry) == 1 ? 4u : 6u, 1500, 36};
    if (instructions == isa::scalar) return {22, 8000, 500};
    return {22, 1900, 50};
}

/// The cheapest plan for a product of M x K by K x N; it does not depend on K.
template <class Entry>
[[nodiscard]] constexpr table_plan choose_table_plan(std::size_t rows, std::size_t n, bool by_weight,
                                                     isa instructions) noexcept {
    if constexpr (sizeof(Entry) > 2) return table_plan::look_up;
    constexpr std::size_t width = 64 / sizeof(Entry);
    const table_costs costs = table_costs_of<Entry>(instructions);
    const auto blocks = [&](std::size_t lanes, std::size_t indices) {
        const std::size_t passes = (indices + table_most_indices - 1) / table_most_indices, rest = lanes % width;
        const std::size_t whole = passes * costs.expand + indices * costs.add / 16;
        return lanes / width * whole + (rest == 0 ? 0 : rest <= width / 2 ? whole * 3 / 4 : whole);
    };
    const std::size_t direct = rows * lutra::detail::round_up(n, 16) / 16 * costs.look_up;
    const std::size_t as_rows = blocks(rows, n), as_columns = blocks(n, rows);
    if (direct <= as_rows && (direct <= as_columns || !by_weight))
        return permutes_tables(instructions) ? table_plan::permute : table_plan::look_up;
    return as_columns < as_rows && by_weight ? table_plan::lane_columns : table_plan::lane_rows;
}

/// The memory of an expanding plan for up to @p rows rows of A; of an arena that counts, its size.
template <class Entry>
struct table_memory {
    std::span<std::byte> blocks;
    std::span<std::uint16_t> sums;  ///< of a span: [index][2][words]
    std::span<std::int32_t> totals; ///< of the spans before: [index][lane]
    std::span<std::uint8_t> a;      ///< activations by k
    std::span<std::int32_t> out;
    std::span<std::int32_t> rest; ///< a row of sums by permutes

    constexpr table_memory(arena& from, table_plan plan, std::size_t rows, std::size_t k, std::size_t n) {
        constexpr std::size_t width = 64 / sizeof(Entry);
        const std::size_t most = std::min(table_most_indices, plan == table_plan::lane_rows ? n : rows);
        blocks = from.take<std::byte>(std::min(k, table_depth) * 256 * 64);
        sums = from.take<std::uint16_t>(most * 64);
        totals = from.take<std::int32_t>(k > table_span ? most * width : 0);
        a = from.take<std::uint8_t>(k * (plan == table_plan::lane_rows ? width : lutra::detail::round_up(most, 64)));
        out = from.take<std::int32_t>(width * (plan == table_plan::lane_rows ? 64 : rows_given));
        rest = from.take<std::int32_t>(plan == table_plan::lane_rows ? lutra::detail::round_up(n, table_padding) : 0);
    }
};

/// Bytes of scratch that one plan takes.
template <class Entry>
[[nodiscard]] constexpr std::size_t table_plan_bytes(table_plan plan, std::size_t rows, std::size_t k, std::size_t n) {
    arena a = arena::counting();
    if (plan == table_plan::look_up || plan == table_plan::permute)
        a.take<std::int32_t>(lutra::detail::round_up(n, table_padding));
    else
        static_cast<void>(table_memory<Entry>(a, plan, rows, k, n));
    return a.used();
}

/// Bytes of scratch that suffice for table_gemm with @p rows rows of A, or fewer.
template <class Entry>
[[nodiscard]] constexpr std::size_t table_scratch_bytes(std::size_t rows, std::size_t k, std::size_t n, isa instructions) {
    std::size_t most = table_plan_bytes<Entry>(table_plan::look_up, rows, k, n);
    const auto expands = [&](std::size_t r) {
        return choose_table_plan<Entry>(r, n, true, instructions) >= table_plan::lane_rows ||
               choose_table_plan<Entry>(r, n, false, instructions) >= table_plan::lane_rows;
    };
    bool any = expands(rows) || expands(std::min(rows, table_most_indices));
    for (std::size_t r = 1; r <= std::min<std::size_t>(rows, 64); ++r) any = any || expands(r); // where blocks of rows end
    for (const auto plan : {table_plan::lane_rows, table_plan::lane_columns})
        if (any) most = std::max(most, table_plan_bytes<Entry>(plan, rows, k, n));
    return most;
}

/// One look-up a product. `use(row, 0, sums)` takes each row once.
template <class Entry, class Use>
void look_up_gemm(const Entry* table, gemm_operand<std::int8_t> a, const std::uint8_t* weights, std::size_t padded,
                  std::size_t k, std::size_t n, arena& scratch, Use&& use) {
    const auto sums = scratch.take<std::int32_t>(lutra::detail::round_up(n, table_padding)).first(n);
    for (std::size_t i = 0; i < a.rows; ++i) {
        std::fill(sums.begin(), sums.end(), 0);
        for (std::size_t p = 0; p < k; ++p) {
            const Entry* row = table + std::size_t{static_cast<std::uint8_t>(a(i, p))} * 256;
            const std::uint8_t* w = weights + p * padded;
            for (std::size_t j = 0; j < n; ++j) sums[j] += row[w[j]];
        }
        use(i, std::size_t{0}, std::span<const std::int32_t>{sums});
    }
}

/// Adds what a block's two 16-bit sums of @p terms terms stand for to @p to, one int32 a lane.
template <class Entry, std::size_t Bytes>
void widen_table_sums(const std::uint16_t* sums, std::size_t terms, std::int32_t* to) noexcept {
    constexpr std::size_t words = Bytes / 2;
    const std::int32_t bias = sizeof(Entry) == 1 ? -static_cast<std::int32_t>(128 * terms) : 0;
    for (std::size_t i = 0; i < words; ++i) {
        const int high = static_cast<std::int16_t>(sums[words + i]);
        const int low = (sums[i] - high * 256) & 0xffff;
        to[i] += sizeof(Entry) == 1 ? low + bias : low + high * 256;
    }
    if constexpr (sizeof(Entry) == 1)
        for (std::size_t i = 0; i < words; ++i) to[words + i] += static_cast<std::int16_t>(sums[words + i]);
}

/// Look-ups in registers. `use(first_row + row, 0, sums)` takes each row once; @p sums holds N of them, padded.
template <class Entry, class Use>
void permute_gemm([[maybe_unused]] const Entry* table, [[maybe_unused]] gemm_operand<std::int8_t> a,
                  [[maybe_unused]] std::size_t first_row, [[maybe_unused]] const std::uint8_t* weights,
                  [[maybe_unused]] std::size_t padded, [[maybe_unused]] std::size_t k, [[maybe_unused]] std::size_t n,
                  [[maybe_unused]] std::span<std::int32_t> sums, [[maybe_unused]] isa instructions,
                  [[maybe_unused]] Use&& use) {
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    const permute_kernels<Entry>& kernels = permute_kernels_for<Entry>(instructions);
    constexpr std::size_t part = 32; // columns whose two sums lie together
    std::uint16_t parts[4 * 2 * table_padding];
    for (std::size_t i = first_row; i < a.rows; ++i) {
        std::fill(sums.begin(), sums.end(), 0);
        for (std::size_t k0 = 0; k0 < k; k0 += table_span) {
            const std::size_t depth = std::min(table_span, k - k0);
            const std::int8_t* row = a.data + i * a.row_stride + k0 * a.col_stride;
            for (std::size_t j = 0; j < n;) {
                std::size_t which = 2;
                while (which > 0 && j + ((std::size_t{1} << which) - 1) * kernels.columns >= n) --which;
                kernels.add[which](table, row, a.col_stride, weights + k0 * padded + j, padded, depth, parts);
                const std::size_t end = j + (kernels.columns << which);
                for (const std::uint16_t* from = parts; j < end; j += part, from += 2 * part)
                    // a word holds one product, whatever the table's entries
                    widen_table_sums<std::int16_t, 2 * part>(from, depth, sums.data() + j);
            }
        }
        use(i, std::size_t{0}, std::span<const std::int32_t>{sums.data(), n});
    }
#endif
}

/// The K x count matrix of bytes, row by row, that lanes or indices are read from.
struct table_operand {
    const std::uint8_t* data;
    std::size_t stride;
};

/// Leaves the sums of K products for some lanes and indices in @p memory, for finish_table_sums.
template <class Entry, std::size_t Bytes>
void add_table_block(const Entry* table, table_operand lanes, std::size_t lane_count, table_operand index, std::size_t count,
                     std::size_t k, const table_memory<Entry>& memory, isa instructions) {
    constexpr std::size_t width = Bytes / sizeof(Entry), words = Bytes / 2;
    const table_kernels<Entry>& kernels = table_kernels_for<Entry, Bytes>(instructions);
    std::uint8_t x[width]{};
    std::uint16_t* sums = memory.sums.data();
    std::fill_n(sums, count * 2 * words, std::uint16_t{0});
    for (std::size_t k0 = 0; k0 < k;) {
        if (k0 % table_span == 0 && k0 != 0) { // the sums are full
            if (k0 == table_span) std::fill_n(memory.totals.data(), count * width, 0);
            for (std::size_t j = 0; j < count; ++j)
                widen_table_sums<Entry, Bytes>(sums + j * 2 * words, table_span, memory.totals.data() + j * width);
            std::fill_n(sums, count * 2 * words, std::uint16_t{0});
        }
        std::size_t which = 3;
        while ((std::size_t{1} << which) > k - k0) --which;
        const std::size_t depth = std::size_t{1} << which;
        for (std::size_t d = 0; d < depth; ++d) {
            std::memcpy(x, lanes.data + (k0 + d) * lanes.stride, lane_count);
            kernels.expand(table, x, kernels.groups(index.data + (k0 + d) * index.stride, count),
                           memory.blocks.data() + d * 256 * Bytes);
        }
        kernels.add[which](memory.blocks.data(), index.data + k0 * index.stride, index.stride, count, sums);
        k0 += depth;
    }
}

/// The sums of index @p j after add_table_block, one a lane.
template <class Entry, std::size_t Bytes>
void finish_table_sums(const table_memory<Entry>& memory, std::size_t j, std::size_t k, std::int32_t* to) noexcept {
    constexpr std::size_t width = Bytes / sizeof(Entry);
    if (k > table_span)
        std::copy_n(memory.totals.data() + j * width, width, to);
    else
        std::fill_n(to, width, 0);
    widen_table_sums<Entry, Bytes>(memory.sums.data() + j * Bytes, k == 0 ? 0 : (k - 1) % table_span + 1, to);
}

/// Rows @p first .. @p first + @p count of A as a K x count matrix: A itself if it is a transposed view, else a copy.
template <class Entry>
table_operand activations_by_k(gemm_operand<std::int8_t> a, std::size_t first, std::size_t count,
                               const table_memory<Entry>& memory) noexcept {
    const std::int8_t* from = a.data + first * a.row_stride;
    if (a.row_stride == 1) return {reinterpret_cast<const std::uint8_t*>(from), a.col_stride};
    for (std::size_t k = 0; k < a.cols; ++k)
        for (std::size_t i = 0; i < count; ++i)
            memory.a[k * count + i] = static_cast<std::uint8_t>(from[i * a.row_stride + k * a.col_stride]);
    return {memory.a.data(), count};
}

/// Blocks of columns of B: their products with all activations, of which those of each row of A are added.
template <class Entry, class Use>
void lane_columns_gemm(const Entry* by_weight, gemm_operand<std::int8_t> a, const std::uint8_t* weights, std::size_t padded,
                       std::size_t k, std::size_t n, arena& scratch, isa instructions, Use&& use) {
    const table_memory<Entry> memory(scratch, table_plan::lane_columns, a.rows, k, n);
    const std::size_t passes = (a.rows + table_most_indices - 1) / table_most_indices;
    const std::size_t most = passes == 0 ? 0 : (a.rows + passes - 1) / passes;
    for (std::size_t i0 = 0; i0 < a.rows; i0 += most) {
        const std::size_t count = std::min(most, a.rows - i0);
        const table_operand index = activations_by_k(a, i0, count, memory);
        const auto block = [&]<std::size_t Bytes>(std::size_t j0) {
            const std::size_t width = std::min(Bytes / sizeof(Entry), n - j0);
            add_table_block<Entry, Bytes>(by_weight, {weights + j0, padded}, width, index, count, k, memory, instructions);
            constexpr std::size_t stride = Bytes / sizeof(Entry);
            for (std::size_t i = 0; i < count; i += rows_given) {
                const std::size_t some = std::min(rows_given, count - i);
                for (std::size_t r = 0; r < some; ++r)
                    finish_table_sums<Entry, Bytes>(memory, i + r, k, memory.out.data() + r * stride);
                lutra::detail::give_block(use, i0 + i, j0, {memory.out.data(), some, width, stride});
            }
        };
        std::size_t j0 = 0;
        for (; j0 + 32 / sizeof(Entry) < n; j0 += 64 / sizeof(Entry)) block.template operator()<64>(j0);
        if (j0 < n) block.template operator()<32>(j0);
    }
}

/// Blocks of rows of A: their products with all weights, of which those of each column of B are added.
template <class Entry, class Use>
void lane_rows_gemm(const Entry* by_activation, gemm_operand<std::int8_t> a, const std::uint8_t* weights, std::size_t padded,
                    std::size_t k, std::size_t n, arena& scratch, isa instructions, Use&& use) {
    const table_memory<Entry> memory(scratch, table_plan::lane_rows, a.rows, k, n);
    const std::size_t passes = (n + table_most_indices - 1) / table_most_indices;
    const std::size_t most = passes == 0 ? 0 : (n + passes - 1) / passes;
    const auto block = [&]<std::size_t Bytes>(std::size_t i0) {
        constexpr std::size_t width = Bytes / sizeof(Entry), square = 64;
        const std::size_t lanes = std::min(width, a.rows - i0);
        const table_operand x = activations_by_k(a, i0, lanes, memory);
        for (std::size_t j0 = 0; j0 < n; j0 += most) {
            const std::size_t count = std::min(most, n - j0);
            add_table_block<Entry, Bytes>(by_activation, x, lanes, {weights + j0, padded}, count, k, memory, instructions);
            for (std::size_t j = 0; j < count; j += square) {
                const std::size_t columns = std::min(square, count - j);
                std::int32_t sums[width];
                for (std::size_t c = 0; c < columns; ++c) {
                    finish_table_sums<Entry, Bytes>(memory, j + c, k, sums);
                    for (std::size_t lane = 0; lane < width; ++lane) memory.out[lane * square + c] = sums[lane];
                }
                lutra::detail::give_block(use, i0, j0 + j, {memory.out.data(), lanes, columns, square});
            }
        }
    };
    const auto permutes = [&](std::size_t rows) {
        return choose_table_plan<Entry>(rows, n, false, instructions) == table_plan::permute;
    };
    std::size_t i0 = 0;
    for (; i0 + 32 / sizeof(Entry) < a.rows; i0 += 64 / sizeof(Entry)) block.template operator()<64>(i0);
    if (i0 < a.rows && permutes(a.rows - i0))
        return permute_gemm(by_activation, a, i0, weights, padded, k, n, memory.rest, instructions, use);
    if (i0 < a.rows) block.template operator()<32>(i0);
}

/// As table_gemm by one plan.
template <class Entry, class Use>
void table_gemm_by(table_plan plan, const Entry* by_activation, const Entry* by_weight, gemm_operand<std::int8_t> a,
                   const std::uint8_t* weights, std::size_t padded, std::size_t k, std::size_t n, arena& scratch,
                   isa instructions, Use&& use) {
    if constexpr (sizeof(Entry) <= 2) {
        if (plan == table_plan::lane_rows)
            return lane_rows_gemm(by_activation, a, weights, padded, k, n, scratch, instructions, use);
        if (plan == table_plan::lane_columns)
            return lane_columns_gemm(by_weight, a, weights, padded, k, n, scratch, instructions, use);
        if (plan == table_plan::permute && permutes_tables(instructions)) {
            const auto sums = scratch.take<std::int32_t>(lutra::detail::round_up(n, table_padding));
            return permute_gemm(by_activation, a, 0, weights, padded, k, n, sums, instructions, use);
        }
    }
    look_up_gemm(by_activation, a, weights, padded, k, n, scratch, use);
}

/// Sums of products looked up in a 256 x 256 table, exact in int32: A is M x K; @p weights are K rows of @p n bytes, @p
/// padded apart, n rounded up to table_padding. @p by_activation is [activation bits][weight bits]; @p by_weight its
/// transpose, or null. `use(row, first column, sums)` receives each sum once, in pieces of rows. @p scratch:
/// table_scratch_bytes.
template <class Entry, class Use>
void table_gemm(const Entry* by_activation, const Entry* by_weight, gemm_operand<std::int8_t> a, const std::uint8_t* weights,
                std::size_t padded, std::size_t k, std::size_t n, arena& scratch, isa instructions, Use&& use) {
    const std::size_t mark = scratch.used();
    table_gemm_by(choose_table_plan<Entry>(a.rows, n, by_weight != nullptr, instructions), by_activation, by_weight, a,
                  weights, padded, k, n, scratch, instructions, use);
    scratch.release(mark);
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
