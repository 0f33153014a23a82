// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/executor.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/nonlinear/detail/breakpoint_genes.hpp>
#include <lutra/nonlinear/detail/breakpoint_problem.hpp>
#include <lutra/nonlinear/detail/line_fit.hpp>
#include <lutra/nonlinear/fit_optimal.hpp>
#include <lutra/nonlinear/functions.hpp>
#include <lutra/nonlinear/genetic_fit_options.hpp>
#include <lutra/nonlinear/pwl_table.hpp>
#include <lutra/nonlinear/sample_grid.hpp>
#include <lutra/search/genetic.hpp>

#include <cstddef>
#include <cstdint>

namespace lutra {

namespace detail {

template <std::size_t Capacity, class Function, class Report, class Executor>
constexpr pwl_fit fit_genetic_within(Function, int entries, const pwl_format& format, const sample_grid& grid,
                                     const genetic_fit_options& options, Report& report, Executor& on) {
    const double least = static_cast<double>(grid.first) / grid.per_unit,
                 most = static_cast<double>(std::int64_t{grid.first} + grid.count) / grid.per_unit,
                 low = options.low_end.value_or(least), high = options.high_end.value_or(most);
    const run_table<max_fit_samples> samples{Function{}, grid};
    using problem = breakpoint_problem<Capacity>;
    const problem p{&samples, {format, options.lines, {low, value_of<Function>(low)}, {high, value_of<Function>(high)}}};
    const breakpoint_range<Function> range{format.breakpoint, least, most};
    return measured_fit<Function>(p.table(best_breakpoints(p, range, entries, options, report, on)), grid);
}

} // namespace detail

/// A table of @p entries segments for @p Function over @p grid by the genetic algorithm of GQA-LUT ("Genetic
/// Quantization-Aware Approximation for Non-Linear Operations in Transformers", Dong and others, 2024): genomes are the
/// breakpoints, here as raw values of their format and not as real numbers; the lines between follow from them and are
/// rounded and clipped to the format; less mean squared error is better. Deterministic by the seed, at compile time and at
/// run time, on every machine and with any executor. fit_optimal finds the best table; this serves where it does not reach.
///
/// The fit needs 100 KiB of stack and, for up to 16, 64 and 256 entries, 35, 130 and 530 KiB more.
///
/// @param entries 1 to max_pwl_entries
/// @param format of the parameters
/// @param grid at most max_fit_samples points, none beyond +-1e6 steps, with 1 to 2^20 steps a unit
/// @param report is called with the number and the least mean squared error of each generation
/// @param on evaluates the genomes of a generation
///
/// Panics where an argument is outside of these ranges (bad_argument), or a generation is not allowed by the budget (empty).
///
/// @code
/// constexpr lutra::sample_grid grid{-400, 800, 100}; // -4, -3.99, ..., 3.99
/// const lutra::pwl_fit fit = lutra::fit_genetic(lutra::gelu{}, 8, {}, grid, {.seed = 1});
/// @endcode
template <real_function Function, class Report = no_report, executor Executor = serial_executor>
[[nodiscard]] constexpr pwl_fit fit_genetic(Function function, int entries, const pwl_format& format,
                                            const sample_grid& grid, const genetic_fit_options& options = {},
                                            Report&& report = {}, Executor&& on = {}) {
    detail::require_fit(entries, format, options);
    require(grid.count >= 1 && grid.count <= max_fit_samples, panic_code::bad_argument,
            "a genetic fit takes 1 to 4096 samples", grid.count, max_fit_samples);
    constexpr std::int32_t far = 1'000'000;
    require(grid.first >= -far && grid.first <= far - grid.count, panic_code::bad_argument,
            "the samples of a genetic fit lie within +-1e6 steps of 0", grid.first, far);
    require(grid.per_unit >= 1 && grid.per_unit <= 1 << 20, panic_code::bad_argument,
            "a sample grid has 1 to 2^20 steps a unit", grid.per_unit, 1 << 20);
    return detail::with_breakpoints_of(entries, [&]<std::size_t Capacity>() {
        return detail::fit_genetic_within<Capacity>(function, entries, format, grid, options, report, on);
    });
}

} // namespace lutra
