// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_avx2.hpp>
#if LUTRA_RUNTIME_DISPATCH || (defined(__AVX512BW__) && defined(__AVX512VL__))
    #include <cstddef>
    #include <cstdint>
    #include <cstring>
    #include <immintrin.h>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// A 256-entry map of bytes to 16 bits in eight registers.
struct map_avx512 {
    __m512i entries[8];

    [[gnu::target("avx512f,avx512bw,avx512vl")]] explicit map_avx512(const std::int16_t* map) noexcept {
        for (int i = 0; i < 8; ++i) entries[i] = _mm512_loadu_si512(map + i * 32);
    }
    /// The lowest min(@p n, 32) bits.
    static __mmask32 first(std::size_t n) noexcept { return n >= 32 ? 0xffffffffu : (1u << n) - 1; }
    /// min(@p n, 32) bytes and zeros.
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static __m256i load(const std::int8_t* from, std::size_t n) noexcept {
        return _mm256_maskz_loadu_epi8(first(n), from);
    }
    /// The entries of 32 bytes that were widened to 16 bits. The permute reads the low six bits of an index.
    [[gnu::target("avx512f,avx512bw,avx512vl")]] __m512i operator()(__m512i index) const noexcept {
        const __mmask32 second = _mm512_movepi16_mask(_mm512_slli_epi16(index, 9));
        const __mmask32 upper = _mm512_movepi16_mask(_mm512_slli_epi16(index, 8));
        const __m512i low = _mm512_mask_blend_epi16(second, _mm512_permutex2var_epi16(entries[0], index, entries[1]),
                                                    _mm512_permutex2var_epi16(entries[2], index, entries[3]));
        const __m512i high = _mm512_mask_blend_epi16(second, _mm512_permutex2var_epi16(entries[4], index, entries[5]),
                                                     _mm512_permutex2var_epi16(entries[6], index, entries[7]));
        return _mm512_mask_blend_epi16(upper, low, high);
    }
};

/// VPMADDWD in 512 bits: 32 exact products an instruction, whatever the signs. Two ports do it and the addition behind it,
/// so 32 products a cycle are the limit; 12 x 32 sums leave both ports no wait for registers or loads.
struct int8_avx512 {
    using lhs_lane = std::int16_t;
    using rhs_lane = std::int16_t;
    static constexpr std::size_t group = 2, rows = 12, panels = 2;
    static constexpr std::int32_t lhs_offset = 0;

    template <std::size_t Rows, std::size_t Panels>
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static void
    tile(const tile_steps& s, const std::int16_t* a, std::size_t a_stride, const std::int16_t* b, std::size_t b_stride,
         std::int32_t* c, std::size_t c_stride) noexcept {
        __m512i sum[Rows][Panels];
    #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i)
            for (std::size_t p = 0; p < Panels; ++p) sum[i][p] = _mm512_setzero_si512();
        for (std::size_t step = 0; step < s.steps; ++step, a += group, b += group * panel_columns) {
            __m512i w[Panels];
            for (std::size_t p = 0; p < Panels; ++p) w[p] = _mm512_loadu_si512(b + p * b_stride);
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < Rows; ++i) {
                std::int32_t pair;
                std::memcpy(&pair, a + i * a_stride, sizeof pair);
                const __m512i x = _mm512_set1_epi32(pair);
                for (std::size_t p = 0; p < Panels; ++p) sum[i][p] = _mm512_add_epi32(sum[i][p], _mm512_madd_epi16(x, w[p]));
            }
        }
    #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i)
            for (std::size_t p = 0; p < Panels; ++p) _mm512_storeu_si512(c + i * c_stride + p * panel_columns, sum[i][p]);
    }
    static constexpr auto pack_rows = int8_avx2::pack_rows;
    static constexpr auto pack_column = int8_avx2::pack_column;
    static constexpr std::size_t column_rows = int8_avx2::column_rows;

    [[gnu::target("avx512f,avx512bw,avx512vl")]] static void map_row(const std::int8_t* from, std::size_t k,
                                                                     const std::int16_t* map, std::int16_t* to) noexcept {
        if (map == nullptr) {
            for (std::size_t i = 0; i < k; i += 32)
                _mm512_mask_storeu_epi16(to + i, map_avx512::first(k - i),
                                         _mm512_cvtepi8_epi16(map_avx512::load(from + i, k - i)));
            return;
        }
        const map_avx512 look_up{map};
        for (std::size_t i = 0; i < k; i += 32)
            _mm512_mask_storeu_epi16(to + i, map_avx512::first(k - i),
                                     look_up(_mm512_cvtepu8_epi16(map_avx512::load(from + i, k - i))));
    }
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
