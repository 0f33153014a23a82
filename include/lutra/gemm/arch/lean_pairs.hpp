// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/arm_features.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

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
    template <class Stride, class Value>
    static void load(const std::int8_t* from, Stride stride, std::size_t k, lane* to, std::size_t step,
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
#if LUTRA_ARM_DSP
        for (; k >= 4; k -= 4, from += 4, to += 2 * step) {
            std::uint32_t four;
            __builtin_memcpy(&four, from, sizeof four);
            const int16x2_t even = __sxtb16(four), odd = __sxtb16(std::rotr(four, 8));
            __builtin_memcpy(__builtin_assume_aligned(to, 4), &even, sizeof even);
            __builtin_memcpy(__builtin_assume_aligned(to + step, 4), &odd, sizeof odd);
        }
#endif
        load(from, std::integral_constant<std::size_t, 1>{}, k, to, step, [](std::int8_t x) { return lane{x}; });
    }

    /// sums[r][j] = the product of row r and column j, modulo 2^32, for whole pairs of rows.
    static void sums(const lane* rows, const lane* columns, std::size_t row_count, std::size_t depth,
                     std::int32_t (*sums)[lean_columns]) noexcept {
        const lane* const end = columns + lean_columns * depth;
        for (std::size_t r = 0; r < row_count; r += rows_together, rows += rows_together * depth) {
            std::uint32_t top[lean_columns] = {}, bottom[lean_columns] = {};
            add_tile(rows, columns, end, top, bottom);
#pragma GCC unroll 4
            for (std::size_t j = 0; j < lean_columns; ++j) {
                sums[r][j] = static_cast<std::int32_t>(top[j]);
                sums[r + 1][j] = static_cast<std::int32_t>(bottom[j]);
            }
        }
    }

private:
    /// Adds the products of two rows and four columns, the columns' up to @p end.
    static void add_tile(const lane* x, const lane* w, const lane* end, std::uint32_t (&top)[lean_columns],
                         std::uint32_t (&bottom)[lean_columns]) noexcept {
#if LUTRA_ARM_DSP && defined(__OPTIMIZE__)
        // By hand, for GCC 12 stores sums in each round. All 13 registers that there are beside stack and frame pointer.
    #define LUTRA_PAIR                                                                                                      \
        "ldrd %[x0], %[x1], [%[x]], #8\n"                                                                                   \
        "ldr %[w0], [%[w]], #4\n smlad %[t0], %[x0], %[w0], %[t0]\n smlad %[b0], %[x1], %[w0], %[b0]\n"                     \
        "ldr %[w0], [%[w]], #4\n smlad %[t1], %[x0], %[w0], %[t1]\n smlad %[b1], %[x1], %[w0], %[b1]\n"                     \
        "ldr %[w0], [%[w]], #4\n smlad %[t2], %[x0], %[w0], %[t2]\n smlad %[b2], %[x1], %[w0], %[b2]\n"                     \
        "ldr %[w0], [%[w]], #4\n smlad %[t3], %[x0], %[w0], %[t3]\n smlad %[b3], %[x1], %[w0], %[b3]\n"
        if (w == end) return;
        std::uint32_t x0, x1;
        asm volatile("push {%[w0]}\n"
                     "1:\n" LUTRA_PAIR LUTRA_PAIR "ldr %[w0], [sp]\n"
                     "cmp %[w], %[w0]\n"
                     "bne 1b\n"
                     "add sp, #4\n"
                     : [t0] "+r"(top[0]), [t1] "+r"(top[1]), [t2] "+r"(top[2]), [t3] "+r"(top[3]), [b0] "+r"(bottom[0]),
                       [b1] "+r"(bottom[1]), [b2] "+r"(bottom[2]), [b3] "+r"(bottom[3]), [x] "+r"(x), [w] "+r"(w),
                       [w0] "+r"(end), [x0] "=&r"(x0), [x1] "=&r"(x1)
                     :
                     : "cc", "memory");
    #undef LUTRA_PAIR
#else
        for (; w != end; w += 2 * column_step, x += 2 * row_step) {
            add_pairs(x, w, top, bottom);
            add_pairs(x + row_step, w + column_step, top, bottom);
        }
#endif
    }
    static void add_pairs(const lane* x, const lane* w, std::uint32_t (&top)[lean_columns],
                          std::uint32_t (&bottom)[lean_columns]) noexcept {
#pragma GCC unroll 2
        for (std::size_t i = 0; i < 2; ++i) {
#pragma GCC unroll 4
            for (std::size_t j = 0; j < lean_columns; ++j) {
                top[j] += static_cast<std::uint32_t>(x[i] * w[column(j) + i]);
                bottom[j] += static_cast<std::uint32_t>(x[2 + i] * w[column(j) + i]);
            }
            keep(top, bottom);
        }
    }
    /// Has these sums complete here, not at the end of the loop, and no later operand loaded, for which GCC 12 would spill.
    static void keep([[maybe_unused]] std::uint32_t (&top)[lean_columns],
                     [[maybe_unused]] std::uint32_t (&bottom)[lean_columns]) noexcept {
#if defined(__OPTIMIZE__) && (defined(__arm__) || defined(__riscv))
        asm(""
            : "+r"(top[0]), "+r"(top[1]), "+r"(top[2]), "+r"(top[3]), "+r"(bottom[0]), "+r"(bottom[1]), "+r"(bottom[2]),
              "+r"(bottom[3])
            :
            : "memory");
#endif
    }
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
