// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/executor.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/nonlinear/detail/breakpoint_genes.hpp>
#include <lutra/nonlinear/detail/breakpoint_problem.hpp>
#include <lutra/nonlinear/detail/shared_lines.hpp>
#include <lutra/nonlinear/fit_optimal.hpp>
#include <lutra/nonlinear/functions.hpp>
#include <lutra/nonlinear/genetic_fit_options.hpp>
#include <lutra/nonlinear/pwl_table.hpp>
#include <lutra/nonlinear/sample_grid.hpp>
#include <lutra/search/genetic.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace lutra {

/// Int8 inputs at the scales 2^0, 2^-1, ... 2^-(scales - 1): the points x = q 2^-n of [low, high], both ends included.
struct scale_grid {
    double low, high;
    int scales = 7; ///< 1 to max_scales

    static constexpr int max_scales = 8;
    /// The points at scale 2^-n. Panics (`empty`) if there is none.
    [[nodiscard]] constexpr sample_grid at(int n) const { return sample_grid::int8_grid(n, low, high); }
};

/// One set of slopes and intercepts for inputs at several scales, with breakpoints for each.
struct pwl_shared_fit {
    pwl_parameters table; ///< its breakpoints are those of no scale in particular
    int scales = 0;
    /// [n]: the least q of the next segment at scale 2^-n, -128 to 128
    std::array<std::array<std::int16_t, max_pwl_entries - 1>, scale_grid::max_scales> breakpoint{};
    std::array<double, scale_grid::max_scales> mean_square_at{}; ///< [n]: over the points of scale 2^-n
    double mean_square = 0, max_error = 0;                       ///< the mean of mean_square_at; over all points

    /// The table for inputs q 2^-n: its breakpoints have n fraction bits, as the inputs have. Panics where there is no n.
    [[nodiscard]] constexpr pwl_parameters at_scale(int n) const {
        require(n >= 0 && n < scales, panic_code::out_of_range, "a shared table has no breakpoints for this scale", n,
                scales);
        pwl_parameters t = table;
        t.format.breakpoint = {9, n};
        for (std::size_t i = 0; i + 1 < static_cast<std::size_t>(t.entries); ++i)
            t.breakpoint[i] = breakpoint[static_cast<std::size_t>(n)][i];
        return t;
    }
};

namespace detail {

template <std::size_t Capacity, class Function, class Report, class Executor>
constexpr pwl_shared_fit fit_shared_within(Function, int entries, const pwl_format& format, const scale_grid& grid,
                                           const genetic_fit_options& options, Report& report, Executor& on) {
    shared_samples<scale_grid::max_scales> samples{};
    for (int n = 0; n < grid.scales; ++n) samples.add(Function{}, grid.at(n));
    const double low = options.low_end.value_or(grid.low), high = options.high_end.value_or(grid.high);
    using problem = shared_problem<Function, Capacity, scale_grid::max_scales>;
    const problem p{&samples, {format, options.lines, {low, value_of<Function>(low)}, {high, value_of<Function>(high)}}};
    const breakpoint_range<Function> range{format.breakpoint, grid.low, grid.high};
    const auto genes = best_breakpoints(p, range, entries, options, report, on);
    auto found = p.lines_of(genes);
    p.settle(found);
    pwl_shared_fit fit{.table = {.entries = entries, .format = format}, .scales = grid.scales};
    for (std::size_t i = 0; i <= genes.size(); ++i) {
        fit.table.slope[i] = found.line[i].slope;
        fit.table.intercept[i] = found.line[i].intercept;
        fit.table.exponent[i] = found.line[i].exponent;
        if (i < genes.size()) fit.table.breakpoint[i] = genes[i].raw;
    }
    for (int n = 0; n < grid.scales; ++n) {
        const auto s = static_cast<std::size_t>(n);
        for (std::size_t i = 0; i < genes.size(); ++i)
            fit.breakpoint[s][i] = static_cast<std::int16_t>(grid.at(n).first + found.first[s][i]);
        const pwl_fit measured = measured_fit<Function>(fit.at_scale(n), grid.at(n));
        fit.mean_square_at[s] = measured.mean_square;
        fit.mean_square += measured.mean_square / grid.scales;
        fit.max_error = std::max(fit.max_error, measured.max_error);
    }
    return fit;
}

} // namespace detail

/// As fit_genetic, for one circuit that serves int8 inputs at several scales: the slopes and intercepts are shared, each
/// scale has breakpoints of its own, and the mean squared error is averaged over the scales (GQA-LUT's power-of-two
/// scales). Afterwards each scale's breakpoints are placed at their optimum for the lines found, and with
/// pwl_lines::least_squares lines and breakpoints are improved in turns until neither changes.
///
/// @param grid where the function is needed; panics (`empty`) if a scale has no point there
///
/// @code
/// const auto fit = lutra::fit_genetic_shared(lutra::gelu{}, 8, {}, {-4, 4}, {.lines = lutra::pwl_lines::least_squares});
/// const lutra::pwl_unit<8> at_2_to_minus_5{fit.at_scale(5), {8, 5}, {8, 5}};
/// @endcode
template <real_function Function, class Report = no_report, executor Executor = serial_executor>
[[nodiscard]] constexpr pwl_shared_fit fit_genetic_shared(Function function, int entries, const pwl_format& format,
                                                          const scale_grid& grid, const genetic_fit_options& options = {},
                                                          Report&& report = {}, Executor&& on = {}) {
    require(grid.scales >= 1 && grid.scales <= scale_grid::max_scales, panic_code::bad_argument,
            "a shared table serves 1 to 8 scales", grid.scales, scale_grid::max_scales);
    detail::require_fit(entries, format, options);
    return detail::with_breakpoints_of(entries, [&]<std::size_t Capacity>() {
        return detail::fit_shared_within<Capacity>(function, entries, format, grid, options, report, on);
    });
}

} // namespace lutra
