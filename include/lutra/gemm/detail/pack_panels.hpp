// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/gemm/arch/int8_panel.hpp>
#include <lutra/gemm/arch/map_bytes.hpp>
#include <lutra/gemm/detail/lost_factors.hpp>
#include <lutra/gemm/detail/lost_weights.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// Where the parts of a packed operand lie: sums, one a column, that take back a tile's lhs_offset; panels; what the weights
/// lost.
template <class Tile>
struct panel_layout {
    std::size_t rank, steps, panels, term_lanes;
    bool weights_may_lose;

    constexpr panel_layout(const lowered_multiplier& m, std::size_t k, std::size_t n) noexcept
        : rank{m.rank},
          steps{(k + Tile::group - 1) / Tile::group},
          panels{(n + panel_columns - 1) / panel_columns},
          term_lanes{steps * Tile::group * panel_columns},
          weights_may_lose{kernel::weights_may_lose<Tile>(m)} {}

    [[nodiscard]] constexpr std::size_t panel_lanes() const noexcept { return rank * term_lanes; }
    [[nodiscard]] constexpr std::size_t offset_bytes() const noexcept {
        return Tile::lhs_offset == 0 ? 0 : panels * panel_columns * sizeof(std::int32_t);
    }
    [[nodiscard]] constexpr std::size_t lost_at() const noexcept {
        return offset_bytes() + panels * panel_lanes() * sizeof(typename Tile::rhs_lane);
    }
    [[nodiscard]] constexpr std::size_t bytes() const noexcept {
        return lost_at() + (weights_may_lose ? lost<std::byte>(nullptr).bytes() : 0);
    }
    /// In an operand at @p packed: its offsets, one a column, if it has any; a step of a panel; what the weights lost.
    [[nodiscard]] constexpr const std::int32_t* offsets(const std::byte* packed) const noexcept {
        return Tile::lhs_offset == 0 ? nullptr : reinterpret_cast<const std::int32_t*>(packed);
    }
    [[nodiscard]] const typename Tile::rhs_lane* step(const std::byte* packed, std::size_t panel, std::size_t term,
                                                      std::size_t step) const noexcept {
        return reinterpret_cast<const typename Tile::rhs_lane*>(packed + offset_bytes()) + panel * panel_lanes() +
               term * term_lanes + step * Tile::group * panel_columns;
    }
    template <class Byte>
    [[nodiscard]] constexpr lost_weights<Byte> lost(Byte* packed) const noexcept {
        return {rank, panels, steps * Tile::group, packed == nullptr ? nullptr : packed + lost_at()};
    }
};

/// Packs columns @p j0 and following, at most a panel of them, by the map of a term; @p map is null for the identity. Tiles
/// of 8-bit lanes map what is packed, all at once.
template <class Tile>
void pack_panel(gemm_operand<std::int8_t> b, std::size_t j0, const typename Tile::rhs_lane* map, isa instructions,
                typename Tile::rhs_lane* out) noexcept {
    using lane = typename Tile::rhs_lane;
    const std::size_t width = std::min(panel_columns, b.cols - j0), whole = b.rows / Tile::group * Tile::group;
    const std::size_t lanes = lutra::detail::round_up(b.rows, Tile::group) * panel_columns;
    const std::int8_t* from = b.data + j0 * b.col_stride;
    const bool as_it_is = map == nullptr || narrow_lanes<Tile>;
    std::size_t k = 0; // rows that are done
    if (width < panel_columns || whole < b.rows) std::fill_n(out, lanes, lane{0});
    if constexpr (requires { Tile::pack_rows; }) {
        if (as_it_is && b.col_stride == 1 && width == panel_columns)
            for (; k < whole; k += Tile::group)
                Tile::pack_rows(from + k * b.row_stride, b.row_stride, out + k * panel_columns);
        else if (as_it_is && b.row_stride == 1)
            for (; k + Tile::column_rows <= b.rows; k += Tile::column_rows)
                for (std::size_t j = 0; j < width; ++j)
                    Tile::pack_column(from + j * b.col_stride + k, out + k * panel_columns + j * Tile::group);
    }
    for (; k < b.rows; ++k) {
        lane* to = out + k / Tile::group * Tile::group * panel_columns + k % Tile::group;
        for (std::size_t j = 0; j < width; ++j) {
            const std::int8_t x = from[k * b.row_stride + j * b.col_stride];
            to[j * Tile::group] = as_it_is ? lane{x} : map[index_of(x)];
        }
    }
    if constexpr (narrow_lanes<Tile>) {
        if (map == nullptr) return;
        map_bytes_for(instructions)(map, {out, 0, out, 0, 1, lanes});
        for (k = b.rows; k % Tile::group != 0; ++k) // no products of padding
            for (std::size_t j = 0; j < panel_columns; ++j)
                out[(whole * panel_columns) + j * Tile::group + k % Tile::group] = 0;
    }
}

