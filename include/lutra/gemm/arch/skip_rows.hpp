// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    #include <immintrin.h>
#endif

/// @file
/// Integer products that skip the zeros of A: what is not zero in a row is listed, and the rows of B that the list names are
/// added up, times the list's values, with the sums of all columns of a group in registers.
///
/// Weights are 16 bits wide, row by row. The vector kernels interleave two kept rows of B (VPUNPCKLWD, VPUNPCKHWD) for one
/// VPMADDWD each and add: three operations a register of 32 products on the two ports where the dense kernel has two, so at
/// most 2/3 of its rate for each product that is left. To skip only pairs of neighbours that are both zero would cost no
/// third operation but leaves 1 - s^2 of the products instead of 1 - s; sums in float (exact below 2^24, one fused operation
/// for 16 products) read twice the bytes and wait for the L2 cache, at half the rate of this. Columns are stored in such an
/// order that the sums come out in order.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

inline constexpr std::size_t skip_group = 128; ///< columns of B whose sums stay in registers, at most
inline constexpr std::size_t skip_slack = 16;  ///< elements behind a list that its makers may overwrite

/// What is not zero in a row of A: factors and the rows of B that they meet. Vector kernels read one more of both where the
/// count is odd.
struct kept_row {
    const std::int16_t* values;
    const std::uint32_t* rows;
    std::size_t count;
};

/// Plain C++.
struct skip_scalar {
    static constexpr std::size_t columns = 16; ///< the least group, a divisor of every group

    /// Where column @p c of @p columns is stored.
    static constexpr std::size_t place(std::size_t c) noexcept { return c; }
    /// Lists the elements of @p x that are not 0 and whose factor in @p map (by bits; null: themselves) is not 0 either.
    static std::size_t keep(const std::int8_t* x, std::size_t n, const std::int16_t* map, std::int16_t* values,
                            std::uint32_t* rows) noexcept {
        std::size_t count = 0;
        for (std::size_t k = 0; k < n; ++k) {
            const std::int16_t v = map == nullptr ? x[k] : map[static_cast<std::uint8_t>(x[k])];
            values[count] = v;
            rows[count] = static_cast<std::uint32_t>(k);
            count += x[k] != 0 && v != 0;
        }
        return count;
    }
    /// sums[0 .. width) = the sum over the list of value * row, modulo 2^32.
    static void add(const kept_row& a, const std::int16_t* b, std::size_t width, std::int32_t* sums) noexcept {
        std::uint32_t total[skip_group] = {};
        for (std::size_t i = 0; i < a.count; ++i) {
            const std::int16_t* row = b + a.rows[i] * width;
            for (std::size_t j = 0; j < width; ++j) total[j] += static_cast<std::uint32_t>(a.values[i] * row[j]);
        }
        for (std::size_t j = 0; j < width; ++j) sums[j] = static_cast<std::int32_t>(total[j]);
    }
};

#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
/// 64 columns at a time in eight registers.
struct skip_avx2 {
    static constexpr std::size_t columns = 16;

    static constexpr std::size_t place(std::size_t c) noexcept { return c % 8 / 4 * 8 + c / 8 * 4 + c % 4; }
    static constexpr auto keep = skip_scalar::keep;

    template <std::size_t Registers>
    [[gnu::target("avx2")]] static void add_some(const kept_row& a, const std::int16_t* b, std::size_t width,
                                                 std::int32_t* sums) noexcept {
        __m256i s[2 * Registers];
    #pragma GCC unroll 8
        for (std::size_t r = 0; r < 2 * Registers; ++r) s[r] = _mm256_setzero_si256();
        for (std::size_t i = 0; i < a.count; i += 2) {
            const std::int16_t *row0 = b + a.rows[i] * width, *row1 = b + a.rows[i + 1] * width;
            std::int32_t pair;
            std::memcpy(&pair, a.values + i, sizeof pair);
            const __m256i x = _mm256_set1_epi32(pair);
    #pragma GCC unroll 4
            for (std::size_t r = 0; r < Registers; ++r) {
                const __m256i w0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row0 + r * 16)),
                              w1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row1 + r * 16));
                s[2 * r] = _mm256_add_epi32(s[2 * r], _mm256_madd_epi16(x, _mm256_unpacklo_epi16(w0, w1)));
                s[2 * r + 1] = _mm256_add_epi32(s[2 * r + 1], _mm256_madd_epi16(x, _mm256_unpackhi_epi16(w0, w1)));
            }
        }
    #pragma GCC unroll 8
        for (std::size_t r = 0; r < 2 * Registers; ++r) _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + r * 8), s[r]);
    }
    static void add(const kept_row& a, const std::int16_t* b, std::size_t width, std::int32_t* sums) noexcept {
        for (std::size_t j = 0; j < width; j += 64) switch ((width - j) / 16) {
            default: add_some<4>(a, b + j, width, sums + j); break;
            case 3: add_some<3>(a, b + j, width, sums + j); break;
            case 2: add_some<2>(a, b + j, width, sums + j); break;
            case 1: add_some<1>(a, b + j, width, sums + j); break;
            }
    }
};
#endif

