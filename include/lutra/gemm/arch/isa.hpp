// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lutra {

/// The instruction sets that integer kernels are written for; each includes those before it.
enum class isa : std::uint8_t {
    scalar,   ///< plain C++
    avx2,     ///< 256-bit, 16-bit multiply-add
    avx512bw, ///< the same in 512 bits
};

/// "scalar", "avx2" or "avx512bw".
[[nodiscard]] constexpr std::string_view to_string(isa i) noexcept {
    constexpr std::array<std::string_view, 3> names{"scalar", "avx2", "avx512bw"};
    return names[static_cast<std::size_t>(i)];
}

inline namespace LUTRA_ISA {

/// The best instruction set of this machine that the build has kernels for, asked once; where the compiler's flags
/// promise one, or there is nothing to ask, the compiler decides.
[[nodiscard]] inline isa best_isa() noexcept {
#if defined(__AVX512BW__) && defined(__AVX512F__)
    return isa::avx512bw;
#elif LUTRA_RUNTIME_DISPATCH
    static const isa best = [] {
        __builtin_cpu_init();
        if (__builtin_cpu_supports("avx512bw")) return isa::avx512bw;
        return __builtin_cpu_supports("avx2") ? isa::avx2 : isa::scalar;
    }();
    return best;
#elif defined(__AVX2__)
    return isa::avx2;
#else
    return isa::scalar;
#endif
}

} // namespace LUTRA_ISA
} // namespace lutra
