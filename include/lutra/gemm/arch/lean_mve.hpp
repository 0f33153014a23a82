// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/arm_features.hpp>
#include <lutra/gemm/arch/lean_pairs.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

/// @file
/// lean_gemm on the vector extension of Armv8.1-M (Helium, such as a Cortex-M55): 16 lanes of 8 bits or 8 of 16 bits in a
/// vector, those of a row one after the other, those of four columns in turn. VMLADAVA adds the products of two vectors to a
/// register.

#if LUTRA_ARM_MVE
namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// Whether -128 is among the elements of @p x.
[[nodiscard]] inline bool holds_least(gemm_operand<std::int8_t> x) noexcept {
    if (x.col_stride != 1) std::swap(x.rows, x.cols), std::swap(x.row_stride, x.col_stride);
    if (x.col_stride == 1 && x.row_stride == x.cols) x.cols *= x.rows, x.rows = 1; // no gaps
    int8x16_t least = vdupq_n_s8(0);
    std::int8_t other = 0;
    for (std::size_t r = 0; r < x.rows; ++r) {
        const std::int8_t* const row = x.data + r * x.row_stride;
        std::size_t i = 0;
        if (x.col_stride == 1)
            for (; i + 16 <= x.cols; i += 16) least = vminq_s8(least, vldrbq_s8(row + i));
        for (; i < x.cols; ++i) other = std::min(other, row[i * x.col_stride]);
    }
    return vminvq_s8(other, least) == -128;
}

/// A kernel of lean_blocks. Lane: int8_t, for one term whose factors fit, its shift left to the end; or int16_t, for all
/// terms one after another, their shifts in the columns.
template <class Lane>
struct mve_products {
    using lane = Lane;
    static constexpr std::size_t width = 16 / sizeof(lane);

    mve_products(const lowered_multiplier& m, std::size_t depth, std::size_t of_rows, std::size_t of_columns) noexcept
        : multiplier{m},
          k{depth},
          row_stride{of_rows},
          column_stride{of_columns},
          rank{m.rank},
          vectors_of_term{(depth + width - 1) / width},
          lhs{m.lhs_factors},
          rhs{m.rhs_factors} {}

    void row(const std::int8_t* from, lane* rows, std::size_t r) const noexcept {
        rows += r * rank * vectors_of_term * width;
        for (std::size_t term = 0; term < rank; ++term, rows += vectors_of_term * width)
            take(from, row_stride, k, map_of(lhs, term), 0, rows, width);
    }
    void column(const std::int8_t* from, lane* columns, std::size_t j) const noexcept {
        columns += j * width;
        for (std::size_t term = 0; term < rank; ++term, columns += lean_columns * vectors_of_term * width)
            take(from, column_stride, k, map_of(rhs, term), multiplier.shifts[term], columns, lean_columns * width);
    }
    void sums(const lane* rows, const lane* columns, std::size_t count, std::int32_t (*to)[lean_columns]) const noexcept {
        add_products(rows, columns, rank * vectors_of_term, count, to);
        if (sizeof(lane) == 1 && multiplier.shifts[0] != 0)
            for (std::size_t r = 0; r < count; ++r) vstrwq_s32(to[r], vshlq_r_s32(vldrwq_s32(to[r]), multiplier.shifts[0]));
    }

private:
    [[nodiscard]] static const std::int16_t* map_of(const std::int16_t* maps, std::size_t term) noexcept {
        return maps == nullptr ? nullptr : maps + 256 * term;
    }
    /// to[r][j] = the products of row r of @p count and column j of four, whole vectors; at least one row. By hand, for GCC
    /// 12 spends a third of such loops on addresses.
    static void add_products(const lane* rows, const lane* columns, std::size_t vectors, std::size_t count,
                             std::int32_t (*to)[lean_columns]) noexcept {
        const lane* column;
        std::int32_t s0, s1, s2, s3;
    #define LUTRA_LOOP(load, add)                                                                                           \
        asm volatile("1: mov %[s0], #0\n mov %[s1], #0\n mov %[s2], #0\n mov %[s3], #0\n"                                   \
                     "mov %[column], %[columns]\n"                                                                          \
                     "wls lr, %[vectors], 3f\n"                                                                             \
                     "2: " load " q0, [%[rows]], #16\n" load " q1, [%[column]], #16\n" add " %[s0], q0, q1\n" load          \
                     " q2, [%[column]], #16\n" add " %[s1], q0, q2\n" load " q1, [%[column]], #16\n" add                    \
                     " %[s2], q0, q1\n" load " q2, [%[column]], #16\n" add " %[s3], q0, q2\n"                               \
                     "le lr, 2b\n"                                                                                          \
                     "3: strd %[s0], %[s1], [%[to]], #8\n"                                                                  \
                     "strd %[s2], %[s3], [%[to]], #8\n"                                                                     \
                     "subs %[count], #1\n"                                                                                  \
                     "bne 1b\n"                                                                                             \
                     : [rows] "+r"(rows), [count] "+r"(count), [to] "+r"(to), [column] "=&r"(column), [s0] "=&Te"(s0),      \
                       [s1] "=&Te"(s1), [s2] "=&Te"(s2), [s3] "=&Te"(s3)                                                    \
                     : [columns] "r"(columns), [vectors] "r"(vectors)                                                       \
                     : "q0", "q1", "q2", "lr", "cc", "memory")
        if constexpr (sizeof(lane) == 1)
            LUTRA_LOOP("vldrb.8", "vmladava.s8");
        else
            LUTRA_LOOP("vldrh.16", "vmladava.s16");
    #undef LUTRA_LOOP
    }

