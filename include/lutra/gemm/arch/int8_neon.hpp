// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_scalar.hpp>
#if defined(__ARM_NEON) && defined(__aarch64__)
    #include <arm_neon.h>
    #include <cstddef>
    #include <cstdint>
    #include <cstring>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// SMLAL: four products of 16-bit lanes an instruction. A panel's columns are loaded apart by k.
struct int8_neon {
    using lhs_lane = std::int16_t;
    using rhs_lane = std::int16_t;
    static constexpr std::size_t group = 2, rows = 4, panels = 1;
    static constexpr std::int32_t lhs_offset = 0;

    template <std::size_t Rows, std::size_t>
    static void tile(const tile_steps& s, const std::int16_t* a, std::size_t a_stride, const std::int16_t* b, std::size_t,
                     std::int32_t* c, std::size_t c_stride) noexcept {
        int32x4_t sum[Rows][4];
    #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i)
            for (std::size_t v = 0; v < 4; ++v) sum[i][v] = vdupq_n_s32(0);
        for (std::size_t step = 0; step < s.steps; ++step, a += group, b += group * panel_columns) {
            const int16x8x2_t left = vld2q_s16(b), right = vld2q_s16(b + panel_columns);
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < Rows; ++i)
                for (int k = 0; k < 2; ++k) {
                    const std::int16_t x = a[i * a_stride + static_cast<std::size_t>(k)];
                    sum[i][0] = vmlal_n_s16(sum[i][0], vget_low_s16(left.val[k]), x);
                    sum[i][1] = vmlal_n_s16(sum[i][1], vget_high_s16(left.val[k]), x);
                    sum[i][2] = vmlal_n_s16(sum[i][2], vget_low_s16(right.val[k]), x);
                    sum[i][3] = vmlal_n_s16(sum[i][3], vget_high_s16(right.val[k]), x);
                }
        }
        for (std::size_t i = 0; i < Rows; ++i)
            for (std::size_t v = 0; v < 4; ++v) vst1q_s32(c + i * c_stride + 4 * v, sum[i][v]);
    }
    static void map_row(const std::int8_t* from, std::size_t k, const std::int16_t* map, std::int16_t* to) noexcept {
        int8_scalar::map_row(from, k, map, to);
    }
};

    #if defined(__ARM_FEATURE_DOTPROD)
/// SDOT: sixteen exact products of signed bytes an instruction, accumulated by it.
struct int8_neon_dot {
    using lhs_lane = std::int8_t;
    using rhs_lane = std::int8_t;
    static constexpr std::size_t group = 4, rows = 6, panels = 1, column_rows = 16;
    static constexpr std::int32_t lhs_offset = 0;

    /// Packs four rows of a whole panel, as they are.
    static void pack_rows(const std::int8_t* from, std::size_t stride, std::int8_t* out) noexcept {
        const int8x16x4_t rows{
            {vld1q_s8(from), vld1q_s8(from + stride), vld1q_s8(from + 2 * stride), vld1q_s8(from + 3 * stride)}};
        vst4q_s8(out, rows);
    }
    /// Packs 16 rows of one column, which lie side by side, as they are.
    static void pack_column(const std::int8_t* from, std::int8_t* out) noexcept {
        for (std::size_t k = 0; k < column_rows; k += group) std::memcpy(out + k * panel_columns, from + k, group);
    }
    static void copy_row(const std::int8_t* from, std::size_t k, std::int8_t* to) noexcept {
        if (k != 0) std::memcpy(to, from, k);
    }
    template <std::size_t Rows, std::size_t>
    static void tile(const tile_steps& s, const std::int8_t* a, std::size_t a_stride, const std::int8_t* b, std::size_t,
                     std::int32_t* c, std::size_t c_stride) noexcept {
        int32x4_t sum[Rows][4];
        #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i)
            for (std::size_t v = 0; v < 4; ++v) sum[i][v] = vdupq_n_s32(0);
        for (std::size_t term = 0; term < s.terms; ++term) {
            for (std::size_t step = 0; step < s.steps; ++step, a += group, b += group * panel_columns) {
                int8x16_t w[4];
                for (std::size_t v = 0; v < 4; ++v) w[v] = vld1q_s8(b + 16 * v);
        #pragma GCC unroll 16
                for (std::size_t i = 0; i < Rows; ++i) {
                    std::int32_t four;
                    std::memcpy(&four, a + i * a_stride, sizeof four);
                    const int8x16_t x = vreinterpretq_s8_s32(vdupq_n_s32(four));
                    for (std::size_t v = 0; v < 4; ++v) sum[i][v] = vdotq_s32(sum[i][v], w[v], x);
                }
            }
            const int32x4_t doublings = vdupq_n_s32(s.doublings[term]);
            for (std::size_t i = 0; i < Rows; ++i)
                for (std::size_t v = 0; v < 4; ++v) sum[i][v] = vshlq_s32(sum[i][v], doublings);
        }
        for (std::size_t i = 0; i < Rows; ++i)
            for (std::size_t v = 0; v < 4; ++v) vst1q_s32(c + i * c_stride + 4 * v, sum[i][v]);
    }
};
    #endif

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
