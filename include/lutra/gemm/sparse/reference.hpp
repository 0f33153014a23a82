// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <cstddef>
#include <cstdint>

namespace lutra {

namespace detail {
/// Panics unless a mask has an element for each of B.
template <class T>
constexpr void require_mask_of(const gemm_operand<std::uint8_t>& kept, const gemm_operand<T>& b) {
    require(kept.rows == b.rows, panic_code::bad_shape, "gemm: a mask must have as many rows as B",
            static_cast<long long>(kept.rows), static_cast<long long>(b.rows));
    require(kept.cols == b.cols, panic_code::bad_shape, "gemm: a mask must have as many columns as B",
            static_cast<long long>(kept.cols), static_cast<long long>(b.cols));
    require_memory(kept);
}
} // namespace detail

/// What every sparse integer kernel equals bit for bit: C = A B over the elements of B that @p kept (K x N, 0 or not) keeps.
/// The products of the others are not made. A dense product in which they are zeros is the same only under a multiplier
/// with f(x, 0) = 0. Shapes and errors as in gemm_reference of two operands.
constexpr void gemm_reference(const lowered_multiplier& multiplier, gemm_operand<std::int8_t> a, gemm_operand<std::int8_t> b,
                              gemm_operand<std::uint8_t> kept, matrix_view<std::int32_t> c) {
    detail::require_gemm_shapes(a, b.rows, b.cols, c);
    detail::require_mask_of(kept, b);
    for (std::size_t i = 0; i < a.rows; ++i)
        for (std::size_t j = 0; j < b.cols; ++j) {
            std::int32_t sum = 0;
            for (std::size_t k = 0; k < a.cols; ++k)
                if (kept(k, j) != 0) sum += multiplier.multiply(a(i, k), b(k, j));
            c(i, j) = sum;
        }
}

} // namespace lutra
