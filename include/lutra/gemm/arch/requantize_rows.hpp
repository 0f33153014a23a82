// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/gemm/arch/arm_features.hpp>
#include <lutra/numeric/requantize.hpp>
#include <lutra/numeric/saturate.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    #include <immintrin.h>
#endif

/// @file
/// Int32 sums to int8, column by column: out(r, j) = requantize(saturate(sums(r, j) + bias[j]), by[j]) for a block of sums;
/// a null bias is none. To int16 the same, with `Add` added to what the output holds and clamped to +-32767. Vector kernels
/// keep what belongs to a column in registers for all rows.
///
/// No 64-bit shift is needed. With p the product of sum and multiplier and s the shift, (p + 2^(s-1)) >> s equals
/// ((p >> (s-1)) + 1) >> 1, and for s >= 33 p >> (s-1) is the upper half of p, shifted by s - 33 in 32 bits: floors of
/// quotients by powers of two compose. Smaller shifts (ratios of 1/4 and more) are left to `requantize`.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// a + b, clamped to int32.
constexpr std::int32_t add_bias(std::int32_t a, std::int32_t b) noexcept {
#if LUTRA_ARM_DSP
    if (!std::is_constant_evaluated()) return __qadd(a, b);
#endif
    return saturating_add(a, b);
}

/// What a requantised element does to an output.
template <quantized T, bool Add>
constexpr void put_quantized(T& to, std::int32_t q) noexcept {
    constexpr std::int32_t most = quantized_max<T>;
    const auto clamp = [](std::int32_t x) {
#if LUTRA_ARM_DSP
        if (!std::is_constant_evaluated()) x = __ssat(x, sizeof(T) * 8); // which leaves the least one to be moved
#endif
        return x < -most ? -most : x > most ? most : x;
    };
    q = clamp(q);
    if constexpr (Add) {
        to = static_cast<T>(clamp(std::int32_t{to} + q));
    } else {
        to = static_cast<T>(q);
    }
}

#if LUTRA_ARM_MVE
/// Columns @p j to @p j + 3, whose shifts are all 33 or more.
template <quantized T, bool Add>
void requantize_four(const matrix_view<const std::int32_t>& sums, std::size_t j, const std::int32_t* bias,
                     const requantizer* by, T* out, std::size_t out_stride) noexcept {
    constexpr std::int32_t most = quantized_max<T>;
    static_assert(sizeof(requantizer) == 8 && offsetof(requantizer, multiplier) == 0);
    const int32x4x2_t columns = vld2q_s32(reinterpret_cast<const std::int32_t*>(by + j));
    const int32x4_t shift = vsubq_n_s32(vnegq_s32(columns.val[1]), -33),
                    add = bias == nullptr ? vdupq_n_s32(0) : vldrwq_s32(bias + j);
    const int32x4_t least = vdupq_n_s32(-most), greatest = vdupq_n_s32(most);
    const auto clamp = [&](int32x4_t x) { return vminq_s32(vmaxq_s32(x, least), greatest); };
    for (std::size_t r = 0; r < sums.rows(); ++r) {
        const int32x4_t sum = vqaddq_s32(vldrwq_s32(sums.row(r).data() + j), add);
        int32x4_t q = clamp(vrshrq_n_s32(vshlq_s32(vmulhq_s32(sum, columns.val[0]), shift), 1));
        T* const to = out + r * out_stride + j;
        if constexpr (sizeof(T) == 1) {
            if constexpr (Add) q = clamp(vaddq_s32(q, vldrbq_s32(to)));
            vstrbq_s32(to, q);
        } else {
            if constexpr (Add) q = clamp(vaddq_s32(q, vldrhq_s32(to)));
            vstrhq_s32(to, q);
        }
    }
}
#endif

