// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/gemm/arch/arm_features.hpp>
#include <lutra/nonlinear/integer_softmax.hpp>

#include <cstddef>
#include <cstdint>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    #include <immintrin.h>
#endif

/// @file
/// pwl_softmax by rows: what its `apply` gives, bit for bit.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic push // g++ 12 warns of the undefined sources inside its own AVX-512 intrinsics
        #pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
        #pragma GCC diagnostic ignored "-Wuninitialized"
    #endif
/// Thirty-two columns at a time, the last ones under a mask; the 256 values of 2^-r stay in eight registers.
template <int N>
[[gnu::target("avx512f,avx512bw,avx512vl")]] void softmax_rows_avx512(matrix_view<std::int16_t> x,
                                                                      matrix_view<std::int8_t> out) {
    using softmax = pwl_softmax<N>;
    static_assert(softmax::fraction == 8);
    softmax::require_shape(x, out);
    const std::uint16_t* const values = softmax::doubled.data();
    const __m512i v0 = _mm512_loadu_si512(values), v1 = _mm512_loadu_si512(values + 32),
                  v2 = _mm512_loadu_si512(values + 64), v3 = _mm512_loadu_si512(values + 96),
                  v4 = _mm512_loadu_si512(values + 128), v5 = _mm512_loadu_si512(values + 160),
                  v6 = _mm512_loadu_si512(values + 192), v7 = _mm512_loadu_si512(values + 224);
    const __m512i last = _mm512_set1_epi16(softmax::last), one = _mm512_set1_epi16(1), low = _mm512_set1_epi16(0x40),
                  high = _mm512_set1_epi16(0x80), lowest = _mm512_set1_epi16(-32768), most = _mm512_set1_epi16(127);
    const std::size_t n = x.cols();
    const auto mask_at = [n](std::size_t i) { return n - i < 32 ? (__mmask32{1} << (n - i)) - 1 : ~__mmask32{0}; };
    for (std::size_t r = 0; r < x.rows(); ++r) {
        std::int16_t* const row = x.data() + r * x.stride();
        std::int8_t* const to = out.data() + r * out.stride();
        __m512i top = lowest;
        for (std::size_t i = 0; i < n; i += 32)
            top = _mm512_max_epi16(top, _mm512_mask_loadu_epi16(lowest, mask_at(i), row + i));
        __m256i top8 = _mm256_max_epi16(_mm512_castsi512_si256(top), _mm512_extracti64x4_epi64(top, 1));
        // The least unsigned word of eight: as 32767 - x is.
        const __m128i top4 = _mm_max_epi16(_mm256_castsi256_si128(top8), _mm256_extracti128_si256(top8, 1));
        const __m128i least = _mm_minpos_epu16(_mm_sub_epi16(_mm_set1_epi16(32767), top4));
        const __m512i greatest = _mm512_sub_epi16(_mm512_set1_epi16(32767), _mm512_broadcastw_epi16(least));
        __m512i totals = _mm512_setzero_si512();
        for (std::size_t i = 0; i < n; i += 32) {
            const __mmask32 some = mask_at(i);
            const __m512i t = _mm512_min_epu16(_mm512_sub_epi16(greatest, _mm512_maskz_loadu_epi16(some, row + i)), last);
            const __mmask32 in_odd = _mm512_test_epi16_mask(t, low), in_upper = _mm512_test_epi16_mask(t, high);
            const __m512i lower = _mm512_mask_blend_epi16(in_odd, _mm512_permutex2var_epi16(v0, t, v1),
                                                          _mm512_permutex2var_epi16(v2, t, v3)),
                          upper = _mm512_mask_blend_epi16(in_odd, _mm512_permutex2var_epi16(v4, t, v5),
                                                          _mm512_permutex2var_epi16(v6, t, v7));
            __m512i e = _mm512_srlv_epi16(_mm512_mask_blend_epi16(in_upper, lower, upper), _mm512_srli_epi16(t, 8));
            e = _mm512_avg_epu16(e, _mm512_setzero_si512()); // (e + 1) >> 1
            _mm512_mask_storeu_epi16(row + i, some, e);
            totals = _mm512_add_epi32(totals, _mm512_madd_epi16(_mm512_maskz_mov_epi16(some, e), one));
        }
        const auto s = softmax::scaling_of(static_cast<std::uint32_t>(_mm512_reduce_add_epi32(totals)));
        const __m512i multiplier = _mm512_set1_epi16(static_cast<short>(s.multiplier)),
                      half = _mm512_set1_epi16(static_cast<short>(1 << (s.shift - 17)));
        const __m128i shift = _mm_cvtsi32_si128(s.shift - 16);
        for (std::size_t i = 0; i < n; i += 32) {
            const __mmask32 some = mask_at(i);
            const __m512i e = _mm512_maskz_loadu_epi16(some, row + i);
            const __m512i p = _mm512_srl_epi16(_mm512_add_epi16(_mm512_mulhi_epu16(e, multiplier), half), shift);
            _mm512_mask_cvtepi16_storeu_epi8(to + i, some, _mm512_min_epu16(p, most));
        }
    }
}
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic pop
    #endif
