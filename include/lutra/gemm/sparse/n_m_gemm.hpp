// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/detail/panel_gemm.hpp>
#include <lutra/gemm/detail/sparse_tiles.hpp>
#include <lutra/gemm/detail/sum_sink.hpp>
#include <lutra/gemm/int8_gemm.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/gemm/sparse/reference.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>
#include <lutra/prune/n_m.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// A right operand (K x N) of which each column keeps N of M neighbouring rows, its own ones, packed for one multiplier's
/// plan; made by `pack_n_m`. It points into memory and tables of others.
struct packed_n_m {
    lowered_multiplier multiplier;
    n_m pattern;
    const std::byte* data = nullptr; ///< where each step reads, then panels of weights and picks (arch/pick_scalar.hpp)
    std::size_t k = 0, n = 0;
    isa instructions = isa::scalar;
};

inline namespace LUTRA_ISA {

namespace kernel {

/// Calls f(first, end, most) for each window of at most @p window rows that a step picks from: whole groups, or parts of a
/// long one, of which a column keeps at most @p most.
template <class F>
constexpr void for_each_pick_window(n_m pattern, std::size_t window, std::size_t k, F&& f) {
    const std::size_t whole = std::max<std::size_t>(1, window / pattern.m) * pattern.m;
    for (std::size_t k0 = 0; k0 < k; k0 += whole)
        for (std::size_t first = k0; first < std::min(k0 + whole, k); first += window) {
            const std::size_t end = std::min({first + window, k0 + whole, k});
            std::size_t most = 0;
            for (std::size_t group = first; group < end; group += pattern.m)
                most += std::min<std::size_t>(pattern.n, end - group);
            f(first, end, most);
        }
}

/// Where the parts of a packed operand lie: where each step reads, sums that take back a tile's lhs_offset, panels.
template <class Tile>
struct n_m_layout {
    using lane = typename Tile::rhs_lane;
    static constexpr std::size_t slots = 4 / sizeof(lane); ///< weights a column and step
    static constexpr std::size_t part = pick_part / sizeof(lane), step_lanes = 2 * part;

    std::size_t steps = 0; ///< of a term
    std::size_t all_steps, panels;

    constexpr n_m_layout(n_m pattern, std::size_t rank, std::size_t k, std::size_t n)
        : panels{(n + panel_columns - 1) / panel_columns} {
        for_each_pick_window(pattern, Tile::group, k,
                             [&](std::size_t, std::size_t, std::size_t most) { steps += steps_for(most); });
        all_steps = rank * steps;
    }
    [[nodiscard]] static constexpr std::size_t steps_for(std::size_t most) noexcept { return (most + slots - 1) / slots; }
    [[nodiscard]] constexpr std::size_t offset_bytes() const noexcept {
        return lutra::detail::round_up(all_steps * sizeof(std::uint32_t), arena::alignment);
    }
    [[nodiscard]] constexpr std::size_t lanes_at() const noexcept {
        return offset_bytes() + (Tile::lhs_offset == 0 ? 0 : panels * panel_columns * sizeof(std::int32_t));
    }
    [[nodiscard]] constexpr std::size_t bytes() const noexcept { return lanes_at() + panels * all_steps * 2 * pick_part; }
};

/// Calls f(Tile{}) with the tile of @p instructions that picks for factors of @p m.
template <class F>
constexpr decltype(auto) with_n_m_tile(isa instructions, const lowered_multiplier& m, F&& f) {
    return with_pick_tile(instructions, m.factors == factor_width::bits8, f);
}

/// Panics where a column keeps more than N of a group.
constexpr void require_n_m_mask(const gemm_operand<std::uint8_t>& kept, n_m pattern) {
    for (std::size_t j = 0; j < kept.cols; ++j)
        for (std::size_t k0 = 0; k0 < kept.rows; k0 += pattern.m) {
            std::size_t count = 0;
            for (std::size_t k = k0; k < std::min<std::size_t>(k0 + pattern.m, kept.rows); ++k) count += kept(k, j) != 0;
            require(count <= pattern.n, panic_code::bad_argument, "a mask keeps more than N of M rows of a column",
                    static_cast<long long>(count), pattern.n);
        }
}

} // namespace kernel

/// Bytes that `pack_n_m` needs for a K x N operand under the plan of @p m.
[[nodiscard]] constexpr std::size_t packed_n_m_bytes(const lowered_multiplier& m, n_m pattern, std::size_t k, std::size_t n,
                                                     isa instructions) {
    require_pattern(pattern);
    return kernel::with_n_m_tile(instructions, m, [&]<class Tile>(Tile) {
        return kernel::n_m_layout<Tile>{pattern, m.rank, k, n}.bytes();
    });
}
[[nodiscard]] constexpr std::size_t packed_n_m_bytes(const lowered_multiplier& m, n_m pattern, std::size_t k,
                                                     std::size_t n) {
    return packed_n_m_bytes(m, pattern, k, n, best_isa());
}

namespace kernel {

/// Packs @p b into memory of n_m_layout's bytes.
template <class Tile>
void pack_n_m_panels(const gemm_operand<std::int8_t>& b, const gemm_operand<std::uint8_t>& kept, n_m pattern,
                     const lowered_multiplier& m, std::byte* memory) noexcept {
    using layout_type = n_m_layout<Tile>;
    using lane = typename Tile::rhs_lane;
    constexpr std::size_t slots = layout_type::slots;
    const layout_type layout{pattern, m.rank, b.rows, b.cols};
    const std::size_t depth = lutra::detail::round_up(b.rows, Tile::group); // of a term in a mapped row of A
    auto* offset = reinterpret_cast<std::uint32_t*>(memory);
    for (std::size_t term = 0; term < m.rank; ++term)
        for_each_pick_window(pattern, Tile::group, b.rows, [&](std::size_t first, std::size_t, std::size_t most) {
            const std::size_t steps = layout_type::steps_for(most);
            offset = std::fill_n(offset, steps, static_cast<std::uint32_t>(term * depth + first));
        });
    [[maybe_unused]] auto* taken = reinterpret_cast<std::int32_t*>(memory + layout.offset_bytes());
    if constexpr (Tile::lhs_offset != 0) std::fill_n(taken, layout.panels * panel_columns, 0);
    auto* out = reinterpret_cast<lane*>(memory + layout.lanes_at());
    std::fill_n(out, layout.panels * layout.all_steps * layout_type::step_lanes, lane{0});
    for (std::size_t j0 = 0; j0 < b.cols; j0 += panel_columns)
        for (std::size_t term = 0; term < m.rank; ++term) {
            std::int16_t map[256];
            rhs_map(m, term, sizeof(lane) > 1, map);
            for_each_pick_window(pattern, Tile::group, b.rows, [&](std::size_t first, std::size_t end, std::size_t most) {
                for (std::size_t j = 0; j < std::min(panel_columns, b.cols - j0); ++j) {
                    std::size_t slot = 0;
                    for (std::size_t k = first; k < end; ++k) {
                        if (kept(k, j0 + j) == 0) continue;
                        lane* to = out + slot / slots * layout_type::step_lanes + j * slots + slot % slots;
                        to[0] = static_cast<lane>(map[index_of(b(k, j0 + j))]);
                        to[layout_type::part] = pick_of<lane>(k - first);
                        if constexpr (Tile::lhs_offset != 0)
                            add_wrapped(taken[j0 + j], -Tile::lhs_offset * to[0] * (1 << m.shifts[term]));
                        ++slot;
                    }
                }
                out += layout_type::steps_for(most) * layout_type::step_lanes;
            });
        }
}

/// `pack_n_m` on a machine that may lack @p instructions.
LUTRA_INLINE packed_n_m pack_n_m_for(const gemm_operand<std::int8_t>& b, const gemm_operand<std::uint8_t>& kept, n_m pattern,
                                     const lowered_multiplier& m, std::span<std::byte> memory, isa instructions) {
    require_separable(m);
    require_pattern(pattern);
    lutra::detail::require_memory(b);
    lutra::detail::require_mask_of(kept, b);
    require_n_m_mask(kept, pattern);
    require_packing_memory(memory, packed_n_m_bytes(m, pattern, b.rows, b.cols, instructions), lutra::detail::footprint(b));
    require_sum_fits(m, (b.rows + pattern.m - 1) / pattern.m * pattern.n);
    with_n_m_tile(instructions, m, [&]<class Tile>(Tile) { pack_n_m_panels<Tile>(b, kept, pattern, m, memory.data()); });
    return {m, pattern, memory.data(), b.rows, b.cols, instructions};
}

} // namespace kernel

/// Packs the elements of @p b (K x N) that @p kept (K x N, 0 or not) keeps, at most N of M of each column, for products with
/// @p m into @p memory: packed_n_m_bytes of it, on a 4-byte boundary. Masks by prune/n_m.hpp fit; so do sparser ones.
/// Panics on other masks and shapes, on a plan that looks products up, on memory that is too small, misaligned or that of
/// @p b, where sums could leave int32, and where this machine lacks @p instructions.
[[nodiscard]] inline packed_n_m pack_n_m(gemm_operand<std::int8_t> b, gemm_operand<std::uint8_t> kept, n_m pattern,
                                         const lowered_multiplier& m, std::span<std::byte> memory,
                                         isa instructions = best_isa()) {
    kernel::require_isa(instructions);
    return kernel::pack_n_m_for(b, kept, pattern, m, memory, instructions);
}

namespace kernel {

/// What `gemm` takes of scratch; read past the last row of A, up to a register.
template <class Tile>
constexpr void take_n_m_scratch(const lowered_multiplier& m, std::size_t rows, std::size_t k, arena& a) {
    take_mapped_scratch<Tile>(m, rows, k, a);
    a.take<std::byte>(arena::alignment);
}

/// A template, so that only programs that use it compile its tiles.
template <class Tile>
void n_m_product(gemm_operand<std::int8_t> a, const packed_n_m& b, arena& scratch, const lutra::detail::sum_sink& sink) {
    const lowered_multiplier& m = b.multiplier;
    const n_m_layout<Tile> layout{b.pattern, m.rank, b.k, b.n};
    const std::size_t panels = layout.panels, panel_lanes = layout.all_steps * n_m_layout<Tile>::step_lanes;
    const auto* lanes = reinterpret_cast<const typename Tile::rhs_lane*>(b.data + layout.lanes_at());
    const auto doublings = term_doublings(m);
    const auto* offsets = reinterpret_cast<const std::uint32_t*>(b.data);
    tile_steps how = narrow_lanes<Tile> ? tile_steps{layout.steps, m.rank, doublings.data(), offsets}
                                        : tile_steps{layout.all_steps, 1, nullptr, offsets};
    const std::size_t block = mapped_block_rows<Tile>(m.rank, b.k, a.rows);
    mapped_rows<Tile> mapped{m, b.k, b.instructions, scratch, block};
    static_cast<void>(scratch.take<std::byte>(arena::alignment));
    alignas(64) std::int32_t buffer[Tile::rows * Tile::panels * panel_columns];
    for (std::size_t i0 = 0; i0 < a.rows; i0 += block) {
        const std::size_t rows = std::min(block, a.rows - i0);
        mapped.map(a, i0, rows);
        for (std::size_t panel = 0; panel < panels; panel += Tile::panels) {
            const std::size_t count = std::min(Tile::panels, panels - panel), j = panel * panel_columns;
            if constexpr (Tile::lhs_offset != 0)
                how.start = reinterpret_cast<const std::int32_t*>(b.data + layout.offset_bytes()) + j;
            for_each_part(rows, Tile::rows, [&](std::size_t i, std::size_t height) {
                const std::size_t width = count * panel_columns;
                give_tile(sink, i0 + i, height, j, std::min(width, b.n - j), width, buffer,
                          [&](std::int32_t* to, std::size_t stride) {
                              tile_functions<Tile>::all[count - 1][height - 1](how, mapped.row(i), mapped.stride(),
                                                                               lanes + panel * panel_lanes, panel_lanes, to,
                                                                               stride, 1);
                          });
            });
        }
    }
}

LUTRA_INLINE void int8_product(gemm_operand<std::int8_t> a, const packed_n_m& b, arena& scratch,
                               const lutra::detail::sum_sink& sink) {
    lutra::detail::require_inner_dimension(a, b.k);
    lutra::detail::require_memory(a);
    const std::size_t mark = scratch.used();
    with_n_m_tile(b.instructions, b.multiplier, [&]<class Tile>(Tile) { n_m_product<Tile>(a, b, scratch, sink); });
    scratch.release(mark);
}

template <class Use>
void require_output_apart(const Use& use, const gemm_operand<std::int8_t>& a, [[maybe_unused]] const packed_n_m& b) {
    require_output_apart(use, a);
    if constexpr (requires { lutra::detail::footprint(use.out); })
        lutra::detail::require_apart(lutra::detail::footprint(use.out),
                                     {reinterpret_cast<std::uintptr_t>(b.data), 1,
                                      packed_n_m_bytes(b.multiplier, b.pattern, b.k, b.n, b.instructions), 0});
}

} // namespace kernel

/// Bytes of scratch that suffice for `gemm` with @p rows rows of A, or fewer, and a packed N:M operand of K rows under the
/// plan of @p m.
[[nodiscard]] constexpr std::size_t n_m_gemm_scratch_bytes(const lowered_multiplier& m, std::size_t rows, std::size_t k,
                                                           isa instructions) {
    arena a = arena::counting();
    kernel::with_n_m_tile(instructions, m, [&]<class Tile>(Tile) { kernel::take_n_m_scratch<Tile>(m, rows, k, a); });
    return a.used();
}
[[nodiscard]] constexpr std::size_t n_m_gemm_scratch_bytes(const lowered_multiplier& m, std::size_t rows, std::size_t k) {
    return n_m_gemm_scratch_bytes(m, rows, k, best_isa());
}

/// The integer product A B over the elements of B that were kept: what gemm_reference with a mask says, bit for bit, on
/// every instruction set. A is M x K int8. `use` and its rules are those of `gemm` with a dense operand. @p scratch:
/// n_m_gemm_scratch_bytes, given back. Panics as that does.
///
/// @code
/// lutra::n_m_mask(float_weight, {2, 4}, mask);
/// const auto b = lutra::pack_n_m(transposed(weight), transposed(mask), {2, 4}, lutra::lower(lutra::exact{}), memory);
/// lutra::gemm(x, b, scratch, lutra::store_sums{sums});
/// @endcode
template <class Use>
void gemm(gemm_operand<std::int8_t> a, const packed_n_m& b, arena& scratch, Use&& use) {
    kernel::require_output_apart(use, a, b);
    kernel::int8_product(a, b, scratch, lutra::detail::sum_sink{use});
}

} // namespace LUTRA_ISA
} // namespace lutra