#if LUTRA_RUNTIME_DISPATCH || (defined(__AVX512BW__) && defined(__AVX512VL__))
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic push // g++ 12 warns of the undefined sources inside its own AVX-512 intrinsics
        #pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
        #pragma GCC diagnostic ignored "-Wuninitialized"
    #endif
/// A group's columns in up to eight registers.
struct skip_avx512 {
    static constexpr std::size_t columns = 32;

    static constexpr std::size_t place(std::size_t c) noexcept { return c % 16 / 4 * 8 + c / 16 * 4 + c % 4; }

    [[gnu::target("avx512f,avx512bw,avx512vl")]] static std::size_t
    keep(const std::int8_t* x, std::size_t n, const std::int16_t* map, std::int16_t* values, std::uint32_t* rows) noexcept {
        __m512i at = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        std::size_t count = 0;
        for (std::size_t k = 0; k < n; k += 16) {
            const auto some = static_cast<__mmask16>(n - k < 16 ? (1u << (n - k)) - 1 : 0xffff);
            __m512i v = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(some, x + k));
            __mmask16 kept = _mm512_test_epi32_mask(v, v);
            if (map != nullptr) { // 16 bits from each of 256, the upper half of what is gathered
                const __m512i index = _mm512_and_si512(v, _mm512_set1_epi32(255));
                v = _mm512_srai_epi32(_mm512_i32gather_epi32(index, reinterpret_cast<const int*>(map - 1), 2), 16);
                kept = _mm512_mask_test_epi32_mask(kept, v, v);
            }
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(values + count),
                                _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(kept, v)));
            _mm512_storeu_si512(rows + count, _mm512_maskz_compress_epi32(kept, at));
            count += static_cast<std::size_t>(std::popcount(static_cast<std::uint16_t>(kept)));
            at = _mm512_add_epi32(at, _mm512_set1_epi32(16));
        }
        return count;
    }
    template <std::size_t Registers>
    [[gnu::target("avx512f,avx512bw,avx512vl")]] static void add_some(const kept_row& a, const std::int16_t* b,
                                                                      std::int32_t* sums) noexcept {
        constexpr std::size_t width = Registers * 32;
        __m512i s[2 * Registers];
    #pragma GCC unroll 8
        for (std::size_t r = 0; r < 2 * Registers; ++r) s[r] = _mm512_setzero_si512();
        for (std::size_t i = 0; i < a.count; i += 2) {
            const std::int16_t *row0 = b + a.rows[i] * width, *row1 = b + a.rows[i + 1] * width;
            std::int32_t pair;
            std::memcpy(&pair, a.values + i, sizeof pair);
            const __m512i x = _mm512_set1_epi32(pair);
    #pragma GCC unroll 4
            for (std::size_t r = 0; r < Registers; ++r) {
                const __m512i w0 = _mm512_loadu_si512(row0 + r * 32), w1 = _mm512_loadu_si512(row1 + r * 32);
                s[2 * r] = _mm512_add_epi32(s[2 * r], _mm512_madd_epi16(x, _mm512_unpacklo_epi16(w0, w1)));
                s[2 * r + 1] = _mm512_add_epi32(s[2 * r + 1], _mm512_madd_epi16(x, _mm512_unpackhi_epi16(w0, w1)));
            }
        }
    #pragma GCC unroll 8
        for (std::size_t r = 0; r < 2 * Registers; ++r) _mm512_storeu_si512(sums + r * 16, s[r]);
    }
    static void add(const kept_row& a, const std::int16_t* b, std::size_t width, std::int32_t* sums) noexcept {
        switch (width / 32) {
        case 1: return add_some<1>(a, b, sums);
        case 2: return add_some<2>(a, b, sums);
        case 3: return add_some<3>(a, b, sums);
        default: return add_some<4>(a, b, sums);
        }
    }
};
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic pop
    #endif
#endif

/// Calls f(Skip{}) with the kernel of @p instructions.
template <class F>
constexpr decltype(auto) with_skip([[maybe_unused]] isa instructions, F&& f) {
#if LUTRA_RUNTIME_DISPATCH || (defined(__AVX512BW__) && defined(__AVX512VL__))
    if (instructions >= isa::avx512bw && instructions <= isa::avx512vbmi) return f(skip_avx512{});
#endif
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    if (instructions == isa::avx2 || instructions == isa::avx_vnni) return f(skip_avx2{});
#endif
    return f(skip_scalar{});
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
