// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_panel.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

/// @file
/// Factors that 8-bit lanes cannot hold. Under some plans the operand -128 has one, and it alone (DRUM: -144). Lanes keep
/// the nearest byte (-128), and a tile's sums get what they lost (-16) afterwards: (A8 + La) (B8 + Lb) = A8 B8 + A8 Lb +
/// La (B8 + Lb). La and Lb are zero but where an operand is -128: in one of 256 where operands are random, and hardly ever
/// where a quantiser made them, so that they are lists.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// The bits of an operand as an index.
constexpr std::size_t index_of(std::int8_t x) noexcept { return static_cast<std::uint8_t>(x); }

/// What lanes keep of the factor of -128 in a map of 256 factors, and what they lose.
struct split_factor {
    std::int32_t kept, lost;

    constexpr explicit split_factor(const std::int16_t* map) noexcept
        : kept{std::clamp<std::int32_t>(map[index_of(-128)], -128, 127)}, lost{map[index_of(-128)] - kept} {}
};

/// Whether lanes of Tile may lose a part of a factor of @p m, and whether weights may have lost one, too.
template <class Tile>
constexpr bool may_lose(const lowered_multiplier& m) noexcept {
    return narrow_lanes<Tile> && m.factors == factor_width::bits8_but_128;
}
template <class Tile>
constexpr bool weights_may_lose(const lowered_multiplier& m) noexcept {
    return picks_weights<Tile> && may_lose<Tile>(m);
}

/// Whether 8-bit lanes lose a part of the weight -128 under @p m.
inline bool loses_weights(const lowered_multiplier& m) noexcept {
    bool loses = false;
    for (std::size_t term = 0; term < m.rank && m.factors == factor_width::bits8_but_128; ++term)
        loses = loses || split_factor{m.rhs_factors + term * 256}.lost != 0;
    return loses;
}

/// sum += more, modulo 2^32.
constexpr void add_wrapped(std::int32_t& sum, std::int32_t more) noexcept {
    sum = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>(more));
}

/// Where the first -128 of @p count operands that lie side by side is; @p count if none is.
inline std::size_t find_lowest(const std::int8_t* from, std::size_t count) noexcept {
    const void* at = count == 0 ? nullptr : std::memchr(from, static_cast<int>(index_of(-128)), count);
    return at == nullptr ? count : static_cast<std::size_t>(static_cast<const std::int8_t*>(at) - from);
}

/// Calls f(row, column) for each -128 of @p x, row by row.
template <class F>
void for_each_lowest(const gemm_operand<std::int8_t>& x, F&& f) noexcept {
    const bool dense = x.col_stride == 1 && x.row_stride == x.cols;
    const std::size_t lines = dense ? 1 : x.rows, length = dense ? x.rows * x.cols : x.cols;
    for (std::size_t line = 0; line < lines; ++line) {
        const std::int8_t* from = x.data + line * x.row_stride;
        if (x.col_stride != 1) {
            for (std::size_t j = 0; j < length; ++j)
                if (from[j * x.col_stride] == -128) f(line, j);
            continue;
        }
        std::size_t row = line, start = 0; // where the row of a find begins
        for (std::size_t at = find_lowest(from, length); at < length;
             at += 1 + find_lowest(from + at + 1, length - at - 1)) {
            for (; at - start >= x.cols; start += x.cols) ++row;
            f(row, at - start);
        }
    }
}

/// Whether an operand of @p x is -128.
inline bool holds_lowest(const gemm_operand<std::int8_t>& x) noexcept {
    const bool by_columns = x.row_stride == 1;
    bool any = false;
    for (std::size_t i = 0; i < (by_columns ? x.cols : x.rows) && !any; ++i)
        for_each_lowest(by_columns ? gemm_operand<std::int8_t>{x.data + i * x.col_stride, 1, x.rows, 0, 1}
                                   : gemm_operand<std::int8_t>{x.data + i * x.row_stride, 1, x.cols, 0, x.col_stride},
                        [&](std::size_t, std::size_t) { any = true; });
    return any;
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
