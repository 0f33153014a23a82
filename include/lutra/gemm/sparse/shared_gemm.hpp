// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/arch/gather_lanes.hpp>
#include <lutra/gemm/detail/int8_tiles.hpp>
#include <lutra/gemm/detail/panel_gemm.hpp>
#include <lutra/gemm/detail/shared_rows.hpp>
#include <lutra/gemm/detail/sparse_tiles.hpp>
#include <lutra/gemm/detail/sum_sink.hpp>
#include <lutra/gemm/int8_gemm.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>
#include <lutra/prune/block.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// A right operand (K x N) whose columns share, in groups of so many neighbours, which of its rows they keep, packed for one
/// multiplier's plan and one instruction set; made by `pack_shared` and `pack_blocks`. It points into memory and tables of
/// others.
struct packed_shared_b {
    lowered_multiplier multiplier;
    const std::byte* data = nullptr; ///< a table of groups, then their gathers and panels (detail/shared_rows.hpp)
    std::size_t k = 0, n = 0;
    std::size_t columns = 1; ///< of a group
    std::size_t bytes = 0;
    isa instructions = isa::scalar;
};

inline namespace LUTRA_ISA {

namespace kernel {

/// Where the parts of a packed group lie behind its gather: sums that take back a tile's lhs_offset, then panels.
template <class Tile>
struct shared_layout {
    std::size_t steps, panels, panel_lanes;

    constexpr shared_layout(std::size_t rank, std::size_t kept, std::size_t columns) noexcept
        : steps{(kept + Tile::group - 1) / Tile::group},
          panels{(columns + panel_columns - 1) / panel_columns},
          panel_lanes{rank * steps * Tile::group * panel_columns} {}
    [[nodiscard]] constexpr std::size_t offset_bytes() const noexcept {
        return Tile::lhs_offset == 0 ? 0 : panels * panel_columns * sizeof(std::int32_t);
    }
    [[nodiscard]] constexpr std::size_t bytes() const noexcept {
        return offset_bytes() +
               lutra::detail::round_up(panels * panel_lanes * sizeof(typename Tile::rhs_lane), arena::alignment);
    }
};

/// Calls f(Tile{}, Gather{}) with what @p instructions has for factors of @p m.
template <class F>
constexpr decltype(auto) with_shared_kernels(isa instructions, const lowered_multiplier& m, F&& f) {
    return with_tile(instructions, m.factors == factor_width::bits8, [&]<class Tile>(Tile tile) -> decltype(auto) {
        return with_gather<sizeof(typename Tile::lhs_lane)>(instructions, [&](auto gather) { return f(tile, gather); });
    });
}

/// Packs a group of columns from @p j0 on behind its gather; @p out takes shared_layout's bytes.
template <class Tile, class Keeps>
void pack_shared_group(const gemm_operand<std::int8_t>& b, const Keeps& keeps, std::size_t group, std::size_t j0,
                       std::size_t columns, const shared_layout<Tile>& layout, const lowered_multiplier& m,
                       std::byte* out) noexcept {
    using lane = typename Tile::rhs_lane;
    auto* lanes = reinterpret_cast<lane*>(out + layout.offset_bytes());
    std::fill_n(lanes, layout.panels * layout.panel_lanes, lane{0});
    if constexpr (Tile::lhs_offset != 0) std::fill_n(reinterpret_cast<std::int32_t*>(out), layout.panels * panel_columns, 0);
    for (std::size_t term = 0; term < m.rank; ++term) {
        std::int16_t map[256];
        rhs_map(m, term, sizeof(lane) > 1, map);
        for (std::size_t k = 0, place = 0; k < b.rows; ++k) {
            if (!keeps(k, group)) continue;
            const std::size_t step = term * layout.steps + place / Tile::group;
            for (std::size_t j = 0; j < columns; ++j) {
                const auto x = static_cast<lane>(map[index_of(b(k, j0 + j))]);
                lanes[j / panel_columns * layout.panel_lanes + (step * panel_columns + j % panel_columns) * Tile::group +
                      place % Tile::group] = x;
                if constexpr (Tile::lhs_offset != 0)
                    add_wrapped(reinterpret_cast<std::int32_t*>(out)[j], -Tile::lhs_offset * x * (1 << m.shifts[term]));
            }
            ++place;
        }
    }
}

/// Bytes that pack_shared_by needs.
template <class Keeps>
std::size_t packed_shared_bytes_by(const Keeps& keeps, std::size_t columns, std::size_t k, std::size_t n,
                                   const lowered_multiplier& m, isa instructions) {
    return with_shared_kernels(instructions, m, [&]<class Tile, class Gather>(Tile, Gather) {
        std::size_t bytes = shared_table_bytes((n + columns - 1) / columns);
        for (std::size_t j = 0, group = 0; j < n; j += columns, ++group) {
            const shared_rows rows = write_gather<Gather>(keeps, group, k, nullptr);
            bytes += gather_bytes<Gather>(rows) + shared_layout<Tile>{m.rank, rows.kept, std::min(columns, n - j)}.bytes();
        }
        return bytes;
    });
}

/// Packs @p b, of which keeps(k, group) says what stays.
template <class Keeps>
packed_shared_b pack_shared_by(const gemm_operand<std::int8_t>& b, const Keeps& keeps, std::size_t columns,
                               const lowered_multiplier& m, std::span<std::byte> memory, isa instructions) {
    lutra::detail::require_memory(b);
    const std::size_t need = packed_shared_bytes_by(keeps, columns, b.rows, b.cols, m, instructions);
    require_packing_memory(memory, need, lutra::detail::footprint(b));
    with_shared_kernels(instructions, m, [&]<class Tile, class Gather>(Tile, Gather) {
        auto* table = reinterpret_cast<shared_rows*>(memory.data());
        std::byte* out = memory.data() + shared_table_bytes((b.cols + columns - 1) / columns);
        for (std::size_t j = 0, group = 0; j < b.cols; j += columns, ++group) {
            const shared_rows rows = table[group] = write_gather<Gather>(keeps, group, b.rows, out);
            require_sum_fits(m, rows.kept);
            out += gather_bytes<Gather>(rows);
            const shared_layout<Tile> layout{m.rank, rows.kept, std::min(columns, b.cols - j)};
            pack_shared_group(b, keeps, group, j, std::min(columns, b.cols - j), layout, m, out);
            out += layout.bytes();
        }
    });
    return {m, memory.data(), b.rows, b.cols, columns, need, instructions};
}

} // namespace kernel

/// Bytes that `pack_shared` needs for the mask @p kept (K x N).
[[nodiscard]] LUTRA_INLINE std::size_t packed_shared_bytes(gemm_operand<std::uint8_t> kept, std::size_t columns,
                                                           const lowered_multiplier& m, isa instructions = best_isa()) {
    kernel::require_group(columns);
    lutra::detail::require_memory(kept);
    return kernel::packed_shared_bytes_by(kernel::rows_of_mask{kept, columns}, columns, kept.rows, kept.cols, m,
                                          instructions);
}

/// Bytes that suffice for any mask of which groups of @p columns columns keep @p kept rows of a K x N operand, all groups
/// together: what can be said before there are weights.
[[nodiscard]] constexpr std::size_t most_packed_shared_bytes(std::size_t kept, std::size_t columns, std::size_t k,
                                                             std::size_t n, const lowered_multiplier& m, isa instructions) {
    kernel::require_group(columns);
    return kernel::with_shared_kernels(instructions, m, [&]<class Tile, class Gather>(Tile, Gather) {
        const std::size_t groups = (n + columns - 1) / columns;
        const auto gather = static_cast<std::uint32_t>((k + Gather::window - 1) / Gather::window);
        const kernel::shared_layout<Tile> none{m.rank, 0, std::min(columns, n)}, step{m.rank, 1, std::min(columns, n)};
        const std::size_t steps = std::min(kept, groups * k) / Tile::group + groups;
        return kernel::shared_table_bytes(groups) +
               groups * (kernel::gather_bytes<Gather>({0, gather}) + none.offset_bytes()) +
               steps * (step.bytes() - step.offset_bytes());
    });
}
[[nodiscard]] constexpr std::size_t most_packed_shared_bytes(std::size_t kept, std::size_t columns, std::size_t k,
                                                             std::size_t n, const lowered_multiplier& m) {
    return most_packed_shared_bytes(kept, columns, k, n, m, best_isa());
}

/// Packs the elements of @p b (K x N) that @p kept (K x N, 0 or not) keeps for products with @p m into @p memory:
/// packed_shared_bytes of it, on a 4-byte boundary. Each group of @p columns neighbouring columns keeps the same rows, as in
/// the masks that drop_n_m makes for panels of outputs; any mask that is so will do. Groups of whole panels, 32 columns and
/// more, are fastest. Panics on other masks and shapes, on a plan that looks products up, on memory that is too small,
/// misaligned or that of @p b, where sums could leave int32, and where this machine lacks @p instructions.
[[nodiscard]] LUTRA_INLINE packed_shared_b pack_shared(gemm_operand<std::int8_t> b, gemm_operand<std::uint8_t> kept,
                                                       std::size_t columns, const lowered_multiplier& m,
                                                       std::span<std::byte> memory, isa instructions = best_isa()) {
    kernel::require_isa(instructions);
    kernel::require_separable(m);
    kernel::require_group(columns);
    lutra::detail::require_mask_of(kept, b);
    const kernel::rows_of_mask keeps{kept, columns};
    keeps.require_shared();
    return kernel::pack_shared_by(b, keeps, columns, m, memory, instructions);
}

/// Bytes that `pack_blocks` needs for a K x N operand.
[[nodiscard]] LUTRA_INLINE std::size_t packed_blocks_bytes(gemm_operand<std::uint8_t> blocks, block_shape tile,
                                                           std::size_t k, std::size_t n, const lowered_multiplier& m,
                                                           isa instructions = best_isa()) {
    const kernel::rows_of_blocks keeps{blocks, tile};
    keeps.require_shape(k, n);
    return kernel::packed_shared_bytes_by(keeps, tile.outputs, k, n, m, instructions);
}

/// The same for weights of which whole tiles are dropped: @p blocks (tiles across K x tiles across N, 0 or not) is the
/// transpose of what block_mask makes.
///
/// @code
/// lutra::block_mask(weight, tile, 0.5, mask, scratch);
/// const auto b = lutra::pack_blocks(transposed(weight), transposed(mask), tile, lutra::lower(lutra::exact{}), memory);
/// @endcode
[[nodiscard]] LUTRA_INLINE packed_shared_b pack_blocks(gemm_operand<std::int8_t> b, gemm_operand<std::uint8_t> blocks,
                                                       block_shape tile, const lowered_multiplier& m,
                                                       std::span<std::byte> memory, isa instructions = best_isa()) {
    kernel::require_isa(instructions);
    kernel::require_separable(m);
    const kernel::rows_of_blocks keeps{blocks, tile};
    keeps.require_shape(b.rows, b.cols);
    return kernel::pack_shared_by(b, keeps, tile.outputs, m, memory, instructions);
}

namespace kernel {

/// Bytes between rows of gathered activations, room for what a register writes past the last one.
template <class Tile>
constexpr std::size_t gathered_stride(std::size_t rank, std::size_t k) noexcept {
    const std::size_t lanes = rank * lutra::detail::round_up(k, Tile::group);
    return lutra::detail::round_up(lanes * sizeof(typename Tile::lhs_lane), arena::alignment) + arena::alignment;
}
/// What `gemm` takes of scratch.
template <class Tile>
constexpr void take_shared_scratch(const lowered_multiplier& m, std::size_t rows, std::size_t k, arena& a) {
    take_mapped_scratch<Tile>(m, rows, k, a);
    a.take<std::byte>(Tile::rows * gathered_stride<Tile>(m.rank, k));
}

/// One call's activations and how they meet a group.
template <class Tile, class Gather>
class shared_product {
public:
    shared_product(const packed_shared_b& b, std::size_t rows, arena& scratch, const lutra::detail::sum_sink& sink)
        : b_{b},
          block_{mapped_block_rows<Tile>(b.multiplier.rank, b.k, rows)},
          mapped_{b.multiplier, b.k, b.instructions, scratch, block_},
          stride_{gathered_stride<Tile>(b.multiplier.rank, b.k)},
          gathered_{scratch.take<std::byte>(Tile::rows * stride_).data()},
          sink_{sink} {}

    void run(gemm_operand<std::int8_t> a) {
        const auto* table = reinterpret_cast<const shared_rows*>(b_.data);
        for (std::size_t i0 = 0; i0 < a.rows; i0 += block_) {
            const std::size_t rows = std::min(block_, a.rows - i0);
            mapped_.map(a, i0, rows);
            const std::byte* data = b_.data + shared_table_bytes((b_.n + b_.columns - 1) / b_.columns);
            for (std::size_t j = 0, group = 0; j < b_.n; j += b_.columns, ++group) {
                const std::size_t columns = std::min(b_.columns, b_.n - j);
                const shared_layout<Tile> layout{b_.multiplier.rank, table[group].kept, columns};
                for_each_part(rows, Tile::rows, [&](std::size_t i, std::size_t height) {
                    gather(table[group], data, i, height, layout.steps);
                    multiply(data + gather_bytes<Gather>(table[group]), layout, i0 + i, height, j, columns);
                });
                data += gather_bytes<Gather>(table[group]) + layout.bytes();
            }
        }
    }

private:
    using lhs_lane = typename Tile::lhs_lane;
    using rhs_lane = typename Tile::rhs_lane;

    /// Lanes that pad a row are any activation's, and meet zeros.
    void gather(const shared_rows& rows, const std::byte* entries, std::size_t i, std::size_t height,
                std::size_t steps) noexcept {
        for (std::size_t term = 0; term < b_.multiplier.rank; ++term)
            Gather::run(entries, rows.entries, reinterpret_cast<const std::byte*>(mapped_.row(i) + term * mapped_.depth()),
                        mapped_.stride() * sizeof(lhs_lane), gathered_ + term * steps * Tile::group * sizeof(lhs_lane),
                        stride_, height);
    }
    void multiply(const std::byte* packed, const shared_layout<Tile>& layout, std::size_t row, std::size_t height,
                  std::size_t first, std::size_t columns) {
        const std::size_t rank = b_.multiplier.rank;
        tile_steps how =
            narrow_lanes<Tile> ? tile_steps{layout.steps, rank, doublings_.data()} : tile_steps{layout.steps * rank};
        const auto* lanes = reinterpret_cast<const rhs_lane*>(packed + layout.offset_bytes());
        alignas(64) std::int32_t buffer[Tile::rows * Tile::panels * panel_columns];
        for (std::size_t panel = 0; panel < layout.panels; panel += Tile::panels) {
            const std::size_t count = std::min(Tile::panels, layout.panels - panel), j = panel * panel_columns;
            const std::size_t width = count * panel_columns;
            if constexpr (Tile::lhs_offset != 0) how.start = reinterpret_cast<const std::int32_t*>(packed) + j;
            give_tile(sink_, row, height, first + j, std::min(width, columns - j), width, buffer,
                      [&](std::int32_t* to, std::size_t stride) {
                          tile_functions<Tile>::all[count - 1][height - 1](
                              how, reinterpret_cast<const lhs_lane*>(gathered_), stride_ / sizeof(lhs_lane),
                              lanes + panel * layout.panel_lanes, layout.panel_lanes, to, stride, 1);
                      });
        }
    }

    const packed_shared_b& b_;
    std::size_t block_;
    mapped_rows<Tile> mapped_;
    std::size_t stride_;
    std::byte* gathered_;
    const lutra::detail::sum_sink& sink_;
    std::array<std::uint8_t, max_rank> doublings_ = term_doublings(b_.multiplier);
};

LUTRA_INLINE void int8_product(gemm_operand<std::int8_t> a, const packed_shared_b& b, arena& scratch,
                               const lutra::detail::sum_sink& sink) {
    lutra::detail::require_inner_dimension(a, b.k);
    lutra::detail::require_memory(a);
    const std::size_t mark = scratch.used();
    with_shared_kernels(b.instructions, b.multiplier, [&]<class Tile, class Gather>(Tile, Gather) {
        shared_product<Tile, Gather>{b, a.rows, scratch, sink}.run(a);
    });
    scratch.release(mark);
}

template <class Use>
void require_output_apart(const Use& use, const gemm_operand<std::int8_t>& a, [[maybe_unused]] const packed_shared_b& b) {
    require_output_apart(use, a);
    if constexpr (requires { lutra::detail::footprint(use.out); })
        lutra::detail::require_apart(lutra::detail::footprint(use.out),
                                     {reinterpret_cast<std::uintptr_t>(b.data), 1, b.bytes, 0});
}

} // namespace kernel

/// Bytes of scratch that suffice for `gemm` with @p rows rows of A, or fewer, and a packed operand of @p k rows whose
/// columns share theirs, under the plan of @p m.
[[nodiscard]] constexpr std::size_t shared_gemm_scratch_bytes(const lowered_multiplier& m, std::size_t rows, std::size_t k,
                                                              isa instructions) {
    arena a = arena::counting();
    kernel::with_tile(instructions, m.factors == factor_width::bits8,
                      [&]<class Tile>(Tile) { kernel::take_shared_scratch<Tile>(m, rows, k, a); });
    return a.used();
}
[[nodiscard]] constexpr std::size_t shared_gemm_scratch_bytes(const lowered_multiplier& m, std::size_t rows, std::size_t k) {
    return shared_gemm_scratch_bytes(m, rows, k, best_isa());
}

/// The integer product A B over the elements of B that were kept: what gemm_reference with a mask says, bit for bit, on
/// every instruction set. The activations that a group of columns needs are gathered, a tile's rows at a time, and
/// meet the dense kernel on what is left of K. A is M x K int8. `use` and its rules are those of `gemm` with a dense
/// operand.
/// @p scratch: shared_gemm_scratch_bytes, given back. Panics as that does.
///
/// @code
/// lutra::n_m_mask(float_weight, {2, 4}, mask, 64); // 64 neighbouring outputs share their pattern
/// const auto b = lutra::pack_shared(transposed(weight), transposed(mask), 64, lutra::lower(lutra::exact{}), memory);
/// lutra::gemm(x, b, scratch, lutra::store_sums{sums});
/// @endcode
template <class Use>
void gemm(gemm_operand<std::int8_t> a, const packed_shared_b& b, arena& scratch, Use&& use) {
    kernel::require_output_apart(use, a, b);
    kernel::int8_product(a, b, scratch, lutra::detail::sum_sink{use});
}

} // namespace LUTRA_ISA
} // namespace lutra
