// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if LUTRA_RUNTIME_DISPATCH || (defined(__AVX512BW__) && defined(__AVX512VBMI__))
    #include <array>
    #include <cstddef>
    #include <cstdint>
    #include <immintrin.h>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// Look-ups in registers by byte permutes: the 256 products of one activation are planes of bytes, four registers each, and
/// two two-source permutes look 64 bytes of a plane up. The bytes are added as 16-bit words, without widening them.
struct table_permute_vbmi {
    static constexpr std::size_t columns = 64;

    /// As table_permute_avx512::add for Tiles * 64 columns, with the sums of 32 columns after the other.
    template <std::size_t Tiles, class Entry>
    [[gnu::target("avx512f,avx512bw,avx512vl,avx512vbmi")]] static void
    add(const Entry* table, const std::int8_t* a, std::size_t a_stride, const std::uint8_t* weights, std::size_t padded,
        std::size_t k, std::uint16_t* sums) noexcept {
        constexpr bool two_planes = sizeof(Entry) == 2;
        const __m512i evens = _mm512_loadu_si512(even_bytes.data()), odds = _mm512_add_epi8(evens, _mm512_set1_epi8(1));
        const __m512i first = _mm512_set1_epi16(1);
        // of the entries' high (or only) bytes, which are signed, and of their low ones, which are not
        __m512i even[Tiles], odd[Tiles], low_words[Tiles], low_odd[Tiles];
    #pragma GCC unroll 16
        for (std::size_t t = 0; t < Tiles; ++t) even[t] = odd[t] = low_words[t] = low_odd[t] = _mm512_setzero_si512();
        for (std::size_t p = 0; p < k; ++p) {
            const Entry* from = table + std::size_t{static_cast<std::uint8_t>(a[p * a_stride])} * 256;
            __m512i high[4], low[4];
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < 4; ++i) {
                high[i] = _mm512_loadu_si512(from + i * 64);
                if constexpr (two_planes) {
                    const __m512i rest = _mm512_loadu_si512(from + i * 64 + 32);
                    low[i] = _mm512_permutex2var_epi8(high[i], evens, rest);
                    high[i] = _mm512_permutex2var_epi8(high[i], odds, rest);
                }
            }
    #pragma GCC unroll 16
            for (std::size_t t = 0; t < Tiles; ++t) {
                const __m512i index = _mm512_loadu_si512(weights + p * padded + t * columns);
                const __mmask64 upper = _mm512_movepi8_mask(index);
                if constexpr (two_planes) {
                    const __m512i bytes = look_up(low, index, upper);
                    low_words[t] = _mm512_add_epi16(low_words[t], bytes);
                    low_odd[t] = _mm512_add_epi16(low_odd[t], _mm512_srli_epi16(bytes, 8));
                }
                const __m512i bytes = look_up(high, index, upper);
                even[t] = _mm512_add_epi16(even[t], _mm512_maddubs_epi16(first, bytes));
                odd[t] = _mm512_add_epi16(odd[t], _mm512_srai_epi16(bytes, 8));
            }
        }
    #pragma GCC unroll 16
        for (std::size_t t = 0; t < Tiles; ++t) {
            _mm512_storeu_si512(sums + t * 2 * columns, even[t]);
            _mm512_storeu_si512(sums + t * 2 * columns + 32, odd[t]);
            if constexpr (two_planes) {
                _mm512_storeu_si512(sums + t * 2 * columns + 64, low_words[t]);
                _mm512_storeu_si512(sums + t * 2 * columns + 96, low_odd[t]);
            }
        }
        for (std::size_t t = 0; t < Tiles; ++t) finish<two_planes>(sums + t * 2 * columns);
    }

private:
    static constexpr auto even_bytes = [] {
        std::array<std::uint8_t, 64> at{};
        for (std::size_t i = 0; i < at.size(); ++i) at[i] = static_cast<std::uint8_t>(2 * i);
        return at;
    }();
    static constexpr auto in_turns = [] { // words of two registers
        std::array<std::uint16_t, 32> at{};
        for (std::size_t i = 0; i < at.size(); ++i) at[i] = static_cast<std::uint16_t>(i / 2 + i % 2 * 32);
        return at;
    }();

    /// The bytes of @p plane at @p index, whose top bits are @p upper. A masked permute leaves the other bytes of its index
    /// as they are: indices for the second permute, then products of the first, so that nothing is left to blend.
    [[gnu::target("avx512f,avx512bw,avx512vl,avx512vbmi")]] static __m512i look_up(const __m512i (&plane)[4], __m512i index,
                                                                                   __mmask64 upper) noexcept {
        const __m512i half = _mm512_mask2_permutex2var_epi8(plane[0], index, _knot_mask64(upper), plane[1]);
        return _mm512_mask2_permutex2var_epi8(plane[2], half, upper, plane[3]);
    }
    /// Brings a tile's sums into order: those of words and of high bytes of 32 columns, then of the others. Not inlined, or
    /// g++ no longer adds in place in the loop.
    template <bool TwoPlanes>
    [[gnu::noinline, gnu::target("avx512f,avx512bw,avx512vl,avx512vbmi")]] static void finish(std::uint16_t* sums) noexcept {
        const __m512i even = _mm512_loadu_si512(sums), odd = _mm512_loadu_si512(sums + 32);
        if constexpr (TwoPlanes) {
            const __m512i low_words = _mm512_loadu_si512(sums + 64), low_odd = _mm512_loadu_si512(sums + 96);
            const __m512i low_even = _mm512_sub_epi16(low_words, _mm512_slli_epi16(low_odd, 8));
            store(sums, _mm512_add_epi16(low_even, _mm512_slli_epi16(even, 8)),
                  _mm512_add_epi16(low_odd, _mm512_slli_epi16(odd, 8)));
            store(sums + 32, even, odd);
        } else {
            store(sums, even, odd);
            store(sums + 32, _mm512_srai_epi16(even, 8), _mm512_srai_epi16(odd, 8));
        }
    }
    /// Puts the words of @p even and @p odd in turns, 32 at @p to and 32 at @p to + 64.
    [[gnu::target("avx512f,avx512bw,avx512vl,avx512vbmi")]] static void store(std::uint16_t* to, __m512i even,
                                                                              __m512i odd) noexcept {
        const __m512i turns = _mm512_loadu_si512(in_turns.data());
        _mm512_storeu_si512(to, _mm512_permutex2var_epi16(even, turns, odd));
        _mm512_storeu_si512(to + 64, _mm512_permutex2var_epi16(even, _mm512_add_epi16(turns, _mm512_set1_epi16(16)), odd));
    }
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
