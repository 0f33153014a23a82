// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/lean_pairs.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <cstddef>
#include <cstdint>
#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
    #include <arm_mve.h>
    #define LUTRA_LEAN_MVE 1
#else
    #define LUTRA_LEAN_MVE 0
#endif

/// @file
/// lean_gemm on the vector extension of Armv8.1-M (Helium, such as a Cortex-M55): 16 lanes of 8 bits or 8 of 16 bits in a
/// vector, those of a row one after the other, those of four columns in turn. VMLADAVA adds the products of two vectors to a
/// register.

#if LUTRA_LEAN_MVE
namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// 8-bit lanes, of exact products.
struct mve_bytes {
    using lane = std::int8_t;
    static constexpr std::size_t width = 16;

    /// sums[j] += the products of a row and column j of four, whole vectors; advances over the row. By hand, for GCC 12
    /// spends a quarter of such a loop on addresses.
    static void add_products(const lane*& row, const lane* columns, std::size_t vectors, std::int32_t (&sums)[4]) noexcept {
        asm("wls lr, %[vectors], 2f\n"
            "1: vldrb.8 q0, [%[row]], #16\n"
            "vldrb.8 q1, [%[columns]], #16\n"
            "vmladava.s8 %[s0], q0, q1\n"
            "vldrb.8 q2, [%[columns]], #16\n"
            "vmladava.s8 %[s1], q0, q2\n"
            "vldrb.8 q1, [%[columns]], #16\n"
            "vmladava.s8 %[s2], q0, q1\n"
            "vldrb.8 q2, [%[columns]], #16\n"
            "vmladava.s8 %[s3], q0, q2\n"
            "le lr, 1b\n"
            "2:\n"
            : [row] "+r"(row), [columns] "+r"(columns), [s0] "+Te"(sums[0]), [s1] "+Te"(sums[1]), [s2] "+Te"(sums[2]),
              [s3] "+Te"(sums[3])
            : [vectors] "r"(vectors)
            : "q0", "q1", "q2", "lr", "memory");
    }
    /// Lanes of @p k operands, and zeros up to whole vectors; @p step: lanes from vector to vector.
    static void take(const std::int8_t* from, std::size_t stride, std::size_t k, const std::int16_t*, int, lane* to,
                     std::size_t step) noexcept {
        if (stride == 1) {
            for (std::size_t i = 0; i < k; i += width, to += step) vstrbq_s8(to, vldrbq_z_s8(from + i, vctp8q(k - i)));
            return;
        }
        const uint32x4_t offsets = vmulq_n_u32(vidupq_n_u32(0, 1), stride);
        for (std::size_t i = 0; i < (k + width - 1) / width * width; i += 4)
            vstrbq_s32(to + i / width * step + i % width,
                       vldrbq_gather_offset_z_s32(from + i * stride, offsets, vctp32q(i < k ? k - i : 0)));
    }
};
/// 16-bit lanes, of mapped operands.
struct mve_halves {
    using lane = std::int16_t;
    static constexpr std::size_t width = 8;

    /// As of mve_bytes.
    static void add_products(const lane*& row, const lane* columns, std::size_t vectors, std::int32_t (&sums)[4]) noexcept {
        asm("wls lr, %[vectors], 2f\n"
            "1: vldrh.16 q0, [%[row]], #16\n"
            "vldrh.16 q1, [%[columns]], #16\n"
            "vmladava.s16 %[s0], q0, q1\n"
            "vldrh.16 q2, [%[columns]], #16\n"
            "vmladava.s16 %[s1], q0, q2\n"
            "vldrh.16 q1, [%[columns]], #16\n"
            "vmladava.s16 %[s2], q0, q1\n"
            "vldrh.16 q2, [%[columns]], #16\n"
            "vmladava.s16 %[s3], q0, q2\n"
            "le lr, 1b\n"
            "2:\n"
            : [row] "+r"(row), [columns] "+r"(columns), [s0] "+Te"(sums[0]), [s1] "+Te"(sums[1]), [s2] "+Te"(sums[2]),
              [s3] "+Te"(sums[3])
            : [vectors] "r"(vectors)
            : "q0", "q1", "q2", "lr", "memory");
    }
    /// The same through a map of 256 factors, or none, times 2^shift.
    static void take(const std::int8_t* from, std::size_t stride, std::size_t k, const std::int16_t* map, int shift,
                     lane* to, std::size_t step) noexcept {
        const auto* bits = reinterpret_cast<const std::uint8_t*>(from);
        if (stride == 1) {
            for (std::size_t i = 0; i < k; i += width, to += step) {
                const mve_pred16_t some = vctp16q(k - i);
                const int16x8_t lanes = map == nullptr
                                            ? vldrbq_z_s16(from + i, some)
                                            : vldrhq_gather_shifted_offset_z_s16(map, vldrbq_z_u16(bits + i, some), some);
                vstrhq_s16(to, vshlq_r_s16(lanes, shift));
            }
            return;
        }
        const uint32x4_t offsets = vmulq_n_u32(vidupq_n_u32(0, 1), stride);
        for (std::size_t i = 0; i < (k + width - 1) / width * width; i += 4) {
            const mve_pred16_t some = vctp32q(i < k ? k - i : 0);
            const int32x4_t lanes = map == nullptr
                                        ? vldrbq_gather_offset_z_s32(from + i * stride, offsets, some)
                                        : vldrhq_gather_shifted_offset_z_s32(
                                              map, vldrbq_gather_offset_z_u32(bits + i * stride, offsets, some), some);
            vstrhq_s32(to + i / width * step + i % width, vshlq_r_s32(lanes, shift));
        }
    }
};

/// A kernel of lean_blocks; lanes as above.
template <class Vector>
struct mve_products {
    using lane = typename Vector::lane;
    const lowered_multiplier& m;
    std::size_t k, row_stride, column_stride;

    /// Lanes that @p k operands take, all terms.
    [[nodiscard]] static constexpr std::size_t depth(std::size_t rank, std::size_t k) noexcept {
        return rank * ((k + Vector::width - 1) / Vector::width * Vector::width);
    }
    void row(const std::int8_t* from, lane* rows, std::size_t r) const noexcept {
        take(from, row_stride, m.lhs_factors, rows + r * depth(m.rank, k), Vector::width, false);
    }
    void column(const std::int8_t* from, lane* columns, std::size_t j) const noexcept {
        take(from, column_stride, m.rhs_factors, columns + j * Vector::width, lean_columns * Vector::width, true);
    }
    void sums(const lane* rows, const lane* columns, std::size_t count, std::int32_t (*to)[lean_columns]) const noexcept {
        const std::size_t vectors = depth(m.rank, k) / Vector::width;
        for (; count > 0; --count, ++to) {
            std::int32_t row[lean_columns] = {};
            Vector::add_products(rows, columns, vectors, row);
            for (std::size_t j = 0; j < lean_columns; ++j) (*to)[j] = row[j];
        }
    }

private:
    void take(const std::int8_t* from, std::size_t stride, const std::int16_t* maps, lane* to, std::size_t step,
              bool scaled) const noexcept {
        for (std::size_t term = 0; term < m.rank; ++term, to += depth(1, k) / Vector::width * step)
            Vector::take(from, stride, k, maps == nullptr ? nullptr : maps + 256 * term, scaled ? m.shifts[term] : 0, to,
                         step);
    }
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