template <quantized T, bool Add = false>
constexpr void requantize_rows(matrix_view<const std::int32_t> sums, const std::int32_t* bias, const requantizer* by, T* out,
                               std::size_t out_stride) noexcept {
    for (std::size_t j = 0; j < sums.cols(); ++j) {
#if LUTRA_ARM_MVE
        if constexpr (sizeof(T) <= 2)
            if (!std::is_constant_evaluated() && j + 4 <= sums.cols() && by[j].shift >= 33 && by[j + 1].shift >= 33 &&
                by[j + 2].shift >= 33 && by[j + 3].shift >= 33) {
                requantize_four<T, Add>(sums, j, bias, by, out, out_stride);
                j += 3;
                continue;
            }
#endif
        const requantizer column = by[j];
        const std::int32_t add = bias == nullptr ? 0 : bias[j];
        if (column.shift < 33) {
            for (std::size_t r = 0; r < sums.rows(); ++r)
                put_quantized<T, Add>(out[r * out_stride + j], requantize<T>(add_bias(sums(r, j), add), column));
            continue;
        }
        const int shift = column.shift - 33;
        for (std::size_t r = 0; r < sums.rows(); ++r) {
            const std::int64_t product = std::int64_t{add_bias(sums(r, j), add)} * column.multiplier;
            const std::int32_t twice = static_cast<std::int32_t>(product >> 32) >> shift; // of what is rounded
            put_quantized<T, Add>(out[r * out_stride + j], (twice + 1) >> 1);
        }
    }
}

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
// The vector kernels take a multiplier and its shift from one 64-bit lane.
static_assert(sizeof(requantizer) == 8 && offsetof(requantizer, multiplier) == 0 && offsetof(requantizer, shift) == 4);

/// Columns first to first + count - 1 of a block by the definition.
template <class T, bool Add>
void requantize_some(const matrix_view<const std::int32_t>& sums, const std::int32_t* bias, const requantizer* by,
                     std::size_t first, std::size_t count, T* out, std::size_t out_stride) noexcept {
    if (count != 0 && sums.rows() != 0)
        requantize_rows<T, Add>({&sums(0, first), sums.rows(), count, sums.stride()},
                                bias == nullptr ? nullptr : bias + first, by + first, out + first, out_stride);
}

/// Eight columns at a time.
template <class T, bool Add>
[[gnu::target("avx2")]] void requantize_rows_avx2(matrix_view<const std::int32_t> sums, const std::int32_t* bias,
                                                  const requantizer* by, T* out, std::size_t out_stride) noexcept {
    constexpr int greatest = quantized_max<T>;
    const __m256i least_shift = _mm256_set1_epi32(33), most = _mm256_set1_epi32(2 * greatest - 1),
                  least = _mm256_set1_epi32(-2 * greatest - 1), one = _mm256_set1_epi32(1),
                  int32_max = _mm256_set1_epi32(0x7fffffff);
    std::size_t j = 0;
    for (; j + 8 <= sums.cols(); j += 8) {
        // Lanes of 64 bits: multiplier below, shift above.
        const __m256i by0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(by + j)),
                      by1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(by + j + 4));
        const __m256 shifts = _mm256_shuffle_ps(_mm256_castsi256_ps(by0), _mm256_castsi256_ps(by1), 0xdd);
        const __m256i shift = _mm256_sub_epi32(_mm256_castps_si256(shifts), least_shift);
        if (_mm256_movemask_ps(_mm256_castsi256_ps(shift)) != 0) { // a shift below 33
            requantize_some<T, Add>(sums, bias, by, j, 8, out, out_stride);
            continue;
        }
        const __m256i add =
            bias == nullptr ? _mm256_setzero_si256() : _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bias + j));
        for (std::size_t r = 0; r < sums.rows(); ++r) {
            const __m256i plain = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(&sums(r, j)));
            const __m256i total = _mm256_add_epi32(plain, add),
                          wrapped = _mm256_and_si256(_mm256_xor_si256(plain, total), _mm256_xor_si256(add, total)),
                          limit = _mm256_xor_si256(_mm256_srai_epi32(plain, 31), int32_max);
            const __m256i sum = _mm256_castps_si256(
                _mm256_blendv_ps(_mm256_castsi256_ps(total), _mm256_castsi256_ps(limit), _mm256_castsi256_ps(wrapped)));
            const __m256i p0 = _mm256_mul_epi32(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(sum)), by0),
                          p1 = _mm256_mul_epi32(_mm256_cvtepi32_epi64(_mm256_extracti128_si256(sum, 1)), by1);
            const __m256 products = _mm256_shuffle_ps(_mm256_castsi256_ps(p0), _mm256_castsi256_ps(p1), 0xdd);
            __m256i q = _mm256_srav_epi32(_mm256_castps_si256(products), shift);
            q = _mm256_max_epi32(_mm256_min_epi32(q, most), least);
            q = _mm256_permute4x64_epi64(_mm256_srai_epi32(_mm256_add_epi32(q, one), 1), 0xd8);
            const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
            auto* to = reinterpret_cast<__m128i*>(out + r * out_stride + j);
            if constexpr (Add)
                _mm_storeu_si128(to, _mm_max_epi16(_mm_adds_epi16(_mm_loadu_si128(to), words), _mm_set1_epi16(-greatest)));
            else if constexpr (std::same_as<T, std::int16_t>)
                _mm_storeu_si128(to, words);
            else
                _mm_storel_epi64(to, _mm_packs_epi16(words, words));
        }
    }
    requantize_some<T, Add>(sums, bias, by, j, sums.cols() - j, out, out_stride);
}
#endif

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic push // g++ 12 warns of the undefined sources inside its own AVX-512 intrinsics
        #pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
        #pragma GCC diagnostic ignored "-Wuninitialized"
    #endif
