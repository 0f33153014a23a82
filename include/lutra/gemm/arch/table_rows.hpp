// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>

#include <cstddef>
#include <cstdint>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    #include <immintrin.h>
#endif

/// @file
/// The table kernels. `expanded` holds, for some rows of weights and 32 columns, the products with every activation:
/// [k][activation bits][column] in 16 bits. Looking products up is then adding whole rows, which any vector unit does well;
/// building them pays when many rows of A share them.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

inline constexpr std::size_t table_columns = 32; ///< columns of an expanded block
inline constexpr std::size_t table_depth = 16;   ///< rows of weights of an expanded block: 256 KiB, it stays in the L2 cache

/// Expands @p depth rows of weights (32 bytes each, @p stride apart) of a 256 x 256 table of products.
inline void expand_table_rows(const std::int16_t* products, const std::uint8_t* weights, std::size_t stride,
                              std::size_t depth, std::int16_t* expanded) noexcept {
    for (std::size_t a = 0; a < 256; ++a)
        for (std::size_t k = 0; k < depth; ++k)
            for (std::size_t j = 0; j < table_columns; ++j)
                expanded[(k * 256 + a) * table_columns + j] = products[a * 256 + weights[k * stride + j]];
}

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
/// The same in registers: a table row of 256 products is eight of them, and four two-source permutes look 32 products up.
[[gnu::target("avx512f,avx512bw")]] inline void expand_table_rows_avx512(const std::int16_t* products,
                                                                         const std::uint8_t* weights, std::size_t stride,
                                                                         std::size_t depth,
                                                                         std::int16_t* expanded) noexcept {
    for (std::size_t a = 0; a < 256; ++a) {
        __m512i row[8];
        for (std::size_t i = 0; i < 8; ++i) row[i] = _mm512_loadu_si512(products + a * 256 + i * 32);
        for (std::size_t k = 0; k < depth; ++k) {
            const auto* columns = reinterpret_cast<const __m256i*>(weights + k * stride);
            const __m512i index = _mm512_cvtepu8_epi16(_mm256_loadu_si256(columns));
            const __mmask32 second = _mm512_test_epi16_mask(index, _mm512_set1_epi16(64));
            const __mmask32 upper = _mm512_test_epi16_mask(index, _mm512_set1_epi16(128));
            const __m512i low = _mm512_mask_blend_epi16(second, _mm512_permutex2var_epi16(row[0], index, row[1]),
                                                        _mm512_permutex2var_epi16(row[2], index, row[3]));
            const __m512i high = _mm512_mask_blend_epi16(second, _mm512_permutex2var_epi16(row[4], index, row[5]),
                                                         _mm512_permutex2var_epi16(row[6], index, row[7]));
            _mm512_storeu_si512(expanded + (k * 256 + a) * table_columns, _mm512_mask_blend_epi16(upper, low, high));
        }
    }
}
#endif

/// For each of @p rows rows of activations (@p depth each, @p stride apart): sums[row][j] += the sum over k of
/// expanded[k][a[row][k]][j].
inline void add_table_rows(const std::int16_t* expanded, const std::int8_t* a, std::size_t stride, std::size_t rows,
                           std::size_t depth, std::int32_t* sums) noexcept {
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t k = 0; k < depth; ++k) {
            const std::int16_t* row = expanded + (k * 256 + static_cast<std::uint8_t>(a[i * stride + k])) * table_columns;
            for (std::size_t j = 0; j < table_columns; ++j) sums[i * table_columns + j] += row[j];
        }
}

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
/// The same with the sums of a row in four registers.
[[gnu::target("avx2")]] inline void add_table_rows_avx2(const std::int16_t* expanded, const std::int8_t* a,
                                                        std::size_t stride, std::size_t rows, std::size_t depth,
                                                        std::int32_t* sums) noexcept {
    for (std::size_t i = 0; i < rows; ++i) {
        auto* out = reinterpret_cast<__m256i*>(sums + i * table_columns);
        __m256i sum[4];
        for (std::size_t r = 0; r < 4; ++r) sum[r] = _mm256_loadu_si256(out + r);
        for (std::size_t k = 0; k < depth; ++k) {
            const auto* row = reinterpret_cast<const __m128i*>(
                expanded + (k * 256 + static_cast<std::uint8_t>(a[i * stride + k])) * table_columns);
            for (std::size_t r = 0; r < 4; ++r)
                sum[r] = _mm256_add_epi32(sum[r], _mm256_cvtepi16_epi32(_mm_loadu_si128(row + r)));
        }
        for (std::size_t r = 0; r < 4; ++r) _mm256_storeu_si256(out + r, sum[r]);
    }
}
#endif

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
/// The same with the sums of a row in two registers.
[[gnu::target("avx512f,avx512bw")]] inline void add_table_rows_avx512(const std::int16_t* expanded, const std::int8_t* a,
                                                                      std::size_t stride, std::size_t rows,
                                                                      std::size_t depth, std::int32_t* sums) noexcept {
    constexpr __mmask16 all = 0xffff; // g++ 12 warns of the unmasked conversion's undefined source
    for (std::size_t i = 0; i < rows; ++i) {
        std::int32_t* out = sums + i * table_columns;
        __m512i low = _mm512_loadu_si512(out), high = _mm512_loadu_si512(out + 16);
        for (std::size_t k = 0; k < depth; ++k) {
            const auto* row = reinterpret_cast<const __m256i*>(
                expanded + (k * 256 + static_cast<std::uint8_t>(a[i * stride + k])) * table_columns);
            low = _mm512_add_epi32(low, _mm512_maskz_cvtepi16_epi32(all, _mm256_loadu_si256(row)));
            high = _mm512_add_epi32(high, _mm512_maskz_cvtepi16_epi32(all, _mm256_loadu_si256(row + 1)));
        }
        _mm512_storeu_si512(out, low);
        _mm512_storeu_si512(out + 16, high);
    }
}
#endif

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
