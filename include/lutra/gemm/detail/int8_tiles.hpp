// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/gemm/arch/int8_avx2.hpp>
#include <lutra/gemm/arch/int8_avx512.hpp>
#include <lutra/gemm/arch/int8_neon.hpp>
#include <lutra/gemm/arch/int8_scalar.hpp>
#include <lutra/gemm/arch/int8_vnni.hpp>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// Calls f(Tile{}) with the tile of @p instructions, which this build has: of 8-bit lanes where @p narrow says that factors
/// fit them and there is one, else of 16-bit lanes.
template <class F>
constexpr decltype(auto) with_tile(isa instructions, [[maybe_unused]] bool narrow, F&& f) {
    switch (instructions) {
#if LUTRA_RUNTIME_DISPATCH || (defined(__AVX512BW__) && defined(__AVX512VL__))
    #if LUTRA_RUNTIME_DISPATCH || defined(__AVX512VNNI__)
        #if LUTRA_RUNTIME_DISPATCH || defined(__AVX512VBMI__)
    case isa::avx512vbmi:
        if (narrow) return f(int8_avx512vbmi{});
        return f(int8_avx512{});
        #endif
    case isa::avx512vnni:
        if (narrow) return f(int8_avx512vnni{});
        return f(int8_avx512{});
    #endif
    case isa::avx512bw: return f(int8_avx512{});
#endif
#if LUTRA_RUNTIME_DISPATCH || defined(__AVX2__)
    #if LUTRA_RUNTIME_DISPATCH || defined(__AVXVNNI__)
    case isa::avx_vnni:
        if (narrow) return f(int8_avx_vnni{});
        return f(int8_avx2{});
    #endif
    case isa::avx2: return f(int8_avx2{});
#endif
#if defined(__ARM_NEON) && defined(__aarch64__)
    #if defined(__ARM_FEATURE_DOTPROD)
    case isa::neon_dot:
        if (narrow) return f(int8_neon_dot{});
        return f(int8_neon{});
    #endif
    case isa::neon: return f(int8_neon{});
#endif
    default: return f(int8_scalar{});
    }
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
