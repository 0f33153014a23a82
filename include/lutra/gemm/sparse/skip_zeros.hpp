// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/arch/skip_floats.hpp>
#include <lutra/gemm/float_gemm.hpp>
#include <lutra/gemm/sparse/skip_count.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {
inline namespace LUTRA_ISA {

namespace kernel {

/// The lists of some rows of A over a block of K.
struct kept_float_rows {
    static constexpr std::size_t listed = 64; ///< rows
    std::size_t stride;
    std::span<float> values;
    std::span<std::uint32_t> rows;

    static constexpr kept_float_rows take(std::size_t count, std::size_t k, arena& a) {
        const std::size_t stride = lutra::detail::round_up(std::min(k, float_k_block), 16) + float_list_slack;
        const auto values = a.take<float>(std::min(count, listed) * stride);
        return {stride, values, a.take<std::uint32_t>(std::min(count, listed) * stride)};
    }
};

/// Columns j .. j + width of one row of C from sums, as float_tile finishes them.
inline void finish_float_row(const float* sums, std::size_t width, const float_finish& finish, float* c) noexcept {
    for_each_register(width, [&](std::size_t i, std::size_t n) {
        float_batch start = finish.bias == nullptr ? broadcast(0.0f) : load_some(finish.bias + i, n);
        if (finish.add != nullptr) start = load_some(finish.add + i, n) + start;
        store_some(c + i, multiply_add(load(sums + i), broadcast(finish.scale), start), n);
    });
}

/// The product by lists.
inline void skip_zeros_product(matrix_view<const float> a, const packed_float_b& b, matrix_view<float> c, arena& scratch,
                               const float_epilogue& e) {
    const std::size_t mark = scratch.used();
    const matrix_view<const float> addend = e.accumulate ? matrix_view<const float>{c} : e.add;
    const auto lists = kept_float_rows::take(a.rows(), b.k, scratch);
    std::size_t counts[kept_float_rows::listed];
    alignas(64) float sums[skip_registers * float_lanes];
    for (std::size_t i0 = 0; i0 < a.rows(); i0 += kept_float_rows::listed) {
        const std::size_t rows = std::min(kept_float_rows::listed, a.rows() - i0);
        for_each_float_block(b.k, [&](std::size_t k0, std::size_t kc) {
            for (std::size_t i = 0; i < rows; ++i)
                counts[i] = keep_floats(a.data() + (i0 + i) * a.stride() + k0, kc, lists.values.data() + i * lists.stride,
                                        lists.rows.data() + i * lists.stride);
            // Panels of one width that lie side by side go together.
            std::size_t first = 0, panels = 0, each = 0;
            const auto flush = [&] {
                if (panels == 0) return;
                const std::size_t registers = (each + float_lanes - 1) / float_lanes, columns = registers * float_lanes;
                auto* const add = add_kept_rows_for(panels, registers);
                const std::size_t width = std::min(panels * columns, b.n - first);
                const matrix_view<const float> start = k0 > 0 ? matrix_view<const float>{c} : addend;
                float_finish finish{e.bias != nullptr && k0 == 0 ? e.bias + first : nullptr, nullptr, 0, e.scale};
                for (std::size_t i = 0; i < rows; ++i) {
                    if (start.data() != nullptr) finish.add = start.data() + (i0 + i) * start.stride() + first;
                    add({lists.values.data() + i * lists.stride, lists.rows.data() + i * lists.stride, counts[i]},
                        b.data + packed_b_floats(k0, b.n) + kc * first, kc * columns, sums);
                    finish_float_row(sums, width, finish, c.data() + (i0 + i) * c.stride() + first);
                }
                panels = 0;
            };
            for_each_float_panel(b.n, [&](std::size_t j, std::size_t width) {
                const std::size_t padded = lutra::detail::round_up(width, float_lanes);
                if (panels == skip_panels || padded != each) flush();
                if (panels == 0) first = j, each = padded;
                ++panels;
            });
            flush();
        });
    }
    scratch.release(mark);
}

} // namespace kernel

/// Bytes of scratch that suffice for the float `gemm_skip_zeros` with @p rows rows of A, or fewer, and K = @p k.
[[nodiscard]] constexpr std::size_t skip_zeros_scratch_bytes(std::size_t rows, std::size_t k) {
    arena a = arena::counting();
    static_cast<void>(kernel::kept_float_rows::take(rows, k, a));
    return a.used();
}

/// C = scale * A B + bias, or C += that, in float, without the products of elements of A that are 0: a weight that meets
/// zeros only is not read, and may be NaN. What is left is added up in the order of the dense product, so that with finite
/// weights both give the same C, but for the sign of a zero. Where fewer elements of A are zero than the dense product takes
/// to be slower (least_zeros_to_skip_floats), that one is taken: `how` may ask for either. Shapes and panics as for `gemm`
/// with a packed B; @p scratch: skip_zeros_scratch_bytes, given back.
/// @return how many elements of A are zero, and whether they were skipped
///
/// @code
/// lutra::gemm_skip_zeros(hidden, packed_fc2, y, scratch, {.bias = bias.data(), .accumulate = true});
/// @endcode
LUTRA_INLINE skip_count gemm_skip_zeros(matrix_view<const float> a, const packed_float_b& b, matrix_view<float> c,
                                        arena& scratch, const float_epilogue& e = {}, skip_path how = skip_path::best) {
    kernel::require_float_product(a, b, c, e);
    skip_count counted{.elements = a.rows() * a.cols()};
    for (std::size_t i = 0; i < a.rows(); ++i) counted.zeros += count_zeros(a.row(i));
    counted.skipped =
        b.k != 0 && (how == skip_path::lists || (how == skip_path::best && counted.share() >= least_zeros_to_skip_floats));
    if (counted.skipped)
        kernel::skip_zeros_product(a, b, c, scratch, e);
    else
        gemm(a, b, c, e);
    return counted;
}

} // namespace LUTRA_ISA
} // namespace lutra
