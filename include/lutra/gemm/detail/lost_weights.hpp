// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/gemm/arch/int8_panel.hpp>
#include <lutra/gemm/detail/lost_factors.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

/// What the weights of an operand lost, packed behind its panels: the first pick of each term of each pair of panels and the
/// number of all, then the picks (int8_panel.hpp). Byte: std::byte to pack, const std::byte to read.
template <class Byte>
class lost_weights {
public:
    static constexpr std::size_t panels = 2; ///< that share picks

    /// @p depth: rows of k with their padding. @p memory: bytes() of it, on a 4-byte boundary.
    constexpr lost_weights(std::size_t rank, std::size_t all_panels, std::size_t depth, Byte* memory) noexcept
        : rank_{rank}, pairs_{(all_panels + panels - 1) / panels}, depth_{depth}, memory_{memory} {}

    [[nodiscard]] constexpr std::size_t bytes() const noexcept { return head_bytes() + capacity() * sizeof(lost_pick); }
    [[nodiscard]] bool any() const noexcept { return first()[rank_ * pairs_] != 0; }
    /// What a pair of panels lost in a term of @p m.
    [[nodiscard]] lost_picks picks(const lowered_multiplier& m, std::size_t pair, std::size_t term) const noexcept {
        const std::uint32_t* at = first() + pair * rank_ + term;
        return {pick(at[0]), std::size_t{at[1]} - at[0], split_factor{m.rhs_factors + term * 256}.lost, m.shifts[term]};
    }

    /// Adds @p times what the weights of each column of a panel lost in a term.
    void add_to_columns(const lowered_multiplier& m, std::size_t panel, std::size_t term, std::uint32_t times,
                        std::uint32_t (&sums)[panel_columns]) const noexcept {
        const lost_picks lost = picks(m, panel / panels, term);
        for (std::size_t i = 0; i < lost.count; ++i)
            for (std::size_t place = 0; place < panel_columns * 4; ++place)
                if ((lost.data[i].of[panel % panels][place / 8] >> place % 8 & 1) != 0)
                    sums[place / 4] += times * static_cast<std::uint32_t>(lost.lost);
    }

    /// Packs what @p b loses. False where that is too much, or not for picks: then tiles of 16-bit lanes must do.
    [[nodiscard]] bool pack(const gemm_operand<std::int8_t>& b, const lowered_multiplier& m) const noexcept {
        const bool search = holds_lowest(b);
        std::uint32_t used = 0;
        for (std::size_t i = 0; i < rank_ * pairs_; ++i) {
            first()[i] = used;
            if (search &&
                !pack_term(b, i / rank_ * panels * panel_columns, m.rhs_factors + i % rank_ * 256, i % rank_, used))
                return false;
        }
        first()[rank_ * pairs_] = used;
        return true;
    }

private:
    template <class T>
    using like_memory = std::conditional_t<std::is_const_v<Byte>, const T, T>;

    /// Few enough that tiles of 8-bit lanes stay the faster ones, and that these take more memory.
    [[nodiscard]] constexpr std::size_t capacity() const noexcept {
        return rank_ * pairs_ * 4 * ((depth_ + lost_window - 1) / lost_window);
    }
    [[nodiscard]] constexpr std::size_t head_bytes() const noexcept { return (rank_ * pairs_ + 1) * sizeof(std::uint32_t); }
    [[nodiscard]] auto* first() const noexcept { return reinterpret_cast<like_memory<std::uint32_t>*>(memory_); }
    [[nodiscard]] auto* pick(std::size_t i) const noexcept {
        return reinterpret_cast<like_memory<lost_pick>*>(memory_ + head_bytes()) + i;
    }

    /// Which places of the last picks are taken, and whose weights.
    struct taken_places {
        std::uint8_t used[panel_columns]{};
        std::uint64_t of[panels]{}; ///< bits, the lowest byte first in memory
    };

    /// Calls f(k, j) for each weight of -128, along lines that lie side by side if there are any.
    template <class F>
    static void for_each_weight(const gemm_operand<std::int8_t>& b, F&& f) noexcept {
        if (b.row_stride == 1)
            for_each_lowest({b.data, b.cols, b.rows, b.col_stride, 1}, [&](std::size_t j, std::size_t k) { f(k, j); });
        else
            for_each_lowest(b, f);
    }

    bool pack_term(const gemm_operand<std::int8_t>& b, std::size_t j0, const std::int16_t* map, std::size_t term,
                   std::uint32_t& used) const noexcept {
        const split_factor lowest{map};
        if (lowest.lost == 0) return true;
        // activations that lost too know these weights by what is kept of them
        const bool fits = lowest.lost >= -128 && lowest.lost <= 127 && std::count(map, map + 256, lowest.kept) == 0;
        const std::size_t width = std::min(panels * panel_columns, b.cols - j0), before = used;
        taken_places open;
        const auto close = [&] {
            if (used != before) std::memcpy(pick(used - 1)->of, open.of, sizeof open.of);
            open = {};
        };
        for (std::size_t k0 = 0; k0 < b.rows; k0 += lost_window) {
            const gemm_operand<std::int8_t> window{b.data + k0 * b.row_stride + j0 * b.col_stride,
                                                   std::min(lost_window, b.rows - k0), width, b.row_stride, b.col_stride};
            bool begun = false, room = true;
            for_each_weight(window, [&](std::size_t k, std::size_t j) {
                const std::size_t column = j % panel_columns;
                if (open.used[column] == 4) close(), begun = false;
                if (!begun && (room = room && fits && used < capacity())) {
                    std::memset(pick(used), 0, sizeof(lost_pick));
                    pick(used++)->window = static_cast<std::uint32_t>(term * depth_ + k0);
                    begun = true;
                }
                if (!room) return;
                const std::size_t place = column * 4 + open.used[column]++;
                pick(used - 1)->from[place] = static_cast<std::uint8_t>(k);
                pick(used - 1)->places[place / 8] |= static_cast<std::uint8_t>(1u << place % 8);
                open.of[j / panel_columns] |= std::uint64_t{1} << place;
            });
            if (!room) return false;
        }
        close();
        return true;
    }

    std::size_t rank_, pairs_, depth_;
    Byte* memory_;
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
