// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/nonlinear/detail/greatest_error.hpp>
#include <lutra/nonlinear/detail/segmentation.hpp>
#include <lutra/nonlinear/functions.hpp>
#include <lutra/nonlinear/pwl_table.hpp>
#include <lutra/nonlinear/sample_grid.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

/// @file
/// Piecewise-linear tables that no other table of their size and format beats on a grid: the global optimum, by dynamic
/// programming over the breakpoints and an exhaustive, bounded search of each segment's parameters. All of it is constexpr,
/// without heap, and gives the same table from every compiler, at compile time and at run time.

namespace lutra {

/// What a fit makes least.
enum class fit_objective : std::uint8_t {
    mean_square,    ///< the weighted mean of the squared error
    greatest_error, ///< the greatest error at a point whose weight is not 0
};

struct fit_options {
    /// One a grid point, finite, not negative and not all 0, such as a histogram of real arguments; empty: all 1.
    std::span<const double> weights{};
    fit_objective objective = fit_objective::mean_square;
    /// true: a format that does not hold the lines that would fit best is no error; the best that it holds are taken.
    bool clip = false;
};

/// A fitted table and its errors against the function on the grid. Of tables that are equally good it is one with the fewest
/// segments, and of those the one with the smallest first breakpoint, then the second, and so on. Entries that are not
/// needed repeat the last one and begin at the format's greatest breakpoint.
struct pwl_fit {
    pwl_parameters table;
    double mean_square; ///< weighted
    double max_error;   ///< where the weight is not 0
};

/// The same with real parameters.
template <int N>
struct pwl_curve_fit {
    pwl_curve<N> curve;
    double mean_square;
    double max_error;
};

namespace detail {

/// Checks what a fit is given and copies it.
template <int Capacity, int MaxEntries>
constexpr void load_samples(segmentation<Capacity, MaxEntries>& s, std::span<const double> values, int entries,
                            const sample_grid& grid, std::span<const double> weights) {
    static_assert(Capacity >= 1 && Capacity <= 65535 && MaxEntries >= 1 && MaxEntries <= max_pwl_entries,
                  "a fit has room for 1 to 65535 points and 1 to 256 entries");
    require(grid.count >= 1, panic_code::empty, "a fit needs a grid of at least one point", grid.count, 1);
    require(grid.valid(), panic_code::bad_argument, "a grid needs at least one point a unit, and ends within int32",
            grid.per_unit, 1);
    require(grid.count <= Capacity, panic_code::bad_shape, "a grid has more points than the fit's Capacity: raise it",
            grid.count, Capacity);
    require(entries >= 1 && entries <= MaxEntries, panic_code::bad_argument,
            "the entries of a fit must be at least 1 and at most its MaxEntries", entries, MaxEntries);
    require(entries <= grid.count, panic_code::bad_argument, "a fit has more entries than its grid has points", entries,
            grid.count);
    require(static_cast<std::int64_t>(values.size()) == grid.count, panic_code::bad_shape,
            "a fit needs one value a grid point", static_cast<long long>(values.size()), grid.count);
    require(weights.empty() || static_cast<std::int64_t>(weights.size()) == grid.count, panic_code::bad_shape,
            "a fit needs one weight a grid point, or none", static_cast<long long>(weights.size()), grid.count);
    s.grid = grid, s.n = grid.count;
    const double* const y = values.data();
    const double* const w = weights.data();
    bool any = weights.empty();
    for (int i = 0; i < s.n; ++i) {
        s.y[i] = y[i], s.weight[i] = weights.empty() ? 1 : w[i], s.per_weight[i] = inverse(s.weight[i]);
        if (!(y[i] < 1e100 && y[i] > -1e100))
            panic(panic_code::bad_argument,
                  "a function to be fitted must be finite and below 1e100 on the grid; the index of its point follows", i);
        if (!(s.weight[i] >= 0 && s.weight[i] < 1e100))
            panic(panic_code::bad_argument,
                  "a weight of a fit must be finite, not negative and below 1e100; its index follows", i);
        any |= s.weight[i] > 0;
    }
    require(any, panic_code::bad_argument, "the weights of a fit must not all be 0");
    s.set_tie();
}

/// The breakpoint between the points @p index - 1 and @p index: of the format's numbers above the former, and not above the
/// latter, the greatest. In integers: nothing is rounded.
constexpr std::int32_t raw_breakpoint(const sample_grid& grid, int index, fixed_format format) {
    const std::int64_t x = std::int64_t{grid.first} + index, one = std::int64_t{1} << format.fraction_bits;
    const std::int64_t scaled = x * one, truncated = scaled / grid.per_unit;
    const std::int64_t raw = truncated - (truncated * grid.per_unit > scaled);
    require(raw * grid.per_unit > (x - 1) * one, panic_code::bad_argument,
            "no breakpoint of the format lies between two points of the grid: use more fraction bits; they follow",
            format.fraction_bits);
    require(format.holds_raw(raw), panic_code::overflow, "a breakpoint is outside of its format: its raw value", raw,
            raw < 0 ? format.min_raw() : format.max_raw());
    return static_cast<std::int32_t>(raw);
}

/// Panics where the real line of least squares is outside of the format by more than half a unit.
constexpr void require_format(const segment_line& line, const pwl_format& format) {
    if (!(line.spread > 0)) return; // a single point: any slope will do
    const double scale = static_cast<double>(1 << format.max_exponent);
    const double slope = line.slope / format.slope.resolution(),
                 intercept = line.intercept() / format.intercept.resolution();
    const auto check = [&](double raw, fixed_format f, const char* sentence) {
        if (raw <= (f.max_raw() + 0.5) * scale && raw >= (f.min_raw() - 0.5) * scale) return;
        const double shown = std::clamp(raw, -0x1p62, 0x1p62);
        panic(panic_code::overflow, sentence, static_cast<long long>(shown),
              static_cast<long long>(raw < 0 ? f.min_raw() : f.max_raw()) << format.max_exponent);
    };
    check(slope, format.slope,
          "the slope of the best line is outside of its format: use more bits, fewer fraction bits, max_exponent, or clip; "
          "in raw units it is");
    check(intercept, format.intercept,
          "the intercept of the best line is outside of its format: use more bits, fewer fraction bits, max_exponent, or "
          "clip; in raw units it is");
}

/// The weighted mean square and the greatest error of @p f(segment, x) over a cover.
template <class Lines, int Capacity, int MaxEntries>
constexpr void measure(const segmentation<Capacity, MaxEntries>& s, const segment_list<MaxEntries>& cover, Lines f,
                       double& mean_square, double& max_error) noexcept {
    double sum = 0, total = 0, worst = 0;
    for (int j = 0; j < cover.count; ++j)
        for (int i = cover.begin[j]; i < cover.begin[j + 1]; ++i) {
            const double w = s.weight[i], e = f(j, s.grid.at(i)) - s.y[i], size = e < 0 ? -e : e;
            sum += unfused(unfused(w * e) * e), total += w;
            if (w > 0 && size > worst) worst = size;
        }
    mean_square = sum / total, max_error = worst;
}

template <int Capacity, int MaxEntries>
constexpr pwl_fit fit_table(segmentation<Capacity, MaxEntries>& s, int entries, const pwl_format& format,
                            const fit_options& options) {
    require(format.valid(), panic_code::bad_argument,
            "a fit needs a valid format; the bits of its slope, and its greatest exponent follow", format.slope.total_bits,
            format.max_exponent);
    const format_limits limits{format};
    const bool squares = options.objective == fit_objective::mean_square;
    const segment_list<MaxEntries> cover =
        squares ? s.best_quantized_cover(entries, limits) : least_greatest_error(s, entries, &limits);

    pwl_fit fit{.table = {.entries = entries, .format = format}, .mean_square = 0, .max_error = 0};
    pwl_parameters& t = fit.table;
    quantized_line line;
    for (int j = 0; j < entries; ++j) {
        const auto i = static_cast<std::size_t>(j);
        if (j < cover.count) {
            if (!options.clip) require_format(s.line(cover.begin[j], cover.begin[j + 1]), format);
            line = squares ? best_quantized(s.line(cover.begin[j], cover.begin[j + 1]), limits,
                                            std::numeric_limits<double>::infinity())
                           : least_error_quantized(s, cover.begin[j], cover.begin[j + 1], limits);
        }
        t.slope[i] = line.slope, t.intercept[i] = line.intercept;
        t.exponent[i] = static_cast<std::uint8_t>(line.exponent);
        if (j > 0)
            t.breakpoint[i - 1] =
                j < cover.count ? raw_breakpoint(s.grid, cover.begin[j], format.breakpoint) : format.breakpoint.max_raw();
    }
    const double slope_unit = limits.slope_unit, intercept_unit = limits.intercept_unit;
    measure(
        s, cover,
        [&](int j, double x) {
            const auto i = static_cast<std::size_t>(j);
            const double scale = static_cast<double>(1 << t.exponent[i]);
            return unfused(t.slope[i] * scale * slope_unit * x) + t.intercept[i] * scale * intercept_unit;
        },
        fit.mean_square, fit.max_error);
    return fit;
}

template <int Capacity, class F>
struct function_samples {
    double y[Capacity];
    constexpr function_samples(F& f, const sample_grid& grid) {
        for (int i = 0; i < grid.count && i < Capacity; ++i) y[i] = unfused(f(grid.at(i)));
        for (int i = std::max<std::int32_t>(grid.count, 0); i < Capacity; ++i) y[i] = 0;
    }
    [[nodiscard]] constexpr std::span<const double> values(const sample_grid& grid) const {
        require(grid.count <= Capacity, panic_code::bad_shape, "a grid has more points than the fit's Capacity: raise it",
                grid.count, Capacity);
        return {y, static_cast<std::size_t>(std::max<std::int32_t>(grid.count, 0))};
    }
};

} // namespace detail

/// The best table of at most @p entries segments for the samples @p values on @p grid.
///
/// @tparam MaxEntries, Capacity the most entries and points there is room for, on the stack: (MaxEntries + 1) x
///         (Capacity + 1) x 18 bytes
/// @param values one a grid point
///
/// Panics with a sentence where the grid is empty or larger than Capacity, has fewer points than there are entries, a value
/// or a weight is not finite (or a weight negative, or all are 0), no breakpoint of the format lies between two points, or
/// the least-squares line of a chosen segment is outside of the format (unless options.clip). In a constant expression each
/// is a compile error.
template <int MaxEntries = 32, int Capacity = 1024>
[[nodiscard]] constexpr pwl_fit fit_optimal(std::span<const double> values, int entries, const pwl_format& format,
                                            const sample_grid& grid, const fit_options& options = {}) {
    detail::segmentation<Capacity, MaxEntries> s;
    detail::load_samples(s, values, entries, grid, options.weights);
    return detail::fit_table(s, entries, format, options);
}
/// The same for a function: anything that can be called with a double.
///
/// @code
/// const auto fit = lutra::fit_optimal([](double x) { return std::sin(x); }, 8, {}, {-200, 401, 100});
/// @endcode
template <int MaxEntries = 32, int Capacity = 1024, std::invocable<double> F>
[[nodiscard]] constexpr pwl_fit fit_optimal(F f, int entries, const pwl_format& format, const sample_grid& grid,
                                            const fit_options& options = {}) {
    const detail::function_samples<Capacity, F> samples{f, grid};
    return fit_optimal<MaxEntries, Capacity>(samples.values(grid), entries, format, grid, options);
}
/// The same for a function that is a type.
///
/// @code
/// const auto fit = lutra::fit_optimal(lutra::gelu{}, 8, {}, lutra::published_grid<lutra::gelu>);
/// @endcode
template <int MaxEntries = 32, int Capacity = 1024, real_function F>
[[nodiscard]] constexpr pwl_fit fit_optimal(F, int entries, const pwl_format& format, const sample_grid& grid,
                                            const fit_options& options = {}) {
    return fit_optimal<MaxEntries, Capacity>([](double x) { return F::at(x); }, entries, format, grid, options);
}

/// The best table as a type: what the compiler computes, and firmware holds in flash.
///
/// @code
/// constexpr auto table = lutra::fit_table<8>(lutra::gelu{}, lutra::sample_grid::int8_grid(5));
/// @endcode
template <int N, pwl_format Format = pwl_format{}, int Capacity = 1024, class F>
[[nodiscard]] constexpr pwl_table<N, Format> fit_table(F f, const sample_grid& grid, const fit_options& options = {}) {
    static_assert(N >= 1 && N <= max_pwl_entries, "a fitted table has 1 to 256 entries");
    static_assert(Format.valid(), "fit_table needs a valid pwl_format: bits from 1 to 32, fraction bits from 0 to 31");
    static_assert(real_function<F> || std::invocable<F&, double>,
                  "fit_table needs a function: a type with a name and a static constexpr double at(double), or something "
                  "that can be called with a double");
    return pwl_table<N, Format>::from(fit_optimal<N, Capacity>(f, N, Format, grid, options).table);
}

/// The best curve of N segments with real parameters for the samples @p values; panics as fit_optimal does. Unused entries
/// repeat the last one and begin past the grid.
template <int N, int Capacity = 1024>
[[nodiscard]] constexpr pwl_curve_fit<N> fit_optimal_curve(std::span<const double> values, const sample_grid& grid,
                                                           const fit_options& options = {}) {
    detail::segmentation<Capacity, N> s;
    detail::load_samples(s, values, N, grid, options.weights);
    const bool squares = options.objective == fit_objective::mean_square;
    const auto cover = squares ? s.best_real(N) : detail::least_greatest_error(s, N, nullptr);
    pwl_curve_fit<N> fit{};
    for (int j = 0; j < N; ++j) {
        const auto i = static_cast<std::size_t>(j);
        if (j < cover.count) {
            const int begin = cover.begin[j], end = cover.begin[j + 1];
            if (squares) {
                const detail::segment_line line = s.line(begin, end);
                fit.curve.slope[i] = line.slope, fit.curve.intercept[i] = line.intercept();
            } else {
                const detail::error_line line = detail::least_error(s, begin, end);
                fit.curve.slope[i] = line.slope, fit.curve.intercept[i] = line.intercept;
            }
        } else if (j > 0) { // always: a cover has a segment
            fit.curve.slope[i] = fit.curve.slope[i - 1], fit.curve.intercept[i] = fit.curve.intercept[i - 1];
        }
        if (j > 0) fit.curve.breakpoint[i - 1] = grid.at(j < cover.count ? cover.begin[j] : grid.count);
    }
    detail::measure(
        s, cover,
        [&](int j, double x) {
            const auto i = static_cast<std::size_t>(j);
            return unfused(fit.curve.slope[i] * x) + fit.curve.intercept[i];
        },
        fit.mean_square, fit.max_error);
    return fit;
}
/// The same for a function: a type with `at`, or anything that can be called with a double.
template <int N, int Capacity = 1024, class F>
requires(real_function<F> || std::invocable<F&, double>)
    [[nodiscard]] constexpr pwl_curve_fit<N> fit_optimal_curve(F f, const sample_grid& grid,
                                                               const fit_options& options = {}) {
    const auto at = [&](double x) {
        if constexpr (real_function<F>)
            return F::at(x);
        else
            return f(x);
    };
    const detail::function_samples<Capacity, const decltype(at)> samples{at, grid};
    return fit_optimal_curve<N, Capacity>(samples.values(grid), grid, options);
}

} // namespace lutra
