// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nonlinear/pwl_table.hpp>
#include <lutra/nonlinear/sample_grid.hpp>
#include <lutra/numeric/unfused.hpp>

#include <algorithm>
#include <cstdint>

/// @file
/// The line of least squares of one segment, with real and with fixed-point parameters. Statements are joined by commas
/// where a compiler counts them against its limit for constant expressions.

namespace lutra::detail {

/// Weighted sums over a segment that grows to the right. v counts grid steps back from its last point, so that growing
/// takes no product; f is relative to its first point, so that little cancels.
struct segment_sums {
    double weight = 0, v = 0, vv = 0, f = 0, vf = 0, ff = 0;

    constexpr void add(double df, double w) noexcept {
        const double wf = unfused(w * df);
        vv += 2 * v + weight, v += weight, vf += f, weight += w, f += wf, ff += unfused(wf * df);
    }
    /// The weighted variance of v times the weight; 0 where it is not more than rounding.
    [[nodiscard]] constexpr double spread() const noexcept {
        const double s = weight > 0 ? vv - v * v / weight : 0; // a quotient is not contracted
        return s > vv * 0x1p-45 ? s : 0;
    }
    /// The least sum of squares that a line leaves: it grows with the segment.
    [[nodiscard]] constexpr double residual() const noexcept {
        if (!(weight > 0)) return 0;
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

/// Of the points [@p begin, @p end) of a grid, where @p y0 is the value at begin.
[[nodiscard]] constexpr segment_line line_of(const segment_sums& sums, const sample_grid& grid, int end,
                                             double y0) noexcept {
    const double last = grid.at(end - 1), step = grid.per_unit;
    if (!(sums.weight > 0)) return {0, 0, last, y0, 0, 0};
    const double spread = sums.spread(), c = sums.vf - sums.v * sums.f / sums.weight;
    return {sums.weight,
            spread > 0 ? -(c / spread) * step : 0,
            last - sums.v / sums.weight / step,
            y0 + sums.f / sums.weight,
            spread / step / step,
            sums.residual()};
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
    double slope_unit = format.slope_unit, intercept_unit = format.intercept_unit;
    for (int e = 0; e <= format.max_exponent; ++e, slope_unit *= 2, intercept_unit *= 2) {
        const double k = line.slope / slope_unit, b = line.y / intercept_unit, per_k = line.x * slope_unit / intercept_unit;
        const double spread = line.spread * slope_unit * slope_unit, weight = line.weight * intercept_unit * intercept_unit;
        const double first = whole(std::clamp(k, format.slope_min, format.slope_max));
        bool in_the_way = false;
        for (double direction = 1; direction > -2; direction -= 2) {
            double trial = direction > 0 ? first : first - 1;
            for (;; trial += direction) {
                if (trial > format.slope_max || trial < format.slope_min) {
                    in_the_way = true;
                    break;
                }
                const double bound = line.residual + unfused(spread * ((trial - k) * (trial - k)));
                if (bound >= best.cost) break;
                const double exact = b - unfused(trial * per_k);
                const double least = exact > format.intercept_min ? exact : format.intercept_min,
                             near = whole(least < format.intercept_max ? least : format.intercept_max);
                const double cost = bound + unfused(weight * ((near - exact) * (near - exact)));
                in_the_way |= near - exact > 0.5 || exact - near > 0.5;
                if (cost < best.cost) best = {static_cast<std::int32_t>(trial), static_cast<std::int32_t>(near), e, cost};
            }
        }
        if (!in_the_way) break;
    }
    return best;
}

} // namespace lutra::detail
