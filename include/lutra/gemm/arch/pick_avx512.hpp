// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_avx512.hpp>
#include <lutra/gemm/arch/pick_avx2.hpp>
#if LUTRA_RUNTIME_DISPATCH || (defined(__AVX512BW__) && defined(__AVX512VL__))
    #include <cstddef>
    #include <cstdint>
    #include <immintrin.h>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// The same in 512 bits. Two ports share the three instructions of a step, one of which only one of them can do (VPSHUFB),
/// so that 2:4 takes three quarters of the dense time at best, and 1:4 three eighths. The broadcast is a load.
struct pick_avx512 {
    using lhs_lane = std::int16_t;
    using rhs_lane = std::int16_t;
    static constexpr std::size_t group = pick_window, rows = 12, panels = 2;
    static constexpr std::int32_t lhs_offset = 0;

    template <std::size_t Rows, std::size_t Panels>
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static void
    tile(const tile_steps& s, const std::int16_t* a, std::size_t a_stride, const std::int16_t* b, std::size_t b_stride,
         std::int32_t* c, std::size_t c_stride) noexcept {
        constexpr __mmask16 all = 0xffff; // g++ 12 warns of the unmasked broadcast's undefined source
        __m512i sum[Rows][Panels];
    #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i)
            for (std::size_t p = 0; p < Panels; ++p) sum[i][p] = _mm512_setzero_si512();
        for (std::size_t step = 0; step < s.steps; ++step, b += pick_lanes) {
            const std::int16_t* window = a + s.offsets[step];
            __m512i w[Panels], pick[Panels];
            for (std::size_t p = 0; p < Panels; ++p) {
                w[p] = _mm512_loadu_si512(b + p * b_stride);
                pick[p] = _mm512_loadu_si512(b + p * b_stride + pick_columns);
            }
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < Rows; ++i) {
                const auto* from = reinterpret_cast<const __m128i*>(window + i * a_stride);
                const __m512i x = _mm512_maskz_broadcast_i32x4(all, _mm_loadu_si128(from));
                for (std::size_t p = 0; p < Panels; ++p)
                    sum[i][p] = _mm512_add_epi32(sum[i][p], _mm512_madd_epi16(_mm512_shuffle_epi8(x, pick[p]), w[p]));
            }
        }
    #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i)
            for (std::size_t p = 0; p < Panels; ++p) _mm512_storeu_si512(c + i * c_stride + p * panel_columns, sum[i][p]);
    }
    static constexpr auto map_row = int8_avx512::map_row;
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
