// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_panel.hpp>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    #include <cstddef>
    #include <cstdint>
    #include <cstring>
    #include <immintrin.h>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// VPMADDWD in 512 bits: 32 exact products an instruction, whatever the signs.
struct int8_avx512 {
    static constexpr std::size_t rows = 8;
    template <std::size_t Rows>
    [[gnu::target("avx512f,avx512bw")]] static void tile(std::size_t pairs, const std::int16_t* a, std::size_t a_stride,
                                                         const std::int16_t* b, std::int32_t* c,
                                                         std::size_t c_stride) noexcept {
        __m512i sum[Rows];
        for (std::size_t i = 0; i < Rows; ++i) sum[i] = _mm512_setzero_si512();
        for (std::size_t p = 0; p < pairs; ++p) {
            const __m512i w = _mm512_loadu_si512(b + p * int8_panel_columns * 2);
            for (std::size_t i = 0; i < Rows; ++i) {
                std::int32_t pair;
                std::memcpy(&pair, a + i * a_stride + 2 * p, sizeof pair);
                sum[i] = _mm512_add_epi32(sum[i], _mm512_madd_epi16(_mm512_set1_epi32(pair), w));
            }
        }
        for (std::size_t i = 0; i < Rows; ++i) _mm512_storeu_si512(c + i * c_stride, sum[i]);
    }
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