/// Sixteen columns at a time, the last ones under a mask.
template <class T, bool Add>
[[gnu::target("avx512f,avx512bw")]] void requantize_rows_avx512(matrix_view<const std::int32_t> sums,
                                                                const std::int32_t* bias, const requantizer* by, T* out,
                                                                std::size_t out_stride) noexcept {
    constexpr int greatest = quantized_max<T>;
    const __m512i most = _mm512_set1_epi32(2 * greatest - 1), least = _mm512_set1_epi32(-2 * greatest - 1);
    const __m512i uppers =
        _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31); // of two registers of 64-bit lanes
    for (std::size_t j = 0; j < sums.cols(); j += 16) {
        const std::size_t n = sums.cols() - j < 16 ? sums.cols() - j : 16;
        const auto some = static_cast<__mmask16>((1u << n) - 1);
        // Lanes of 64 bits: multiplier below, shift above.
        const __m512i by0 = _mm512_maskz_loadu_epi64(static_cast<__mmask8>(some), by + j),
                      by1 = _mm512_maskz_loadu_epi64(static_cast<__mmask8>(some >> 8), by + j + (n > 8 ? 8 : 0));
        const __m512i shift = _mm512_sub_epi32(_mm512_permutex2var_epi32(by0, uppers, by1), _mm512_set1_epi32(33));
        if (_mm512_mask_cmplt_epi32_mask(some, shift, _mm512_setzero_si512()) != 0) { // a shift below 33
            requantize_some<T, Add>(sums, bias, by, j, n, out, out_stride);
            continue;
        }
        const __m512i add = bias == nullptr ? _mm512_setzero_si512() : _mm512_maskz_loadu_epi32(some, bias + j);
        for (std::size_t r = 0; r < sums.rows(); ++r) {
            const __m512i plain = _mm512_maskz_loadu_epi32(some, &sums(r, j)), total = _mm512_add_epi32(plain, add);
            const __m512i wrapped = _mm512_and_epi32(_mm512_xor_epi32(plain, total), _mm512_xor_epi32(add, total));
            const __mmask16 over = _mm512_cmplt_epi32_mask(wrapped, _mm512_setzero_si512());
            const __m512i sum =
                _mm512_mask_xor_epi32(total, over, _mm512_srai_epi32(plain, 31), _mm512_set1_epi32(0x7fffffff));
            const __m512i p0 = _mm512_mul_epi32(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(sum)), by0),
                          p1 = _mm512_mul_epi32(_mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sum, 1)), by1);
            __m512i q = _mm512_srav_epi32(_mm512_permutex2var_epi32(p0, uppers, p1), shift);
            q = _mm512_max_epi32(_mm512_min_epi32(q, most), least);
            q = _mm512_srai_epi32(_mm512_add_epi32(q, _mm512_set1_epi32(1)), 1);
            T* const to = out + r * out_stride + j;
            if constexpr (Add) {
                q = _mm512_add_epi32(q, _mm512_cvtepi16_epi32(_mm512_castsi512_si256(_mm512_maskz_loadu_epi16(some, to))));
                q = _mm512_max_epi32(_mm512_min_epi32(q, _mm512_set1_epi32(greatest)), _mm512_set1_epi32(-greatest));
            }
            if constexpr (std::same_as<T, std::int16_t>)
                _mm512_mask_cvtepi32_storeu_epi16(to, some, q);
            else
                _mm512_mask_cvtepi32_storeu_epi8(to, some, q);
        }
    }
}
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic pop
    #endif
#endif

/// The kernel for @p instructions.
template <class T, bool Add = false>
[[nodiscard]] auto requantize_rows_for(isa instructions) noexcept {
    auto* rows = &requantize_rows<T, Add>;
    static_cast<void>(instructions);
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    if (instructions >= isa::avx2) rows = &requantize_rows_avx2<T, Add>;
#endif
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    if (instructions >= isa::avx512bw) rows = &requantize_rows_avx512<T, Add>;
#endif
    return rows;
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
