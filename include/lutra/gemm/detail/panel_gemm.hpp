// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_panel.hpp>
#include <lutra/gemm/detail/sum_sink.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

/// @file
/// The exact and the separable plans: a product of mapped operands by the tiles of an instruction set.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// A right operand in panels (int8_panel.hpp), without its type of lanes.
struct packed_panels {
    const std::byte* data = nullptr;
    std::size_t k = 0, n = 0;
};

/// Where the parts of a packed operand lie. `offsets` are sums, one a column, that take back a tile's lhs_offset.
template <class Tile>
struct panel_layout {
    std::size_t steps, panels, panel_lanes;

    constexpr panel_layout(std::size_t rank, std::size_t k, std::size_t n) noexcept
        : steps{(k + Tile::group - 1) / Tile::group},
          panels{(n + panel_columns - 1) / panel_columns},
          panel_lanes{rank * steps * Tile::group * panel_columns} {}

    [[nodiscard]] constexpr std::size_t offset_bytes() const noexcept {
        return Tile::lhs_offset == 0 ? 0 : panels * panel_columns * sizeof(std::int32_t);
    }
    [[nodiscard]] constexpr std::size_t bytes() const noexcept {
        return offset_bytes() + panels * panel_lanes * sizeof(typename Tile::rhs_lane);
    }
};

/// The bits of an operand as an index.
constexpr std::size_t index_of(std::int8_t x) noexcept { return static_cast<std::uint8_t>(x); }

/// Whether an operand of @p b is 0x80.
constexpr bool holds_128(const gemm_operand<std::int8_t>& b) noexcept {
    for (std::size_t k = 0; k < b.rows; ++k)
        for (std::size_t j = 0; j < b.cols; ++j)
            if (b(k, j) == -128) return true;
    return false;
}

/// Packs columns @p j0 and following, at most a panel of them, by the maps of a term; @p map is null for the identity.
template <class Tile>
void pack_panel(gemm_operand<std::int8_t> b, std::size_t j0, const typename Tile::rhs_lane* map,
                typename Tile::rhs_lane* out) noexcept {
    using lane = typename Tile::rhs_lane;
    const std::size_t width = std::min(panel_columns, b.cols - j0), whole = b.rows / Tile::group * Tile::group;
    const std::int8_t* from = b.data + j0 * b.col_stride;
    std::size_t k = 0; // rows that are done
    if (width < panel_columns || whole < b.rows)
        std::fill(out, out + lutra::detail::round_up(b.rows, Tile::group) * panel_columns, lane{0});
    if constexpr (requires { Tile::pack_rows; }) {
        if (map == nullptr && b.col_stride == 1 && width == panel_columns)
            for (; k < whole; k += Tile::group)
                Tile::pack_rows(from + k * b.row_stride, b.row_stride, out + k * panel_columns);
        else if (map == nullptr && b.row_stride == 1)
            for (; k + Tile::column_rows <= b.rows; k += Tile::column_rows)
                for (std::size_t j = 0; j < width; ++j)
                    Tile::pack_column(from + j * b.col_stride + k, out + k * panel_columns + j * Tile::group);
    }
    for (; k < b.rows; ++k) {
        lane* to = out + k / Tile::group * Tile::group * panel_columns + k % Tile::group;
        for (std::size_t j = 0; j < width; ++j) {
            const std::int8_t x = from[k * b.row_stride + j * b.col_stride];
            to[j * Tile::group] = map == nullptr ? lane{x} : map[index_of(x)];
        }
    }
}

/// Packs @p b, mapped by the factors of @p m, into @p memory. 16-bit lanes take the terms' scales in.
template <class Tile>
void pack_panels(gemm_operand<std::int8_t> b, const lowered_multiplier& m, std::byte* memory) noexcept {
    using lane = typename Tile::rhs_lane;
    const panel_layout<Tile> layout{m.rank, b.rows, b.cols};
    auto* out = reinterpret_cast<lane*>(memory + layout.offset_bytes());
    lane maps[max_rank][256];
    for (std::size_t term = 0; term < m.rank && m.rhs_factors != nullptr; ++term)
        for (std::size_t x = 0; x < 256; ++x)
            maps[term][x] = static_cast<lane>(m.rhs_factors[term * 256 + x] << (sizeof(lane) == 1 ? 0 : m.shifts[term]));
    const std::size_t term_lanes = layout.steps * Tile::group * panel_columns;
    for (std::size_t panel = 0; panel < layout.panels; ++panel)
        for (std::size_t term = 0; term < m.rank; ++term, out += term_lanes)
            pack_panel<Tile>(b, panel * panel_columns, m.rhs_factors == nullptr ? nullptr : maps[term], out);
    if constexpr (Tile::lhs_offset != 0) {
        auto* offsets = reinterpret_cast<std::int32_t*>(memory);
        const auto* lanes = reinterpret_cast<const lane*>(memory + layout.offset_bytes());
        for (std::size_t j = 0; j < layout.panels * panel_columns; ++j) {
            std::uint32_t sum = 0; // modulo 2^32, as what it is added to
            const lane* column = lanes + j / panel_columns * layout.panel_lanes + j % panel_columns * Tile::group;
            for (std::size_t term = 0; term < m.rank; ++term, column += term_lanes)
                for (std::size_t k = 0; k < b.rows; ++k)
                    sum +=
                        static_cast<std::uint32_t>(column[k / Tile::group * Tile::group * panel_columns + k % Tile::group])
                        << m.shifts[term];
            offsets[j] = static_cast<std::int32_t>(0u - static_cast<std::uint32_t>(Tile::lhs_offset) * sum);
        }
    }
}

