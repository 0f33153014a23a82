// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/arch/float_kernel.hpp>
#include <lutra/gemm/detail/no_overlap.hpp>
#include <lutra/gemm/operand.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// What happens to a float product on its way to C.
struct float_epilogue {
    const float* bias = nullptr;    ///< one value a column of C, or null
    float scale = 1;                ///< C = scale * (A B) + bias
    bool accumulate = false;        ///< C += scale * (A B) + bias
    matrix_view<const float> add{}; ///< where it has memory, of the shape of C: C = scale * (A B) + bias + add
};

inline namespace LUTRA_ISA {

/// How many floats `pack_b` needs for a K x N right operand on this instruction set.
[[nodiscard]] constexpr std::size_t packed_b_floats(std::size_t k, std::size_t n) noexcept {
    return k * lutra::detail::round_up(n, float_lanes);
}

/// A K x N right operand laid out as the float kernel of this instruction set reads it; made by `pack_b`. It points into
/// memory of the caller.
struct packed_float_b {
    const float* data = nullptr;
    std::size_t k = 0, n = 0;
};

/// Packs @p b (K x N) into @p memory for use in many products; they are fastest where it lies on a 64-byte boundary. Panics
/// unless @p memory holds packed_b_floats(K, N) floats.
[[nodiscard]] LUTRA_INLINE packed_float_b pack_b(gemm_operand<float> b, std::span<float> memory) {
    require(memory.size() >= packed_b_floats(b.rows, b.cols), panic_code::arena_too_small,
            "the memory for a packed float operand is too small", static_cast<long long>(memory.size()),
            static_cast<long long>(packed_b_floats(b.rows, b.cols)));
    kernel::for_each_float_block(b.rows, [&](std::size_t k0, std::size_t kc) {
        kernel::for_each_float_panel(b.cols, [&](std::size_t j, std::size_t width) {
            kernel::pack_float_panel(b, k0, kc, j, width, memory.data() + packed_b_floats(k0, b.cols) + kc * j);
        });
    });
    return {memory.data(), b.rows, b.cols};
}

namespace kernel {

/// Blocks over rows, K and panels of B. `panel(k0, kc, j, width)` yields a panel and how many floats its rows lie apart.
template <class Panel>
inline void float_gemm_loop(const gemm_operand<float>& a, std::size_t k, std::size_t n, matrix_view<float> c,
                            const float_epilogue& e, std::size_t row_block, Panel&& panel) {
    if (c.empty()) return;
    const matrix_view<const float> add = e.accumulate ? matrix_view<const float>{c} : e.add;
    if (k == 0) {
        for (std::size_t i = 0; i < c.rows(); ++i)
            for (std::size_t j = 0; j < n; ++j)
                c(i, j) = (add.data() != nullptr ? add(i, j) : 0.0f) + (e.bias != nullptr ? e.bias[j] : 0.0f);
        return;
    }
    for (std::size_t i = 0; i < c.rows(); i += row_block) {
        const matrix_view<float> rows = c.block(i, 0, std::min(row_block, c.rows() - i), n);
        const gemm_operand<float> left{a.data + i * a.row_stride, rows.rows(), k, a.row_stride, a.col_stride};
        for_each_float_block(k, [&](std::size_t k0, std::size_t kc) {
            const matrix_view<const float> start = k0 > 0 ? matrix_view<const float>{c} : add;
            for_each_float_panel(n, [&](std::size_t j, std::size_t width) {
                const float* bias = e.bias != nullptr && k0 == 0 ? e.bias + j : nullptr;
                const float* from = start.data() != nullptr ? start.data() + i * start.stride() + j : nullptr;
                const float_panel_of_b right = panel(k0, kc, j, width);
                float_panel_product(left, k0, kc, right, width, rows, j, {bias, from, start.stride(), e.scale});
            });
        });
    }
}

/// Whether the rows of a panel are read where they lie: where packing would cost more, or would copy them as they are.
inline bool reads_in_place(const gemm_operand<float>& b, std::size_t width, std::size_t rows_of_c) noexcept {
    if (b.col_stride != 1 || width % float_lanes != 0) return false;
    const bool aligned = reinterpret_cast<std::uintptr_t>(b.data) % (float_lanes * sizeof(float)) == 0;
    return rows_of_c <= (aligned ? 4 : 2) * float_rows_of(width / float_lanes) || (aligned && b.row_stride == width);
}

/// Panics where what is to be added has another shape than C, and where C accumulates as well.
inline void require_addend(const float_epilogue& e, const matrix_view<float>& c) {
    if (e.add.data() == nullptr) return;
    require(e.add.rows() == c.rows() && e.add.cols() == c.cols() && !e.accumulate, panic_code::bad_shape,
            "gemm: what is added must have the shape of C, and then C cannot accumulate; the rows of both follow",
            static_cast<long long>(e.add.rows()), static_cast<long long>(c.rows()));
}

/// Panics on shapes that do not fit, on operands without memory, and where C shares memory with A or B.
inline void require_float_product(const gemm_operand<float>& a, const gemm_operand<float>& b, const matrix_view<float>& c,
                                  const float_epilogue& e) {
    lutra::detail::require_gemm_shapes(a, b.rows, b.cols, c);
    lutra::detail::require_memory(a);
    lutra::detail::require_memory(b);
    const auto out = lutra::detail::footprint(c);
    lutra::detail::require_apart(out, lutra::detail::footprint(a));
    lutra::detail::require_apart(out, lutra::detail::footprint(b));
    require_addend(e, c);
}
inline void require_float_product(const gemm_operand<float>& a, const packed_float_b& b, const matrix_view<float>& c,
                                  const float_epilogue& e) {
    const std::size_t floats = packed_b_floats(b.k, b.n);
    lutra::detail::require_gemm_shapes(a, b.k, b.n, c);
    lutra::detail::require_memory(a);
    const auto out = lutra::detail::footprint(c);
    lutra::detail::require_apart(out, lutra::detail::footprint(a));
    lutra::detail::require_apart(out, {reinterpret_cast<std::uintptr_t>(b.data), 1, floats * sizeof(float), 0});
    require_addend(e, c);
}

} // namespace kernel

/// C = scale * A B + bias, or C += scale * A B + bias, in float: A is M x K, B is K x N, C is M x N and overlaps neither;
/// one thread. A and B may be transposed views. Each sum runs over k in order, so its error is at most K epsilon times the
/// sum of the magnitudes; whether a product is rounded on its own depends on the instruction set.
/// Takes up to 96 KiB of stack with AVX-512, 24 with AVX2, 3 without xsimd. Panics on shapes that do not fit, on
/// operands without memory, and where C shares memory with A or B.
///
/// @code
/// lutra::gemm(x, lutra::transposed(weight), y, {.bias = bias.data()}); // y = x W^T + bias
/// @endcode
LUTRA_INLINE void gemm(gemm_operand<float> a, gemm_operand<float> b, matrix_view<float> c, const float_epilogue& e = {}) {
    kernel::require_float_product(a, b, c, e);
    alignas(64) float buffer[kernel::float_k_block * kernel::float_panel];
    kernel::float_gemm_loop(
        a, b.rows, b.cols, c, e, c.rows(),
        [&](std::size_t k0, std::size_t kc, std::size_t j, std::size_t width) -> kernel::float_panel_of_b {
            if (kernel::reads_in_place(b, width, c.rows())) return {b.data + k0 * b.row_stride + j, b.row_stride};
            kernel::pack_float_panel(b, k0, kc, j, width, buffer);
            return {buffer, lutra::detail::round_up(width, float_lanes)};
        });
}

/// The same with B packed before, which pays where one B meets many A.
LUTRA_INLINE void gemm(gemm_operand<float> a, packed_float_b b, matrix_view<float> c, const float_epilogue& e = {}) {
    kernel::require_float_product(a, b, c, e);
    kernel::float_gemm_loop(
        a, b.k, b.n, c, e, kernel::float_row_block,
        [&](std::size_t k0, std::size_t kc, std::size_t j, std::size_t width) -> kernel::float_panel_of_b {
            return {b.data + packed_b_floats(k0, b.n) + kc * j, lutra::detail::round_up(width, float_lanes)};
        });
}

} // namespace LUTRA_ISA
} // namespace lutra
