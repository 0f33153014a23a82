// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>

#include <cstddef>
#include <type_traits>

namespace lutra {

/// A read-only operand of a matrix product, possibly transposed: rows x cols elements of which (r, c) is at
/// data[r * row_stride + c * col_stride]. Made implicitly from a matrix_view, or by `transposed(view)`; nothing is copied.
template <class T>
struct gemm_operand {
    const T* data = nullptr;
    std::size_t rows = 0, cols = 0;
    std::size_t row_stride = 0, col_stride = 1; ///< in elements

    constexpr gemm_operand() noexcept = default;
    constexpr gemm_operand(const T* d, std::size_t r, std::size_t c, std::size_t rs, std::size_t cs) noexcept
        : data{d}, rows{r}, cols{c}, row_stride{rs}, col_stride{cs} {}
    template <class U>
    requires(std::is_same_v<std::remove_const_t<U>, T>) constexpr gemm_operand(matrix_view<U> v) noexcept
        : gemm_operand(v.data(), v.rows(), v.cols(), v.stride(), 1) {}

    /// The element at (@p r, @p c); not checked.
    constexpr const T& operator()(std::size_t r, std::size_t c) const noexcept {
        return data[r * row_stride + c * col_stride];
    }
};

/// The transpose of @p v as an operand: cols x rows.
///
/// @code
/// lutra::gemm(x, lutra::transposed(weight), y); // y = x W^T
/// @endcode
template <class T>
constexpr gemm_operand<std::remove_const_t<T>> transposed(matrix_view<T> v) noexcept {
    return {v.data(), v.cols(), v.rows(), 1, v.stride()};
}

namespace detail {

/// @p n rounded up to a multiple of @p to.
constexpr std::size_t round_up(std::size_t n, std::size_t to) noexcept { return (n + to - 1) / to * to; }

/// Panics where an operand with elements has no memory.
template <class T>
constexpr void require_memory(const gemm_operand<T>& o) {
    require(o.data != nullptr || o.rows == 0 || o.cols == 0, panic_code::null_view,
            "gemm: an operand with elements needs memory");
}
/// Panics unless A (as it is) has as many columns as B rows.
template <class T>
constexpr void require_inner_dimension(const gemm_operand<T>& a, std::size_t k) {
    require(a.cols == k, panic_code::bad_shape, "gemm: the columns of A must equal the rows of B",
            static_cast<long long>(a.cols), static_cast<long long>(k));
}
/// Panics unless A (as it is), a @p k x @p n matrix B and C fit a product.
template <class T, class U>
constexpr void require_gemm_shapes(const gemm_operand<T>& a, std::size_t k, std::size_t n, const matrix_view<U>& c) {
    require_inner_dimension(a, k);
    require(c.rows() == a.rows, panic_code::bad_shape, "gemm: C must have as many rows as A",
            static_cast<long long>(c.rows()), static_cast<long long>(a.rows));
    require(c.cols() == n, panic_code::bad_shape, "gemm: C must have as many columns as B", static_cast<long long>(c.cols()),
            static_cast<long long>(n));
}

} // namespace detail

} // namespace lutra
