// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace lutra {

/// The instruction sets that integer kernels are written for.
enum class isa : std::uint8_t {
    scalar,     ///< plain C++
    avx2,       ///< x86, 256-bit, 16-bit multiply-add
    avx_vnni,   ///< the same with an 8-bit dot product
    avx512bw,   ///< x86, 512-bit, 16-bit multiply-add
    avx512vnni, ///< the same with an 8-bit dot product
    avx512vbmi, ///< the same with byte permutes across registers
    neon,       ///< Arm, 128-bit, 16-bit multiply-add
    neon_dot,   ///< the same with an 8-bit dot product
};

/// All of them, in the order of the enumeration.
inline constexpr std::array all_isas{isa::scalar,     isa::avx2,       isa::avx_vnni, isa::avx512bw,
                                     isa::avx512vnni, isa::avx512vbmi, isa::neon,     isa::neon_dot};

/// The enumerator's name.
[[nodiscard]] constexpr std::string_view to_string(isa i) noexcept {
    constexpr std::array<std::string_view, all_isas.size()> names{"scalar",     "avx2",       "avx_vnni", "avx512bw",
                                                                  "avx512vnni", "avx512vbmi", "neon",     "neon_dot"};
    return names[static_cast<std::size_t>(i)];
}

inline namespace LUTRA_ISA {

/// Whether this build has kernels for @p i and this machine can run them. x86 is asked at run time if
/// LUTRA_RUNTIME_DISPATCH; otherwise the compiler's flags decide.
[[nodiscard]] constexpr bool has_isa(isa i) noexcept {
    switch (i) {
    case isa::scalar: return true;
#if LUTRA_RUNTIME_DISPATCH
    case isa::avx2: return __builtin_cpu_supports("avx2");
    case isa::avx_vnni: return has_isa(isa::avx2) && __builtin_cpu_supports("avxvnni");
    case isa::avx512bw: return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    case isa::avx512vnni: return has_isa(isa::avx512bw) && __builtin_cpu_supports("avx512vnni");
    case isa::avx512vbmi: return has_isa(isa::avx512vnni) && __builtin_cpu_supports("avx512vbmi");
#else
    #if defined(__AVX2__)
    case isa::avx2: return true;
        #if defined(__AVXVNNI__)
    case isa::avx_vnni: return true;
        #endif
    #endif
    #if defined(__AVX512BW__) && defined(__AVX512VL__)
    case isa::avx512bw: return true;
        #if defined(__AVX512VNNI__)
    case isa::avx512vnni: return true;
            #if defined(__AVX512VBMI__)
    case isa::avx512vbmi: return true;
            #endif
        #endif
    #endif
#endif
#if defined(__ARM_NEON) && defined(__aarch64__)
    case isa::neon: return true;
    #if defined(__ARM_FEATURE_DOTPROD)
    case isa::neon_dot: return true;
    #endif
#endif
    default: return false;
    }
}

namespace kernel {
constexpr isa find_best_isa() noexcept {
    for (std::size_t i = all_isas.size(); i-- > 1;)
        if (has_isa(all_isas[i])) return all_isas[i];
    return isa::scalar;
}
#if LUTRA_RUNTIME_DISPATCH
inline isa asked_isa() noexcept {
    static const isa best = find_best_isa();
    return best;
}
#endif
} // namespace kernel

/// The last of all_isas that this build and machine have; asked once. A constant where LUTRA_RUNTIME_DISPATCH is 0.
[[nodiscard]] constexpr isa best_isa() noexcept {
#if LUTRA_RUNTIME_DISPATCH
    if (!std::is_constant_evaluated()) return kernel::asked_isa();
#endif
    return kernel::find_best_isa(); // no constant where the machine is asked
}

} // namespace LUTRA_ISA
} // namespace lutra
