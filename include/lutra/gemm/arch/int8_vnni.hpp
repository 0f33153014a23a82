// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_avx512.hpp>
#include <lutra/gemm/arch/lost_avx512.hpp>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512VNNI__) || defined(__AVXVNNI__)
    #include <cstddef>
    #include <cstdint>
    #include <cstring>
    #include <immintrin.h>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// What the tiles around VPDPBUSD share: the instruction multiplies unsigned by signed bytes, so A comes as its signed
/// factor + 128, and the driver has 128 times the sum of a column of B taken back.
struct int8_dot_lanes {
    using lhs_lane = std::uint8_t;
    using rhs_lane = std::int8_t;
    static constexpr std::size_t group = 4, column_rows = 16;
    static constexpr std::int32_t lhs_offset = 128;

    /// Packs four rows of a whole panel, as they are.
    static void pack_rows(const std::int8_t* from, std::size_t stride, std::int8_t* out) noexcept {
        const auto row = [&](std::size_t k) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + k * stride)); };
        const __m128i low01 = _mm_unpacklo_epi8(row(0), row(1)), low23 = _mm_unpacklo_epi8(row(2), row(3));
        const __m128i high01 = _mm_unpackhi_epi8(row(0), row(1)), high23 = _mm_unpackhi_epi8(row(2), row(3));
        auto* to = reinterpret_cast<__m128i*>(out);
        _mm_storeu_si128(to, _mm_unpacklo_epi16(low01, low23));
        _mm_storeu_si128(to + 1, _mm_unpackhi_epi16(low01, low23));
        _mm_storeu_si128(to + 2, _mm_unpacklo_epi16(high01, high23));
        _mm_storeu_si128(to + 3, _mm_unpackhi_epi16(high01, high23));
    }
    /// Packs 16 rows of one column, which lie side by side, as they are.
    static void pack_column(const std::int8_t* from, std::int8_t* out) noexcept {
        for (std::size_t k = 0; k < column_rows; k += group) std::memcpy(out + k * panel_columns, from + k, group);
    }
};

    #if LUTRA_RUNTIME_DISPATCH || defined(__AVX512VNNI__)
/// VPDPBUSD in 512 bits: 64 exact products an instruction, accumulated by it.
struct int8_avx512vnni : int8_dot_lanes {
    static constexpr std::size_t rows = 14, panels = 2;

