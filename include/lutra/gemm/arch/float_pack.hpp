// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/gemm/operand.hpp>
#include <lutra/numeric/float_batch.hpp>

#include <algorithm>
#include <cstddef>
#if LUTRA_USE_XSIMD && defined(__SSE2__)
    #include <immintrin.h>
#endif

/// @file
/// The right operand of a float product, cut into blocks of K and those into panels of some registers of columns. Within a
/// panel the rows lie one after the other, padded with zeros to whole registers.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr std::size_t float_panel_registers = 4; // of 32: 6 x 4 sums, 4 of B, 1 of A
#else
inline constexpr std::size_t float_panel_registers = 2; // of 16: 6 x 2 sums, 2 of B, 1 of A
#endif
inline constexpr std::size_t float_panel = float_panel_registers * float_lanes; ///< columns of a panel, at most
inline constexpr std::size_t float_k_block = 384;                               ///< rows of a panel, at most

/// Calls `f(k0, kc)` for the blocks of @p k, which are as equal as can be.
template <class F>
inline void for_each_float_block(std::size_t k, F&& f) {
    if (k <= float_k_block && k > 0)
        return f(std::size_t{0}, k); // without a division, which would cost a small product much
    const std::size_t blocks = (k + float_k_block - 1) / float_k_block;
    for (std::size_t block = 0, k0 = 0; block < blocks; ++block) {
        const std::size_t kc = k / blocks + (block < k % blocks);
        f(k0, kc);
        k0 += kc;
    }
}

/// Calls `f(j, width)` for the panels of @p n columns. They are as equal as can be: narrow ones are slower.
template <class F>
inline void for_each_float_panel(std::size_t n, F&& f) {
    const std::size_t registers = (n + float_lanes - 1) / float_lanes;
    if (registers <= float_panel_registers && n > 0) return f(std::size_t{0}, n);
    const std::size_t panels = (registers + float_panel_registers - 1) / float_panel_registers;
    for (std::size_t p = 0, j = 0; p < panels; ++p) {
        const std::size_t width = (registers / panels + (p < registers % panels)) * float_lanes;
        f(j, std::min(width, n - j));
        j += width;
    }
}

#if LUTRA_USE_XSIMD && defined(__SSE2__)
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic push // g++ 12 warns of the undefined sources inside its own AVX-512 intrinsics
        #pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
        #pragma GCC diagnostic ignored "-Wuninitialized"
    #endif
    #if defined(__AVX512F__)
inline constexpr std::size_t float_turn = 16; ///< columns that `turn_columns` takes
    #else
inline constexpr std::size_t float_turn = 4;
    #endif
/// Four values of each of @p count columns (@p All: float_turn), which lie @p stride floats apart, as four rows, @p row
/// floats apart; float_turn columns are written, those past the count as zeros.
template <bool All>
inline void turn_columns(const float* from, std::size_t stride, std::size_t count, float* out, std::size_t row) {
    const auto column = [&](std::size_t i) { return All || i < count ? _mm_loadu_ps(from + i * stride) : _mm_setzero_ps(); };
    #if defined(__AVX512F__)
    __m512 q[4];
    for (std::size_t i = 0; i < 4; ++i) { // each quarter of a register holds four values of one column
        q[i] = _mm512_castps128_ps512(column(i));
        q[i] = _mm512_insertf32x4(q[i], column(4 + i), 1);
        q[i] = _mm512_insertf32x4(q[i], column(8 + i), 2);
        q[i] = _mm512_insertf32x4(q[i], column(12 + i), 3);
    }
    const __m512d low01 = _mm512_castps_pd(_mm512_unpacklo_ps(q[0], q[1]));
    const __m512d high01 = _mm512_castps_pd(_mm512_unpackhi_ps(q[0], q[1]));
    const __m512d low23 = _mm512_castps_pd(_mm512_unpacklo_ps(q[2], q[3]));
    const __m512d high23 = _mm512_castps_pd(_mm512_unpackhi_ps(q[2], q[3]));
    _mm512_storeu_ps(out, _mm512_castpd_ps(_mm512_unpacklo_pd(low01, low23)));
    _mm512_storeu_ps(out + row, _mm512_castpd_ps(_mm512_unpackhi_pd(low01, low23)));
    _mm512_storeu_ps(out + 2 * row, _mm512_castpd_ps(_mm512_unpacklo_pd(high01, high23)));
    _mm512_storeu_ps(out + 3 * row, _mm512_castpd_ps(_mm512_unpackhi_pd(high01, high23)));
    #else
    __m128 q0 = column(0), q1 = column(1), q2 = column(2), q3 = column(3);
    _MM_TRANSPOSE4_PS(q0, q1, q2, q3);
    _mm_storeu_ps(out, q0);
    _mm_storeu_ps(out + row, q1);
    _mm_storeu_ps(out + 2 * row, q2);
    _mm_storeu_ps(out + 3 * row, q3);
    #endif
}
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic pop
    #endif
#endif

/// Copies rows k0 .. k0 + kc and columns j .. j + width of @p b into @p out, k-major, zero-padded to whole registers.
inline void pack_float_panel(const gemm_operand<float>& b, std::size_t k0, std::size_t kc, std::size_t j, std::size_t width,
                             float* out) {
    const std::size_t padded = lutra::detail::round_up(width, float_lanes);
    if (b.col_stride == 1) {
        for (std::size_t k = 0; k < kc; ++k) {
            const float* from = b.data + (k0 + k) * b.row_stride + j;
            float* to = out + k * padded;
            for_each_register(width, [&](std::size_t c, std::size_t n) { store(to + c, load_some(from + c, n)); });
        }
        return;
    }
    std::size_t c = 0;
#if LUTRA_USE_XSIMD && defined(__SSE2__)
    if (b.row_stride == 1)
        for (; c < width; c += float_turn) {
            const float* from = b.data + k0 + (j + c) * b.col_stride;
            const std::size_t count = std::min(float_turn, width - c);
            std::size_t k = 0;
            for (; k + 4 <= kc; k += 4) {
                if (count == float_turn)
                    turn_columns<true>(from + k, b.col_stride, count, out + k * padded + c, padded);
                else
                    turn_columns<false>(from + k, b.col_stride, count, out + k * padded + c, padded);
            }
            for (; k < kc; ++k)
                for (std::size_t i = 0; i < float_turn; ++i)
                    out[k * padded + c + i] = i < count ? from[k + i * b.col_stride] : 0.0f;
        }
#endif
    for (; c < padded; ++c)
        for (std::size_t k = 0; k < kc; ++k) out[k * padded + c] = c < width ? b(k0 + k, j + c) : 0.0f;
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
