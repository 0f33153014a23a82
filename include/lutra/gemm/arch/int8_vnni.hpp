// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_avx512.hpp>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512VNNI__) || defined(__AVXVNNI__)
    #include <cstddef>
    #include <cstdint>
    #include <cstring>
    #include <immintrin.h>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// What the tiles around VPDPBUSD share: the instruction multiplies unsigned by signed bytes, so A comes as its signed
/// factor + 128, and the driver takes 128 times the sum of a column of B back.
struct int8_dot_lanes {
    using lhs_lane = std::uint8_t;
    using rhs_lane = std::int8_t;
    static constexpr std::size_t group = 4;
    static constexpr std::int32_t lhs_offset = 128;

    /// What is left of a factor in eight bits; the driver adds the rest of the one that does not fit.
    static void map_row(const std::int8_t* from, std::size_t k, const std::int16_t* map, std::uint8_t* to) noexcept {
        if (map == nullptr)
            for (std::size_t i = 0; i < k; ++i) to[i] = static_cast<std::uint8_t>(from[i] + 128);
        else
            for (std::size_t i = 0; i < k; ++i)
                to[i] = static_cast<std::uint8_t>(map[static_cast<std::uint8_t>(from[i])] + 128);
    }
};

    #if LUTRA_RUNTIME_DISPATCH || defined(__AVX512VNNI__)
/// VPDPBUSD in 512 bits: 64 exact products an instruction, accumulated by it.
struct int8_avx512vnni : int8_dot_lanes {
    static constexpr std::size_t rows = 12, panels = 2;

    template <std::size_t Rows, std::size_t Panels>
    [[gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] static void
    tile(const tile_steps& s, const std::uint8_t* a, std::size_t a_stride, const std::int8_t* b, std::size_t b_stride,
         std::int32_t* c, std::size_t c_stride) noexcept {
        constexpr __mmask16 all = 0xffff; // g++ 12 warns of the unmasked shift's undefined source
        __m512i sum[Rows][Panels];
        #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i)
            for (std::size_t p = 0; p < Panels; ++p) sum[i][p] = _mm512_setzero_si512();
        for (std::size_t term = 0; term < s.terms; ++term) {
            for (std::size_t step = 0; step < s.steps; ++step, a += group, b += group * panel_columns) {
                __m512i w[Panels];
                for (std::size_t p = 0; p < Panels; ++p) w[p] = _mm512_loadu_si512(b + p * b_stride);
        #pragma GCC unroll 16
                for (std::size_t i = 0; i < Rows; ++i) {
                    std::int32_t four;
                    std::memcpy(&four, a + i * a_stride, sizeof four);
                    const __m512i x = _mm512_set1_epi32(four);
                    for (std::size_t p = 0; p < Panels; ++p) sum[i][p] = _mm512_dpbusd_epi32(sum[i][p], x, w[p]);
                }
            }
            if (s.doublings[term] == 0) continue;
            const __m128i doublings = _mm_cvtsi32_si128(s.doublings[term]);
        #pragma GCC unroll 16
            for (std::size_t i = 0; i < Rows; ++i)
                for (std::size_t p = 0; p < Panels; ++p) sum[i][p] = _mm512_maskz_sll_epi32(all, sum[i][p], doublings);
        }
        #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i)
            for (std::size_t p = 0; p < Panels; ++p) _mm512_storeu_si512(c + i * c_stride + p * panel_columns, sum[i][p]);
    }
    /// As in int8_dot_lanes, by a map in registers; the offset is the highest bit turned over.
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static void map_row(const std::int8_t* from, std::size_t k,
                                                                     const std::int16_t* map, std::uint8_t* to) noexcept {
        if (map == nullptr) return int8_dot_lanes::map_row(from, k, map, to);
        const map_avx512 look_up{map};
        const __m256i offset = _mm256_set1_epi8(-128);
        for (std::size_t i = 0; i < k; i += 32) {
            const __mmask32 here = map_avx512::first(k - i);
            const __m512i factors = look_up(_mm512_cvtepu8_epi16(map_avx512::load(from + i, k - i)));
            _mm256_mask_storeu_epi8(to + i, here, _mm256_xor_si256(_mm512_maskz_cvtepi16_epi8(here, factors), offset));
        }
    }
};
    #endif

    #if LUTRA_RUNTIME_DISPATCH || defined(__AVXVNNI__)
/// VPDPBUSD in 256 bits, for processors that have it without AVX-512.
struct int8_avx_vnni : int8_dot_lanes {
    static constexpr std::size_t rows = 6, panels = 1;

    template <std::size_t Rows, std::size_t>
    [[gnu::target("avx2,avxvnni")]] static void tile(const tile_steps& s, const std::uint8_t* a, std::size_t a_stride,
                                                     const std::int8_t* b, std::size_t, std::int32_t* c,
                                                     std::size_t c_stride) noexcept {
        __m256i low[Rows], high[Rows];
        #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i) low[i] = high[i] = _mm256_setzero_si256();
        for (std::size_t term = 0; term < s.terms; ++term) {
            for (std::size_t step = 0; step < s.steps; ++step, a += group, b += group * panel_columns) {
                const auto* panel = reinterpret_cast<const __m256i*>(b);
                const __m256i first = _mm256_loadu_si256(panel), second = _mm256_loadu_si256(panel + 1);
        #pragma GCC unroll 16
                for (std::size_t i = 0; i < Rows; ++i) {
                    std::int32_t four;
                    std::memcpy(&four, a + i * a_stride, sizeof four);
                    const __m256i x = _mm256_set1_epi32(four);
                    low[i] = _mm256_dpbusd_avx_epi32(low[i], x, first);
                    high[i] = _mm256_dpbusd_avx_epi32(high[i], x, second);
                }
            }
            const __m128i doublings = _mm_cvtsi32_si128(s.doublings[term]);
        #pragma GCC unroll 16
            for (std::size_t i = 0; i < Rows; ++i) {
                low[i] = _mm256_sll_epi32(low[i], doublings);
                high[i] = _mm256_sll_epi32(high[i], doublings);
            }
        }
        #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i) {
            auto* out = reinterpret_cast<__m256i*>(c + i * c_stride);
            _mm256_storeu_si256(out, low[i]);
            _mm256_storeu_si256(out + 1, high[i]);
        }
    }
};
    #endif

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
