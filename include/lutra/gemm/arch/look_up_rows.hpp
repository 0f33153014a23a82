// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/core/matrix_view.hpp>

#include <cstddef>
#include <cstdint>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    #include <immintrin.h>
#endif

/// @file
/// A function of a byte by its table: x(r, j) = table[x(r, j)], 256 values in the order of the bit pattern.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

constexpr void look_up_rows(matrix_view<std::int8_t> x, const std::int8_t* table) noexcept {
    for (std::size_t r = 0; r < x.rows(); ++r) {
        std::int8_t* const row = x.data() + r * x.stride(); // a byte may alias the view itself
        for (std::size_t j = 0, n = x.cols(); j < n; ++j) row[j] = table[static_cast<std::uint8_t>(row[j])];
    }
}

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic push // g++ 12 warns of the undefined sources inside its own AVX-512 intrinsics
        #pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
        #pragma GCC diagnostic ignored "-Wuninitialized"
    #endif
/// Sixty-four bytes at a time: as words, even and odd bytes by themselves, from a table of 128 words in four registers.
[[gnu::target("avx512f,avx512bw")]] inline void look_up_rows_avx512(matrix_view<std::int8_t> x,
                                                                    const std::int8_t* table) noexcept {
    const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64), t2 = _mm512_loadu_si512(table + 128),
                  t3 = _mm512_loadu_si512(table + 192), low = _mm512_set1_epi16(0xff), top = _mm512_set1_epi16(0x80),
                  one = _mm512_set1_epi16(1);
    const auto words = [&](__m512i index) __attribute__((target("avx512f,avx512bw"))) {
        const __m512i word = _mm512_srli_epi16(index, 1); // a permute reads its six lowest bits
        const __m512i pair =
            _mm512_mask_blend_epi16(_mm512_test_epi16_mask(index, top), _mm512_permutex2var_epi16(t0, word, t1),
                                    _mm512_permutex2var_epi16(t2, word, t3));
        return _mm512_srlv_epi16(pair, _mm512_slli_epi16(_mm512_and_si512(index, one), 3));
    };
    for (std::size_t r = 0; r < x.rows(); ++r) {
        std::int8_t* const row = x.data() + r * x.stride();
        for (std::size_t j = 0, n = x.cols(); j < n; j += 64) {
            const auto some = n - j < 64 ? (__mmask64{1} << (n - j)) - 1 : ~__mmask64{0};
            const __m512i index = _mm512_maskz_loadu_epi8(some, row + j);
            const __m512i even = words(_mm512_and_si512(index, low)), odd = words(_mm512_srli_epi16(index, 8));
            _mm512_mask_storeu_epi8(row + j, some, _mm512_or_si512(_mm512_and_si512(even, low), _mm512_slli_epi16(odd, 8)));
        }
    }
}
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic pop
    #endif
#endif

/// The kernel for @p instructions.
[[nodiscard]] inline auto look_up_rows_for(isa instructions) noexcept {
    auto* rows = &look_up_rows;
    static_cast<void>(instructions);
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    if (instructions >= isa::avx512bw && instructions <= isa::avx512vbmi) rows = &look_up_rows_avx512;
#endif
    return rows;
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
