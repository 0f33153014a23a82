// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/numeric/calibrate.hpp needs a heap: calibrate on a host and ship the scales to firmware."
#endif

#include <lutra/core/result.hpp>
#include <lutra/numeric/activation_histogram.hpp>
#include <lutra/numeric/quantize.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace lutra {

/// How the clipping point of a tensor is chosen from what was seen of it.
enum class calibrator : std::uint8_t {
    max,        ///< the largest magnitude: nothing is clipped
    percentile, ///< the magnitude that the given share of all values stays below
    mse,        ///< the least expected squared error of quantising and clipping
    entropy,    ///< the least Kullback-Leibler divergence of 128 levels from the histogram (Migacz, GTC 2017)
};

/// The names that `parse_calibrator` knows, in the order of the enumeration.
inline constexpr std::array<std::string_view, 4> calibrator_names{"max", "percentile", "mse", "entropy"};

/// The name of @p c.
[[nodiscard]] constexpr std::string_view to_string(calibrator c) noexcept {
    return calibrator_names[static_cast<std::size_t>(c)];
}

/// The calibrator called @p name, or an error (unknown_name) that lists the known ones.
[[nodiscard]] constexpr result<calibrator> parse_calibrator(std::string_view name) {
    for (std::size_t i = 0; i < calibrator_names.size(); ++i)
        if (calibrator_names[i] == name) return static_cast<calibrator>(i);
    error e{error_code::unknown_name, 0, text<320>{} << "no calibrator is called '"};
    for (const char c : name.substr(0, 64)) e.message << c;
    e.message << "'; expected one of";
    for (const std::string_view known : calibrator_names) e.message << " " << known;
    return e;
}

