// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/float_pack.hpp>
#include <lutra/numeric/float_batch.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#if defined(__AVX512F__)
    #include <immintrin.h>
#endif

/// @file
/// Float products that skip the zeros of A: what is not zero in a row is listed, and the rows of B that the list names are
/// added up, times the list's values, with the sums of some panels' columns in registers. No rows of A share what is loaded
/// of B, so it is the L2 cache that limits it: half a register of weights a cycle, where the dense kernel makes two fused
/// operations.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

inline constexpr std::size_t float_list_slack = 16; ///< elements behind a list that its maker may overwrite
inline constexpr std::size_t skip_registers = 8;    ///< sums that a row has in registers, at most
inline constexpr std::size_t skip_panels = skip_registers / float_panel_registers; ///< at a time

/// What is not zero in a part of a row of A: values, and the rows of B that they meet.
struct kept_floats {
    const float* values;
    const std::uint32_t* rows;
    std::size_t count;
};

/// Lists the elements of @p x that are not 0 (NaN is not) and returns how many they are.
inline std::size_t keep_floats(const float* x, std::size_t n, float* values, std::uint32_t* rows) noexcept {
    std::size_t count = 0, k = 0;
#if defined(__AVX512F__)
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic push // g++ 12 warns of the undefined sources inside its own AVX-512 intrinsics
        #pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
        #pragma GCC diagnostic ignored "-Wuninitialized"
    #endif
    __m512i at = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (; k + 16 <= n; k += 16) {
        const __m512 v = _mm512_loadu_ps(x + k);
        const __mmask16 kept = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
        _mm512_storeu_ps(values + count, _mm512_maskz_compress_ps(kept, v));
        _mm512_storeu_si512(rows + count, _mm512_maskz_compress_epi32(kept, at));
        count += static_cast<std::size_t>(std::popcount(static_cast<std::uint16_t>(kept)));
        at = _mm512_add_epi32(at, _mm512_set1_epi32(16));
    }
    #if defined(__GNUC__) && !defined(__clang__)
        #pragma GCC diagnostic pop
    #endif
#endif
    for (; k < n; ++k) {
        values[count] = x[k];
        rows[count] = static_cast<std::uint32_t>(k);
        count += x[k] != 0;
    }
    return count;
}

/// sums = the sum over the list, in order, of value * row, for Panels panels of B of Registers registers each, which lie
/// @p panel floats apart.
template <std::size_t Panels, std::size_t Registers>
inline void add_kept_rows(const kept_floats& a, const float* b, std::size_t panel, float* sums) noexcept {
    float_batch s[Panels][Registers];
    for (std::size_t p = 0; p < Panels; ++p)
        for (std::size_t r = 0; r < Registers; ++r) s[p][r] = broadcast(0.0f);
    for (std::size_t i = 0; i < a.count; ++i) {
        const float_batch v = broadcast(a.values[i]);
        const float* row = b + a.rows[i] * (Registers * float_lanes);
#pragma GCC unroll 8
        for (std::size_t p = 0; p < Panels; ++p)
#pragma GCC unroll 8
            for (std::size_t r = 0; r < Registers; ++r)
                s[p][r] = multiply_add(v, load(row + p * panel + r * float_lanes), s[p][r]);
    }
#pragma GCC unroll 8
    for (std::size_t p = 0; p < Panels; ++p)
#pragma GCC unroll 8
        for (std::size_t r = 0; r < Registers; ++r) store(sums + (p * Registers + r) * float_lanes, s[p][r]);
}

/// The kernel for some panels (1 to skip_panels) of some registers (1 to float_panel_registers).
inline auto add_kept_rows_for(std::size_t panels, std::size_t registers) noexcept {
    auto* f = &add_kept_rows<1, 1>;
    const auto choose = [&]<std::size_t Registers>() {
        f = panels == 1 ? &add_kept_rows<1, Registers> : &add_kept_rows<2, Registers>;
        if constexpr (skip_panels == 4) {
            if (panels == 3) f = &add_kept_rows<3, Registers>;
            if (panels == 4) f = &add_kept_rows<4, Registers>;
        }
    };
    if (registers == 1) choose.template operator()<1>();
    if (registers == 2) choose.template operator()<2>();
    if constexpr (float_panel_registers == 4) {
        if (registers == 3) choose.template operator()<3>();
        if (registers == 4) choose.template operator()<4>();
    }
    return f;
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
