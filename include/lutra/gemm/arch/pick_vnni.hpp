// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_vnni.hpp>
#include <lutra/gemm/arch/pick_scalar.hpp>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512VNNI__) || defined(__AVXVNNI__)
    #include <cstddef>
    #include <cstdint>
    #include <immintrin.h>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

    #if LUTRA_RUNTIME_DISPATCH || defined(__AVX512VNNI__)
/// VPSHUFB picks four of sixteen bytes a column, VPDPBUSD multiplies and adds: two instructions for what takes a dense tile
/// four.
struct pick_avx512vnni {
    using lhs_lane = std::uint8_t;
    using rhs_lane = std::int8_t;
    static constexpr std::size_t group = pick_bytes, rows = 12, panels = 2;
    static constexpr std::int32_t lhs_offset = int8_dot_lanes::lhs_offset;

    template <std::size_t Rows, std::size_t Panels>
    [[gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] static void
    tile(const tile_steps& s, const std::uint8_t* a, std::size_t a_stride, const std::int8_t* b, std::size_t b_stride,
         std::int32_t* c, std::size_t c_stride) noexcept {
        constexpr __mmask16 all = 0xffff; // g++ 12 warns of the undefined sources of unmasked instructions
        __m512i sum[Rows][Panels];
        #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i)
            for (std::size_t p = 0; p < Panels; ++p) sum[i][p] = _mm512_setzero_si512();
        const std::uint32_t* offset = s.offsets;
        for (std::size_t term = 0; term < s.terms; ++term) {
            for (std::size_t step = 0; step < s.steps; ++step, b += 2 * pick_part) {
                const std::uint8_t* window = a + *offset++;
                __m512i w[Panels], pick[Panels];
                for (std::size_t p = 0; p < Panels; ++p) {
                    w[p] = _mm512_loadu_si512(b + p * b_stride);
                    pick[p] = _mm512_loadu_si512(b + p * b_stride + pick_part);
                }
        #pragma GCC unroll 16
                for (std::size_t i = 0; i < Rows; ++i) {
                    const auto* from = reinterpret_cast<const __m128i*>(window + i * a_stride);
                    const __m512i x = _mm512_maskz_broadcast_i32x4(all, _mm_loadu_si128(from));
                    for (std::size_t p = 0; p < Panels; ++p)
                        sum[i][p] = _mm512_dpbusd_epi32(sum[i][p], _mm512_shuffle_epi8(x, pick[p]), w[p]);
                }
            }
            if (s.doublings[term] == 0) continue;
            const __m128i doublings = _mm_cvtsi32_si128(s.doublings[term]);
        #pragma GCC unroll 16
            for (std::size_t i = 0; i < Rows; ++i)
                for (std::size_t p = 0; p < Panels; ++p) sum[i][p] = _mm512_maskz_sll_epi32(all, sum[i][p], doublings);
        }
        __m512i start[Panels];
        for (std::size_t p = 0; p < Panels; ++p) start[p] = _mm512_loadu_si512(s.start + p * panel_columns);
        #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i)
            for (std::size_t p = 0; p < Panels; ++p)
                _mm512_storeu_si512(c + i * c_stride + p * panel_columns, _mm512_add_epi32(sum[i][p], start[p]));
    }
    static constexpr auto copy_row = int8_avx512vnni::copy_row;
};
    #endif

    #if LUTRA_RUNTIME_DISPATCH || defined(__AVXVNNI__)
/// The same in 256 bits.
struct pick_avx_vnni {
    using lhs_lane = std::uint8_t;
    using rhs_lane = std::int8_t;
    static constexpr std::size_t group = pick_bytes, rows = 4, panels = 1;
    static constexpr std::int32_t lhs_offset = int8_dot_lanes::lhs_offset;

    template <std::size_t Rows, std::size_t>
    [[gnu::target("avx2,avxvnni")]] static void tile(const tile_steps& s, const std::uint8_t* a, std::size_t a_stride,
                                                     const std::int8_t* b, std::size_t, std::int32_t* c,
                                                     std::size_t c_stride) noexcept {
        __m256i sum[Rows][2];
        #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i) sum[i][0] = sum[i][1] = _mm256_setzero_si256();
        const std::uint32_t* offset = s.offsets;
        for (std::size_t term = 0; term < s.terms; ++term) {
            for (std::size_t step = 0; step < s.steps; ++step, b += 2 * pick_part) {
                const std::uint8_t* window = a + *offset++;
                __m256i w[2], pick[2];
        #pragma GCC unroll 2
                for (std::size_t h = 0; h < 2; ++h) {
                    w[h] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b) + h);
                    pick[h] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + pick_part) + h);
                }
        #pragma GCC unroll 16
                for (std::size_t i = 0; i < Rows; ++i) {
                    const auto* from = reinterpret_cast<const __m128i*>(window + i * a_stride);
                    const __m256i x = _mm256_broadcastsi128_si256(_mm_loadu_si128(from));
        #pragma GCC unroll 2
                    for (std::size_t h = 0; h < 2; ++h)
                        sum[i][h] = _mm256_dpbusd_avx_epi32(sum[i][h], _mm256_shuffle_epi8(x, pick[h]), w[h]);
                }
            }
            const __m128i doublings = _mm_cvtsi32_si128(s.doublings[term]);
        #pragma GCC unroll 16
            for (std::size_t i = 0; i < Rows; ++i)
                for (std::size_t h = 0; h < 2; ++h) sum[i][h] = _mm256_sll_epi32(sum[i][h], doublings);
        }
        #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i) {
            auto* out = reinterpret_cast<__m256i*>(c + i * c_stride);
            const auto* start = reinterpret_cast<const __m256i*>(s.start);
            _mm256_storeu_si256(out, _mm256_add_epi32(sum[i][0], _mm256_loadu_si256(start)));
            _mm256_storeu_si256(out + 1, _mm256_add_epi32(sum[i][1], _mm256_loadu_si256(start + 1)));
        }
    }
    static constexpr auto copy_row = int8_avx_vnni::copy_row;
};
    #endif

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
