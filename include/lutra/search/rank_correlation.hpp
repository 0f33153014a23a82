// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/search/rank_correlation.hpp needs a heap: judge predictors on a host."
#endif

#include <lutra/core/panic.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

namespace lutra {

namespace detail {

/// Panics unless there are two or more pairs of numbers, none of them a NaN.
inline void require_pairs(std::span<const double> a, std::span<const double> b) {
    require(a.size() == b.size(), panic_code::bad_shape, "a rank correlation is of pairs: both rows have as many numbers",
            static_cast<long long>(b.size()), static_cast<long long>(a.size()));
    require(a.size() >= 2, panic_code::empty, "a rank correlation needs two pairs", static_cast<long long>(a.size()), 2);
    for (std::size_t i = 0; i < a.size(); ++i)
        require(!std::isnan(a[i]) && !std::isnan(b[i]), panic_code::bad_argument, "a NaN has no rank; it is in pair",
                static_cast<long long>(i));
}

/// The ranks of @p values from 1; equals share the mean of theirs.
[[nodiscard]] inline std::vector<double> ranks(std::span<const double> values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
    std::vector<double> out(values.size());
    for (std::size_t from = 0, to = 0; from < order.size(); from = to) {
        while (to < order.size() && values[order[to]] == values[order[from]]) ++to;
        for (std::size_t i = from; i < to; ++i) out[order[i]] = 0.5 * static_cast<double>(from + 1 + to);
    }
    return out;
}

} // namespace detail

/// Spearman's rank correlation (1904) of a prediction @p a and the truth @p b, in [-1, 1]: the correlation of their ranks,
/// equals sharing the mean of theirs. NaN where all of a row are equal. Panics for fewer than 2 pairs, rows of different
/// length, and for NaN.
[[nodiscard]] inline double spearman_correlation(std::span<const double> a, std::span<const double> b) {
    detail::require_pairs(a, b);
    const std::vector<double> x = detail::ranks(a), y = detail::ranks(b);
    const double mean = 0.5 * static_cast<double>(a.size() + 1);
    double xx = 0, yy = 0, xy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        xx += (x[i] - mean) * (x[i] - mean);
        yy += (y[i] - mean) * (y[i] - mean);
        xy += (x[i] - mean) * (y[i] - mean);
    }
    return xy / std::sqrt(xx * yy);
}

/// Kendall's tau-b (1945) of a prediction @p a and the truth @p b, in [-1, 1]: of the pairs of pairs, those in the same
/// order less those in opposite orders, over the geometric mean of the numbers that are not equal in a and in b. NaN where
/// all of a row are equal. In n^2 time. Panics for fewer than 2 pairs, rows of different length, and for NaN.
[[nodiscard]] inline double kendall_tau_b(std::span<const double> a, std::span<const double> b) {
    detail::require_pairs(a, b);
    std::int64_t balance = 0, apart_a = 0, apart_b = 0;
    const auto order = [](double x, double y) { return (x > y ? 1 : 0) - (x < y ? 1 : 0); };
    for (std::size_t i = 0; i < a.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) {
            const int in_a = order(a[i], a[j]), in_b = order(b[i], b[j]);
            balance += in_a * in_b;
            apart_a += in_a * in_a;
            apart_b += in_b * in_b;
        }
    return static_cast<double>(balance) / std::sqrt(static_cast<double>(apart_a) * static_cast<double>(apart_b));
}

} // namespace lutra