    /// Lanes of @p count operands, and zeros up to whole vectors, which lie @p step lanes apart.
    static void take(const std::int8_t* from, std::size_t stride, std::size_t count, const std::int16_t* map, int shift,
                     lane* to, std::size_t step) noexcept {
        if (sizeof(lane) == 1 && stride == 1 && map == nullptr) {
            for (; count >= width; count -= width, from += width, to += step) take_dense(from, nullptr, 0, to);
            if (count == 0) return;
        }
        take_others(from, stride, count, map, shift, to, step);
    }
    [[gnu::noinline]] static void take_others(const std::int8_t* from, std::size_t stride, std::size_t count,
                                              const std::int16_t* map, int shift, lane* to, std::size_t step) noexcept {
        if constexpr (sizeof(lane) == 1) shift = 0; // left to the end
        if (stride != 1)
            for (; count >= width; count -= width, from += width * stride, to += step)
                take_strided(from, stride, map, shift, to);
        else if (map != nullptr)
            for (; count >= width; count -= width, from += width, to += step) take_dense(from, map, shift, to);
        else
            for (; count >= width; count -= width, from += width, to += step) take_dense(from, nullptr, shift, to);
        if (count == 0) return;
        std::fill_n(to, width, lane{0});
        for (std::size_t i = 0; i < count; ++i) {
            const std::int8_t x = from[i * stride];
            to[i] = static_cast<lane>((map == nullptr ? x : map[static_cast<std::uint8_t>(x)]) * (1 << shift));
        }
    }
    /// One vector.
    static void take_dense(const std::int8_t* from, const std::int16_t* map, int shift, lane* to) noexcept {
        const auto* bits = reinterpret_cast<const std::uint8_t*>(from);
        if constexpr (sizeof(lane) == 2) {
            const int16x8_t lanes =
                map == nullptr ? vldrbq_s16(from) : vldrhq_gather_shifted_offset_s16(map, vldrbq_u16(bits));
            vstrhq_s16(to, vshlq_r_s16(lanes, shift));
        } else if (map == nullptr) {
            vstrbq_s8(to, vldrbq_s8(from));
        } else {
            for (std::size_t i = 0; i < width; i += 8)
                vstrbq_s16(to + i, vldrhq_gather_shifted_offset_s16(map, vldrbq_u16(bits + i)));
        }
    }
    /// The same, four at a time, so that offsets have 32 bits.
    static void take_strided(const std::int8_t* from, std::size_t stride, const std::int16_t* map, int shift,
                             lane* to) noexcept {
        const uint32x4_t offsets = vmulq_n_u32(vidupq_n_u32(0, 1), stride);
        for (std::size_t i = 0; i < width; i += 4, from += 4 * stride) {
            const int32x4_t lanes =
                map == nullptr ? vldrbq_gather_offset_s32(from, offsets)
                               : vldrhq_gather_shifted_offset_s32(
                                     map, vldrbq_gather_offset_u32(reinterpret_cast<const std::uint8_t*>(from), offsets));
            if constexpr (sizeof(lane) == 1)
                vstrbq_s32(to + i, lanes);
            else
                vstrhq_s32(to + i, vshlq_r_s32(lanes, shift));
        }
    }

    const lowered_multiplier& multiplier;
    std::size_t k, row_stride, column_stride, rank, vectors_of_term;
    const std::int16_t *lhs, *rhs; ///< of the multiplier: stores of lanes cannot change them here
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
