// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/gemm/arch/int8_panel.hpp>
#include <lutra/gemm/detail/lost_sums.hpp>
#include <lutra/gemm/detail/mapped_rows.hpp>
#include <lutra/gemm/detail/pack_panels.hpp>
#include <lutra/gemm/detail/sum_sink.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

/// @file
/// The exact and the separable plans: a product of mapped operands by the tiles of an instruction set.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// A right operand in panels (int8_panel.hpp), without its type of lanes, and the instructions that map activations.
struct packed_panels {
    const std::byte* data = nullptr;
    std::size_t k = 0, n = 0;
    isa instructions = isa::scalar;
};

/// Tiles of 1 to Tile::rows rows and 1 to Tile::panels panels, so many side by side.
template <class Tile>
struct tile_functions {
    using lhs_lane = typename Tile::lhs_lane;
    using rhs_lane = typename Tile::rhs_lane;
    using function = void (*)(const tile_steps&, const lhs_lane*, std::size_t, const rhs_lane*, std::size_t, std::int32_t*,
                              std::size_t, std::size_t) noexcept;

    template <std::size_t Rows, std::size_t Panels>
    static void one_by_one(const tile_steps& s, const lhs_lane* a, std::size_t a_stride, const rhs_lane* b,
                           std::size_t b_stride, std::int32_t* c, std::size_t c_stride, std::size_t count) noexcept {
        for (; count > 0; --count, b += Panels * b_stride, c += Panels * panel_columns)
            Tile::template tile<Rows, Panels>(s, a, a_stride, b, b_stride, c, c_stride);
    }
    template <std::size_t Rows, std::size_t Panels>
    static constexpr function find() {
        if constexpr (requires { &Tile::template tiles<Rows, Panels>; })
            return &Tile::template tiles<Rows, Panels>;
        else
            return &one_by_one<Rows, Panels>;
    }
    template <std::size_t Panels, std::size_t... Rows>
    static constexpr std::array<function, Tile::rows> column(std::index_sequence<Rows...>) {
        return {find<Rows + 1, Panels>()...};
    }
    template <std::size_t... Panels>
    static constexpr std::array<std::array<function, Tile::rows>, Tile::panels> table(std::index_sequence<Panels...>) {
        return {column<Panels + 1>(std::make_index_sequence<Tile::rows>{})...};
    }
    static constexpr auto all = table(std::make_index_sequence<Tile::panels>{}); ///< [panels - 1][rows - 1]
};

/// Calls f(first, count) for parts of @p rows rows, at most @p most and as equal as can be.
template <class F>
void for_each_part(std::size_t rows, std::size_t most, F&& f) {
    const std::size_t tiles = rows == 0 ? 0 : (rows + most - 1) / most;
    for (std::size_t tile = 0, i = 0; tile < tiles; ++tile) {
        const std::size_t height = rows / tiles + (tile < rows % tiles ? 1 : 0);
        f(i, height);
        i += height;
    }
}

/// Scratch of panel_gemm, counted.
template <class Tile>
constexpr void take_panel_scratch(const lowered_multiplier& m, std::size_t rows, std::size_t k, arena& a) {
    take_mapped_scratch<Tile>(m, rows, k, a);
    take_lost_scratch<Tile>(m, k, a);
}

/// Panels that stay in the L2 cache while the rows of a block go by.
template <class Tile>
constexpr std::size_t panels_together(const panel_layout<Tile>& layout) noexcept {
    constexpr std::size_t cache = 256 * 1024;
    const std::size_t panel_bytes = std::max<std::size_t>(1, layout.panel_lanes() * sizeof(typename Tile::rhs_lane));
    return std::max<std::size_t>(1, cache / panel_bytes / Tile::panels) * Tile::panels;
}

/// Gives @p sink blocks of up to Tile::rows x (Tile::panels * 16) sums, each element once.
template <class Tile>
void panel_gemm(const lowered_multiplier& m, gemm_operand<std::int8_t> a, const packed_panels& b, arena& scratch,
                const lutra::detail::sum_sink& sink) {
    const panel_layout<Tile> layout{m, b.k, b.n};
    const auto doublings = term_doublings(m);
    tile_steps steps =
        narrow_lanes<Tile> ? tile_steps{layout.steps, m.rank, doublings.data()} : tile_steps{layout.steps * m.rank};
    const std::size_t block = mapped_block_rows<Tile>(m.rank, b.k, a.rows), together = panels_together(layout);
    mapped_rows<Tile> mapped{m, b.k, b.instructions, scratch, block};
    lost_sums<Tile> lost{m, layout, b.data, b.k, scratch};
    alignas(64) std::int32_t buffer[Tile::rows * Tile::panels * panel_columns];

    // tiles of count panels, side by side, for rows that begin at the i-th mapped one
    const auto multiply = [&](std::size_t i, std::size_t height, std::size_t panel, std::size_t count, std::size_t tiles,
                              std::int32_t* to, std::size_t stride) {
        if constexpr (Tile::lhs_offset != 0) steps.start = layout.offsets(b.data) + panel * panel_columns;
        tile_functions<Tile>::all[count - 1][height - 1](steps, mapped.row(i), mapped.stride(),
                                                         layout.step(b.data, panel, 0, 0), layout.panel_lanes(), to, stride,
                                                         tiles);
        if constexpr (narrow_lanes<Tile>)
            lost.add_to(to, stride, mapped.row(i), mapped.stride(), height, panel, count * tiles);
    };
    for (std::size_t i0 = 0; i0 < a.rows; i0 += block) {
        const std::size_t rows = std::min(block, a.rows - i0);
        mapped.map(a, i0, rows);
        for (std::size_t first = 0; first < layout.panels; first += together) {
            const std::size_t end = std::min(first + together, layout.panels);
            const std::size_t whole = std::min(end, b.n / panel_columns) - first; // panels of which all columns are wanted
            for_each_part(rows, Tile::rows, [&](std::size_t i, std::size_t height) {
                lost.next_rows({a.data + (i0 + i) * a.row_stride, height, a.cols, a.row_stride, a.col_stride});
                std::size_t panel = first;
                if (const std::size_t tiles = whole / Tile::panels; sink.keeps() && tiles > 0) {
                    panel += tiles * Tile::panels;
                    const auto to = sink.place(i0 + i, first * panel_columns, height, (panel - first) * panel_columns);
                    multiply(i, height, first, Tile::panels, tiles, to.data(), to.stride());
                }
                for (; panel < end; panel += Tile::panels) {
                    const std::size_t count = std::min(Tile::panels, end - panel), width = count * panel_columns;
                    multiply(i, height, panel, count, 1, buffer, width);
                    const std::size_t j = panel * panel_columns;
                    sink.block(i0 + i, j, {buffer, height, std::min(width, b.n - j), width});
                }
            });
        }
    }
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