namespace detail {

inline double percentile_edge(const activation_histogram& h, double percentile) {
    require(percentile > 0 && percentile <= 100, panic_code::bad_argument, "a calibration percentile must be in (0, 100]",
            static_cast<long long>(percentile), 100);
    // 99.9 / 100 x 1000 is a little more than 999 in binary: do not ask for one value more because of that.
    const double wanted = std::ceil(percentile / 100 * static_cast<double>(h.size()) * (1 - 0x1p-50));
    std::uint64_t below = 0;
    std::size_t b = 0;
    while (b + 1 < activation_histogram::bin_count && static_cast<double>(below += h.counts()[b]) < wanted) ++b;
    return static_cast<double>(b + 1) * h.width();
}

// Sums of 1, x and x^2 over the bins before each; x in half bins, 2 b + 1 at a bin's middle, so that all are integers.
struct bin_moments {
    std::uint64_t count = 0, first = 0, second = 0;
};

// The squared error of one candidate comes level by level: the sum over a level's bins of (x - level)^2 is made of
// three differences of prefix sums, so that a candidate costs 128 steps instead of one a bin.
inline std::size_t least_squares_bins(const activation_histogram& h) {
    const std::size_t used = h.used_bins();
    std::vector<bin_moments> sums(used + 1);
    for (std::size_t b = 0; b < used; ++b) {
        const std::uint64_t n = h.counts()[b] - (b == 0 ? h.zeros() : 0), x = 2 * b + 1;
        sums[b + 1] = {sums[b].count + n, sums[b].first + n * x, sums[b].second + n * x * x};
    }
    double least = std::numeric_limits<double>::infinity();
    std::size_t best = used;
    for (std::size_t bins = used; bins >= 1; --bins) {
        const double step = 2.0 * static_cast<double>(bins) / 127; // of quantisation, in half bins
        double sum = 0;
        std::size_t from = 0;
        for (int level = 0; level <= 127; ++level) {
            // A level takes the bins whose middle 2 b + 1 lies below (level + 1/2) steps; the last takes what is clipped.
            const auto end = static_cast<std::size_t>(((level + 0.5) * step + 1) / 2);
            const std::size_t to = level == 127 ? used : std::clamp(end, from, used);
            const double at = level * step, n = static_cast<double>(sums[to].count - sums[from].count),
                         first = static_cast<double>(sums[to].first - sums[from].first),
                         second = static_cast<double>(sums[to].second - sums[from].second);
            sum += second - 2 * at * first + at * at * n;
            from = to;
        }
        if (sum < least) least = sum, best = bins;
    }
    return best;
}

// With P the histogram (what is clipped added to its last bin) and Q its 128 levels, each spread over the bins in
// use: sum P log(P / Q) splits into a prefix sum of P log P and 128 terms, one a level.
inline std::size_t least_divergence_bins(const activation_histogram& h) {
    constexpr std::size_t levels = 128;
    const std::size_t used = h.used_bins();
    if (used <= levels) return used;
    const auto x_log_x = [](std::uint64_t n) {
        return n == 0 ? 0.0 : static_cast<double>(n) * std::log(static_cast<double>(n));
    };
    std::vector<std::uint64_t> count(used + 1), nonzero(used + 1);
    std::vector<double> p_log_p(used + 1);
    for (std::size_t b = 0; b < used; ++b) {
        const std::uint64_t n = h.counts()[b] - (b == 0 ? h.zeros() : 0); // a zero is exact at any scale: it tells nothing
        count[b + 1] = count[b] + n;
        nonzero[b + 1] = nonzero[b] + (n != 0);
        p_log_p[b + 1] = p_log_p[b] + x_log_x(n);
    }
    const std::uint64_t total = count[used];
    double least = std::numeric_limits<double>::infinity();
    std::size_t best = used;
    for (std::size_t bins = used; bins >= levels; --bins) {
        const std::uint64_t clipped = total - count[bins], last = count[bins] - count[bins - 1];
        if (last == 0) continue; // Q would be 0 where P is not, or the same split is found with fewer bins
        double divergence = p_log_p[bins - 1] + x_log_x(last + clipped);
        for (std::size_t level = 0, from = 0; level < levels; ++level) {
            const std::size_t to = ((level + 1) * bins + levels - 1) / levels;
            const std::uint64_t n = count[to] - count[from];
            if (n != 0)
                divergence -= static_cast<double>(n + (level + 1 == levels ? clipped : 0)) *
                              std::log(static_cast<double>(n) / static_cast<double>(nonzero[to] - nonzero[from]));
            from = to;
        }
        divergence = divergence / static_cast<double>(total) +
                     std::log(static_cast<double>(count[bins]) / static_cast<double>(total));
        if (divergence < least) least = divergence, best = bins;
    }
    return best;
}

} // namespace detail

/// The magnitude at which to clip a tensor that was seen as @p h: its scale is `scale_for` of it. Never above
/// `h.max()`; 0 when all values were 0. @p percentile (in (0, 100]) matters to calibrator::percentile only and counts
/// zeros; mse and entropy leave them out, since a zero is exact at any scale. Non-finite values are left out: see
/// `activation_histogram::all_finite`. Panics (empty) when no finite value was added.
/// The set of calibrators is that of TransAxx (2024), whose default is percentile 99.99.
[[nodiscard]] inline float calibrated_max(const activation_histogram& h, calibrator c, double percentile = 99.99) {
    require(!h.empty(), panic_code::empty,
            "calibration needs at least one finite value: run images through the network first");
    double edge = h.max();
    switch (c) {
    case calibrator::max: break;
    case calibrator::percentile: edge = detail::percentile_edge(h, percentile); break;
    case calibrator::mse: edge = static_cast<double>(detail::least_squares_bins(h)) * h.width(); break;
    case calibrator::entropy: edge = static_cast<double>(detail::least_divergence_bins(h)) * h.width(); break;
    }
    return static_cast<float>(std::min(edge, static_cast<double>(h.max())));
}

/// `scale_for<T>(calibrated_max(h, c, percentile))`.
template <quantized T = std::int8_t>
[[nodiscard]] float calibrated_scale(const activation_histogram& h, calibrator c, double percentile = 99.99) {
    return scale_for<T>(calibrated_max(h, c, percentile));
}

} // namespace lutra
