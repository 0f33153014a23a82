// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/operand.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace lutra::detail {

/// Where a matrix lies: `rows` runs of `width` bytes, `stride` bytes apart.
struct memory_footprint {
    std::uintptr_t first = 0;
    std::size_t rows = 0, width = 0, stride = 0;

    [[nodiscard]] constexpr bool empty() const noexcept { return rows == 0 || width == 0; }
    [[nodiscard]] constexpr std::uintptr_t end() const noexcept { return first + (rows - 1) * stride + width; }
};
template <class T>
memory_footprint footprint(const matrix_view<T>& v) noexcept {
    return {reinterpret_cast<std::uintptr_t>(v.data()), v.rows(), v.cols() * sizeof(T), v.stride() * sizeof(T)};
}
/// A transposed operand lies in memory as its transpose does.
template <class T>
memory_footprint footprint(const gemm_operand<T>& o) noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(o.data);
    if (o.col_stride == 1) return {at, o.rows, o.cols * sizeof(T), o.row_stride * sizeof(T)};
    return {at, o.cols, ((o.rows == 0 ? 0 : o.rows - 1) * o.row_stride + 1) * sizeof(T), o.col_stride * sizeof(T)};
}

/// Whether the two share a byte. Columns of one matrix that lie side by side do not.
constexpr bool overlap(const memory_footprint& x, const memory_footprint& y) noexcept {
    if (x.empty() || y.empty() || x.end() <= y.first || y.end() <= x.first) return false;
    if (x.stride != y.stride || x.stride == 0) return true;
    const std::size_t from_x =
        y.first >= x.first ? (y.first - x.first) % x.stride : (x.stride - (x.first - y.first) % x.stride) % x.stride;
    return from_x < x.width || from_x + y.width > x.stride;
}

/// Panics when the output of a product shares memory with an operand.
inline void require_apart(const memory_footprint& c, const memory_footprint& operand) {
    require(!overlap(c, operand), panic_code::bad_argument,
            "gemm: the output must not share memory with an operand; this is how many bytes apart they start",
            static_cast<long long>(c.first - operand.first));
}

} // namespace lutra::detail
