// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_avx2.hpp>
#include <lutra/gemm/arch/pick_scalar.hpp>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    #include <cstddef>
    #include <cstdint>
    #include <immintrin.h>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// VPSHUFB picks, VPMADDWD multiplies, VPADDD adds: three instructions for what takes a dense tile four where every other
/// activation is kept.
struct pick_avx2 {
    using lhs_lane = std::int16_t;
    using rhs_lane = std::int16_t;
    static constexpr std::size_t group = pick_window, rows = 4, panels = 1;
    static constexpr std::int32_t lhs_offset = 0;

    template <std::size_t Rows, std::size_t>
    [[gnu::target("avx2")]] static void tile(const tile_steps& s, const std::int16_t* a, std::size_t a_stride,
                                             const std::int16_t* b, std::size_t, std::int32_t* c,
                                             std::size_t c_stride) noexcept {
        __m256i sum[Rows][2];
    #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i) sum[i][0] = sum[i][1] = _mm256_setzero_si256();
        for (std::size_t step = 0; step < s.steps; ++step, b += pick_lanes) {
            const std::int16_t* window = a + s.offsets[step];
            __m256i w[2], pick[2];
    #pragma GCC unroll 2
            for (std::size_t h = 0; h < 2; ++h) {
                w[h] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b) + h);
                pick[h] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + pick_columns) + h);
            }
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < Rows; ++i) {
                const auto* from = reinterpret_cast<const __m128i*>(window + i * a_stride);
                const __m256i x = _mm256_broadcastsi128_si256(_mm_loadu_si128(from));
    #pragma GCC unroll 2
                for (std::size_t h = 0; h < 2; ++h)
                    sum[i][h] = _mm256_add_epi32(sum[i][h], _mm256_madd_epi16(_mm256_shuffle_epi8(x, pick[h]), w[h]));
            }
        }
    #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i) {
            auto* out = reinterpret_cast<__m256i*>(c + i * c_stride);
            _mm256_storeu_si256(out, sum[i][0]);
            _mm256_storeu_si256(out + 1, sum[i][1]);
        }
    }
    static constexpr auto map_row = int8_avx2::map_row;
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
