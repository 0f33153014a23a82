// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/table_avx2.hpp>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX512BW__)
    #include <cstddef>
    #include <cstdint>
    #include <immintrin.h>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// Blocks with rows of one 512-bit register; narrower ones are left to AVX2. Loops over registers are unrolled by hand: g++
/// -O2 would keep them in memory.
struct table_avx512 {
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static table_groups groups(const std::uint8_t* index,
                                                                            std::size_t count) noexcept {
        return table_avx2::groups(index, count);
    }

    template <std::size_t Bytes, class Entry>
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static void expand(const Entry* table, const std::uint8_t* lanes,
                                                                    table_groups groups, std::byte* block) noexcept {
        if constexpr (Bytes < 64) {
            table_avx2::expand<Bytes>(table, lanes, groups, block);
        } else {
            constexpr std::size_t count = 64 / sizeof(Entry), values = 32 / sizeof(Entry);
            const Entry* rows[count];
            for (std::size_t i = 0; i < count; ++i) rows[i] = table + std::size_t{lanes[i]} * 256;
            for (std::size_t v = 0; v < 256; v += values) {
                if ((groups >> (v / 16) & (values / 16 == 2 ? 3u : 1u)) == 0) continue;
                __m512i first[16];
                words(rows, v, first);
                if constexpr (sizeof(Entry) == 2) {
    #pragma GCC unroll 16
                    for (std::size_t i = 0; i < 16; ++i) _mm512_store_si512(block + (v + i) * 64, first[i]);
                } else {
                    __m512i second[16];
                    words(rows + 32, v, second);
                    const __m512i flip = _mm512_set1_epi8(-128), low = _mm512_set1_epi16(255);
    #pragma GCC unroll 16
                    for (std::size_t i = 0; i < 16; ++i) { // a word holds two values of a lane
                        first[i] = _mm512_xor_si512(first[i], flip);
                        _mm512_store_si512(block + (v + 2 * i) * 64, choose(low, first[i], _mm512_slli_epi16(second[i], 8)));
                        _mm512_store_si512(block + (v + 2 * i + 1) * 64,
                                           choose(low, _mm512_srli_epi16(first[i], 8), second[i]));
                    }
                }
            }
        }
    }

    template <std::size_t Bytes, std::size_t Depth>
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static void add(const std::byte* blocks, const std::uint8_t* index,
                                                                 std::size_t stride, std::size_t count,
                                                                 std::uint16_t* sums) noexcept {
        if constexpr (Bytes < 64) {
            table_avx2::add<Bytes, Depth>(blocks, index, stride, count, sums);
        } else {
            for (std::size_t j = 0; j < count; ++j, sums += 64) {
                __m512i sum = _mm512_load_si512(sums), high = _mm512_load_si512(sums + 32);
    #pragma GCC unroll 16
                for (std::size_t k = 0; k < Depth; ++k) {
                    const __m512i row = _mm512_load_si512(blocks + (k * 256 + index[k * stride + j]) * 64);
                    sum = _mm512_add_epi16(sum, row);
                    high = _mm512_add_epi16(high, _mm512_srai_epi16(row, 8));
                }
                _mm512_store_si512(sums, sum);
                _mm512_store_si512(sums + 32, high);
            }
        }
    }

private:
    /// The bits of @p a where @p mask has ones, else of @p b.
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static __m512i choose(__m512i mask, __m512i a, __m512i b) noexcept {
        return _mm512_ternarylogic_epi64(mask, a, b, 0xca);
    }
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static __m512i halves(const void* a, const void* b) noexcept {
        const __m512i low = _mm512_castsi256_si512(_mm256_loadu_si256(static_cast<const __m256i*>(a)));
        return _mm512_mask_broadcast_i64x4(low, 0xf0, _mm256_loadu_si256(static_cast<const __m256i*>(b)));
    }
    /// The 16 words at @p v of 32 table rows, as 16 registers with a word of each row.
    template <class Entry>
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static void words(const Entry* const* rows, std::size_t v,
                                                                   __m512i (&out)[16]) noexcept {
        __m512i first[8], second[8]; // rows 0..7 and 16..23, rows 8..15 and 24..31
    #pragma GCC unroll 16
        for (std::size_t i = 0; i < 8; ++i) {
            first[i] = halves(rows[i] + v, rows[i + 16] + v);
            second[i] = halves(rows[i + 8] + v, rows[i + 24] + v);
        }
        transpose(first);
        transpose(second);
        // even and odd quarters of two registers, in turns
        const __m512i even = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
        const __m512i odd = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    #pragma GCC unroll 16
        for (std::size_t i = 0; i < 8; ++i) {
            out[i] = _mm512_permutex2var_epi64(first[i], even, second[i]);
            out[i + 8] = _mm512_permutex2var_epi64(first[i], odd, second[i]);
        }
    }
    /// Transposes within 128 bits: each pass moves the top bit of the register's number behind the lane's.
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static void transpose(__m512i (&r)[8]) noexcept {
    #pragma GCC unroll 16
        for (int pass = 0; pass < 3; ++pass) {
            __m512i t[8];
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < 4; ++i) {
                t[2 * i] = _mm512_unpacklo_epi16(r[i], r[i + 4]);
                t[2 * i + 1] = _mm512_unpackhi_epi16(r[i], r[i + 4]);
            }
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < 8; ++i) r[i] = t[i];
        }
    }
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
