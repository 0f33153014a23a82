// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    #include <cstddef>
    #include <cstdint>
    #include <immintrin.h>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// Look-ups in registers, for few rows of A: the 256 products of one activation are eight registers of 16-bit words, and
/// four two-source permutes look 32 of them up; of 8-bit products half as many.
struct table_permute_avx512 {
    static constexpr std::size_t columns = 32;

    /// For Tiles * 32 columns of weights (@p k <= table_span rows, @p padded apart) and one row of A (@p a_stride apart):
    /// the words' sums modulo 2^16 and the sums of their high bytes, as table_scalar::add, tile by tile.
    template <std::size_t Tiles, class Entry>
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static void
    add(const Entry* table, const std::int8_t* a, std::size_t a_stride, const std::uint8_t* weights, std::size_t padded,
        std::size_t k, std::uint16_t* sums) noexcept {
        constexpr std::size_t registers = 4 * sizeof(Entry);
        __m512i sum[Tiles], high[Tiles], row[registers];
    #pragma GCC unroll 16
        for (std::size_t t = 0; t < Tiles; ++t) sum[t] = high[t] = _mm512_setzero_si512();
        for (std::size_t p = 0; p < k; ++p) {
            const Entry* from = table + std::size_t{static_cast<std::uint8_t>(a[p * a_stride])} * 256;
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < registers; ++i) row[i] = _mm512_loadu_si512(from + i * (64 / sizeof(Entry)));
    #pragma GCC unroll 16
            for (std::size_t t = 0; t < Tiles; ++t) {
                const auto* bytes = reinterpret_cast<const __m256i*>(weights + p * padded + t * columns);
                const __m512i index = _mm512_maskz_cvtepu8_epi16(0xffffffff, _mm256_loadu_si256(bytes));
                const __m512i product = look_up(row, index);
                sum[t] = _mm512_add_epi16(sum[t], product);
                high[t] = _mm512_add_epi16(high[t], _mm512_srai_epi16(product, 8));
            }
        }
    #pragma GCC unroll 16
        for (std::size_t t = 0; t < Tiles; ++t) {
            _mm512_storeu_si512(sums + t * 64, sum[t]);
            _mm512_storeu_si512(sums + t * 64 + 32, high[t]);
        }
    }

private:
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static __m512i look_up(const __m512i (&row)[8], __m512i index) noexcept {
        const __mmask32 second = _mm512_test_epi16_mask(index, _mm512_set1_epi16(64));
        const __mmask32 upper = _mm512_test_epi16_mask(index, _mm512_set1_epi16(128));
        const __m512i low = _mm512_mask_blend_epi16(second, _mm512_permutex2var_epi16(row[0], index, row[1]),
                                                    _mm512_permutex2var_epi16(row[2], index, row[3]));
        const __m512i high = _mm512_mask_blend_epi16(second, _mm512_permutex2var_epi16(row[4], index, row[5]),
                                                     _mm512_permutex2var_epi16(row[6], index, row[7]));
        return _mm512_mask_blend_epi16(upper, low, high);
    }
    /// A word holds two products; the lowest bit of the index chooses.
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static __m512i look_up(const __m512i (&row)[4], __m512i index) noexcept {
        const __mmask32 even = _mm512_testn_epi16_mask(index, _mm512_set1_epi16(1));
        const __mmask32 upper = _mm512_test_epi16_mask(index, _mm512_set1_epi16(128));
        const __m512i word = _mm512_srli_epi16(index, 1);
        const __m512i both = _mm512_mask_blend_epi16(upper, _mm512_permutex2var_epi16(row[0], word, row[1]),
                                                     _mm512_permutex2var_epi16(row[2], word, row[3]));
        return _mm512_srai_epi16(_mm512_mask_slli_epi16(both, even, both, 8), 8);
    }
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
