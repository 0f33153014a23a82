// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_panel.hpp>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    #include <cstddef>
    #include <cstdint>
    #include <cstring>
    #include <immintrin.h>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// VPMADDWD in 256 bits; two registers a panel.
struct int8_avx2 {
    static constexpr std::size_t rows = 4;
    template <std::size_t Rows>
    [[gnu::target("avx2")]] static void tile(std::size_t pairs, const std::int16_t* a, std::size_t a_stride,
                                             const std::int16_t* b, std::int32_t* c, std::size_t c_stride) noexcept {
        __m256i sum[Rows][2];
        for (std::size_t i = 0; i < Rows; ++i) sum[i][0] = sum[i][1] = _mm256_setzero_si256();
        for (std::size_t p = 0; p < pairs; ++p) {
            const auto* panel = reinterpret_cast<const __m256i*>(b + p * int8_panel_columns * 2);
            const __m256i low = _mm256_loadu_si256(panel), high = _mm256_loadu_si256(panel + 1);
            for (std::size_t i = 0; i < Rows; ++i) {
                std::int32_t pair;
                std::memcpy(&pair, a + i * a_stride + 2 * p, sizeof pair);
                const __m256i left = _mm256_set1_epi32(pair);
                sum[i][0] = _mm256_add_epi32(sum[i][0], _mm256_madd_epi16(left, low));
                sum[i][1] = _mm256_add_epi32(sum[i][1], _mm256_madd_epi16(left, high));
            }
        }
        for (std::size_t i = 0; i < Rows; ++i) {
            auto* out = reinterpret_cast<__m256i*>(c + i * c_stride);
            _mm256_storeu_si256(out, sum[i][0]);
            _mm256_storeu_si256(out + 1, sum[i][1]);
        }
    }
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
