// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/numeric/requantize.hpp>
#include <lutra/numeric/saturate.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

/// @file
/// What becomes of the int32 sums of an integer product: objects to pass as `use` to gemm(). Each is called with a row, its
/// first column and the sums from there on, and panics when they leave its output or its values a column.

namespace lutra {

namespace detail {
/// Where the sums of row @p row from column @p first on go in @p out.
template <class T>
constexpr T* row_piece(const matrix_view<T>& out, std::size_t row, std::size_t first, std::size_t count) {
    return out.block(row, first, 1, count).data();
}
/// Panics unless @p have values, one a column, reach up to column @p need.
constexpr void require_columns(std::size_t have, std::size_t need) {
    require(have >= need, panic_code::bad_shape, "gemm: an epilogue needs one value for each column of B",
            static_cast<long long>(have), static_cast<long long>(need));
}
} // namespace detail

/// Keeps the sums: @p out is M x N.
struct store_sums {
    matrix_view<std::int32_t> out;

    constexpr void operator()(std::size_t row, std::size_t first, std::span<const std::int32_t> sums) const {
        std::int32_t* to = detail::row_piece(out, row, first, sums.size());
        for (std::size_t j = 0; j < sums.size(); ++j) to[j] = sums[j];
    }
    /// Where a kernel may put a block of sums itself.
    [[nodiscard]] constexpr matrix_view<std::int32_t> place(std::size_t row, std::size_t first, std::size_t rows,
                                                            std::size_t cols) const {
        return out.block(row, first, rows, cols);
    }
};

/// out = requantize(sum + bias), int8 for the next integer product; the sum with its bias saturates to int32. One
/// requantizer and one bias (in units of a sum) a column; an empty bias is none.
struct requantize_sums {
    matrix_view<std::int8_t> out; ///< M x N
    std::span<const requantizer> by;
    std::span<const std::int32_t> bias;

    constexpr void operator()(std::size_t row, std::size_t first, std::span<const std::int32_t> sums) const {
        std::int8_t* to = detail::row_piece(out, row, first, sums.size());
        detail::require_columns(by.size(), first + sums.size());
        if (!bias.empty()) detail::require_columns(bias.size(), first + sums.size());
        const std::int32_t *from = sums.data(), *add = bias.empty() ? nullptr : bias.data() + first;
        const requantizer* ratio = by.data() + first;
        for (std::size_t j = 0, n = sums.size(); j < n; ++j) {
            const std::int64_t sum = std::int64_t{from[j]} + (add == nullptr ? 0 : add[j]);
            to[j] = requantize(saturate<std::int32_t>(sum), ratio[j]);
        }
    }
};

inline namespace LUTRA_ISA { // the compiler may contract what follows

/// out = sum * scale (+ bias) (+ out): back to float. One scale (what a sum of 1 is worth) and one bias a column; an empty
/// bias is none.
struct dequantize_sums {
    matrix_view<float> out; ///< M x N
    std::span<const float> scale, bias;
    bool accumulate = false; ///< adds to what @p out holds

    constexpr void operator()(std::size_t row, std::size_t first, std::span<const std::int32_t> sums) const {
        float* to = detail::row_piece(out, row, first, sums.size());
        detail::require_columns(scale.size(), first + sums.size());
        if (!bias.empty()) detail::require_columns(bias.size(), first + sums.size());
        const float *s = scale.data() + first, *b = bias.empty() ? nullptr : bias.data() + first;
        for (std::size_t j = 0; j < sums.size(); ++j) {
            float value = static_cast<float>(sums[j]) * s[j];
            if (b != nullptr) value += b[j];
            to[j] = accumulate ? to[j] + value : value;
        }
    }
};

} // namespace LUTRA_ISA
} // namespace lutra
