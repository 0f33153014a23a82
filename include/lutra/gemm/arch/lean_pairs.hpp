// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP && !defined(__aarch64__)
    #include <arm_acle.h>
    #define LUTRA_LEAN_SMLAD 1
#else
    #define LUTRA_LEAN_SMLAD 0
#endif

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

inline constexpr std::size_t lean_columns = 4; ///< columns of B at a time

/// How lean_gemm keeps operands for processors that multiply 16-bit numbers, one by one or in pairs (SMLAD of Armv7E-M): two
/// lanes side by side, those of both rows or of all four columns one after the other. Of four operands the first and third
/// make a pair, as SXTB16 widens them, for rows and columns alike.
struct lean_pairs {
    using lane = std::int16_t;
    static constexpr std::size_t rows_together = 2;
    static constexpr std::size_t row_step = 2 * rows_together, column_step = 2 * lean_columns; ///< lanes from pair to pair

    /// Lanes that @p k operands of a row or a column take.
    [[nodiscard]] static constexpr std::size_t depth(std::size_t k) noexcept { return (k + 3) / 4 * 4; }
    /// Where the lanes of row @p r begin in a block of rows of @p depth.
    [[nodiscard]] static constexpr std::size_t row(std::size_t r, std::size_t depth) noexcept {
        return r / rows_together * rows_together * depth + r % rows_together * 2;
    }
    [[nodiscard]] static constexpr std::size_t column(std::size_t j) noexcept { return 2 * j; }

    /// Makes lanes of @p k operands, `value(x)` each, and of the rest of depth(k) zeros.
    template <class Value>
    static void load(const std::int8_t* from, std::size_t stride, std::size_t k, lane* to, std::size_t step,
                     const Value& value) noexcept {
        std::size_t i = 0;
        for (; i + 4 <= k; i += 4, from += 4 * stride, to += 2 * step) {
            to[0] = value(from[0]), to[1] = value(from[2 * stride]);
            to[step] = value(from[stride]), to[step + 1] = value(from[3 * stride]);
        }
        if (i == k) return;
        to[0] = value(from[0]), to[1] = i + 2 < k ? value(from[2 * stride]) : lane{0};
        to[step] = i + 1 < k ? value(from[stride]) : lane{0}, to[step + 1] = 0;
    }
    /// The same of operands as they are, side by side.
    static void load(const std::int8_t* from, std::size_t k, lane* to, std::size_t step) noexcept {
#if LUTRA_LEAN_SMLAD
        for (; k >= 4; k -= 4, from += 4, to += 2 * step) {
            std::uint32_t four;
            __builtin_memcpy(&four, from, sizeof four);
            const int16x2_t even = __sxtb16(four), odd = __sxtb16(std::rotr(four, 8));
            __builtin_memcpy(__builtin_assume_aligned(to, 4), &even, sizeof even);
            __builtin_memcpy(__builtin_assume_aligned(to + step, 4), &odd, sizeof odd);
        }
#endif
        load(from, 1, k, to, step, [](std::int8_t x) { return lane{x}; });
    }

    /// sums[r][j] = the product of row r and column j, modulo 2^32, for whole pairs of rows.
    static void sums(const lane* rows, const lane* columns, std::size_t row_count, std::size_t depth,
                     std::int32_t (*sums)[lean_columns]) noexcept {
        const lane* const end = columns + lean_columns * depth;
        for (std::size_t r = 0; r < row_count; r += rows_together, rows += rows_together * depth) {
            std::uint32_t top[lean_columns] = {}, bottom[lean_columns] = {};
            const lane* x = rows;
            for (const lane* w = columns; w != end; w += 2 * column_step, x += 2 * row_step) {
                add_pairs(x, w, top, bottom);
                add_pairs(x + row_step, w + column_step, top, bottom);
            }
#pragma GCC unroll 4
            for (std::size_t j = 0; j < lean_columns; ++j) {
                sums[r][j] = static_cast<std::int32_t>(top[j]);
                sums[r + 1][j] = static_cast<std::int32_t>(bottom[j]);
            }
        }
    }

private:
    static void add_pairs(const lane* x, const lane* w, std::uint32_t (&top)[lean_columns],
                          std::uint32_t (&bottom)[lean_columns]) noexcept {
#if LUTRA_LEAN_SMLAD
        const auto pair = [](const lane* at) {
            int16x2_t two;
            __builtin_memcpy(&two, __builtin_assume_aligned(at, 4), sizeof two);
            return two;
        };
        const auto add = [](std::uint32_t& sum, int16x2_t a, int16x2_t b) {
            sum = static_cast<std::uint32_t>(__smlad(a, b, static_cast<std::int32_t>(sum)));
        };
        const int16x2_t first = pair(x), second = pair(x + 2);
    #pragma GCC unroll 4
        for (std::size_t j = 0; j < lean_columns; ++j) {
            const int16x2_t weights = pair(w + column(j));
            add(top[j], first, weights), add(bottom[j], second, weights);
        }
#else
    #pragma GCC unroll 2
        for (std::size_t i = 0; i < 2; ++i)
    #pragma GCC unroll 4
            for (std::size_t j = 0; j < lean_columns; ++j) {
                top[j] += static_cast<std::uint32_t>(x[i] * w[column(j) + i]);
                bottom[j] += static_cast<std::uint32_t>(x[2 + i] * w[column(j) + i]);
            }
#endif
    }
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
