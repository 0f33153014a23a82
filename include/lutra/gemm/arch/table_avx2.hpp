// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/table_scalar.hpp>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    #include <cstddef>
    #include <cstdint>
    #include <immintrin.h>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// Blocks with rows of one or two 256-bit registers.
struct table_avx2 {
    [[gnu::target("avx2")]] static table_groups groups(const std::uint8_t* index, std::size_t count) noexcept {
        const __m256i nibble = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
        const __m256i bits = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ull));
        const __m256i low = _mm256_unpacklo_epi64(bits, zero), high = _mm256_unpacklo_epi64(zero, bits);
        __m256i found_low = zero, found_high = zero;
        std::size_t j = 0;
        for (; j + 32 <= count; j += 32) {
            const __m256i value = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index + j));
            const __m256i group = _mm256_and_si256(_mm256_srli_epi16(value, 4), nibble);
            found_low = _mm256_or_si256(found_low, _mm256_shuffle_epi8(low, group));
            found_high = _mm256_or_si256(found_high, _mm256_shuffle_epi8(high, group));
        }
        alignas(32) std::uint8_t bytes[64];
        _mm256_store_si256(reinterpret_cast<__m256i*>(bytes), found_low);
        _mm256_store_si256(reinterpret_cast<__m256i*>(bytes + 32), found_high);
        table_groups found = table_scalar::groups(index + j, count - j);
        for (std::size_t i = 0; i < 32; ++i) found |= bytes[i] | table_groups{bytes[32 + i]} << 8;
        return found;
    }

    template <std::size_t Bytes, class Entry>
    [[gnu::target("avx2")]] static void expand(const Entry* table, const std::uint8_t* lanes, table_groups groups,
                                               std::byte* block) noexcept {
        constexpr std::size_t count = 16 / sizeof(Entry); // lanes and values of a square
        for (std::size_t part = 0; part < Bytes; part += 32) {
            const Entry* rows[2 * count];
            for (std::size_t i = 0; i < 2 * count; ++i) rows[i] = table + std::size_t{lanes[part / sizeof(Entry) + i]} * 256;
            for (std::size_t v = 0; v < 256; v += count) {
                if ((groups >> (v / 16) & 1) == 0) continue;
                __m256i square[count];
                for (std::size_t i = 0; i < count; ++i) {
                    square[i] = halves(rows[i] + v, rows[i + count] + v);
                    if (sizeof(Entry) == 1 && i % 2 == table_low_lane)
                        square[i] = _mm256_xor_si256(square[i], _mm256_set1_epi8(-128));
                }
                transpose(square);
                for (std::size_t i = 0; i < count; ++i)
                    _mm256_store_si256(reinterpret_cast<__m256i*>(block + (v + i) * Bytes + part), square[i]);
            }
        }
    }

    template <std::size_t Bytes, std::size_t Depth>
    [[gnu::target("avx2")]] static void add(const std::byte* blocks, const std::uint8_t* index, std::size_t stride,
                                            std::size_t count, std::uint16_t* sums) noexcept {
        constexpr std::size_t parts = Bytes / 32;
        for (std::size_t j = 0; j < count; ++j, sums += Bytes) {
            auto* out = reinterpret_cast<__m256i*>(sums);
            __m256i sum[parts], high[parts];
            for (std::size_t i = 0; i < parts; ++i) sum[i] = _mm256_load_si256(out + i);
            for (std::size_t i = 0; i < parts; ++i) high[i] = _mm256_load_si256(out + parts + i);
            for (std::size_t k = 0; k < Depth; ++k) {
                const std::byte* from = blocks + (k * 256 + index[k * stride + j]) * Bytes;
                for (std::size_t i = 0; i < parts; ++i) {
                    const __m256i row = _mm256_load_si256(reinterpret_cast<const __m256i*>(from) + i);
                    sum[i] = _mm256_add_epi16(sum[i], row);
                    high[i] = _mm256_add_epi16(high[i], _mm256_srai_epi16(row, 8));
                }
            }
            for (std::size_t i = 0; i < parts; ++i) _mm256_store_si256(out + i, sum[i]);
            for (std::size_t i = 0; i < parts; ++i) _mm256_store_si256(out + parts + i, high[i]);
        }
    }

private:
    [[gnu::target("avx2")]] static __m256i halves(const void* a, const void* b) noexcept {
        return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(a))),
                                       _mm_loadu_si128(static_cast<const __m128i*>(b)), 1);
    }
    /// Transposes within 128 bits: each pass moves the top bit of the register's number behind the lane's.
    [[gnu::target("avx2")]] static void transpose(__m256i (&r)[8]) noexcept {
        for (int pass = 0; pass < 3; ++pass) {
            __m256i t[8];
            for (std::size_t i = 0; i < 4; ++i) {
                t[2 * i] = _mm256_unpacklo_epi16(r[i], r[i + 4]);
                t[2 * i + 1] = _mm256_unpackhi_epi16(r[i], r[i + 4]);
            }
            for (std::size_t i = 0; i < 8; ++i) r[i] = t[i];
        }
    }
    [[gnu::target("avx2")]] static void transpose(__m256i (&r)[16]) noexcept {
        for (int pass = 0; pass < 4; ++pass) {
            __m256i t[16];
            for (std::size_t i = 0; i < 8; ++i) {
                t[2 * i] = _mm256_unpacklo_epi8(r[i], r[i + 8]);
                t[2 * i + 1] = _mm256_unpackhi_epi8(r[i], r[i + 8]);
            }
            for (std::size_t i = 0; i < 16; ++i) r[i] = t[i];
        }
    }
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
#endif
