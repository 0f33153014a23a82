// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/nonlinear/detail/breakpoint_genes.hpp>
#include <lutra/nonlinear/detail/line_fit.hpp>
#include <lutra/nonlinear/fit_optimal.hpp>
#include <lutra/nonlinear/genetic_fit_options.hpp>
#include <lutra/nonlinear/pwl_table.hpp>
#include <lutra/nonlinear/sample_grid.hpp>
#include <lutra/search/genetic.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace lutra::detail {

/// How lines follow from breakpoints.
struct line_rule {
    struct end {
        double x, value;
    };
    pwl_format format;
    pwl_lines lines;
    end low, high; ///< of the first and of the last chord

    /// The line of segment @p i of @p g, over whose samples, @p per_unit a unit, the sums are @p sums.
    template <class Genome>
    [[nodiscard]] constexpr raw_line line(const Genome& g, std::size_t i, const run_sums& sums,
                                          double per_unit) const noexcept {
        if (lines == pwl_lines::least_squares) return least_squares_line(sums, per_unit, format);
        const auto at = [&](std::size_t b) { return end{g[b].raw * format.breakpoint.resolution(), g[b].value}; };
        const end from = i == 0 ? low : at(i - 1), to = i == g.size() ? high : at(i);
        if (from.x == to.x) return {};
        const double slope = (to.value - from.value) / (to.x - from.x);
        return rounded_line(slope, from.value - unfused(slope * from.x), format);
    }
};

/// Breakpoints as a search problem: the mean squared error of the table that they make.
template <std::size_t Capacity>
struct breakpoint_problem {
    using genome = breakpoint_genome<Capacity>;
    const run_table<max_fit_samples>* samples;
    line_rule rule;

    /// Calls @p use with the number, the sums and the line of each segment that holds samples.
    template <class Use>
    constexpr void for_each_line(const genome& g, Use use) const {
        const sample_grid& grid = samples->grid();
        std::int32_t from = 0;
        for (std::size_t i = 0; i <= g.size(); ++i) {
            const std::int32_t to =
                i < g.size() ? samples->first_from(g[i].raw, rule.format.breakpoint.fraction_bits) : grid.count;
            if (to <= from) continue;
            const run_sums sums = samples->run(from, to);
            use(i, sums, rule.line(g, i, sums, grid.per_unit));
            from = to;
        }
    }
    [[nodiscard]] constexpr double evaluate(const genome& g) const {
        const double per_unit = samples->grid().per_unit;
        double error = 0;
        for_each_line(g, [&](std::size_t, const run_sums& sums, const raw_line& line) {
            error += sums.squared_error(line.real_slope(rule.format) / per_unit, line.real_intercept(rule.format));
        });
        return error / samples->grid().count;
    }
    /// The table of @p g; a segment without samples has the line of one beside it.
    [[nodiscard]] constexpr pwl_parameters table(const genome& g) const {
        pwl_parameters t{.entries = static_cast<int>(g.size()) + 1, .format = rule.format};
        std::size_t next = 0;
        raw_line last{};
        const auto put = [&](std::size_t to, const raw_line& line) {
            for (; next < to; ++next) {
                t.slope[next] = line.slope;
                t.intercept[next] = line.intercept;
                t.exponent[next] = line.exponent;
            }
        };
        for_each_line(g, [&](std::size_t i, const run_sums&, const raw_line& line) { put(i + 1, last = line); });
        put(g.size() + 1, last);
        for (std::size_t i = 0; i < g.size(); ++i) t.breakpoint[i] = g[i].raw;
        return t;
    }
};

/// @p table with its errors over @p grid, point by point.
template <class Function>
constexpr pwl_fit measured_fit(const pwl_parameters& table, const sample_grid& grid) {
    pwl_fit fit{table, 0, 0};
    for (std::int32_t i = 0; i < grid.count; ++i) {
        const double x = grid.at(i), far = table(x) - value_of<Function>(x);
        fit.mean_square += unfused(far * far);
        fit.max_error = std::max(fit.max_error, far < 0 ? -far : far);
    }
    fit.mean_square /= grid.count;
    return fit;
}

/// The cheapest breakpoints for @p entries segments that a genetic search finds.
template <class Problem, class Function, class Report, class Executor>
[[nodiscard]] constexpr typename Problem::genome
best_breakpoints(const Problem& problem, const breakpoint_range<Function>& range, int entries,
                 const genetic_fit_options& options, Report& report, Executor& on) {
    using operators = genetic_operators<random_breakpoints<Function, typename Problem::genome>, moved_breakpoints<Function>,
                                        crossed_breakpoints>;
    genetic_search<Problem, operators, max_fit_population> search{
        problem,
        {.initialise = {range, static_cast<std::size_t>(entries - 1)},
         .mutate = {range, options.round_breakpoints, options.local_moves}},
        options.search()};
    search.run(options.budget, report, on);
    return search.best();
}

/// What `f`, called with room for the breakpoints of @p entries segments as its template argument, returns.
template <class F>
[[nodiscard]] constexpr auto with_breakpoints_of(int entries, F&& f) {
    return entries <= 16   ? f.template operator()<15>()
           : entries <= 64 ? f.template operator()<63>()
                           : f.template operator()<max_pwl_entries - 1>();
}

/// Panics unless the arguments that every genetic fit has are in their ranges.
constexpr void require_fit(int entries, const pwl_format& format, const genetic_fit_options& options) {
    require(entries >= 1 && entries <= max_pwl_entries, panic_code::bad_argument, "a genetic fit makes 1 to 256 entries",
            entries, max_pwl_entries);
    require(format.valid(), panic_code::bad_argument, "a genetic fit needs a valid pwl_format");
    require(options.local_moves >= 0 && options.local_moves <= 1, panic_code::bad_argument,
            "the share of local moves lies in [0, 1]");
    require(options.population <= max_fit_population, panic_code::bad_argument, "the population of a genetic fit is 2 to 64",
            static_cast<long long>(options.population), static_cast<long long>(max_fit_population));
}

} // namespace lutra::detail
