// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_scalar.hpp>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    #include <cstddef>
    #include <cstdint>
    #include <cstring>
    #include <immintrin.h>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// VPMADDWD in 256 bits, two registers a panel: 16 exact products a cycle.
struct int8_avx2 {
    using lhs_lane = std::int16_t;
    using rhs_lane = std::int16_t;
    static constexpr std::size_t group = 2, rows = 6, panels = 1;
    static constexpr std::int32_t lhs_offset = 0;

    template <std::size_t Rows, std::size_t>
    [[gnu::target("avx2")]] static void tile(const tile_steps& s, const std::int16_t* a, std::size_t a_stride,
                                             const std::int16_t* b, std::size_t, std::int32_t* c,
                                             std::size_t c_stride) noexcept {
        __m256i low[Rows], high[Rows];
    #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i) low[i] = high[i] = _mm256_setzero_si256();
        for (std::size_t step = 0; step < s.steps; ++step, a += group, b += group * panel_columns) {
            const auto* panel = reinterpret_cast<const __m256i*>(b);
            const __m256i first = _mm256_loadu_si256(panel), second = _mm256_loadu_si256(panel + 1);
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < Rows; ++i) {
                std::int32_t pair;
                std::memcpy(&pair, a + i * a_stride, sizeof pair);
                const __m256i x = _mm256_set1_epi32(pair);
                low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(x, first));
                high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(x, second));
            }
        }
    #pragma GCC unroll 16
        for (std::size_t i = 0; i < Rows; ++i) {
            auto* out = reinterpret_cast<__m256i*>(c + i * c_stride);
            _mm256_storeu_si256(out, low[i]);
            _mm256_storeu_si256(out + 1, high[i]);
        }
    }
    /// Packs two rows of a whole panel, as they are.
    [[gnu::target("avx2")]] static void pack_rows(const std::int8_t* from, std::size_t stride, std::int16_t* out) noexcept {
        const __m128i even = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        const __m128i odd = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + stride));
        auto* to = reinterpret_cast<__m256i*>(out);
        _mm256_storeu_si256(to, _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(even, odd)));
        _mm256_storeu_si256(to + 1, _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(even, odd)));
    }
    /// Packs 16 rows of one column, which lie side by side, as they are.
    [[gnu::target("avx2")]] static void pack_column(const std::int8_t* from, std::int16_t* out) noexcept {
        const __m256i pairs = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
        std::int16_t lanes[column_rows];
        std::memcpy(lanes, &pairs, sizeof lanes);
        for (std::size_t i = 0; i < column_rows; i += group)
            std::memcpy(out + i * panel_columns, lanes + i, group * sizeof(std::int16_t));
    }
    static constexpr std::size_t column_rows = 16;
    /// Widening is for the vector unit; a map is one load an element.
    [[gnu::target("avx2")]] static void map_row(const std::int8_t* from, std::size_t k, const std::int16_t* map,
                                                std::int16_t* to) noexcept {
        std::size_t i = 0;
        if (map == nullptr)
            for (; i + 16 <= k; i += 16)
                _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i),
                                    _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
        int8_scalar::map_row(from + i, k - i, map, to + i);
    }
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
