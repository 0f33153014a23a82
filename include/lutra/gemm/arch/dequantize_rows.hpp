// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/core/matrix_view.hpp>

#include <cstddef>
#include <cstdint>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    #include <immintrin.h>
#endif

/// @file
/// Int32 sums to float, column by column: out(r, j) = sums(r, j) * scale[j] (+ bias[j]) (+ out(r, j)) for a block of sums; a
/// null bias is none. What comes out for a column does not depend on where in a block it stands.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

constexpr void dequantize_rows(matrix_view<const std::int32_t> sums, const float* scale, const float* bias, bool accumulate,
                               float* out, std::size_t out_stride) noexcept {
    for (std::size_t r = 0; r < sums.rows(); ++r)
        for (std::size_t j = 0; j < sums.cols(); ++j) {
            float value = static_cast<float>(sums(r, j)) * scale[j];
            if (bias != nullptr) value += bias[j];
            float& to = out[r * out_stride + j];
            to = accumulate ? to + value : value;
        }
}

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
/// Eight columns at a time, the last ones under a mask.
[[gnu::target("avx2")]] inline void dequantize_rows_avx2(matrix_view<const std::int32_t> sums, const float* scale,
                                                         const float* bias, bool accumulate, float* out,
                                                         std::size_t out_stride) noexcept {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for (std::size_t j = 0; j < sums.cols(); j += 8) {
        const auto left = static_cast<int>(sums.cols() - j < 8 ? sums.cols() - j : 8);
        const __m256i some = _mm256_cmpgt_epi32(_mm256_set1_epi32(left), lanes);
        const __m256 by = _mm256_maskload_ps(scale + j, some),
                     add = bias == nullptr ? _mm256_setzero_ps() : _mm256_maskload_ps(bias + j, some);
        for (std::size_t r = 0; r < sums.rows(); ++r) {
            float* to = out + r * out_stride + j;
            __m256 value = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_maskload_epi32(&sums(r, j), some)), by);
            if (bias != nullptr) value = _mm256_add_ps(value, add);
            if (accumulate) value = _mm256_add_ps(_mm256_maskload_ps(to, some), value);
            _mm256_maskstore_ps(to, some, value);
        }
    }
}
#endif

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic push // g++ 12 warns of the undefined sources inside its own AVX-512 intrinsics
        #pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
        #pragma GCC diagnostic ignored "-Wuninitialized"
    #endif
/// Sixteen columns at a time, the last ones under a mask.
[[gnu::target("avx512f,avx512bw")]] inline void dequantize_rows_avx512(matrix_view<const std::int32_t> sums,
                                                                       const float* scale, const float* bias,
                                                                       bool accumulate, float* out,
                                                                       std::size_t out_stride) noexcept {
    for (std::size_t j = 0; j < sums.cols(); j += 16) {
        const auto some = static_cast<__mmask16>(sums.cols() - j < 16 ? (1u << (sums.cols() - j)) - 1 : 0xffff);
        const __m512 by = _mm512_maskz_loadu_ps(some, scale + j),
                     add = bias == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(some, bias + j);
        for (std::size_t r = 0; r < sums.rows(); ++r) {
            float* to = out + r * out_stride + j;
            __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32(some, &sums(r, j))), by);
            if (bias != nullptr) value = _mm512_add_ps(value, add);
            if (accumulate) value = _mm512_add_ps(_mm512_maskz_loadu_ps(some, to), value);
            _mm512_mask_storeu_ps(to, some, value);
        }
    }
}
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic pop
    #endif
#endif

/// The kernel for @p instructions.
[[nodiscard]] inline auto dequantize_rows_for(isa instructions) noexcept {
    auto* rows = &dequantize_rows;
    static_cast<void>(instructions);
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    if (instructions >= isa::avx2) rows = &dequantize_rows_avx2;
#endif
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    if (instructions >= isa::avx512bw) rows = &dequantize_rows_avx512;
#endif
    return rows;
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
