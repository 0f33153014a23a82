// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/arch/dequantize_rows.hpp>
#include <lutra/gemm/arch/map_bytes.hpp>
#include <lutra/gemm/arch/requantize_rows.hpp>
#include <lutra/numeric/requantize.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

/// @file
/// What becomes of the int32 sums of an integer product: objects to pass as `use` to gemm(). Each is called with a row, its
/// first column and the sums from there on, and panics when they leave its output or its values a column. `block(row, first
/// column, sums)` takes the sums of several rows at once: gemm() prefers it, as it prefers to let `place` say where sums are
/// kept.

namespace lutra {

namespace detail {
/// Where a block of sums whose first is (@p row, @p first) goes in @p out.
template <class T>
constexpr T* place_in(const matrix_view<T>& out, std::size_t row, std::size_t first, std::size_t rows, std::size_t cols) {
    require(rows <= out.rows() && row <= out.rows() - rows && cols <= out.cols() && first <= out.cols() - cols,
            panic_code::out_of_range, "gemm: the sums leave the output of an epilogue; their last row and column follow",
            static_cast<long long>(row + rows), static_cast<long long>(first + cols));
    return out.data() + row * out.stride() + first;
}
/// A piece of a row as a block.
constexpr matrix_view<const std::int32_t> as_block(std::span<const std::int32_t> sums) {
    return {sums.data(), 1, sums.size()};
}
/// Panics unless @p have values, one a column, reach up to column @p need.
constexpr void require_columns(std::size_t have, std::size_t need) {
    require(have >= need, panic_code::bad_shape, "gemm: an epilogue needs one value for each column of B",
            static_cast<long long>(have), static_cast<long long>(need));
}
/// Hands @p sums, of which the first is (@p row, @p first), on to the epilogue @p use as `change(row of the block, column,
/// some sums of it, what to make of them)` leaves them.
template <class Use, class Change>
void use_changed(const Use& use, std::size_t row, std::size_t first, const matrix_view<const std::int32_t>& sums,
                 Change&& change) {
    if constexpr (requires { use.place(row, first, sums.rows(), sums.cols()); }) {
        const matrix_view<std::int32_t> to = use.place(row, first, sums.rows(), sums.cols());
        for (std::size_t r = 0; r < sums.rows(); ++r) change(r, first, sums.row(r), to.row(r));
    } else {
        constexpr std::size_t rows = 8, cols = 64;
        alignas(64) std::int32_t changed[rows * cols];
        for (std::size_t r = 0; r < sums.rows(); r += rows)
            for (std::size_t j = 0; j < sums.cols(); j += cols) {
                const std::size_t m = sums.rows() - r < rows ? sums.rows() - r : rows;
                const std::size_t n = sums.cols() - j < cols ? sums.cols() - j : cols;
                for (std::size_t i = 0; i < m; ++i)
                    change(r + i, first + j, sums.row(r + i).subspan(j, n), std::span<std::int32_t>{changed + i * cols, n});
                const matrix_view<const std::int32_t> done{changed, m, n, cols};
                if constexpr (requires { use.block(row, first, done); })
                    use.block(row + r, first + j, done);
                else
                    for (std::size_t i = 0; i < m; ++i) use(row + r + i, first + j, done.row(i));
            }
    }
}
} // namespace detail

/// Keeps the sums: @p out is M x N.
struct store_sums {
    matrix_view<std::int32_t> out;