/// Tile::tile for 1 to Tile::rows rows and 1 to Tile::panels panels.
template <class Tile>
struct tile_functions {
    using function = void (*)(const tile_steps&, const typename Tile::lhs_lane*, std::size_t, const typename Tile::rhs_lane*,
                              std::size_t, std::int32_t*, std::size_t) noexcept;

    template <std::size_t Panels, std::size_t... Rows>
    static constexpr std::array<function, Tile::rows> column(std::index_sequence<Rows...>) {
        return {&Tile::template tile<Rows + 1, Panels>...};
    }
    template <std::size_t... Panels>
    static constexpr std::array<std::array<function, Tile::rows>, Tile::panels> table(std::index_sequence<Panels...>) {
        return {column<Panels + 1>(std::make_index_sequence<Tile::rows>{})...};
    }
    static constexpr auto all = table(std::make_index_sequence<Tile::panels>{}); ///< [panels - 1][rows - 1]
};

/// Activations of one call as a tile reads them: for each row, the terms one after another.
template <class Tile>
class mapped_rows {
public:
    using lane = typename Tile::lhs_lane;

    mapped_rows(const lowered_multiplier& m, std::size_t k, arena& scratch, std::size_t rows)
        : m_{m},
          depth_{(k + Tile::group - 1) / Tile::group * Tile::group},
          k_{k},
          lanes_{scratch.take<lane>(rows * stride())},
          row_{scratch.take<std::int8_t>(k)} {}

    [[nodiscard]] constexpr std::size_t stride() const noexcept { return depth_ * m_.rank; }
    [[nodiscard]] const lane* row(std::size_t i) const noexcept { return lanes_.data() + i * stride(); }

    /// Maps row @p from of @p a to row @p to. The zeros behind are those of a factor.
    void map(gemm_operand<std::int8_t> a, std::size_t from, std::size_t to) noexcept {
        const std::int8_t* x = a.data + from * a.row_stride;
        if (a.col_stride != 1 && k_ != 0) {
            for (std::size_t k = 0; k < k_; ++k) row_[k] = x[k * a.col_stride];
            x = row_.data();
        }
        lane* out = lanes_.data() + to * stride();
        for (std::size_t term = 0; term < m_.rank; ++term, out += depth_) {
            Tile::map_row(x, k_, m_.lhs_factors == nullptr ? nullptr : m_.lhs_factors + term * 256, out);
            std::fill(out + k_, out + depth_, lane{Tile::lhs_offset});
        }
    }

private:
    const lowered_multiplier& m_;
    std::size_t depth_, k_;
    std::span<lane> lanes_;
    std::span<std::int8_t> row_; ///< a row of a transposed A
};

/// Rows of A that are mapped at a time: they stay in the L2 cache beside a panel of B.
template <class Tile>
constexpr std::size_t mapped_block_rows(std::size_t rank, std::size_t k, std::size_t rows) noexcept {
    constexpr std::size_t cache = 256 * 1024;
    const std::size_t row_bytes = rank * (k + Tile::group) * sizeof(typename Tile::lhs_lane);
    const std::size_t fit = std::max<std::size_t>(1, cache / row_bytes / Tile::rows) * Tile::rows;
    return std::min(fit, rows);
}

/// sum += more, modulo 2^32.
constexpr void add_wrapped(std::int32_t& sum, std::int32_t more) noexcept {
    sum = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>(more));
}

