// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nonlinear/detail/segment.hpp>
#include <lutra/nonlinear/detail/segmentation.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>

/// @file
/// The least greatest error, over the points whose weight is not 0: of one segment, and of a cover.

namespace lutra::detail {

/// A line and the greatest error it leaves.
struct error_line {
    double slope = 0, intercept = 0, error = 0;
};

/// Over a segment's points, relative to its first one (x0, y0): where y - y0 - slope (x - x0) is greatest and least.
struct error_band {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    int at_low = 0, at_high = 0;

    [[nodiscard]] constexpr double width() const noexcept { return high > low ? high - low : 0; }
};

/// Slopes are a grid step here: no x is rounded.
template <int Capacity, int MaxEntries>
constexpr error_band band_of(const segmentation<Capacity, MaxEntries>& s, int begin, int end, double slope) noexcept {
    error_band b;
    const double y0 = s.y[begin];
    for (int i = begin; i < end; ++i) {
        if (!(s.weight[i] > 0)) continue;
        const double d = s.y[i] - y0 - unfused(slope * (i - begin));
        if (d < b.low) b.low = d, b.at_low = i;
        if (d > b.high) b.high = d, b.at_high = i;
    }
    return b;
}

/// The slope, a grid step, of the line of least greatest error, and the width of its band. The width is a convex,
/// piecewise-linear function of the slope: where the pieces that two slopes on either side of the least see meet, the next
/// one is taken, until neither moves (Kelley's cutting planes, 1960; finite, and exact but for rounding).
template <int Capacity, int MaxEntries>
constexpr error_band narrowest(const segmentation<Capacity, MaxEntries>& s, int begin, int end, double& slope) noexcept {
    double steepest = 0, flattest = 0; // of the chords between neighbours: the best slope is among them
    bool any = false;
    for (int i = begin, last = -1; i < end; ++i) {
        if (!(s.weight[i] > 0)) continue;
        if (last >= 0) {
            const double chord = (s.y[i] - s.y[last]) / (i - last);
            steepest = !any || chord > steepest ? chord : steepest, flattest = !any || chord < flattest ? chord : flattest;
            any = true;
        }
        last = i;
    }
    slope = flattest;
    error_band low = band_of(s, begin, end, flattest);
    if (!any || !(steepest > flattest)) return low;
    error_band high = band_of(s, begin, end, steepest), best = low;
    if (high.width() < low.width()) best = high, slope = steepest;
    for (int i = 0; i < 200; ++i) {
        // Left of the least the width falls: the highest point lies right of the lowest.
        const double falls = low.at_high - low.at_low, rises = high.at_low - high.at_high;
        if (!(falls > 0) || !(rises > 0)) break;
        const double drop = low.width() - high.width() + unfused(rises * (steepest - flattest));
        const double middle = flattest + drop / (falls + rises);
        if (!(middle > flattest && middle < steepest)) break;
        const error_band m = band_of(s, begin, end, middle);
        if (m.width() < best.width()) best = m, slope = middle;
        if (m.at_high > m.at_low) {
            if (m.at_high == low.at_high && m.at_low == low.at_low) break;
            low = m, flattest = middle;
        } else {
            if (m.at_high == high.at_high && m.at_low == high.at_low) break;
            high = m, steepest = middle;
        }
    }
    return best;
}

/// The line of least greatest error of a segment.
template <int Capacity, int MaxEntries>
constexpr error_line least_error(const segmentation<Capacity, MaxEntries>& s, int begin, int end) noexcept {
    double step = 0;
    const error_band band = narrowest(s, begin, end, step);
    if (!(band.high >= band.low)) return {0, s.y[begin], 0};
    const double slope = step * s.grid.per_unit;
    return {slope, s.y[begin] + (band.low + band.high) / 2 - unfused(slope * s.grid.at(begin)), band.width() / 2};
}

/// The line of a format with the least greatest error, `cost`, of a segment. Slopes are tried outward from the best real one
/// while half of the band's width, which is convex in the slope and which no intercept can mend, is below the best.
template <int Capacity, int MaxEntries>
constexpr quantized_line least_error_quantized(const segmentation<Capacity, MaxEntries>& s, int begin, int end,
                                               const format_limits& format) noexcept {
    quantized_line best{.cost = std::numeric_limits<double>::infinity()};
    double step = 0;
    const error_band narrow = narrowest(s, begin, end, step);
    if (!(narrow.high >= narrow.low)) return {};
    const double slope = step * s.grid.per_unit, x0 = s.grid.at(begin);
    double slope_unit = format.slope_unit, intercept_unit = format.intercept_unit;
    for (int e = 0; e <= format.max_exponent; ++e, slope_unit *= 2, intercept_unit *= 2) {
        const double exact = slope / slope_unit, first = whole(std::clamp(exact, format.slope_min, format.slope_max));
        bool in_the_way = exact > format.slope_max || exact < format.slope_min;
        for (double direction = 1; direction > -2; direction -= 2)
            for (double trial = direction > 0 ? first : first - 1;; trial += direction) {
                if (trial > format.slope_max || trial < format.slope_min) {
                    in_the_way = true;
                    break;
                }
                const double k = trial * slope_unit;
                const error_band band = band_of(s, begin, end, k / s.grid.per_unit);
                if (band.width() / 2 >= best.cost) break;
                const double low = s.y[begin] + band.low - unfused(k * x0), high = s.y[begin] + band.high - unfused(k * x0);
                const double middle = (low + high) / 2 / intercept_unit;
                const double near = whole(std::clamp(middle, format.intercept_min, format.intercept_max));
                in_the_way |= near - middle > 0.5 || middle - near > 0.5;
                const double b = near * intercept_unit, error = std::max(high - b, b - low);
                if (error < best.cost) best = {static_cast<std::int32_t>(trial), static_cast<std::int32_t>(near), e, error};
            }
        if (!in_the_way) break;
    }
    return best;
}

/// The cover by at most @p entries lines, real ones or (@p format) of a format, whose greatest error is least; of equally
/// good ones that with the fewest segments and then the smallest breakpoints.
///
/// A segment's error grows with it, so that segments as long as a bound allows are as few as can be. Bounds are halved
/// between what is known to do and what is not; each success takes the cover's own error, so that the end is exact.
template <int Capacity, int MaxEntries>
constexpr segment_list<MaxEntries> least_greatest_error(const segmentation<Capacity, MaxEntries>& s, int entries,
                                                        const format_limits* format) noexcept {
    const auto error_of = [&](int begin, int end) {
        if (format != nullptr) return least_error_quantized(s, begin, end, *format).cost;
        double slope = 0;
        return narrowest(s, begin, end, slope).width() / 2;
    };
    std::int32_t begins[MaxEntries]{};
    // From the right, each segment as long as it can be: the greatest error, or -1 if the entries do not suffice.
    const auto cover_within = [&](double most, segment_list<MaxEntries>& cover) {
        int count = 0;
        double worst = 0;
        for (int end = s.n; end > 0; ++count) {
            if (count == entries) return -1.0;
            int fits = end, length = 1; // [fits, end) is within the bound
            double error_that_fits = 0;
            int fails = -1;
            while (fits > 0 && fits - 1 > fails) {
                const int trial = fails < 0 ? std::max(end - length, 0) : (fits + fails) / 2;
                const double error = error_of(trial, end);
                if (error <= most)
                    fits = trial, error_that_fits = error, length *= 2;
                else
                    fails = trial;
            }
            if (fits == end) return -1.0; // not even one point
            worst = std::max(worst, error_that_fits);
            begins[count] = fits, end = fits;
        }
        cover.count = count;
        for (int j = 0; j < count; ++j) cover.begin[j] = begins[count - 1 - j];
        cover.begin[count] = s.n;
        return worst;
    };
    segment_list<MaxEntries> best, trial;
    double high = cover_within(std::numeric_limits<double>::infinity(), best), low = 0;
    for (int i = 0; i < 200 && high > low; ++i) {
        // Below 2^-40 of the best there is nothing to be gained but rounding.
        const double middle = i % 8 == 7 ? high * (1 - 0x1p-40) : (low + high) / 2;
        if (middle <= low) break;
        const double worst = cover_within(middle, trial);
        if (worst < 0)
            low = middle;
        else
            high = worst, best = trial;
    }
    static_cast<void>(cover_within(high * (1 + 0x1p-40), best)); // of equally good covers the one without chance
    return best;
}

} // namespace lutra::detail
