// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_panel.hpp>
#include <lutra/gemm/detail/lost_activations.hpp>
#include <lutra/gemm/detail/lost_factors.hpp>
#include <lutra/gemm/detail/pack_panels.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// Scratch of lost_sums, counted. Windows of activations are read past the last row.
template <class Tile>
constexpr void take_lost_scratch(const lowered_multiplier& m, std::size_t k, arena& a) {
    a.take<std::byte>(weights_may_lose<Tile>(m) ? lost_window : 0);
    a.take<lost_group>(may_lose<Tile>(m) ? lost_activations::most(Tile::rows, k) : 0);
}

/// What a tile's sums get for factors that its lanes do not hold (lost_factors.hpp).
template <class Tile>
class lost_sums {
public:
    /// @p packed: an operand of that layout. @p scratch: take_lost_scratch, behind that of mapped_rows.
    lost_sums(const lowered_multiplier& m, const panel_layout<Tile>& layout, const std::byte* packed, std::size_t k,
              arena& scratch)
        : m_{m},
          layout_{layout},
          packed_{packed},
          overrun_{scratch.take<std::byte>(layout.weights_may_lose ? lost_window : 0)},
          activations_{scratch.take<lost_group>(may_lose<Tile>(m) ? lost_activations::most(Tile::rows, k) : 0)} {
        if (!may_lose<Tile>(m)) return;
        weights_lost_ = layout.weights_may_lose && layout.lost(packed).any();
        for (std::size_t term = 0; term < layout.rank; ++term) {
            const split_factor activation{m.lhs_factors + term * 256}, weight{m.rhs_factors + term * 256};
            terms_[term] = {activation.lost * (1 << m.shifts[term]), static_cast<std::int8_t>(weight.kept),
                            static_cast<std::int8_t>(weights_lost_ ? weight.lost : 0)};
            find_activations_ = find_activations_ || activation.lost != 0;
        }
    }

    /// Turns to the rows of a tile.
    void next_rows(const gemm_operand<std::int8_t>& a) noexcept {
        if (find_activations_) activations_.find(a);
    }
    /// Adds to the sums of these @p rows rows and @p count panels from @p panel on what is missing. @p a: the activations as
    /// tiles read them.
    void add_to(std::int32_t* sums, std::size_t stride, const typename Tile::lhs_lane* a, std::size_t a_stride,
                std::size_t rows, std::size_t panel, std::size_t count) const noexcept {
        for (std::size_t term = 0; term < layout_.rank && find_activations_; ++term)
            add_groups(activations_.groups(), terms_[term], layout_.step(packed_, panel, term, 0), count, sums, stride);
        if constexpr (picks_weights<Tile>)
            for (std::size_t p = 0; p < count && weights_lost_; p += Tile::panels)
                for (std::size_t term = 0; term < layout_.rank; ++term) {
                    const lost_picks picks = layout_.lost(packed_).picks(m_, (panel + p) / Tile::panels, term);
                    std::int32_t* to = sums + p * panel_columns;
                    if (picks.count != 0 && p + 1 < count)
                        Tile::template add_picked<2>(picks, a, a_stride, rows, to, stride);
                    else if (picks.count != 0)
                        Tile::template add_picked<1>(picks, a, a_stride, rows, to, stride);
                }
    }

private:
    void add_groups(std::span<const lost_group> groups, const lost_factor& f, const std::int8_t* b, std::size_t count,
                    std::int32_t* c, std::size_t c_stride) const noexcept {
        if constexpr (requires { &Tile::add_groups; })
            Tile::add_groups(groups.data(), groups.size(), f, b, layout_.panel_lanes(), count, c, c_stride);
        else
            for (const lost_group& g : groups)
                for (std::size_t j = 0; j < count * panel_columns; ++j) {
                    const std::int8_t* w = b + j / panel_columns * layout_.panel_lanes() +
                                           (g.step * panel_columns + j % panel_columns) * Tile::group;
                    std::int32_t sum = 0;
                    for (std::size_t i = 0; i < Tile::group; ++i) sum += g.which[i] * w[i];
                    const std::uint32_t part = static_cast<std::uint32_t>(f.by) * static_cast<std::uint32_t>(sum);
                    add_wrapped(c[g.row * c_stride + j], static_cast<std::int32_t>(part));
                }
    }

    const lowered_multiplier& m_;
    panel_layout<Tile> layout_;
    const std::byte* packed_;
    std::span<std::byte> overrun_;
    lost_activations activations_;
    std::array<lost_factor, max_rank> terms_{};
    bool find_activations_ = false, weights_lost_ = false;
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