#endif

#if LUTRA_ARM_MVE
/// Eight columns at a time, the last ones under a mask.
template <int N>
void softmax_rows_mve(matrix_view<std::int16_t> x, matrix_view<std::int8_t> out) {
    using softmax = pwl_softmax<N>;
    static_assert(softmax::fraction == 8);
    softmax::require_shape(x, out);
    const std::size_t n = x.cols();
    const auto mask_at = [n](std::size_t i) { return vctp16q(static_cast<std::uint32_t>(n - i)); };
    const uint16x8_t last = vdupq_n_u16(softmax::last), fraction = vdupq_n_u16(softmax::one - 1), most = vdupq_n_u16(127);
    for (std::size_t r = 0; r < x.rows(); ++r) {
        std::int16_t* const row = x.data() + r * x.stride();
        auto* const exponentials = reinterpret_cast<std::uint16_t*>(row);
        auto* const to = reinterpret_cast<std::uint8_t*>(out.data() + r * out.stride());
        int16x8_t top = vdupq_n_s16(-32768);
        for (std::size_t i = 0; i < n; i += 8) top = vmaxq_m_s16(top, top, vldrhq_z_s16(row + i, mask_at(i)), mask_at(i));
        const int16x8_t greatest = vdupq_n_s16(vmaxvq_s16(-32768, top));
        std::uint32_t total = 0;
        for (std::size_t i = 0; i < n; i += 8) {
            const mve_pred16_t some = mask_at(i);
            const uint16x8_t t = vminq_u16(vreinterpretq_u16_s16(vsubq_s16(greatest, vldrhq_z_s16(row + i, some))), last);
            uint16x8_t e = vldrhq_gather_shifted_offset_u16(softmax::doubled.data(), vandq_u16(t, fraction));
            e = vrshrq_n_u16(vshlq_u16(e, vnegq_s16(vreinterpretq_s16_u16(vshrq_n_u16(t, 8)))), 1);
            vstrhq_p_u16(exponentials + i, e, some);
            total = vaddvaq_p_u16(total, e, some);
        }
        const auto s = softmax::scaling_of(total);
        const uint16x8_t multiplier = vdupq_n_u16(static_cast<std::uint16_t>(s.multiplier)),
                         half = vdupq_n_u16(static_cast<std::uint16_t>(1 << (s.shift - 17)));
        for (std::size_t i = 0; i < n; i += 8) {
            const mve_pred16_t some = mask_at(i);
            const uint16x8_t upper = vmulhq_u16(vldrhq_z_u16(exponentials + i, some), multiplier);
            vstrbq_p_u16(to + i, vminq_u16(vshlq_r_u16(vaddq_u16(upper, half), 16 - s.shift), most), some);
        }
    }
}
#endif

/// Any softmax, by the kernel for @p instructions where it has one.
template <class Softmax>
void softmax_rows(matrix_view<std::int16_t> x, matrix_view<std::int8_t> out, isa instructions) {
    static_cast<void>(instructions);
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    if constexpr (requires { Softmax::doubled; })
        if (instructions >= isa::avx512bw && instructions <= isa::avx512vbmi)
            return softmax_rows_avx512<Softmax::entries>(x, out);
#elif LUTRA_ARM_MVE
    if constexpr (requires { Softmax::doubled; }) return softmax_rows_mve<Softmax::entries>(x, out);
#endif
    Softmax::apply(x, out);
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
