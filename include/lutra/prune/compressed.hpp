// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// A matrix of floats kept as a bit an element and the values that are not 0, row after row, as AccelTran and TransCODE keep
/// activations (Tuli and Jha, 2023). NaN is not 0, and is kept bit for bit; -0 is, and comes back as 0. It lives in memory
/// of the caller, with room for a stated number of values: a matrix of more is not taken, and the caller keeps it otherwise.
///
/// @code
/// auto kept = lutra::compressed_matrix::take(rows, cols, rows * cols / 3, arena);
/// if (kept.assign(hidden)) kept.expand(again);
/// @endcode
class compressed_matrix {
public:
    /// Of no element.
    constexpr compressed_matrix() noexcept = default;
    /// Room for @p rows x @p cols elements of which @p most are not 0; it holds nothing yet. Panics where there are more
    /// than 2^32 - 1 of the latter, or @p memory is too small.
    [[nodiscard]] static constexpr compressed_matrix take(std::size_t rows, std::size_t cols, std::size_t most,
                                                          arena& memory) {
        require(most <= UINT32_MAX, panic_code::overflow, "a compressed matrix has at most 2^32 - 1 values",
                static_cast<long long>(most), static_cast<long long>(UINT32_MAX));
        compressed_matrix m;
        m.rows_ = rows;
        m.cols_ = cols;
        m.mask_ = memory.take<std::uint64_t>(rows * words_of(cols));
        m.starts_ = memory.take<std::uint32_t>(rows + 1);
        m.values_ = memory.take<float>(most);
        return m;
    }

    /// Takes over @p x, and returns whether it has room for it; if not, it holds nothing. Panics on another shape.
    [[nodiscard]] constexpr bool assign(matrix_view<const float> x) {
        require_shape(x.rows(), x.cols());
        held_ = false;
        const std::size_t words = words_of(cols_);
        std::size_t count = 0;
        for (std::size_t r = 0; r < rows_; ++r) {
            const float* row = x.data() + r * x.stride();
            starts_[r] = static_cast<std::uint32_t>(count);
            for (std::size_t w = 0; w < words; ++w, row += word_bits) {
                const std::size_t width = std::min(word_bits, cols_ - w * word_bits);
                std::uint64_t bits = 0;
                for (std::size_t j = 0; j < width; ++j) bits |= std::uint64_t{row[j] != 0} << j;
                mask_[r * words + w] = bits;
                if (static_cast<std::size_t>(std::popcount(bits)) > values_.size() - count) return false;
                for (; bits != 0; bits &= bits - 1) values_[count++] = row[std::countr_zero(bits)];
            }
        }
        starts_[rows_] = static_cast<std::uint32_t>(count);
        held_ = true;
        return true;
    }
    /// Writes all of it to @p to. Panics on another shape and where it holds nothing.
    constexpr void expand(matrix_view<float> to) const {
        require_shape(to.rows(), to.cols());
        for (std::size_t r = 0; r < rows_; ++r) expand_row(r, to.row(r));
    }
    /// Writes row @p r of it to @p to. Panics past the last, on another length and where it holds nothing.
    constexpr void expand_row(std::size_t r, std::span<float> to) const {
        require(held_, panic_code::empty, "a compressed matrix that holds nothing cannot be expanded");
        require(r < rows_, panic_code::out_of_range, "a row past the end of a compressed matrix", static_cast<long long>(r),
                static_cast<long long>(rows_));
        require(to.size() == cols_, panic_code::bad_shape, "a row of a compressed matrix has another length",
                static_cast<long long>(to.size()), static_cast<long long>(cols_));
        std::fill(to.begin(), to.end(), 0.0f);
        const std::size_t words = words_of(cols_);
        std::size_t next = starts_[r];
        for (std::size_t w = 0; w < words; ++w)
            for (std::uint64_t bits = mask_[r * words + w]; bits != 0; bits &= bits - 1)
                to[w * word_bits + static_cast<std::size_t>(std::countr_zero(bits))] = values_[next++];
    }

    [[nodiscard]] constexpr std::size_t rows() const noexcept { return rows_; }
    [[nodiscard]] constexpr std::size_t cols() const noexcept { return cols_; }
    /// Whether a matrix was taken over.
    [[nodiscard]] constexpr bool holds() const noexcept { return held_; }
    /// Values that are not 0; 0 where it holds nothing.
    [[nodiscard]] constexpr std::size_t kept() const noexcept { return held_ ? starts_[rows_] : 0; }
    /// The most that there may be.
    [[nodiscard]] constexpr std::size_t capacity() const noexcept { return values_.size(); }
    /// Bytes in use: of the bits, the rows' starts and the values.
    [[nodiscard]] constexpr std::size_t bytes() const noexcept {
        return held_ ? mask_.size_bytes() + starts_.size_bytes() + kept() * sizeof(float) : 0;
    }

private:
    static constexpr std::size_t word_bits = 64;
    static constexpr std::size_t words_of(std::size_t cols) noexcept { return (cols + word_bits - 1) / word_bits; }
    constexpr void require_shape(std::size_t rows, std::size_t cols) const {
        require(rows == rows_ && cols == cols_, panic_code::bad_shape,
                "a compressed matrix has another shape; its size follows", static_cast<long long>(rows * cols),
                static_cast<long long>(rows_ * cols_));
    }

    std::size_t rows_ = 0, cols_ = 0;
    std::span<std::uint64_t> mask_;
    std::span<std::uint32_t> starts_;
    std::span<float> values_;
    bool held_ = false;
};

} // namespace lutra
