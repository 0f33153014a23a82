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

/// Calls f(first, end, slots) for each window of rows that a step picks from: whole groups, or parts of a long one, of which
/// a column keeps at most @p slots.
template <class F>
constexpr void for_each_pick_window(n_m pattern, std::size_t k, F&& f) {
    const std::size_t whole = std::max<std::size_t>(1, pick_window / pattern.m) * pattern.m;
    for (std::size_t k0 = 0; k0 < k; k0 += whole)
        for (std::size_t first = k0; first < std::min(k0 + whole, k); first += pick_window) {
            const std::size_t end = std::min({first + pick_window, k0 + whole, k});
            std::size_t slots = 0;
            for (std::size_t group = first; group < end; group += pattern.m)
                slots += std::min<std::size_t>(pattern.n, end - group);
            f(first, end, slots);
        }
}

/// Steps of a term: two slots each.
constexpr std::size_t n_m_steps(n_m pattern, std::size_t k) {
    std::size_t steps = 0;
    for_each_pick_window(pattern, k, [&](std::size_t, std::size_t, std::size_t slots) { steps += (slots + 1) / 2; });
    return steps;
}
/// Bytes of the steps' offsets.
constexpr std::size_t n_m_offset_bytes(const lowered_multiplier& m, n_m pattern, std::size_t k) {
    return lutra::detail::round_up(n_m_steps(pattern, k) * m.rank * sizeof(std::uint32_t), arena::alignment);
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

/// Bytes that `pack_n_m` needs for a K x N operand under the plan of @p m; the same on every instruction set.
[[nodiscard]] constexpr std::size_t packed_n_m_bytes(const lowered_multiplier& m, n_m pattern, std::size_t k,
                                                     std::size_t n) {
    require_pattern(pattern);
    const std::size_t panels = (n + kernel::panel_columns - 1) / kernel::panel_columns;
    return kernel::n_m_offset_bytes(m, pattern, k) +
           panels * kernel::n_m_steps(pattern, k) * m.rank * kernel::pick_lanes * sizeof(std::int16_t);
}

/// Packs the elements of @p b (K x N) that @p kept (K x N, 0 or not) keeps, at most N of M of each column, for products with
/// @p m into @p memory: packed_n_m_bytes of it, on a 4-byte boundary. Masks by prune/n_m.hpp fit; so do sparser ones.
/// Panics on other masks and shapes, on a plan that looks products up, on memory that is too small, misaligned or that of
/// @p b, where sums could leave int32, and where this machine lacks @p instructions.
[[nodiscard]] inline packed_n_m pack_n_m(gemm_operand<std::int8_t> b, gemm_operand<std::uint8_t> kept, n_m pattern,
                                         const lowered_multiplier& m, std::span<std::byte> memory,
                                         isa instructions = best_isa()) {
    kernel::require_isa(instructions);
    kernel::require_separable(m);
    require_pattern(pattern);
    lutra::detail::require_memory(b);
    lutra::detail::require_mask_of(kept, b);
    kernel::require_n_m_mask(kept, pattern);
    kernel::require_packing_memory(memory, packed_n_m_bytes(m, pattern, b.rows, b.cols), lutra::detail::footprint(b));
    kernel::require_sum_fits(m, (b.rows + pattern.m - 1) / pattern.m * pattern.n);
    const std::size_t depth = lutra::detail::round_up(b.rows, kernel::pick_window); // of a term in a mapped row of A
    auto* offset = reinterpret_cast<std::uint32_t*>(memory.data());
    auto* out = reinterpret_cast<std::int16_t*>(memory.data() + kernel::n_m_offset_bytes(m, pattern, b.rows));
    for (std::size_t j0 = 0; j0 < b.cols || j0 == 0; j0 += kernel::panel_columns)
        for (std::size_t term = 0; term < m.rank; ++term) {
            std::int16_t map[256];
            kernel::rhs_map(m, term, true, map);
            kernel::for_each_pick_window(pattern, b.rows, [&](std::size_t first, std::size_t end, std::size_t slots) {
                const std::size_t steps = (slots + 1) / 2;
                for (std::size_t s = 0; s < steps && j0 == 0; ++s)
                    *offset++ = static_cast<std::uint32_t>(term * depth + first);
                if (b.cols == 0) return;
                std::fill_n(out, steps * kernel::pick_lanes, std::int16_t{0});
                for (std::size_t j = 0; j < std::min(kernel::panel_columns, b.cols - j0); ++j) {
                    std::size_t slot = 0;
                    for (std::size_t k = first; k < end; ++k)
                        if (kept(k, j0 + j) != 0) {
                            std::int16_t* to = out + slot / 2 * kernel::pick_lanes + 2 * j + slot % 2;
                            to[0] = map[kernel::index_of(b(k, j0 + j))];
                            to[kernel::pick_columns] = kernel::pick_of(k - first);
                            ++slot;
                        }
                }
                out += steps * kernel::pick_lanes;
            });
        }
    return {m, pattern, memory.data(), b.rows, b.cols, instructions};
}

namespace kernel {

/// What `gemm` takes of scratch; read past the last row of A, up to a register.
template <class Tile>
constexpr void take_n_m_scratch(const lowered_multiplier& m, std::size_t rows, std::size_t k, arena& a) {
    take_panel_scratch<Tile>(m, rows, k, a);
    a.take<std::byte>(arena::alignment);
}

/// A template, so that only programs that use it compile its tiles.
template <class Tile>
void n_m_product(gemm_operand<std::int8_t> a, const packed_n_m& b, arena& scratch, const lutra::detail::sum_sink& sink) {
    const lowered_multiplier& m = b.multiplier;
    const std::size_t steps = n_m_steps(b.pattern, b.k) * m.rank, panels = (b.n + panel_columns - 1) / panel_columns;
    const auto* lanes = reinterpret_cast<const std::int16_t*>(b.data + n_m_offset_bytes(m, b.pattern, b.k));
    const tile_steps how{steps, 1, nullptr, reinterpret_cast<const std::uint32_t*>(b.data)};
    const std::size_t block = mapped_block_rows<Tile>(m.rank, b.k, a.rows);
    mapped_rows<Tile> mapped{m, b.k, scratch, block};
    static_cast<void>(scratch.take<std::byte>(arena::alignment));
    alignas(64) std::int32_t buffer[Tile::rows * Tile::panels * panel_columns];
    for (std::size_t i0 = 0; i0 < a.rows; i0 += block) {
        const std::size_t rows = std::min(block, a.rows - i0);
        for (std::size_t i = 0; i < rows; ++i) mapped.map(a, i0 + i, i);
        for (std::size_t panel = 0; panel < panels; panel += Tile::panels) {
            const std::size_t count = std::min(Tile::panels, panels - panel), j = panel * panel_columns;
            for_each_height(rows, Tile::rows, [&](std::size_t i, std::size_t height) {
                give_tile(sink, i0 + i, height, j, std::min(count * panel_columns, b.n - j), count * panel_columns, buffer,
                          [&](std::int32_t* to, std::size_t stride) {
                              tile_functions<Tile>::all[count - 1][height - 1](how, mapped.row(i), mapped.stride(),
                                                                               lanes + panel * steps * pick_lanes,
                                                                               steps * pick_lanes, to, stride);
                          });
            });
        }
    }
}

template <class Use>
void require_output_apart(const Use& use, const gemm_operand<std::int8_t>& a, [[maybe_unused]] const packed_n_m& b) {
    require_output_apart(use, a);
    if constexpr (requires { lutra::detail::footprint(use.out); })
        lutra::detail::require_apart(
            lutra::detail::footprint(use.out),
            {reinterpret_cast<std::uintptr_t>(b.data), 1, packed_n_m_bytes(b.multiplier, b.pattern, b.k, b.n), 0});
}

} // namespace kernel

/// Bytes of scratch that suffice for `gemm` with @p rows rows of A, or fewer, and a packed N:M operand of K rows under the
/// plan of @p m.
[[nodiscard]] constexpr std::size_t n_m_gemm_scratch_bytes(const lowered_multiplier& m, std::size_t rows, std::size_t k,
                                                           isa instructions) {
    arena a = arena::counting();
    kernel::with_pick_tile(instructions, [&]<class Tile>(Tile) { kernel::take_n_m_scratch<Tile>(m, rows, k, a); });
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
    lutra::detail::require_inner_dimension(a, b.k);
    lutra::detail::require_memory(a);
    const std::size_t mark = scratch.used();
    kernel::with_pick_tile(
        b.instructions, [&]<class Tile>(Tile) { kernel::n_m_product<Tile>(a, b, scratch, lutra::detail::sum_sink{use}); });
    scratch.release(mark);
}

} // namespace LUTRA_ISA
} // namespace lutra
