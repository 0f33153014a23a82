// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/arch/float_kernel.hpp>
#include <lutra/gemm/operand.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace lutra {

/// What happens to a float product on its way to C.
struct float_epilogue {
    const float* bias = nullptr; ///< one value a column of C, or null
    float scale = 1;             ///< C = scale * (A B) + bias
    bool accumulate = false;     ///< C += scale * (A B) + bias
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

/// Packs @p b (K x N) into @p memory for use in many products. Panics unless @p memory holds packed_b_floats(K, N) floats.
[[nodiscard]] inline packed_float_b pack_b(gemm_operand<float> b, std::span<float> memory) {
    require(memory.size() >= packed_b_floats(b.rows, b.cols), panic_code::arena_too_small,
            "the memory for a packed float operand is too small", static_cast<long long>(memory.size()),
            static_cast<long long>(packed_b_floats(b.rows, b.cols)));
    float* out = memory.data();
    for (std::size_t k0 = 0; k0 < b.rows; k0 += kernel::float_k_block) {
        const std::size_t kc = std::min(kernel::float_k_block, b.rows - k0);
        for (std::size_t j = 0; j < b.cols; j += kernel::float_panel) {
            const std::size_t width = std::min(kernel::float_panel, b.cols - j);
            out += kernel::pack_float_panel(b, k0, kc, j, width, out);
        }
    }
    return {memory.data(), b.rows, b.cols};
}

namespace kernel {

/// Blocks over K and panels of B; `panel(k0, kc, j, width)` yields the packed panel.
template <class Panel>
inline void float_gemm_loop(const gemm_operand<float>& a, std::size_t k, std::size_t n, matrix_view<float> c,
                            const float_epilogue& e, Panel&& panel) {
    if (c.empty()) return;
    if (k == 0) {
        for (std::size_t i = 0; i < c.rows(); ++i)
            for (std::size_t j = 0; j < n; ++j)
                c(i, j) = (e.accumulate ? c(i, j) : 0.0f) + (e.bias != nullptr ? e.bias[j] : 0.0f);
        return;
    }
    for (std::size_t k0 = 0; k0 < k; k0 += float_k_block) {
        const std::size_t kc = std::min(float_k_block, k - k0);
        const bool add = e.accumulate || k0 > 0;
        for (std::size_t j = 0; j < n; j += float_panel) {
            const std::size_t width = std::min(float_panel, n - j);
            const float* bias = e.bias != nullptr && k0 == 0 ? e.bias + j : nullptr;
            float_panel_product(a, k0, kc, panel(k0, kc, j, width), width, c, j, bias, add, e.scale);
        }
    }
}

} // namespace kernel

/// C = scale * A B + bias, or C += scale * A B + bias, in float: A is M x K, B is K x N, C is M x N and overlaps neither;
/// one thread. A and B may be transposed views. Each sum runs over k in order, so its error is at most K epsilon times the
/// sum of the magnitudes; whether a product is rounded on its own depends on the instruction set.
/// Panics on shapes that do not fit.
///
/// @code
/// lutra::gemm(x, lutra::transposed(weight), y, {.bias = bias.data()}); // y = x W^T + bias
/// @endcode
inline void gemm(gemm_operand<float> a, gemm_operand<float> b, matrix_view<float> c, const float_epilogue& e = {}) {
    lutra::detail::require_gemm_shapes(a, b.rows, b.cols, c);
    alignas(64) float buffer[kernel::float_k_block * kernel::float_panel];
    kernel::float_gemm_loop(a, b.rows, b.cols, c, e, [&](std::size_t k0, std::size_t kc, std::size_t j, std::size_t width) {
        kernel::pack_float_panel(b, k0, kc, j, width, buffer);
        return static_cast<const float*>(buffer);
    });
}

/// The same with B packed before, which pays where one B meets many A.
inline void gemm(gemm_operand<float> a, packed_float_b b, matrix_view<float> c, const float_epilogue& e = {}) {
    lutra::detail::require_gemm_shapes(a, b.k, b.n, c);
    const float* next = b.data;
    kernel::float_gemm_loop(a, b.k, b.n, c, e, [&](std::size_t, std::size_t kc, std::size_t, std::size_t width) {
        const float* here = next;
        next += packed_b_floats(kc, width);
        return here;
    });
}

} // namespace LUTRA_ISA
} // namespace lutra
