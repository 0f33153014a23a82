// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_panel.hpp>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512VNNI__)
    #include <cstddef>
    #include <cstdint>
    #include <cstring>
    #include <immintrin.h>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// What a tile's sums get for lost parts of factors, by VPDPBUSD.
struct lost_avx512 {
    /// Adds to the sums of some panels what activations lost times their weights, two groups of a row at a time.
    [[gnu::target("avx512f,avx512bw,avx512vnni")]] static void add_groups(const lost_group* g, std::size_t count,
                                                                          const lost_factor& f, const std::int8_t* b,
                                                                          std::size_t b_stride, std::size_t panels,
                                                                          std::int32_t* c, std::size_t c_stride) noexcept {
        constexpr std::size_t step_lanes = sizeof(lost_group::which) * panel_columns;
        const __m512i by = _mm512_set1_epi32(f.by), kept = _mm512_set1_epi8(f.kept), lost = _mm512_set1_epi8(f.weight);
        for (const lost_group* end = g + count; g != end;) {
            const bool pair = g + 1 != end && g[1].row == g[0].row;
            std::int32_t which[2]{};
            std::memcpy(&which[0], g->which, sizeof which[0]);
            if (pair) std::memcpy(&which[1], g[1].which, sizeof which[1]);
            const __m512i which0 = _mm512_set1_epi32(which[0]), which1 = _mm512_set1_epi32(which[1]);
            const std::int8_t *b0 = b + g->step * step_lanes, *b1 = b + g[pair ? 1 : 0].step * step_lanes;
            std::int32_t* out = c + g->row * c_stride;
            for (std::size_t p = 0; p < panels; ++p, b0 += b_stride, b1 += b_stride, out += panel_columns) {
                const __m512i w0 = _mm512_loadu_si512(b0), w1 = _mm512_loadu_si512(b1);
                __m512i sum = _mm512_dpbusd_epi32(_mm512_setzero_si512(), which0, w0);
                sum = _mm512_dpbusd_epi32(sum, which1, w1);
                if (f.weight != 0) {
                    sum = _mm512_dpbusd_epi32(sum, _mm512_maskz_mov_epi8(_mm512_cmpeq_epi8_mask(w0, kept), which0), lost);
                    sum = _mm512_dpbusd_epi32(sum, _mm512_maskz_mov_epi8(_mm512_cmpeq_epi8_mask(w1, kept), which1), lost);
                }
                _mm512_storeu_si512(out, _mm512_add_epi32(_mm512_loadu_si512(out), _mm512_mullo_epi32(sum, by)));
            }
            g += pair ? 2 : 1;
        }
    }

    #if LUTRA_RUNTIME_DISPATCH || defined(__AVX512VBMI__)
    /// Adds to the sums of Panels panels what their weights lost times activations, 7 rows at a time. Not inlined: then g++
    /// 12 keeps the sums in registers.
    template <std::size_t Panels>
    [[gnu::noinline, gnu::target("avx512f,avx512bw,avx512vl,avx512vnni,avx512vbmi")]] static void
    add_picked(const lost_picks& s, const std::uint8_t* a, std::size_t a_stride, std::size_t rows, std::int32_t* c,
               std::size_t c_stride) noexcept {
        constexpr std::size_t together = 7;
        constexpr __mmask16 all = 0xffff; // g++ 12 warns of the unmasked shift's undefined source
        const __m512i lost = _mm512_set1_epi8(static_cast<char>(s.lost));
        const __m128i shift = _mm_cvtsi32_si128(s.shift);
        for (std::size_t i = 0; i < rows; i += together) {
            const std::uint8_t* from[together]; // the last row again where there are fewer
            std::int32_t* to[together];
            __m512i sum[together][Panels];
        #pragma GCC unroll 7
            for (std::size_t r = 0; r < together; ++r) {
                const std::size_t row = i + r < rows ? i + r : rows - 1;
                from[r] = a + row * a_stride;
                to[r] = c + row * c_stride;
                for (std::size_t p = 0; p < Panels; ++p) sum[r][p] = _mm512_setzero_si512();
            }
            for (const lost_pick *pick = s.data, *end = s.data + s.count; pick != end;) {
                __m512i x[together];
        #pragma GCC unroll 7
                for (__m512i& row : x) row = _mm512_setzero_si512();
                __mmask64 first, second;
                do {
                    const __m512i places = _mm512_loadu_si512(pick->from);
                    const __mmask64 here = mask(pick->places);
        #pragma GCC unroll 7
                    for (std::size_t r = 0; r < together; ++r)
                        x[r] = _mm512_mask_permutexvar_epi8(x[r], here, places, _mm512_loadu_si512(from[r] + pick->window));
                    first = mask(pick->of[0]), second = mask(pick->of[1]);
                    ++pick;
                } while ((first | second) == 0);
                const __m512i w[]{_mm512_maskz_mov_epi8(first, lost), _mm512_maskz_mov_epi8(second, lost)};
        #pragma GCC unroll 7
                for (std::size_t r = 0; r < together; ++r)
                    for (std::size_t p = 0; p < Panels; ++p) sum[r][p] = _mm512_dpbusd_epi32(sum[r][p], x[r], w[p]);
            }
        #pragma GCC unroll 7
            for (std::size_t r = 0; r < together; ++r)
                for (std::size_t p = 0; p < Panels; ++p)
                    sum[r][p] = _mm512_add_epi32(_mm512_loadu_si512(to[r] + p * panel_columns),
                                                 _mm512_maskz_sll_epi32(all, sum[r][p], shift));
        #pragma GCC unroll 7
            for (std::size_t r = 0; r < together; ++r)
                for (std::size_t p = 0; p < Panels; ++p) _mm512_storeu_si512(to[r] + p * panel_columns, sum[r][p]);
        }
    }

private:
    static __mmask64 mask(const std::uint8_t (&bits)[8]) noexcept {
        __mmask64 m;
        std::memcpy(&m, bits, sizeof m);
        return m;
    }
    #endif
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
