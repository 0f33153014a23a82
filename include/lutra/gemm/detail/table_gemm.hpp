// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/gemm/operand.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

inline constexpr std::size_t table_columns = 64; ///< a row of packed weights is a multiple of it

template <class Entry>
[[nodiscard]] constexpr std::size_t table_scratch_bytes(std::size_t, std::size_t, std::size_t n, isa) {
    arena a = arena::counting();
    a.take<std::int32_t>(n);
    return a.used();
}
template <class Entry, class Use>
void table_gemm(const Entry* products, const Entry*, gemm_operand<std::int8_t> a, const std::uint8_t* weights,
                std::size_t padded, std::size_t depth, std::size_t n, arena& scratch, isa, Use&& use) {
    const auto sums = scratch.take<std::int32_t>(n);
    for (std::size_t i = 0; i < a.rows; ++i) {
        std::fill(sums.begin(), sums.end(), 0);
        for (std::size_t k = 0; k < depth; ++k) {
            const Entry* row = products + std::size_t{static_cast<std::uint8_t>(a(i, k))} * 256;
            const std::uint8_t* w = weights + k * padded;
            for (std::size_t j = 0; j < n; ++j) sums[j] += row[w[j]];
        }
        use(i, std::size_t{0}, std::span<const std::int32_t>{sums});
    }
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
