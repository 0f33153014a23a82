// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    #include <immintrin.h>
#endif
#if defined(__ARM_NEON) && defined(__aarch64__)
    #include <arm_neon.h>
#endif

/// @file
/// Bytes through a table of 256, row by row: out = table[in], the index being the byte's bit pattern. @p out may be @p in.
/// What limits each vector kernel is the one port that shuffles: 16 VPSHUFB for 32 bytes (AVX2), 4 VPERMI2W of two shuffles
/// each for 64 (AVX-512BW), 2 VPERMI2B for 64 (VBMI).

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// Rows of bytes, some bytes apart from each other.
struct byte_rows {
    const std::int8_t* in;
    std::size_t in_stride;
    std::int8_t* out;
    std::size_t out_stride, rows, cols;
};

constexpr void map_bytes(const std::int8_t* table, byte_rows b) noexcept {
    for (std::size_t r = 0; r < b.rows; ++r)
        for (std::size_t j = 0; j < b.cols; ++j)
            b.out[r * b.out_stride + j] = table[static_cast<std::uint8_t>(b.in[r * b.in_stride + j])];
}

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
/// Parts of 16 entries, of which VPSHUFB takes one by an index's low 4 bits, or 0 where the top bit is set. A part is stored
/// as its difference (xor) to the part before: an index that is lowered by 16 from part to part, with saturation, adds
/// differences up to its own part and then stays negative. One such chain serves 0 to 127, the other 128 to 255.
struct map_bytes_avx2 {
    alignas(32) std::array<std::int8_t, 256> part;

    explicit map_bytes_avx2(const std::int8_t* table) noexcept {
        for (std::size_t i = 0; i < 256; ++i)
            part[i] = i % 128 < 16 ? table[i] : static_cast<std::int8_t>(table[i] ^ table[i - 16]);
    }
    [[gnu::target("avx2")]] __m256i look_up(__m256i x) const noexcept {
        const __m256i step = _mm256_set1_epi8(16);
        __m256i upper = _mm256_xor_si256(x, _mm256_set1_epi8(-128)), found = _mm256_setzero_si256();
    #pragma GCC unroll 16
        for (std::size_t i = 0; i < 8; ++i) {
            const auto* at = reinterpret_cast<const __m128i*>(part.data()) + i;
            const __m256i lower_part = _mm256_broadcastsi128_si256(_mm_load_si128(at)),
                          upper_part = _mm256_broadcastsi128_si256(_mm_load_si128(at + 8));
            found = _mm256_xor_si256(found, _mm256_shuffle_epi8(lower_part, x));
            found = _mm256_xor_si256(found, _mm256_shuffle_epi8(upper_part, upper));
            x = _mm256_subs_epi8(x, step);
            upper = _mm256_subs_epi8(upper, step);
        }
        return found;
    }
    [[gnu::target("avx2")]] static void run(const std::int8_t* table, byte_rows b) noexcept {
        if (b.cols < 32 || b.rows * b.cols < 1024) return map_bytes(table, b); // a tile's sums do not pay for the parts
        const map_bytes_avx2 map{table};
        for (std::size_t r = 0; r < b.rows; ++r) {
            const std::int8_t* in = b.in + r * b.in_stride;
            std::int8_t* out = b.out + r * b.out_stride;
            std::size_t j = 0;
            for (; j + 32 <= b.cols; j += 32)
                _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + j),
                                    map.look_up(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + j))));
            for (; j < b.cols; ++j) out[j] = table[static_cast<std::uint8_t>(in[j])];
        }
    }
};
#endif

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
/// VPERMI2W takes one of 64 words by an index's low 6 bits. A word is the entries of i and i + 128; bit 6 decides between
/// two permutes, bit 7 between a word's bytes. The odd bytes of x are looked up after the even ones.
struct map_bytes_avx512 {
    __m512i word[4];

    [[gnu::target("avx512f,avx512bw")]] explicit map_bytes_avx512(const std::int8_t* table) noexcept {
        const __m512i front = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11),
                      back = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
        for (int i = 0; i < 2; ++i) {
            const __m512i low = _mm512_loadu_si512(table + 64 * i), high = _mm512_loadu_si512(table + 128 + 64 * i);
            const __m512i first = _mm512_unpacklo_epi8(low, high), second = _mm512_unpackhi_epi8(low, high); // of each 16
            word[2 * i] = _mm512_permutex2var_epi64(first, front, second);
            word[2 * i + 1] = _mm512_permutex2var_epi64(first, back, second);
        }
    }
    [[gnu::target("avx512f,avx512bw")]] __m512i look_up(__m512i x) const noexcept {
        const __m512i odd_index = _mm512_srli_epi16(x, 8);
        const __mmask32 even_bit6 = _mm512_test_epi16_mask(x, _mm512_set1_epi16(0x40)),
                        odd_bit6 = _mm512_test_epi16_mask(x, _mm512_set1_epi16(0x4000));
        const __m512i even = _mm512_mask_blend_epi16(even_bit6, _mm512_permutex2var_epi16(word[0], x, word[1]),
                                                     _mm512_permutex2var_epi16(word[2], x, word[3]));
        const __m512i odd = _mm512_mask_blend_epi16(odd_bit6, _mm512_permutex2var_epi16(word[0], odd_index, word[1]),
                                                    _mm512_permutex2var_epi16(word[2], odd_index, word[3]));
        const __m512i odd_bytes = _mm512_set1_epi16(-256);
        constexpr int choose = 0xca; // the first operand's bits decide between the other two's
        return _mm512_mask_blend_epi8(_mm512_movepi8_mask(x),
                                      _mm512_ternarylogic_epi32(odd_bytes, _mm512_slli_epi16(odd, 8), even, choose),
                                      _mm512_ternarylogic_epi32(odd_bytes, odd, _mm512_srli_epi16(even, 8), choose));
    }
    [[gnu::target("avx512f,avx512bw")]] static void run(const std::int8_t* table, byte_rows b) noexcept {
        const map_bytes_avx512 map{table};
        for (std::size_t r = 0; r < b.rows; ++r) {
            const std::int8_t* in = b.in + r * b.in_stride;
            std::int8_t* out = b.out + r * b.out_stride;
            std::size_t j = 0;
    #pragma GCC unroll 2 // worth 10 %
            for (; j + 64 <= b.cols; j += 64) _mm512_storeu_si512(out + j, map.look_up(_mm512_loadu_si512(in + j)));
            if (j == b.cols) continue;
            const __mmask64 some = ~std::uint64_t{0} >> (64 - (b.cols - j));
            _mm512_mask_storeu_epi8(out + j, some, map.look_up(_mm512_maskz_loadu_epi8(some, in + j)));
        }
    }
};
#endif

