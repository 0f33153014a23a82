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
        const __m256i bits = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201u));
        const __m256i low = _mm256_unpacklo_epi64(bits, zero), high = _mm256_unpacklo_epi64(zero, bits);
        table_groups found = 0;
        std::size_t j = 0;
        while (j + 32 <= count && found != 0xffff) {
            __m256i found_low = zero, found_high = zero;
            for (const std::size_t end = j + 256; j + 32 <= count && j < end; j += 32) {
                const __m256i value = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index + j));
                const __m256i group = _mm256_and_si256(_mm256_srli_epi16(value, 4), nibble);
                found_low = _mm256_or_si256(found_low, _mm256_shuffle_epi8(low, group));
                found_high = _mm256_or_si256(found_high, _mm256_shuffle_epi8(high, group));
            }
            alignas(8) std::uint64_t bytes[8];
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes), found_low);
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes + 4), found_high);
            std::uint64_t fold_low = bytes[0] | bytes[1] | bytes[2] | bytes[3];
            std::uint64_t fold_high = bytes[4] | bytes[5] | bytes[6] | bytes[7];
            for (int shift = 32; shift >= 8; shift /= 2) fold_low |= fold_low >> shift, fold_high |= fold_high >> shift;
            found |= static_cast<table_groups>((fold_low & 0xff) | (fold_high & 0xff) << 8);
        }
        return found == 0xffff ? found : found | table_scalar::groups(index + j, count - j);
    }

    template <std::size_t Bytes, class Entry>
    [[gnu::target("avx2")]] static void expand(const Entry* table, const std::uint8_t* lanes, table_groups groups,
                                               std::byte* block) noexcept {
        constexpr std::size_t values = 16 / sizeof(Entry);
        for (std::size_t part = 0; part < Bytes; part += 32) {
            const Entry* rows[32 / sizeof(Entry)];
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < 16; ++i) rows[i] = table + std::size_t{lanes[part / 2 + i]} * 256;
            if constexpr (sizeof(Entry) == 1)
    #pragma GCC unroll 16
                for (std::size_t i = 0; i < 16; ++i)
                    rows[16 + i] = table + std::size_t{lanes[Bytes / 2 + part / 2 + i]} * 256;
            const auto store = [&](std::size_t v, __m256i row) __attribute__((target("avx2"))) {
                _mm256_store_si256(reinterpret_cast<__m256i*>(block + v * Bytes + part), row);
            };
            for (std::size_t v = 0; v < 256; v += values) {
                if ((groups >> (v / 16) & 1) == 0) continue;
                __m256i first[8];
                words(rows, v, first);
                if constexpr (sizeof(Entry) == 2) {
    #pragma GCC unroll 16
                    for (std::size_t i = 0; i < 8; ++i) store(v + i, first[i]);
                } else {
                    __m256i second[8];
                    words(rows + 16, v, second);
                    const __m256i flip = _mm256_set1_epi8(-128), high = _mm256_set1_epi16(-256);
    #pragma GCC unroll 16
                    for (std::size_t i = 0; i < 8; ++i) { // a word holds two values of a lane
                        first[i] = _mm256_xor_si256(first[i], flip);
                        store(v + 2 * i, _mm256_blendv_epi8(first[i], _mm256_slli_epi16(second[i], 8), high));
                        store(v + 2 * i + 1, _mm256_blendv_epi8(_mm256_srli_epi16(first[i], 8), second[i], high));
                    }
                }
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
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < parts; ++i) sum[i] = _mm256_load_si256(out + i);
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < parts; ++i) high[i] = _mm256_load_si256(out + parts + i);
    #pragma GCC unroll 16
            for (std::size_t k = 0; k < Depth; ++k) {
                const std::byte* from = blocks + (k * 256 + index[k * stride + j]) * Bytes;
    #pragma GCC unroll 16
                for (std::size_t i = 0; i < parts; ++i) {
                    const __m256i row = _mm256_load_si256(reinterpret_cast<const __m256i*>(from) + i);
                    sum[i] = _mm256_add_epi16(sum[i], row);
                    high[i] = _mm256_add_epi16(high[i], _mm256_srai_epi16(row, 8));
                }
            }
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < parts; ++i) _mm256_store_si256(out + i, sum[i]);
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < parts; ++i) _mm256_store_si256(out + parts + i, high[i]);
        }
    }

private:
    [[gnu::target("avx2")]] static __m256i halves(const void* a, const void* b) noexcept {
        return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(a))),
                                       _mm_loadu_si128(static_cast<const __m128i*>(b)), 1);
    }
    /// The 8 words at @p v of 16 table rows, as 8 registers with a word of each row: three passes, each of which moves the
    /// top bit of the register's number behind the lane's.
    template <class Entry>
    [[gnu::target("avx2")]] static void words(const Entry* const* rows, std::size_t v, __m256i (&r)[8]) noexcept {
    #pragma GCC unroll 16
        for (std::size_t i = 0; i < 8; ++i) r[i] = halves(rows[i] + v, rows[i + 8] + v);
    #pragma GCC unroll 16
        for (int pass = 0; pass < 3; ++pass) {
            __m256i t[8];
    #pragma GCC unroll 16
            for (std::size_t i = 0; i < 4; ++i) {
                t[2 * i] = _mm256_unpacklo_epi16(r[i], r[i + 4]);
                t[2 * i + 1] = _mm256_unpackhi_epi16(r[i], r[i + 4]);
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
