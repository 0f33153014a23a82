// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/arch/gather_lanes.hpp>
#include <lutra/gemm/detail/no_overlap.hpp>
#include <lutra/gemm/detail/shared_rows.hpp>
#include <lutra/gemm/detail/sparse_tiles.hpp>
#include <lutra/gemm/float_gemm.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/prune/block.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace lutra {

/// A float right operand (K x N) whose columns share, in groups of so many neighbours, which of its rows they keep; made by
/// `pack_shared` and `pack_blocks`. It points into memory of the caller.
struct packed_shared_float_b {
    const std::byte* data = nullptr; ///< a table of groups, then their gathers and panels (detail/shared_rows.hpp)
    std::size_t k = 0, n = 0;
    std::size_t columns = 1; ///< of a group
    std::size_t bytes = 0;
    isa instructions = isa::scalar; ///< that gather
};

inline namespace LUTRA_ISA {

namespace kernel {

/// Bytes of a packed group behind its gather.
constexpr std::size_t float_group_bytes(const shared_rows& rows, std::size_t columns) noexcept {
    return lutra::detail::round_up(packed_b_floats(rows.kept, columns) * sizeof(float), arena::alignment);
}

template <class Keeps>
std::size_t packed_shared_floats_by(const Keeps& keeps, std::size_t columns, std::size_t k, std::size_t n) {
    return with_gather<sizeof(float)>(best_isa(), [&]<class Gather>(Gather) {
        std::size_t bytes = shared_table_bytes((n + columns - 1) / columns);
        for (std::size_t j = 0, group = 0; j < n; j += columns, ++group) {
            const shared_rows rows = write_gather<Gather>(keeps, group, k, nullptr);
            bytes += gather_bytes<Gather>(rows) + float_group_bytes(rows, std::min(columns, n - j));
        }
        return bytes;
    });
}

/// Packs @p b, of which keeps(k, group) says what stays. The rows of a group are packed one panel row at a time, as `pack_b`
/// does it.
template <class Keeps>
packed_shared_float_b pack_shared_floats_by(const gemm_operand<float>& b, const Keeps& keeps, std::size_t columns,
                                            std::span<std::byte> memory) {
    lutra::detail::require_memory(b);
    const std::size_t need = packed_shared_floats_by(keeps, columns, b.rows, b.cols);
    require_packing_memory(memory, need, lutra::detail::footprint(b));
    with_gather<sizeof(float)>(best_isa(), [&]<class Gather>(Gather) {
        auto* table = reinterpret_cast<shared_rows*>(memory.data());
        std::byte* out = memory.data() + shared_table_bytes((b.cols + columns - 1) / columns);
        for (std::size_t j = 0, group = 0; j < b.cols; j += columns, ++group) {
            const shared_rows rows = table[group] = write_gather<Gather>(keeps, group, b.rows, out);
            const std::size_t width = std::min(columns, b.cols - j);
            out += gather_bytes<Gather>(rows);
            auto* floats = reinterpret_cast<float*>(out);
            std::size_t k = 0; // the next row to look at
            for_each_float_block(rows.kept, [&](std::size_t k0, std::size_t kc) {
                for (std::size_t place = 0; place < kc; ++place, ++k) {
                    while (!keeps(k, group)) ++k;
                    const gemm_operand<float> row{b.data + k * b.row_stride + j * b.col_stride, 1, width, b.row_stride,
                                                  b.col_stride};
                    for_each_float_panel(width, [&](std::size_t first, std::size_t count) {
                        pack_float_panel(row, 0, 1, first, count,
                                         floats + packed_b_floats(k0, width) + kc * first +
                                             place * lutra::detail::round_up(count, float_lanes));
                    });
                }
            });
            out += float_group_bytes(rows, width);
        }
    });
    return {memory.data(), b.rows, b.cols, columns, need, best_isa()};
}

inline constexpr std::size_t float_gather_rows = 48; ///< rows whose activations are gathered at a time

/// The chosen columns of @p a, one row after the other, @p stride floats apart.
template <class Gather>
void gather_floats(const gemm_operand<float>& a, const shared_rows& rows, const std::byte* entries, float* to,
                   std::size_t stride) noexcept {
    if (a.col_stride == 1 && a.cols >= Gather::window)
        return Gather::run(entries, rows.entries, reinterpret_cast<const std::byte*>(a.data), a.row_stride * sizeof(float),
                           reinterpret_cast<std::byte*>(to), stride * sizeof(float), a.rows);
    for (std::size_t entry = 0; entry < rows.entries; ++entry, entries += Gather::bytes) {
        gather_head head;
        std::memcpy(&head, entries, sizeof head);
        for (std::size_t place = 0; place < head.count; ++place, ++to)
            for (std::size_t r = 0; r < a.rows; ++r) to[r * stride] = a(r, head.first + Gather::picked(entries, place));
    }
}

} // namespace kernel

/// Bytes that `pack_shared` needs for the float operand of the mask @p kept (K x N).
[[nodiscard]] LUTRA_INLINE std::size_t packed_shared_float_bytes(gemm_operand<std::uint8_t> kept, std::size_t columns) {
    kernel::require_group(columns);
    lutra::detail::require_memory(kept);
    return kernel::packed_shared_floats_by(kernel::rows_of_mask{kept, columns}, columns, kept.rows, kept.cols);
}

/// Bytes that suffice for any mask of which groups of @p columns columns keep @p kept rows of a K x N operand, all groups
/// together: what can be said before there are weights.
[[nodiscard]] constexpr std::size_t most_packed_shared_float_bytes(std::size_t kept, std::size_t columns, std::size_t k,
                                                                   std::size_t n) {
    kernel::require_group(columns);
    return kernel::with_gather<sizeof(float)>(best_isa(), [&]<class Gather>(Gather) {
        const std::size_t groups = (n + columns - 1) / columns;
        const auto gather = static_cast<std::uint32_t>((k + Gather::window - 1) / Gather::window);
        return kernel::shared_table_bytes(groups) + groups * (kernel::gather_bytes<Gather>({0, gather}) + arena::alignment) +
               std::min(kept, groups * k) * packed_b_floats(1, std::min(columns, n)) * sizeof(float);
    });
}

/// Packs the elements of @p b (K x N) that @p kept (K x N, 0 or not) keeps into @p memory: packed_shared_float_bytes of it;
/// products are fastest where it lies on a 64-byte boundary. Groups of @p columns neighbouring columns keep the same rows.
/// Panics on other masks and shapes and on memory that is too small or that of @p b.
[[nodiscard]] LUTRA_INLINE packed_shared_float_b pack_shared(gemm_operand<float> b, gemm_operand<std::uint8_t> kept,
                                                             std::size_t columns, std::span<std::byte> memory) {
    kernel::require_group(columns);
    lutra::detail::require_mask_of(kept, b);
    const kernel::rows_of_mask keeps{kept, columns};
    keeps.require_shared();
    return kernel::pack_shared_floats_by(b, keeps, columns, memory);
}

/// Bytes that `pack_blocks` needs for a K x N float operand.
[[nodiscard]] LUTRA_INLINE std::size_t packed_float_blocks_bytes(gemm_operand<std::uint8_t> blocks, block_shape tile,
                                                                 std::size_t k, std::size_t n) {
    const kernel::rows_of_blocks keeps{blocks, tile};
    keeps.require_shape(k, n);
    return kernel::packed_shared_floats_by(keeps, tile.outputs, k, n);
}
/// The same for weights of which whole tiles are dropped: @p blocks is tiles across K x tiles across N, 0 or not.
[[nodiscard]] LUTRA_INLINE packed_shared_float_b pack_blocks(gemm_operand<float> b, gemm_operand<std::uint8_t> blocks,
                                                             block_shape tile, std::span<std::byte> memory) {
    const kernel::rows_of_blocks keeps{blocks, tile};
    keeps.require_shape(b.rows, b.cols);
    return kernel::pack_shared_floats_by(b, keeps, tile.outputs, memory);
}

/// Bytes of scratch for a float product of K = @p k with a packed operand whose columns share their rows.
[[nodiscard]] constexpr std::size_t shared_float_scratch_bytes(std::size_t k) {
    arena a = arena::counting();
    a.take<float>(kernel::float_gather_rows * (k + arena::alignment / sizeof(float)));
    return a.used();
}

/// C = scale * A B + bias, or C += that, over the elements of B that were kept; as the float `gemm` of a packed B in all
/// else. Each sum runs over the kept k in order. @p scratch: shared_float_scratch_bytes, given back.
LUTRA_INLINE void gemm(gemm_operand<float> a, const packed_shared_float_b& b, matrix_view<float> c, arena& scratch,
                       const float_epilogue& e = {}) {
    lutra::detail::require_gemm_shapes(a, b.k, b.n, c);
    lutra::detail::require_memory(a);
    lutra::detail::require_apart(lutra::detail::footprint(c), lutra::detail::footprint(a));
    lutra::detail::require_apart(lutra::detail::footprint(c), {reinterpret_cast<std::uintptr_t>(b.data), 1, b.bytes, 0});
    const std::size_t mark = scratch.used(), stride = b.k + arena::alignment / sizeof(float);
    float* gathered = scratch.take<float>(kernel::float_gather_rows * stride).data();
    kernel::with_gather<sizeof(float)>(b.instructions, [&]<class Gather>(Gather) {
        const auto* table = reinterpret_cast<const kernel::shared_rows*>(b.data);
        const std::byte* data = b.data + kernel::shared_table_bytes((b.n + b.columns - 1) / b.columns);
        for (std::size_t j = 0, group = 0; j < b.n; j += b.columns, ++group) {
            const kernel::shared_rows& rows = table[group];
            const std::size_t columns = std::min(b.columns, b.n - j);
            const packed_float_b right{reinterpret_cast<const float*>(data + kernel::gather_bytes<Gather>(rows)), rows.kept,
                                       columns};
            for (std::size_t i = 0; i < a.rows; i += kernel::float_gather_rows) {
                const std::size_t count = std::min(kernel::float_gather_rows, a.rows - i);
                const gemm_operand<float> part{a.data + i * a.row_stride, count, a.cols, a.row_stride, a.col_stride};
                kernel::gather_floats<Gather>(part, rows, data, gathered, stride);
                gemm(gemm_operand<float>{gathered, count, rows.kept, stride, 1}, right, c.block(i, j, count, columns),
                     {.bias = e.bias == nullptr ? nullptr : e.bias + j,
                      .scale = e.scale,
                      .accumulate = e.accumulate,
                      .add = e.add.data() == nullptr ? e.add : e.add.block(i, j, count, columns)});
            }
            data += kernel::gather_bytes<Gather>(rows) + kernel::float_group_bytes(rows, columns);
        }
    });
    scratch.release(mark);
}

} // namespace LUTRA_ISA
} // namespace lutra