#if LUTRA_RUNTIME_DISPATCH || (defined(__AVX512BW__) && defined(__AVX512VBMI__))
/// VPERMI2B takes one of 128 bytes by an index's low 7 bits; bit 7 decides between two.
struct map_bytes_vbmi {
    [[gnu::target("avx512f,avx512bw,avx512vbmi")]] static __m512i look_up(const __m512i (&part)[4], __m512i x) noexcept {
        return _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), _mm512_permutex2var_epi8(part[0], x, part[1]),
                                      _mm512_permutex2var_epi8(part[2], x, part[3]));
    }
    [[gnu::target("avx512f,avx512bw,avx512vbmi")]] static void run(const std::int8_t* table, byte_rows b) noexcept {
        const __m512i part[]{_mm512_loadu_si512(table), _mm512_loadu_si512(table + 64), _mm512_loadu_si512(table + 128),
                             _mm512_loadu_si512(table + 192)};
        for (std::size_t r = 0; r < b.rows; ++r) {
            const std::int8_t* in = b.in + r * b.in_stride;
            std::int8_t* out = b.out + r * b.out_stride;
            std::size_t j = 0;
            for (; j + 64 <= b.cols; j += 64) _mm512_storeu_si512(out + j, look_up(part, _mm512_loadu_si512(in + j)));
            if (j == b.cols) continue;
            const __mmask64 some = ~std::uint64_t{0} >> (64 - (b.cols - j));
            _mm512_mask_storeu_epi8(out + j, some, look_up(part, _mm512_maskz_loadu_epi8(some, in + j)));
        }
    }
};
#endif

#if defined(__ARM_NEON) && defined(__aarch64__)
/// TBL and TBX take one of 64 bytes and leave what is beyond.
struct map_bytes_neon {
    static void run(const std::int8_t* table, byte_rows b) noexcept {
        const auto part = [&](std::size_t i) {
            const auto* from = reinterpret_cast<const std::uint8_t*>(table) + 64 * i;
            return uint8x16x4_t{{vld1q_u8(from), vld1q_u8(from + 16), vld1q_u8(from + 32), vld1q_u8(from + 48)}};
        };
        const uint8x16x4_t parts[4]{part(0), part(1), part(2), part(3)};
        for (std::size_t r = 0; r < b.rows; ++r) {
            const std::int8_t* in = b.in + r * b.in_stride;
            std::int8_t* out = b.out + r * b.out_stride;
            std::size_t j = 0;
            for (; j + 16 <= b.cols; j += 16) {
                const uint8x16_t x = vreinterpretq_u8_s8(vld1q_s8(in + j));
                uint8x16_t found = vqtbl4q_u8(parts[0], x);
                for (std::uint8_t i = 1; i < 4; ++i)
                    found = vqtbx4q_u8(found, parts[i], vsubq_u8(x, vdupq_n_u8(static_cast<std::uint8_t>(64 * i))));
                vst1q_s8(out + j, vreinterpretq_s8_u8(found));
            }
            for (; j < b.cols; ++j) out[j] = table[static_cast<std::uint8_t>(in[j])];
        }
    }
};
#endif

/// The kernel for @p instructions.
[[nodiscard]] inline auto map_bytes_for(isa instructions) noexcept {
    auto* rows = &map_bytes;
    static_cast<void>(instructions);
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    if (instructions >= isa::avx2) rows = &map_bytes_avx2::run;
#endif
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    if (instructions >= isa::avx512bw) rows = &map_bytes_avx512::run;
#endif
#if LUTRA_RUNTIME_DISPATCH || (defined(__AVX512BW__) && defined(__AVX512VBMI__))
    if (instructions >= isa::avx512vbmi) rows = &map_bytes_vbmi::run;
#endif
#if defined(__ARM_NEON) && defined(__aarch64__)
    if (instructions >= isa::neon) rows = &map_bytes_neon::run;
#endif
    return rows;
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