/// Adds to @p sums, those of row @p x and @p columns columns of a panel, what 8-bit lanes lost of the factors of the operand
/// 0x80: multiples of 256.
template <class Tile>
void add_lost_factors(const lowered_multiplier& m, const panel_layout<Tile>& layout, const std::int8_t* x,
                      std::size_t x_stride, std::size_t k, const std::int8_t* panel, std::size_t columns,
                      std::int32_t* sums) noexcept {
    for (std::size_t term = 0; term < m.rank; ++term) {
        const std::int16_t factor = m.lhs_factors[term * 256 + 0x80];
        const std::int32_t lost = (factor - static_cast<std::int8_t>(factor)) * (1 << m.shifts[term]);
        const std::int8_t* from = panel + term * layout.steps * Tile::group * panel_columns;
        for (std::size_t i = 0; i < k && lost != 0; ++i)
            for (std::size_t j = 0; j < columns && x[i * x_stride] == -128; ++j)
                add_wrapped(sums[j], lost * from[(i / Tile::group * panel_columns + j) * Tile::group + i % Tile::group]);
    }
}

/// Scratch of panel_gemm, counted.
template <class Tile>
constexpr void take_panel_scratch(const lowered_multiplier& m, std::size_t rows, std::size_t k, arena& a) {
    const std::size_t depth = (k + Tile::group - 1) / Tile::group * Tile::group;
    a.take<typename Tile::lhs_lane>(mapped_block_rows<Tile>(m.rank, k, rows) * depth * m.rank);
    a.take<std::int8_t>(k);
}

/// Gives @p sink blocks of up to Tile::rows x (Tile::panels * 16) sums, each element once.
template <class Tile>
void panel_gemm(const lowered_multiplier& m, gemm_operand<std::int8_t> a, const packed_panels& b, arena& scratch,
                const lutra::detail::sum_sink& sink) {
    const panel_layout<Tile> layout{m.rank, b.k, b.n};
    const auto* panels = reinterpret_cast<const typename Tile::rhs_lane*>(b.data + layout.offset_bytes());
    std::array<std::uint8_t, max_rank> doublings{};
    for (std::size_t term = 0; term < m.rank; ++term)
        doublings[term] = static_cast<std::uint8_t>(m.shifts[term] - (term + 1u < m.rank ? m.shifts[term + 1] : 0));
    const tile_steps steps = sizeof(typename Tile::rhs_lane) == 1 ? tile_steps{layout.steps, m.rank, doublings.data()}
                                                                  : tile_steps{layout.steps * m.rank};
    const std::size_t block = mapped_block_rows<Tile>(m.rank, b.k, a.rows);
    mapped_rows<Tile> mapped{m, b.k, scratch, block};
    alignas(64) std::int32_t buffer[Tile::rows * Tile::panels * panel_columns];
    for (std::size_t i0 = 0; i0 < a.rows; i0 += block) {
        const std::size_t rows = std::min(block, a.rows - i0), tiles = (rows + Tile::rows - 1) / Tile::rows;
        for (std::size_t i = 0; i < rows; ++i) mapped.map(a, i0 + i, i);
        for (std::size_t panel = 0; panel < layout.panels; panel += Tile::panels) {
            const std::size_t count = std::min(Tile::panels, layout.panels - panel), j = panel * panel_columns;
            const std::size_t columns = std::min(count * panel_columns, b.n - j);
            for (std::size_t tile = 0, i = 0; tile < tiles; ++tile) { // tiles of equal height, give or take a row
                const std::size_t height = rows / tiles + (tile < rows % tiles ? 1 : 0);
                std::int32_t* to = buffer;
                std::size_t stride = Tile::panels * panel_columns;
                const bool placed = sink.keeps() && columns == count * panel_columns;
                if (placed) {
                    const auto at = sink.place(i0 + i, j, height, columns);
                    to = at.data(), stride = at.stride();
                }
                tile_functions<Tile>::all[count - 1][height - 1](steps, mapped.row(i), mapped.stride(),
                                                                 panels + panel * layout.panel_lanes, layout.panel_lanes, to,
                                                                 stride);
                for (std::size_t r = 0; r < height; ++r) {
                    [[maybe_unused]] std::int32_t* row = to + r * stride;
                    if constexpr (Tile::lhs_offset != 0) {
                        const auto* offsets = reinterpret_cast<const std::int32_t*>(b.data) + j;
                        for (std::size_t c = 0; c < columns; ++c) add_wrapped(row[c], offsets[c]);
                    }
                    if constexpr (sizeof(typename Tile::rhs_lane) == 1)
                        if (m.factors == factor_width::bits8_but_128)
                            for (std::size_t c = 0; c < columns; c += panel_columns)
                                add_lost_factors<Tile>(m, layout, a.data + (i0 + i + r) * a.row_stride, a.col_stride, b.k,
                                                       panels + (panel + c / panel_columns) * layout.panel_lanes,
                                                       std::min(panel_columns, columns - c), row + c);
                }
                if (!placed) sink.block(i0 + i, j, {to, height, columns, stride});
                i += height;
            }
        }
    }
}

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