    [[gnu::target("avx512f,avx512bw")]] static void copy_row(const std::int8_t* from, std::size_t k,
                                                             std::uint8_t* to) noexcept {
        const __m512i offset = _mm512_set1_epi8(-128); // the highest bit, added by turning it over
        std::size_t i = 0;
        for (; i + 64 <= k; i += 64) _mm512_storeu_si512(to + i, _mm512_xor_si512(_mm512_loadu_si512(from + i), offset));
        if (i == k) return;
        const __mmask64 some = ~std::uint64_t{0} >> (64 - (k - i));
        _mm512_mask_storeu_epi8(to + i, some, _mm512_xor_si512(_mm512_maskz_loadu_epi8(some, from + i), offset));
    }
    template <std::size_t Rows, std::size_t Panels>
    [[gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] static void
    tiles(const tile_steps& s, const std::uint8_t* a, std::size_t a_stride, const std::int8_t* b, std::size_t b_stride,
          std::int32_t* c, std::size_t c_stride, std::size_t count) noexcept {
        constexpr __mmask16 all = 0xffff;                       // g++ 12 warns of the unmasked shift's undefined source
        const bool scaled = s.terms > 1 || s.doublings[0] != 0; // then the sums cannot start from what they are to get
        const std::int32_t* from = s.start;
        for (; count > 0; --count, c += Panels * panel_columns, from += Panels * panel_columns) {
            __m512i start[Panels], sum[Rows][Panels];
            for (std::size_t p = 0; p < Panels; ++p)
                start[p] = _mm512_maskz_loadu_epi32(scaled ? __mmask16{0} : all, from + p * panel_columns);
        #pragma GCC unroll 16
            for (std::size_t i = 0; i < Rows; ++i)
                for (std::size_t p = 0; p < Panels; ++p) sum[i][p] = start[p];
            row_addresses<Rows, const std::uint8_t> x{a, a_stride};
            for (std::size_t term = 0; term < s.terms; ++term) {
                for (std::size_t step = 0; step < s.steps; ++step, x.advance(group), b += group * panel_columns) {
                    __m512i w[Panels];
                    for (std::size_t p = 0; p < Panels; ++p) w[p] = _mm512_loadu_si512(b + p * b_stride);
        #pragma GCC unroll 16
                    for (std::size_t i = 0; i < Rows; ++i) {
                        std::int32_t four;
                        std::memcpy(&four, x.row(i), sizeof four);
                        const __m512i factors = _mm512_set1_epi32(four);
                        for (std::size_t p = 0; p < Panels; ++p) sum[i][p] = _mm512_dpbusd_epi32(sum[i][p], factors, w[p]);
                    }
                }
                if (s.doublings[term] == 0) continue;
                const __m128i doublings = _mm_cvtsi32_si128(s.doublings[term]);
        #pragma GCC unroll 16
                for (std::size_t i = 0; i < Rows; ++i)
                    for (std::size_t p = 0; p < Panels; ++p) sum[i][p] = _mm512_maskz_sll_epi32(all, sum[i][p], doublings);
            }
            b += (Panels - 1) * b_stride;
            const row_addresses<Rows, std::int32_t> out{c, c_stride};
            if (!scaled) {
        #pragma GCC unroll 16
                for (std::size_t i = 0; i < Rows; ++i)
                    for (std::size_t p = 0; p < Panels; ++p) _mm512_storeu_si512(out.row(i) + p * panel_columns, sum[i][p]);
                continue;
            }
            for (std::size_t p = 0; p < Panels; ++p) start[p] = _mm512_loadu_si512(from + p * panel_columns);
        #pragma GCC unroll 16
            for (std::size_t i = 0; i < Rows; ++i)
                for (std::size_t p = 0; p < Panels; ++p)
                    _mm512_storeu_si512(out.row(i) + p * panel_columns, _mm512_add_epi32(sum[i][p], start[p]));
        }
    }
    static constexpr auto add_groups = lost_avx512::add_groups;
};

    #endif

    #if LUTRA_RUNTIME_DISPATCH || (defined(__AVX512VNNI__) && defined(__AVX512VBMI__))
/// The same with VPERMB, which picks activations for weights that lost a part of their factor.
struct int8_avx512vbmi : int8_avx512vnni {
    template <std::size_t Panels>
    static constexpr auto add_picked = lost_avx512::add_picked<Panels>;
};
    #endif

    #if LUTRA_RUNTIME_DISPATCH || defined(__AVXVNNI__)
/// VPDPBUSD in 256 bits, for processors that have it without AVX-512.
struct int8_avx_vnni : int8_dot_lanes {
    static constexpr std::size_t rows = 6, panels = 1;

    [[gnu::target("avx2")]] static void copy_row(const std::int8_t* from, std::size_t k, std::uint8_t* to) noexcept {
        const __m256i offset = _mm256_set1_epi8(-128); // the highest bit, added by turning it over
        std::size_t i = 0;
        for (; i + 32 <= k; i += 32) {
            const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i));
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm256_xor_si256(x, offset));
        }
        for (; i < k; ++i) to[i] = static_cast<std::uint8_t>(from[i] + lhs_offset);
    }
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
            const auto* start = reinterpret_cast<const __m256i*>(s.start);
            _mm256_storeu_si256(out, _mm256_add_epi32(low[i], _mm256_loadu_si256(start)));
            _mm256_storeu_si256(out + 1, _mm256_add_epi32(high[i], _mm256_loadu_si256(start + 1)));
        }
    }
};
    #endif

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
