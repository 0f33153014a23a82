// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>

#include <cstddef>
#include <span>

namespace lutra {

/// Rows that follow each other in a matrix of tokens.
struct row_range {
    std::size_t first = 0, count = 0;
};

/// Which rows of a batch belong to which image: the images' tokens one after the other, each image with a number of its
/// own, prefix tokens first. A view; where all images have equally many tokens it needs no memory.
///
/// @code
/// const lutra::token_rows all{images, config.tokens()}; // before anything is dropped
/// const lutra::row_range of_second = all[1];
/// @endcode
class token_rows {
public:
    constexpr token_rows() noexcept = default;
    /// @p tokens rows each.
    constexpr token_rows(std::size_t images, std::size_t tokens) noexcept
        : images_{images}, tokens_{tokens}, rows_{images * tokens} {}
    /// Image i has rows starts[i] to starts[i + 1] - 1: images + 1 numbers of the caller's that do not fall, the first 0.
    /// Panics where there is none.
    constexpr explicit token_rows(std::span<const std::size_t> starts) : starts_{starts} {
        require(!starts.empty(), panic_code::empty, "token_rows takes the start of each image and the end of the last");
        images_ = starts.size() - 1;
        rows_ = starts.back();
    }

    [[nodiscard]] constexpr std::size_t images() const noexcept { return images_; }
    /// Of all images together.
    [[nodiscard]] constexpr std::size_t rows() const noexcept { return rows_; }
    /// The rows of image @p image, which must be below images().
    [[nodiscard]] constexpr row_range operator[](std::size_t image) const noexcept {
        if (starts_.empty()) return {image * tokens_, tokens_};
        return {starts_[image], starts_[image + 1] - starts_[image]};
    }

private:
    std::span<const std::size_t> starts_;
    std::size_t images_ = 0, tokens_ = 0, rows_ = 0;
};

} // namespace lutra
