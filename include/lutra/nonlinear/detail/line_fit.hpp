// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nonlinear/pwl_table.hpp>
#include <lutra/nonlinear/sample_grid.hpp>
#include <lutra/numeric/unfused.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

/// @file
/// Straight lines through runs of samples: sums that give the squared error of any line over any run in O(1), and lines
/// whose slope and intercept are rounded to a format.

namespace lutra::detail {

/// The function's value, rounded before anything is added to it.
template <class Function>
constexpr double value_of(double x) {
    return unfused(Function::at(x));
}

/// Sums over a run of samples, with m = first + i, x = m / per_unit and f the function's value.
struct run_sums {
    double count = 0, m = 0, mm = 0, f = 0, ff = 0, mf = 0;

    /// The summed squared error of the line slope m + intercept, its slope for a step of m; not below 0.
    [[nodiscard]] constexpr double squared_error(double slope, double intercept) const noexcept {
        const double by_slope = slope * (unfused(slope * mm) + 2 * unfused(intercept * m) - 2 * mf),
                     by_intercept = intercept * (unfused(intercept * count) - 2 * f);
        const double error = unfused(by_slope) + unfused(by_intercept) + ff;
        return error > 0 ? error : 0;
    }
    /// Adds @p weight times @p o, whose step is @p steps of this.
    constexpr void add(const run_sums& o, double weight, double steps) noexcept {
        count += unfused(weight * o.count);
        m += unfused(weight * steps * o.m);
        mm += unfused(weight * steps * steps * o.mm);
        f += unfused(weight * o.f);
        ff += unfused(weight * o.ff);
        mf += unfused(weight * steps * o.mf);
    }
};

/// The sums over every run of up to @p Capacity samples.
template <int Capacity>
class run_table {
public:
    constexpr run_table() = default;
    template <class Function>
    constexpr run_table(Function, const sample_grid& grid) : grid_{grid} {
        for (std::size_t i = 0; i < static_cast<std::size_t>(grid.count); ++i) {
            const double m = grid.first + static_cast<double>(i), f = value_of<Function>(m / grid.per_unit);
            f_[i + 1] = f_[i] + f;
            ff_[i + 1] = ff_[i] + unfused(f * f);
            mf_[i + 1] = mf_[i] + unfused(m * f);
        }
    }
    /// Samples @p from to @p to - 1.
    [[nodiscard]] constexpr run_sums run(std::int32_t from, std::int32_t to) const noexcept {
        const auto a = static_cast<std::size_t>(from), b = static_cast<std::size_t>(to);
        const std::int64_t low = std::int64_t{grid_.first} + from, high = std::int64_t{grid_.first} + to - 1, n = to - from;
        const auto pyramid = [](std::int64_t k) { return k * (k + 1) * (2 * k + 1) / 6; }; // 1 + 4 + ... + k^2
        return {static_cast<double>(n),
                static_cast<double>((low + high) * n / 2),
                static_cast<double>(pyramid(high) - pyramid(low - 1)),
                f_[b] - f_[a],
                ff_[b] - ff_[a],
                mf_[b] - mf_[a]};
    }
    /// The first sample that is not below raw / 2^fraction_bits; the count if all are.
    [[nodiscard]] constexpr std::int32_t first_from(std::int64_t raw, int fraction_bits) const noexcept {
        const std::int64_t at = -((-raw * grid_.per_unit) >> fraction_bits) - grid_.first; // rounded up
        return static_cast<std::int32_t>(at < 0 ? 0 : at > grid_.count ? grid_.count : at);
    }
    [[nodiscard]] constexpr const sample_grid& grid() const noexcept { return grid_; }

private:
    sample_grid grid_{0, 0, 1};
    std::array<double, Capacity + 1> f_{}, ff_{}, mf_{};
};

/// A slope and an intercept in a table's format: 2^exponent times the raw values' numbers.
struct raw_line {
    std::int32_t slope = 0, intercept = 0;
    std::uint8_t exponent = 0;

    [[nodiscard]] constexpr double real_slope(const pwl_format& f) const noexcept {
        return slope * f.slope.resolution() * static_cast<double>(std::int32_t{1} << exponent);
    }
    [[nodiscard]] constexpr double real_intercept(const pwl_format& f) const noexcept {
        return intercept * f.intercept.resolution() * static_cast<double>(std::int32_t{1} << exponent);
    }
    friend constexpr bool operator==(const raw_line&, const raw_line&) = default;
};

/// The least exponent with which @p format holds a slope and an intercept; its greatest if none does.
constexpr std::uint8_t exponent_for(double slope, double intercept, const pwl_format& format) noexcept {
    const auto fits = [](double x, const fixed_format& f, double scale) {
        return x >= (f.min() - f.resolution() / 2) * scale && x <= (f.max() + f.resolution() / 2) * scale;
    };
    int e = 0;
    for (double scale = 1; e < format.max_exponent; ++e, scale *= 2)
        if (fits(slope, format.slope, scale) && fits(intercept, format.intercept, scale)) break;
    return static_cast<std::uint8_t>(e);
}

/// A line rounded to a format, and clipped to it.
constexpr raw_line rounded_line(double slope, double intercept, const pwl_format& format) noexcept {
    const std::uint8_t e = exponent_for(slope, intercept, format);
    const double scale = 1.0 / static_cast<double>(std::int32_t{1} << e);
    return {format.slope.to_raw(slope * scale), format.intercept.to_raw(intercept * scale), e};
}

/// The line of least squares over @p sums, @p per_unit samples a unit of x: of the representable slopes up to 8 steps from
/// the real one, each with the intercept that is best for it, the best. A slope far from the real one can be the better,
/// since it moves the value by less than an intercept's step.
constexpr raw_line least_squares_line(const run_sums& sums, double per_unit, const pwl_format& format) noexcept {
    if (!(sums.count > 0)) return {};
    const double m = sums.m / sums.count, x = m / per_unit, y = sums.f / sums.count;
    const double spread = (sums.mm - unfused(sums.m * m)) / per_unit / per_unit,
                 slope = spread > 0 ? (sums.mf - unfused(sums.f * m)) / per_unit / spread : 0;
    const std::uint8_t e = exponent_for(slope, y - unfused(slope * x), format);
    const double scale = static_cast<double>(std::int32_t{1} << e), slope_step = format.slope.resolution() * scale,
                 intercept_step = format.intercept.resolution() * scale;
    const std::int32_t nearest = format.slope.to_raw(slope / scale);
    raw_line best{};
    double least = -1; // what the error has beyond the real line's
    const auto consider = [&](std::int32_t k) {
        const double real = k * slope_step, away = real - slope, tilted = unfused(away * away) * spread;
        if (!format.slope.holds_raw(k) || (least >= 0 && !(tilted < least))) return false;
        const double wanted = y - unfused(real * x);
        const std::int32_t b = format.intercept.to_raw(wanted / scale);
        const double off = wanted - b * intercept_step, error = unfused(tilted) + unfused(unfused(off * off) * sums.count);
        if (least < 0 || error < least) best = {k, b, e}, least = error;
        return true;
    };
    consider(nearest);
    constexpr std::int32_t reach = 8;
    for (std::int32_t step = 1, up = 1, down = 1; step <= reach && up + down > 0; ++step) {
        up = up != 0 && consider(nearest + step);
        down = down != 0 && consider(nearest - step);
    }
    return best;
}

} // namespace lutra::detail
