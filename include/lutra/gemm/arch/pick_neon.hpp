// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_neon.hpp>
#include <lutra/gemm/arch/pick_scalar.hpp>
#if defined(__ARM_NEON) && defined(__aarch64__)
    #include <arm_neon.h>
    #include <cstddef>
    #include <cstdint>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// TBL picks, SMLAL and SMLAL2 multiply and add, a sum for each of a column's two weights.
struct pick_neon {
    using lhs_lane = std::int16_t;
    using rhs_lane = std::int16_t;
    static constexpr std::size_t group = pick_window, rows = 2, panels = 1;
    static constexpr std::int32_t lhs_offset = 0;

    template <std::size_t Rows, std::size_t>
    static void tile(const tile_steps& s, const std::int16_t* a, std::size_t a_stride, const std::int16_t* b, std::size_t,
                     std::int32_t* c, std::size_t c_stride) noexcept {
        int32x4_t sum[Rows][8]; // of two columns each
    #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i)
            for (std::size_t v = 0; v < 8; ++v) sum[i][v] = vdupq_n_s32(0);
        for (std::size_t step = 0; step < s.steps; ++step, b += pick_lanes)
    #pragma GCC unroll 4
            for (std::size_t v = 0; v < 4; ++v) {
                const int16x8_t w = vld1q_s16(b + 8 * v);
                const uint8x16_t pick = vreinterpretq_u8_s16(vld1q_s16(b + pick_columns + 8 * v));
    #pragma GCC unroll 16
                for (std::size_t i = 0; i < Rows; ++i) {
                    const int16x8_t window = vld1q_s16(a + s.offsets[step] + i * a_stride);
                    const int16x8_t x = vreinterpretq_s16_u8(vqtbl1q_u8(vreinterpretq_u8_s16(window), pick));
                    sum[i][2 * v] = vmlal_s16(sum[i][2 * v], vget_low_s16(x), vget_low_s16(w));
                    sum[i][2 * v + 1] = vmlal_high_s16(sum[i][2 * v + 1], x, w);
                }
            }
        for (std::size_t i = 0; i < Rows; ++i)
            for (std::size_t v = 0; v < 4; ++v)
                vst1q_s32(c + i * c_stride + 4 * v, vpaddq_s32(sum[i][2 * v], sum[i][2 * v + 1]));
    }
    static constexpr auto map_row = int8_scalar::map_row;
};

    #if defined(__ARM_FEATURE_DOTPROD)
/// TBL picks four of sixteen bytes a column, SDOT multiplies and adds.
struct pick_neon_dot {
    using lhs_lane = std::int8_t;
    using rhs_lane = std::int8_t;
    static constexpr std::size_t group = pick_bytes, rows = 4, panels = 1;
    static constexpr std::int32_t lhs_offset = 0;

    template <std::size_t Rows, std::size_t>
    static void tile(const tile_steps& s, const std::int8_t* a, std::size_t a_stride, const std::int8_t* b, std::size_t,
                     std::int32_t* c, std::size_t c_stride) noexcept {
        int32x4_t sum[Rows][4];
        #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i)
            for (std::size_t v = 0; v < 4; ++v) sum[i][v] = vdupq_n_s32(0);
        const std::uint32_t* offset = s.offsets;
        for (std::size_t term = 0; term < s.terms; ++term) {
            for (std::size_t step = 0; step < s.steps; ++step, b += 2 * pick_part) {
                const std::int8_t* window = a + *offset++;
                int8x16_t x[Rows];
        #pragma GCC unroll 16
                for (std::size_t i = 0; i < Rows; ++i) x[i] = vld1q_s8(window + i * a_stride);
        #pragma GCC unroll 4
                for (std::size_t v = 0; v < 4; ++v) {
                    const int8x16_t w = vld1q_s8(b + 16 * v);
                    const uint8x16_t pick = vreinterpretq_u8_s8(vld1q_s8(b + pick_part + 16 * v));
        #pragma GCC unroll 16
                    for (std::size_t i = 0; i < Rows; ++i) sum[i][v] = vdotq_s32(sum[i][v], w, vqtbl1q_s8(x[i], pick));
                }
            }
            const int32x4_t doublings = vdupq_n_s32(s.doublings[term]);
            for (std::size_t i = 0; i < Rows; ++i)
                for (std::size_t v = 0; v < 4; ++v) sum[i][v] = vshlq_s32(sum[i][v], doublings);
        }
        for (std::size_t i = 0; i < Rows; ++i)
            for (std::size_t v = 0; v < 4; ++v) vst1q_s32(c + i * c_stride + 4 * v, sum[i][v]);
    }
    static constexpr auto copy_row = int8_neon_dot::copy_row;
};
    #endif

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
