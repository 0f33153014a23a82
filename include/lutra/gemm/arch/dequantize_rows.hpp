// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>

#include <cstddef>
#include <cstdint>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    #include <cstring>
    #include <immintrin.h>
#endif

/// @file
/// Int32 sums to float, column by column: out[j] = sums[j] * scale[j] (+ bias[j]) (+ out[j]) for `count` columns; a null
/// bias is none. What comes out for a column does not depend on where in a piece it stands.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

constexpr void dequantize_row(const std::int32_t* sums, const float* scale, const float* bias, bool accumulate,
                              std::size_t count, float* out) noexcept {
    for (std::size_t j = 0; j < count; ++j) {
        float value = static_cast<float>(sums[j]) * scale[j];
        if (bias != nullptr) value += bias[j];
        out[j] = accumulate ? out[j] + value : value;
    }
}

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
/// Eight columns at a time; the last ones in memory of their own.
[[gnu::target("avx2")]] inline void dequantize_row_avx2(const std::int32_t* sums, const float* scale, const float* bias,
                                                        bool accumulate, std::size_t count, float* out) noexcept {
    while (count > 0) {
        std::int32_t some_sums[8];
        float some_scale[8], some_bias[8], some_out[8];
        const std::size_t n = count < 8 ? count : 8;
        float* to = out;
        if (n < 8) {
            std::memset(some_sums, 0, sizeof some_sums);
            std::memset(some_scale, 0, sizeof some_scale);
            std::memset(some_bias, 0, sizeof some_bias);
            std::memset(some_out, 0, sizeof some_out);
            std::memcpy(some_sums, sums, n * sizeof *sums);
            std::memcpy(some_scale, scale, n * sizeof *scale);
            if (bias != nullptr) std::memcpy(some_bias, bias, n * sizeof *bias);
            if (accumulate) std::memcpy(some_out, out, n * sizeof *out);
            sums = some_sums, scale = some_scale, to = some_out;
            if (bias != nullptr) bias = some_bias;
        }
        __m256 value = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums))),
                                     _mm256_loadu_ps(scale));
        if (bias != nullptr) value = _mm256_add_ps(value, _mm256_loadu_ps(bias));
        if (accumulate) value = _mm256_add_ps(_mm256_loadu_ps(to), value);
        _mm256_storeu_ps(to, value);
        if (n < 8) std::memcpy(out, some_out, n * sizeof *out);
        sums += n, scale += n, out += n, count -= n;
        if (bias != nullptr) bias += n;
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
[[gnu::target("avx512f,avx512bw")]] inline void dequantize_row_avx512(const std::int32_t* sums, const float* scale,
                                                                      const float* bias, bool accumulate, std::size_t count,
                                                                      float* out) noexcept {
    for (std::size_t j = 0; j < count; j += 16) {
        const auto some = static_cast<__mmask16>(count - j < 16 ? (1u << (count - j)) - 1 : 0xffff);
        __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32(some, sums + j)),
                                     _mm512_maskz_loadu_ps(some, scale + j));
        if (bias != nullptr) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(some, bias + j));
        if (accumulate) value = _mm512_add_ps(_mm512_maskz_loadu_ps(some, out + j), value);
        _mm512_mask_storeu_ps(out + j, some, value);
    }
}
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic pop
    #endif
#endif

/// The row kernel for @p instructions.
[[nodiscard]] inline auto dequantize_row_for(isa instructions) noexcept {
    auto* row = &dequantize_row;
    static_cast<void>(instructions);
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    if (instructions >= isa::avx2) row = &dequantize_row_avx2;
#endif
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    if (instructions >= isa::avx512bw) row = &dequantize_row_avx512;
#endif
    return row;
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
