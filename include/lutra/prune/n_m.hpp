// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

/// @file
/// N:M sparsity of weights (outputs x inputs): of each M neighbouring inputs an output keeps N. A mask has a byte a weight,
/// 1 where it is kept and 0 where it is dropped.

namespace lutra {

/// "Keep n of m": 1 <= n <= m <= 16. The last group of an odd number of inputs may be shorter; of t inputs it keeps
/// n t / m, rounded up.
struct n_m {
    std::uint8_t n = 2, m = 4;

    /// How many of a group of @p size inputs are kept, @p size at most m.
    [[nodiscard]] constexpr std::size_t kept_of(std::size_t size) const noexcept { return (n * size + m - 1) / m; }
    friend constexpr bool operator==(n_m, n_m) = default;
};

inline constexpr std::size_t most_n_m = 16; ///< the longest group

/// Panics where there is no such pattern.
constexpr void require_pattern(n_m pattern) {
    require(pattern.n >= 1 && pattern.n <= pattern.m && pattern.m <= most_n_m, panic_code::bad_argument,
            "an N:M pattern keeps 1 <= N <= M of M <= 16", pattern.n, pattern.m);
}

namespace detail {

/// |x|, which holds every weight's magnitude and most sums of them exactly.
template <class T>
constexpr double magnitude(T x) noexcept {
    const auto value = static_cast<double>(x);
    return value < 0 ? -value : value;
}
/// Panics unless a mask has a byte for each weight.
template <class T>
constexpr void require_mask(const matrix_view<const T>& weights, const matrix_view<std::uint8_t>& mask) {
    require(mask.rows() == weights.rows(), panic_code::bad_shape, "a mask must have as many rows as the weights",
            static_cast<long long>(mask.rows()), static_cast<long long>(weights.rows()));
    require(mask.cols() == weights.cols(), panic_code::bad_shape, "a mask must have as many columns as the weights",
            static_cast<long long>(mask.cols()), static_cast<long long>(weights.cols()));
}

/// Chooses what a panel of outputs keeps: calls keep(k, yes) for each input k, of those for which open(k) holds the largest.
template <class T, class Open, class Keep>
constexpr void choose_n_m(const matrix_view<const T>& weights, n_m pattern, Open open, Keep keep) {
    std::array<double, most_n_m> size{};
    for (std::size_t k0 = 0; k0 < weights.cols(); k0 += pattern.m) {
        const std::size_t group = std::min<std::size_t>(pattern.m, weights.cols() - k0);
        std::uint32_t left = 0, kept = 0; // a bit an input of the group
        for (std::size_t i = 0; i < group; ++i) {
            size[i] = 0;
            for (std::size_t row = 0; row < weights.rows(); ++row) size[i] += magnitude(weights(row, k0 + i));
            if (open(k0 + i)) left |= 1u << i;
        }
        for (std::size_t count = pattern.kept_of(group); count > 0 && left != 0; --count) {
            std::size_t best = group;
            for (std::size_t i = 0; i < group; ++i)
                if ((left >> i & 1u) != 0 && (best == group || size[i] > size[best])) best = i;
            left &= ~(1u << best);
            kept |= 1u << best;
        }
        for (std::size_t i = 0; i < group; ++i) keep(k0 + i, (kept >> i & 1u) != 0);
    }
}

/// Calls f(first, weights) for each panel of outputs.
template <class T, class F>
constexpr void for_each_panel(const matrix_view<const T>& weights, std::size_t panel, F f) {
    require(panel >= 1, panic_code::bad_argument, "a panel of outputs that share a pattern has at least one", 0, 1);
    for (std::size_t row = 0; row < weights.rows(); row += panel) {
        const std::size_t rows = std::min(panel, weights.rows() - row);
        f(row, weights.block(row, 0, rows, weights.cols()));
    }
}

} // namespace detail

/// Drops from @p mask (1 or 0 a weight) what @p pattern does not keep: of the weights of a group that the mask still keeps,
/// those of the largest magnitude stay; of equal ones, those of the lower index. What a mask dropped stays dropped, so that
/// masks made one from another, from the denser to the sparser pattern, are *inherited*: each is part of the one before, and
/// one stored network serves all of them (Fang et al., IDP, arXiv 2208.06118, 2022).
///
/// With @p panel > 1, that many neighbouring outputs share their pattern, which the sums of their magnitudes decide; an
/// input is open to a panel only where the mask keeps it for all of its outputs. Kernels that skip whole inputs of a panel
/// gain more than those that pick them column by column; see gemm/sparse.
///
/// @p weights: outputs x inputs, of any arithmetic type. Panics on a pattern or panel out of range and on other shapes.
///
/// @code
/// std::ranges::fill(bytes, std::uint8_t{1});
/// lutra::drop_n_m(weights, {2, 4}, mask); // 2:4
/// lutra::drop_n_m(weights, {1, 4}, mask); // 1:4, inherited
/// @endcode
template <class T>
constexpr void drop_n_m(matrix_view<T> weights, n_m pattern, matrix_view<std::uint8_t> mask, std::size_t panel = 1) {
    const matrix_view<const std::remove_const_t<T>> from = weights;
    require_pattern(pattern);
    detail::require_mask(from, mask);
    detail::for_each_panel(from, panel, [&](std::size_t first, const auto& rows) {
        const auto open = [&](std::size_t k) {
            for (std::size_t r = 0; r < rows.rows(); ++r)
                if (mask(first + r, k) == 0) return false;
            return true;
        };
        detail::choose_n_m(rows, pattern, open, [&](std::size_t k, bool kept) {
            for (std::size_t r = 0; r < rows.rows(); ++r) mask(first + r, k) = kept;
        });
    });
}

/// The mask of @p pattern by magnitude, whatever @p mask held; the rest as drop_n_m.
template <class T>
constexpr void n_m_mask(matrix_view<T> weights, n_m pattern, matrix_view<std::uint8_t> mask, std::size_t panel = 1) {
    for (std::size_t row = 0; row < mask.rows(); ++row) std::ranges::fill(mask.row(row), std::uint8_t{1});
    drop_n_m(weights, pattern, mask, panel);
}

/// Inherited masks of several patterns in one matrix: @p levels (a byte a weight) says how many of @p patterns keep a
/// weight, so that the mask of pattern l is `levels(o, i) > l`. The patterns go from dense to sparse; there are at most 255.
template <class T>
constexpr void n_m_levels(matrix_view<T> weights, std::span<const n_m> patterns, matrix_view<std::uint8_t> levels,
                          std::size_t panel = 1) {
    const matrix_view<const std::remove_const_t<T>> from = weights;
    detail::require_mask(from, levels);
    require(patterns.size() <= 255, panic_code::out_of_range, "the levels of N:M masks are counted in a byte",
            static_cast<long long>(patterns.size()), 255);
    for (std::size_t row = 0; row < levels.rows(); ++row) std::ranges::fill(levels.row(row), std::uint8_t{0});
    for (std::size_t level = 0; level < patterns.size(); ++level) {
        require_pattern(patterns[level]);
        detail::for_each_panel(from, panel, [&](std::size_t first, const auto& rows) {
            detail::choose_n_m(
                rows, patterns[level], [&](std::size_t k) { return levels(first, k) == level; },
                [&](std::size_t k, bool kept) {
                    for (std::size_t r = 0; r < rows.rows() && kept; ++r) ++levels(first + r, k);
                });
        });
    }
}

} // namespace lutra