    constexpr void operator()(std::size_t row, std::size_t first, std::span<const std::int32_t> sums) const {
        std::int32_t* to = detail::place_in(out, row, first, 1, sums.size());
        for (std::size_t j = 0; j < sums.size(); ++j) to[j] = sums[j];
    }
    /// Where a kernel may put a block of sums itself.
    [[nodiscard]] constexpr matrix_view<std::int32_t> place(std::size_t row, std::size_t first, std::size_t rows,
                                                            std::size_t cols) const {
        return out.block(row, first, rows, cols);
    }
};

inline namespace LUTRA_ISA { // which kernel runs, and what the compiler contracts, follows from the flags

/// out = requantize(sum + bias), int8 for the next integer product; the sum with its bias saturates to int32. One
/// requantizer and one bias (in units of a sum) a column; an empty bias is none. With a table of the 256 values of an
/// activation function, in the order of the bit pattern (0 to 127, -128 to -1), out = table[that].
struct requantize_sums {
    matrix_view<std::int8_t> out; ///< M x N
    std::span<const requantizer> by;
    std::span<const std::int32_t> bias;
    std::span<const std::int8_t> table{}; ///< 256 values, or empty

    constexpr void operator()(std::size_t row, std::size_t first, std::span<const std::int32_t> sums) const {
        block(row, first, detail::as_block(sums));
    }
    /// The same for a block of sums.
    constexpr void block(std::size_t row, std::size_t first, matrix_view<const std::int32_t> sums) const {
        std::int8_t* to = detail::place_in(out, row, first, sums.rows(), sums.cols());
        detail::require_columns(by.size(), first + sums.cols());
        if (!bias.empty()) detail::require_columns(bias.size(), first + sums.cols());
        const std::int32_t* add = bias.empty() ? nullptr : bias.data() + first;
        if (std::is_constant_evaluated())
            kernel::requantize_rows(sums, add, by.data() + first, to, out.stride());
        else
            kernel::requantize_rows_for<std::int8_t>(best_isa())(sums, add, by.data() + first, to, out.stride());
        if (table.empty()) return;
        require(table.size() == 256, panic_code::bad_shape, "an activation table holds one value for each of 256 bytes",
                static_cast<long long>(table.size()), 256);
        const kernel::byte_rows rows{to, out.stride(), to, out.stride(), sums.rows(), sums.cols()};
        if (std::is_constant_evaluated())
            kernel::map_bytes(table.data(), rows);
        else
            kernel::map_bytes_for(best_isa())(table.data(), rows);
    }
};

/// The same for an int16 output, +-32767: out = requantize<int16>(sum + bias), or with `Add` out + that, clamped likewise.
template <bool Add>
struct requantize_int16_sums {
    matrix_view<std::int16_t> out; ///< M x N
    std::span<const requantizer> by;
    std::span<const std::int32_t> bias;

    constexpr void operator()(std::size_t row, std::size_t first, std::span<const std::int32_t> sums) const {
        block(row, first, detail::as_block(sums));
    }
    /// The same for a block of sums.
    constexpr void block(std::size_t row, std::size_t first, matrix_view<const std::int32_t> sums) const {
        std::int16_t* to = detail::place_in(out, row, first, sums.rows(), sums.cols());
        detail::require_columns(by.size(), first + sums.cols());
        if (!bias.empty()) detail::require_columns(bias.size(), first + sums.cols());
        const std::int32_t* add = bias.empty() ? nullptr : bias.data() + first;
        if (std::is_constant_evaluated())
            kernel::requantize_rows<std::int16_t, Add>(sums, add, by.data() + first, to, out.stride());
        else
            kernel::requantize_rows_for<std::int16_t, Add>(best_isa())(sums, add, by.data() + first, to, out.stride());
    }
};
/// Attention scores of an integer network.
using requantize_sums_to_int16 = requantize_int16_sums<false>;
/// What a layer adds to the residual stream of an integer network.
using requantize_add_sums = requantize_int16_sums<true>;

/// out = sum * scale (+ bias) (+ out): back to float. One scale (what a sum of 1 is worth) and one bias a column; an empty
/// bias is none.
struct dequantize_sums {
    matrix_view<float> out; ///< M x N
    std::span<const float> scale, bias;
    bool accumulate = false; ///< adds to what @p out holds

    constexpr void operator()(std::size_t row, std::size_t first, std::span<const std::int32_t> sums) const {
        block(row, first, detail::as_block(sums));
    }
    /// The same for a block of sums.
    constexpr void block(std::size_t row, std::size_t first, matrix_view<const std::int32_t> sums) const {
        float* to = detail::place_in(out, row, first, sums.rows(), sums.cols());
        detail::require_columns(scale.size(), first + sums.cols());
        if (!bias.empty()) detail::require_columns(bias.size(), first + sums.cols());
        const float *s = scale.data() + first, *b = bias.empty() ? nullptr : bias.data() + first;
        if (std::is_constant_evaluated())
            kernel::dequantize_rows(sums, s, b, accumulate, to, out.stride());
        else
            kernel::dequantize_rows_for(best_isa())(sums, s, b, accumulate, to, out.stride());
    }
};

} // namespace LUTRA_ISA
} // namespace lutra
