// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/epilogue.hpp>
#include <lutra/nn/vit_config.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

/// @file
/// Corrections of the sums of approximate products at run time, without training: control variates (Zervakis and others,
/// arXiv 2412.16757, 2024). The error of a sum is guessed from what costs next to nothing: the sum of the activations that
/// went into it, exact and the same for a whole row of outputs, and the sum itself.

namespace lutra {

/// The correction of one layer, integers for each output column:
///
///     sum + constant + (gain * sum + slope * row_sum + 2^15 >> 16)
///
/// where row_sum is the sum of the row's activations. Empty: none. A gain may as well go into the requantisation.
struct sum_correction {
    std::span<const std::int32_t> gain, slope; ///< in steps of 2^-16
    std::span<const std::int32_t> constant;    ///< in units of a sum

    [[nodiscard]] constexpr bool empty() const noexcept { return constant.empty(); }
    /// The corrected sum of column @p j, saturated to int32.
    [[nodiscard]] constexpr std::int32_t operator()(std::int32_t sum, std::int32_t row_sum, std::size_t j) const noexcept {
        constexpr std::int64_t most = 0x7fffffff;
        const std::int64_t by = std::int64_t{gain[j]} * sum + std::int64_t{slope[j]} * row_sum + 32768;
        return static_cast<std::int32_t>(std::clamp(std::int64_t{sum} + constant[j] + (by >> 16), -most, most));
    }
};

/// The corrections of all layers of a network as views of a flat array of `count(config)` integers: the patch embedding, the
/// head (both heads, where distilled), then the four of each block. T is std::int32_t or const.
template <class T>
class control_variates {
public:
    /// Three a column: gain, slope, constant.
    [[nodiscard]] static constexpr std::size_t count(const vit_config& c) noexcept {
        const std::size_t d = c.dim;
        return 3 * (d + c.prefix_tokens() * c.classes + c.depth * (5 * d + c.mlp));
    }

    /// Panics unless @p flat has `count(config)` elements, or none: no correction.
    constexpr control_variates(const vit_config& config, std::span<T> flat) : config_{config}, flat_{flat} {
        require(flat.empty() || flat.size() == count(config), panic_code::bad_shape,
                "the control variates of a ViT have another number than its config says",
                static_cast<long long>(flat.size()), static_cast<long long>(count(config)));
    }

    /// One layer's integers, or three empty spans.
    struct columns {
        std::span<T> gain, slope, constant;
        constexpr operator sum_correction() const noexcept { return {gain, slope, constant}; }
    };
    [[nodiscard]] constexpr columns patch_embed() const { return part(0, config_.dim); }
    /// Of head 0, or 1 where distilled.
    [[nodiscard]] constexpr columns head(std::size_t which) const {
        return part(3 * (config_.dim + which * config_.classes), config_.classes);
    }
    /// Of one layer of block @p i, which must be below the depth.
    [[nodiscard]] constexpr columns block(std::size_t i, block_layer layer) const {
        const std::size_t d = config_.dim;
        const std::size_t widths[]{3 * d, d, config_.mlp, d};
        std::size_t first = d + config_.prefix_tokens() * config_.classes + i * (5 * d + config_.mlp);
        for (std::size_t l = 0; l < static_cast<std::size_t>(layer); ++l) first += widths[l];
        return part(3 * first, widths[static_cast<std::size_t>(layer)]);
    }

private:
    constexpr columns part(std::size_t first, std::size_t n) const {
        if (flat_.empty()) return {};
        return {flat_.subspan(first, n), flat_.subspan(first + n, n), flat_.subspan(first + 2 * n, n)};
    }

    vit_config config_;
    std::span<T> flat_;
};

inline namespace LUTRA_ISA {

/// An epilogue that corrects sums before it hands them to another one.
template <class Use>
struct corrected_sums {
    const Use& use;
    sum_correction by;
    std::span<const std::int32_t> row_sums; ///< one a row of A

    void operator()(std::size_t row, std::size_t first, std::span<const std::int32_t> sums) const {
        block(row, first, {sums.data(), 1, sums.size()});
    }
    /// The same for a block of sums.
    void block(std::size_t row, std::size_t first, const matrix_view<const std::int32_t>& sums) const {
        lutra::detail::use_changed(use, row, first, sums,
                                   [&](std::size_t r, std::size_t column, std::span<const std::int32_t> from, auto to) {
                                       for (std::size_t k = 0; k < from.size(); ++k)
                                           to[k] = by(from[k], row_sums[row + r], column + k);
                                   });
    }
};

/// sums[r] = the sum of row r of @p x.
inline void add_up_rows(matrix_view<const std::int8_t> x, std::span<std::int32_t> sums) {
    for (std::size_t r = 0; r < x.rows(); ++r) {
        std::int32_t sum = 0;
        for (const std::int8_t v : x.row(r)) sum += v;
        sums[r] = sum;
    }
}

} // namespace LUTRA_ISA
} // namespace lutra
