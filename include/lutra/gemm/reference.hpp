// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <cstddef>
#include <cstdint>

namespace lutra {

/// What every integer kernel equals bit for bit: C = A B with the products of @p multiplier, A's element on the left.
/// A is M x K (activations), B is K x N (weights), C is M x N. The caller sees to it that no sum leaves int32.
/// Panics on shapes that do not fit.
constexpr void gemm_reference(const lowered_multiplier& multiplier, gemm_operand<std::int8_t> a, gemm_operand<std::int8_t> b,
                              matrix_view<std::int32_t> c) {
    detail::require_gemm_shapes(a, b.rows, b.cols, c);
    for (std::size_t i = 0; i < a.rows; ++i)
        for (std::size_t j = 0; j < b.cols; ++j) {
            std::int32_t sum = 0;
            for (std::size_t k = 0; k < a.cols; ++k) sum += multiplier.multiply(a(i, k), b(k, j));
            c(i, j) = sum;
        }
}

/// What the float kernels approach: C = A B, each sum made in double and rounded once. Shapes and errors as above.
constexpr void gemm_reference(gemm_operand<float> a, gemm_operand<float> b, matrix_view<float> c) {
    detail::require_gemm_shapes(a, b.rows, b.cols, c);
    for (std::size_t i = 0; i < a.rows; ++i)
        for (std::size_t j = 0; j < b.cols; ++j) {
            double sum = 0;
            for (std::size_t k = 0; k < a.cols; ++k) sum += static_cast<double>(a(i, k)) * static_cast<double>(b(k, j));
            c(i, j) = static_cast<float>(sum);
        }
}

} // namespace lutra
