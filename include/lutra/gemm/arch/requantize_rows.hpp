// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/numeric/requantize.hpp>
#include <lutra/numeric/saturate.hpp>

#include <cstddef>
#include <cstdint>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    #include <immintrin.h>
#endif

/// @file
/// Int32 sums to int8, column by column: out[j] = requantize(saturate(sums[j] + bias[j]), by[j]) for `count` columns;
/// a null bias is none.
///
/// No 64-bit shift is needed. With p the product of sum and multiplier and s the shift, (p + 2^(s-1)) >> s equals
/// ((p >> (s-1)) + 1) >> 1, and for s >= 33 p >> (s-1) is the upper half of p, shifted by s - 33 in 32 bits: floors of
/// quotients by powers of two compose. Smaller shifts (ratios of 1/4 and more) are left to the scalar code.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

constexpr void requantize_row(const std::int32_t* sums, const std::int32_t* bias, const requantizer* by, std::size_t count,
                              std::int8_t* out) noexcept {
    for (std::size_t j = 0; j < count; ++j) {
        const std::int64_t sum = std::int64_t{sums[j]} + (bias == nullptr ? 0 : bias[j]);
        out[j] = requantize(saturate<std::int32_t>(sum), by[j]);
    }
}

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
// The vector kernels take a multiplier and its shift from one 64-bit lane.
static_assert(sizeof(requantizer) == 8 && offsetof(requantizer, multiplier) == 0 && offsetof(requantizer, shift) == 4);

/// Eight columns at a time.
[[gnu::target("avx2")]] inline void requantize_row_avx2(const std::int32_t* sums, const std::int32_t* bias,
                                                        const requantizer* by, std::size_t count,
                                                        std::int8_t* out) noexcept {
    const __m256i least_shift = _mm256_set1_epi32(33), most = _mm256_set1_epi32(253), least = _mm256_set1_epi32(-255),
                  one = _mm256_set1_epi32(1), int32_max = _mm256_set1_epi32(0x7fffffff);
    std::size_t j = 0;
    for (; j + 8 <= count; j += 8) {
        __m256i sum = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums + j));
        if (bias != nullptr) {
            const __m256i add = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bias + j)),
                          total = _mm256_add_epi32(sum, add),
                          wrapped = _mm256_and_si256(_mm256_xor_si256(sum, total), _mm256_xor_si256(add, total)),
                          limit = _mm256_xor_si256(_mm256_srai_epi32(sum, 31), int32_max);
            sum = _mm256_castps_si256(
                _mm256_blendv_ps(_mm256_castsi256_ps(total), _mm256_castsi256_ps(limit), _mm256_castsi256_ps(wrapped)));
        }
        // Lanes of 64 bits: multiplier below, shift above.
        const __m256i by0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(by + j)),
                      by1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(by + j + 4));
        const __m256i p0 = _mm256_mul_epi32(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(sum)), by0),
                      p1 = _mm256_mul_epi32(_mm256_cvtepi32_epi64(_mm256_extracti128_si256(sum, 1)), by1);
        const __m256 shifts = _mm256_shuffle_ps(_mm256_castsi256_ps(by0), _mm256_castsi256_ps(by1), 0xdd),
                     products = _mm256_shuffle_ps(_mm256_castsi256_ps(p0), _mm256_castsi256_ps(p1), 0xdd);
        const __m256i shift = _mm256_sub_epi32(_mm256_castps_si256(shifts), least_shift);
        if (_mm256_movemask_ps(_mm256_castsi256_ps(shift)) != 0) { // a shift below 33
            requantize_row(sums + j, bias == nullptr ? nullptr : bias + j, by + j, 8, out + j);
            continue;
        }
        __m256i q = _mm256_srav_epi32(_mm256_castps_si256(products), shift);
        q = _mm256_max_epi32(_mm256_min_epi32(q, most), least);
        q = _mm256_permute4x64_epi64(_mm256_srai_epi32(_mm256_add_epi32(q, one), 1), 0xd8);
        const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(out + j), _mm_packs_epi16(words, words));
    }
    requantize_row(sums + j, bias == nullptr ? nullptr : bias + j, by + j, count - j, out + j);
}
#endif

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic push // g++ 12 warns of the undefined sources inside its own AVX-512 intrinsics
        #pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
        #pragma GCC diagnostic ignored "-Wuninitialized"
    #endif
/// Sixteen columns at a time, the last ones under a mask.
[[gnu::target("avx512f,avx512bw")]] inline void requantize_row_avx512(const std::int32_t* sums, const std::int32_t* bias,
                                                                      const requantizer* by, std::size_t count,
                                                                      std::int8_t* out) noexcept {
    const __m512i uppers =
        _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31); // of two registers of 64-bit lanes
    for (std::size_t j = 0; j < count; j += 16) {
        const std::size_t n = count - j < 16 ? count - j : 16;
        const auto some = static_cast<__mmask16>((1u << n) - 1);
        __m512i sum = _mm512_maskz_loadu_epi32(some, sums + j);
        if (bias != nullptr) {
            const __m512i add = _mm512_maskz_loadu_epi32(some, bias + j), total = _mm512_add_epi32(sum, add);
            const __m512i wrapped = _mm512_and_epi32(_mm512_xor_epi32(sum, total), _mm512_xor_epi32(add, total));
            const __mmask16 over = _mm512_cmplt_epi32_mask(wrapped, _mm512_setzero_si512());
            sum = _mm512_mask_xor_epi32(total, over, _mm512_srai_epi32(sum, 31), _mm512_set1_epi32(0x7fffffff));
        }
        // Lanes of 64 bits: multiplier below, shift above.
        const __m512i by0 = _mm512_maskz_loadu_epi64(static_cast<__mmask8>(some), by + j),
                      by1 = _mm512_maskz_loadu_epi64(static_cast<__mmask8>(some >> 8), by + j + (n > 8 ? 8 : 0));
        const __m512i p0 = _mm512_mul_epi32(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(sum)), by0),
                      p1 = _mm512_mul_epi32(_mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sum, 1)), by1);
        const __m512i shift = _mm512_sub_epi32(_mm512_permutex2var_epi32(by0, uppers, by1), _mm512_set1_epi32(33));
        if (_mm512_mask_cmplt_epi32_mask(some, shift, _mm512_setzero_si512()) != 0) { // a shift below 33
            requantize_row(sums + j, bias == nullptr ? nullptr : bias + j, by + j, n, out + j);
            continue;
        }
        __m512i q = _mm512_srav_epi32(_mm512_permutex2var_epi32(p0, uppers, p1), shift);
        q = _mm512_max_epi32(_mm512_min_epi32(q, _mm512_set1_epi32(253)), _mm512_set1_epi32(-255));
        q = _mm512_srai_epi32(_mm512_add_epi32(q, _mm512_set1_epi32(1)), 1);
        _mm512_mask_cvtepi32_storeu_epi8(out + j, some, q);
    }
}
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic pop
    #endif
#endif

/// The row kernel for @p instructions.
[[nodiscard]] inline auto requantize_row_for(isa instructions) noexcept {
    auto* row = &requantize_row;
    static_cast<void>(instructions);
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    if (instructions >= isa::avx2) row = &requantize_row_avx2;
#endif
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    if (instructions >= isa::avx512bw) row = &requantize_row_avx512;
#endif
    return row;
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
