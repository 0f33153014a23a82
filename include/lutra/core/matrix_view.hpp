// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>

#include <cstddef>
#include <span>
#include <type_traits>

namespace lutra {

/// A row-major matrix that somebody else owns: rows x cols elements, rows `stride` elements apart.
/// A view of const elements is made from a view of mutable ones, not the other way round.
template <class T>
class matrix_view {
public:
    using element_type = T;
    using value_type = std::remove_cv_t<T>;

    constexpr matrix_view() noexcept = default;
    /// A dense view: the stride is @p cols.
    constexpr matrix_view(T* data, std::size_t rows, std::size_t cols) : matrix_view(data, rows, cols, cols) {}
    /// Panics when @p stride is less than @p cols, or @p data is null though there are elements.
    constexpr matrix_view(T* data, std::size_t rows, std::size_t cols, std::size_t stride)
        : data_{data}, rows_{rows}, cols_{cols}, stride_{stride} {
        require(stride >= cols || rows <= 1, panic_code::bad_shape,
                "the stride of a matrix_view must be at least its columns", static_cast<long long>(stride),
                static_cast<long long>(cols));
        require(data != nullptr || rows == 0 || cols == 0, panic_code::null_view,
                "a matrix_view with elements needs memory");
    }
    template <class U>
    requires(std::is_const_v<T>&& std::is_same_v<U, std::remove_const_t<T>>) constexpr matrix_view(
        const matrix_view<U>& other) noexcept
        : data_{other.data()}, rows_{other.rows()}, cols_{other.cols()}, stride_{other.stride()} {}

    [[nodiscard]] constexpr T* data() const noexcept { return data_; }
    [[nodiscard]] constexpr std::size_t rows() const noexcept { return rows_; }
    [[nodiscard]] constexpr std::size_t cols() const noexcept { return cols_; }
    [[nodiscard]] constexpr std::size_t stride() const noexcept { return stride_; }
    [[nodiscard]] constexpr bool empty() const noexcept { return rows_ == 0 || cols_ == 0; }

    /// The element at (@p row, @p col); not checked.
    constexpr T& operator()(std::size_t row, std::size_t col) const noexcept { return data_[row * stride_ + col]; }
    /// Row @p r as a span; panics past the end.
    [[nodiscard]] constexpr std::span<T> row(std::size_t r) const {
        require(r < rows_, panic_code::out_of_range, "a row past the end of a matrix_view", static_cast<long long>(r),
                static_cast<long long>(rows_));
        return {data_ + r * stride_, cols_};
    }
    /// The @p rows x @p cols part that starts at (@p row, @p col); panics where it leaves the matrix.
    [[nodiscard]] constexpr matrix_view block(std::size_t row, std::size_t col, std::size_t rows, std::size_t cols) const {
        require(row <= rows_ && rows <= rows_ - row, panic_code::out_of_range, "a block past the last row of a matrix_view",
                static_cast<long long>(row + rows), static_cast<long long>(rows_));
        require(col <= cols_ && cols <= cols_ - col, panic_code::out_of_range,
                "a block past the last column of a matrix_view", static_cast<long long>(col + cols),
                static_cast<long long>(cols_));
        if (rows == 0 || cols == 0) return {data_, rows, cols, stride_}; // (row, col) may lie behind the memory
        return {data_ + row * stride_ + col, rows, cols, stride_};
    }

private:
    T* data_ = nullptr;
    std::size_t rows_ = 0, cols_ = 0, stride_ = 0;
};

template <class T>
matrix_view(T*, std::size_t, std::size_t) -> matrix_view<T>;
template <class T>
matrix_view(T*, std::size_t, std::size_t, std::size_t) -> matrix_view<T>;

} // namespace lutra
