// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/gemm/arch/int8_panel.hpp>
#include <lutra/gemm/arch/map_bytes.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// Lanes between the rows of mapped activations. Rows that fill a cache line begin on one, and never 512 bytes apart or a
/// multiple of that: a tile reads all of its rows at once, and such lines share few sets of a cache.
template <class Tile>
constexpr std::size_t mapped_stride(std::size_t rank, std::size_t k) noexcept {
    constexpr std::size_t line = 64 / sizeof(typename Tile::lhs_lane);
    const std::size_t lanes = lutra::detail::round_up(k, Tile::group) * rank, lines = (lanes + line - 1) / line;
    return lanes < line ? lanes : (lines + (lines % 8 == 0 ? 1 : 0)) * line;
}

/// Activations of one call as a tile reads them: for each row, the terms one after another.
template <class Tile>
class mapped_rows {
public:
    using lane = typename Tile::lhs_lane;

    mapped_rows(const lowered_multiplier& m, std::size_t k, isa instructions, arena& scratch, std::size_t rows)
        : m_{m},
          k_{k},
          instructions_{instructions},
          lanes_{scratch.take<lane>(rows * stride())},
          row_{scratch.take<std::int8_t>(k)} {
        if constexpr (narrow_lanes<Tile>)
            for (std::size_t term = 0; term < m.rank && m.lhs_factors != nullptr; ++term)
                for (std::size_t x = 0; x < 256; ++x)
                    bytes_[term][x] = static_cast<std::int8_t>(std::clamp<int>(m.lhs_factors[term * 256 + x], -128, 127) +
                                                               Tile::lhs_offset);
    }

    [[nodiscard]] constexpr std::size_t depth() const noexcept { return lutra::detail::round_up(k_, Tile::group); }
    [[nodiscard]] constexpr std::size_t stride() const noexcept { return mapped_stride<Tile>(m_.rank, k_); }
    [[nodiscard]] const lane* row(std::size_t i) const noexcept { return lanes_.data() + i * stride(); }

    /// Maps rows @p first to @p first + @p rows of @p a.
    void map(const gemm_operand<std::int8_t>& a, std::size_t first, std::size_t rows) noexcept {
        const std::int8_t* from = a.data + first * a.row_stride;
        if (a.col_stride == 1 || k_ == 0) return map_dense(from, a.row_stride, rows, lanes_.data());
        for (std::size_t i = 0; i < rows; ++i, from += a.row_stride) {
            for (std::size_t k = 0; k < k_; ++k) row_[k] = from[k * a.col_stride];
            map_dense(row_.data(), 0, 1, lanes_.data() + i * stride());
        }
    }

private:
    void map_dense(const std::int8_t* from, std::size_t from_stride, std::size_t rows, lane* to) noexcept {
        for (std::size_t term = 0; term < m_.rank; ++term, to += depth()) {
            for (std::size_t i = 0; i < rows && depth() != k_; ++i) // what is behind a row meets weights of zero
                std::fill_n(to + i * stride() + depth() - Tile::group, Tile::group, lane{});
            const std::int16_t* map = m_.lhs_factors == nullptr ? nullptr : m_.lhs_factors + term * 256;
            if constexpr (!narrow_lanes<Tile>)
                for (std::size_t i = 0; i < rows; ++i) Tile::map_row(from + i * from_stride, k_, map, to + i * stride());
            else if (map == nullptr)
                for (std::size_t i = 0; i < rows; ++i) Tile::copy_row(from + i * from_stride, k_, to + i * stride());
            else
                map_bytes_for(instructions_)(bytes_[term].data(),
                                             {from, from_stride, reinterpret_cast<std::int8_t*>(to), stride(), rows, k_});
        }
    }

    const lowered_multiplier& m_;
    std::size_t k_;
    isa instructions_;
    std::array<std::array<std::int8_t, 256>, narrow_lanes<Tile> ? max_rank : 0> bytes_; ///< factors as lanes hold them
    std::span<lane> lanes_;
    std::span<std::int8_t> row_; ///< a row of a transposed A
};

/// Rows of A that are mapped at a time: they stay in the L2 cache beside a panel of B.
template <class Tile>
constexpr std::size_t mapped_block_rows(std::size_t rank, std::size_t k, std::size_t rows) noexcept {
    constexpr std::size_t cache = 256 * 1024;
    const std::size_t row_bytes = std::max<std::size_t>(1, mapped_stride<Tile>(rank, k) * sizeof(typename Tile::lhs_lane));
    const std::size_t fit = std::max<std::size_t>(1, cache / row_bytes / Tile::rows) * Tile::rows;
    return std::min(fit, rows);
}

/// Scratch of mapped_rows, counted.
template <class Tile>
constexpr void take_mapped_scratch(const lowered_multiplier& m, std::size_t rows, std::size_t k, arena& a) {
    a.take<typename Tile::lhs_lane>(mapped_block_rows<Tile>(m.rank, k, rows) * mapped_stride<Tile>(m.rank, k));
    a.take<std::int8_t>(k);
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