/// How often a tile of 8-bit lanes doubles its sums after each term of @p m.
constexpr std::array<std::uint8_t, max_rank> term_doublings(const lowered_multiplier& m) noexcept {
    std::array<std::uint8_t, max_rank> doublings{};
    for (std::size_t term = 0; term < m.rank; ++term)
        doublings[term] = static_cast<std::uint8_t>(m.shifts[term] - (term + 1u < m.rank ? m.shifts[term + 1] : 0));
    return doublings;
}

/// Writes for each column the sum that takes the tile's lhs_offset back.
template <class Tile>
void pack_offsets(const panel_layout<Tile>& layout, const lowered_multiplier& m, std::byte* memory) noexcept {
    auto* offsets = reinterpret_cast<std::int32_t*>(memory);
    const auto* lanes = reinterpret_cast<const typename Tile::rhs_lane*>(memory + layout.offset_bytes());
    for (std::size_t panel = 0; panel < layout.panels; ++panel, offsets += panel_columns) {
        std::uint32_t sums[panel_columns] = {}; // modulo 2^32, as what they are added to
        for (std::size_t term = 0; term < m.rank; ++term) {
            const std::uint32_t times = 0u - (std::uint32_t{Tile::lhs_offset} << m.shifts[term]);
            for (std::size_t step = 0; step < layout.steps; ++step, lanes += Tile::group * panel_columns)
                for (std::size_t j = 0; j < panel_columns; ++j) {
                    std::int32_t sum = 0;
                    for (std::size_t i = 0; i < Tile::group; ++i) sum += lanes[j * Tile::group + i];
                    sums[j] += times * static_cast<std::uint32_t>(sum);
                }
            if (layout.weights_may_lose) layout.lost(memory).add_to_columns(m, panel, term, times, sums);
        }
        for (std::size_t j = 0; j < panel_columns; ++j) offsets[j] = static_cast<std::int32_t>(sums[j]);
    }
}

/// Packs @p b, mapped by the factors of @p m with @p instructions, into @p memory. 16-bit lanes take the terms' scales in;
/// 8-bit ones find what they lose packed already.
template <class Tile>
void pack_panels(gemm_operand<std::int8_t> b, const lowered_multiplier& m, isa instructions, std::byte* memory) noexcept {
    using lane = typename Tile::rhs_lane;
    const panel_layout<Tile> layout{m, b.rows, b.cols};
    auto* out = reinterpret_cast<lane*>(memory + layout.offset_bytes());
    lane maps[max_rank][256];
    for (std::size_t term = 0; term < m.rank && m.rhs_factors != nullptr; ++term)
        for (std::size_t x = 0; x < 256; ++x) {
            const std::int16_t factor = m.rhs_factors[term * 256 + x];
            maps[term][x] =
                static_cast<lane>(narrow_lanes<Tile> ? std::clamp<int>(factor, -128, 127) : factor << m.shifts[term]);
        }
    for (std::size_t panel = 0; panel < layout.panels; ++panel)
        for (std::size_t term = 0; term < m.rank; ++term, out += layout.term_lanes)
            pack_panel<Tile>(b, panel * panel_columns, m.rhs_factors == nullptr ? nullptr : maps[term], instructions, out);
    if constexpr (Tile::lhs_offset != 0) pack_offsets(layout, m, memory);
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
