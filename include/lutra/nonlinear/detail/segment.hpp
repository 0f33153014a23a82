// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nonlinear/pwl_table.hpp>
#include <lutra/nonlinear/sample_grid.hpp>
#include <lutra/numeric/unfused.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>

/// @file
/// The line of least squares of one segment, with real and with fixed-point parameters. Statements are joined by commas
/// where a compiler counts them against its limit for constant expressions.

namespace lutra::detail {

/// 1 / x, infinite of 0.
[[nodiscard]] constexpr double inverse(double x) noexcept {
    return x != 0 ? 1 / x : std::numeric_limits<double>::infinity();
}

/// Weighted sums over a segment that grows to the right. v counts grid steps back from its last point, so that growing
/// takes no product; f is relative to its first point, so that little cancels.
struct segment_sums {
    double weight = 0, v = 0, vv = 0, f = 0, vf = 0, ff = 0;

    /// A point of weight @p w = 1 / @p per_w: sums of quotients are not contracted, nor are they calls to be evaluated.
    constexpr void add(double df, double w, double per_w) noexcept {
        vv += 2 * v + weight, v += weight, vf += f, weight += w, f += df / per_w, ff += df * df / per_w;
    }
    /// The least sum of squares that a line leaves: it grows with the segment.
    [[nodiscard]] constexpr double residual() const noexcept {
        if (!(weight > 0)) return 0;
        // A spread that is no more than rounding counts as none.
        const double s = vv - v * v / weight, c = vf - v * f / weight,
                     r = ff - f * f / weight - (s > vv * 0x1p-45 ? c * c / s : 0);
        return r > 0 ? r : 0;
    }
};

/// What decides about a segment's line: the squares it leaves are residual + spread (k - slope)^2 + weight e^2, where e is
/// its error at the centroid (x, y).
struct segment_line {
    double weight, slope, x, y, spread, residual;

    [[nodiscard]] constexpr double intercept() const noexcept { return y - unfused(slope * x); }
};

/// Of the points [@p begin, @p end) of a grid, where @p y0 is the value at begin; @p residual is that of the sums.
[[nodiscard]] constexpr segment_line line_of(const segment_sums& sums, const sample_grid& grid, int end, double y0,
                                             double residual) noexcept {
    const double last = grid.at(end - 1), step = grid.per_unit;
    if (!(sums.weight > 0)) return {0, 0, last, y0, 0, 0};
    const double mean = sums.v / sums.weight, s = sums.vv - sums.v * sums.v / sums.weight;
    if (!(s > sums.vv * 0x1p-45)) return {sums.weight, 0, last - mean / step, y0 + sums.f / sums.weight, 0, residual};
    return {sums.weight,        (sums.v * sums.f / sums.weight - sums.vf) / s * step,
            last - mean / step, y0 + sums.f / sums.weight,
            s / step / step,    residual};
}

/// A line with fixed-point parameters, and the squares it leaves.
struct quantized_line {
    std::int32_t slope = 0, intercept = 0;
    int exponent = 0;
    double cost = 0;
};

/// A format in real numbers.
struct format_limits {
    double slope_unit, slope_min, slope_max, intercept_unit, intercept_min, intercept_max;
    int max_exponent;

    constexpr explicit format_limits(const pwl_format& f) noexcept
        : slope_unit{f.slope.resolution()},
          slope_min(f.slope.min_raw()),
          slope_max(f.slope.max_raw()),
          intercept_unit{f.intercept.resolution()},
          intercept_min(f.intercept.min_raw()),
          intercept_max(f.intercept.max_raw()),
          max_exponent{f.max_exponent} {}
};

/// @p x, which is within int32, rounded to an integer, halves away from 0.
[[nodiscard]] constexpr double whole(double x) noexcept {
    return static_cast<double>(static_cast<std::int64_t>(x < 0 ? x - 0.5 : x + 0.5));
}

/// The line of the format that leaves the least squares, if they are less than @p limit; else one with cost = limit.
///
/// Slopes are tried outward from the real optimum for as long as residual + spread (k - slope)^2, which no intercept can
/// mend, is below the best; the intercept that goes with a slope is the nearest one of the format. So none is missed. A
/// greater exponent is tried only where the range of the last one was in the way: its lines are otherwise among those.
[[nodiscard]] constexpr quantized_line best_quantized(const segment_line& line, const format_limits& format,
                                                      double limit) noexcept {
    quantized_line best{.cost = limit};
    const double residual = line.residual;
    double slope_unit = format.slope_unit, intercept_unit = format.intercept_unit;
    for (int e = 0; e <= format.max_exponent; ++e, slope_unit *= 2, intercept_unit *= 2) {
        const double k = line.slope / slope_unit, b = line.y / intercept_unit;
        const double per_b = inverse(line.x * slope_unit / intercept_unit),
                     per_spread = inverse(line.spread * slope_unit * slope_unit),
                     per_weight = inverse(line.weight * intercept_unit * intercept_unit);
        const double slope_min = format.slope_min, slope_max = format.slope_max, low = format.intercept_min,
                     high = format.intercept_max, half_off = 0.5 - low;
        bool in_the_way = k > slope_max || k < slope_min, outside = false;
        // first, first + 1, first - 1, first + 2, ... if k is not below first.
        double trial = whole(std::clamp(k, slope_min, slope_max));
        for (double step = k >= trial ? 1 : -1;; trial += step, step = step > 0 ? -1 - step : 1 - step) {
            if (trial > slope_max || trial < slope_min) {
                if (outside) break; // on both sides
                in_the_way = outside = true;
                continue;
            }
            outside = false;
            const double bound = residual + (trial - k) * (trial - k) / per_spread;
            if (bound >= best.cost) break;
            const double exact = b - trial / per_b;
            double near = 0;
            if (exact > low && exact < high)
                near = static_cast<double>(static_cast<std::int64_t>(exact + half_off)) + low;
            else
                near = exact > low ? high : low, in_the_way |= exact - near > 0.5 || near - exact > 0.5;
            const double cost = bound + (near - exact) * (near - exact) / per_weight;
            if (cost < best.cost) best = {static_cast<std::int32_t>(trial), static_cast<std::int32_t>(near), e, cost};
        }
        if (!in_the_way) break;
    }
    return best;
}

} // namespace lutra::detail
