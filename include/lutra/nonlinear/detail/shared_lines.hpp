// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nonlinear/detail/breakpoint_genes.hpp>
#include <lutra/nonlinear/detail/breakpoint_problem.hpp>
#include <lutra/nonlinear/detail/line_fit.hpp>
#include <lutra/nonlinear/pwl_table.hpp>
#include <lutra/nonlinear/sample_grid.hpp>
#include <lutra/numeric/unfused.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace lutra::detail {

/// The samples of up to @p Scales grids of up to 256 points, whose steps are powers of two.
template <int Scales>
struct shared_samples {
    std::array<run_table<256>, Scales> at{};
    std::size_t scales = 0;
    double finest = 1; ///< steps a unit

    template <class Function>
    constexpr void add(Function f, const sample_grid& grid) {
        at[scales++] = run_table<256>{f, grid};
        if (grid.per_unit > finest) finest = grid.per_unit;
    }
    /// The sums over samples from[s] to to[s] - 1 of each scale s, weighted so that every scale counts as one, in the finest
    /// steps.
    template <class Bounds>
    [[nodiscard]] constexpr run_sums run(const Bounds& from, const Bounds& to) const noexcept {
        run_sums sums{};
        for (std::size_t s = 0; s < scales; ++s)
            if (to[s] > from[s]) {
                const sample_grid& g = at[s].grid();
                sums.add(at[s].run(from[s], to[s]), 1.0 / (g.count * static_cast<double>(scales)), finest / g.per_unit);
            }
        return sums;
    }
};

/// Lines for all scales and their breakpoints for each.
template <std::size_t Capacity, int Scales>
struct shared_lines {
    std::size_t size = 0;
    std::array<raw_line, Capacity + 1> line{};
    std::array<std::array<std::int32_t, Capacity>, Scales> first{}; ///< [s][i]: the first sample of segment i + 1

    friend constexpr bool operator==(const shared_lines&, const shared_lines&) = default;
};

/// As breakpoint_problem, with the mean of the scales' mean squared errors.
template <class Function, std::size_t Capacity, int Scales>
struct shared_problem {
    using genome = breakpoint_genome<Capacity>;
    using bounds = std::array<std::int32_t, Scales>;
    using lines = shared_lines<Capacity, Scales>;
    const shared_samples<Scales>* samples;
    line_rule rule;

    /// Calls @p use with the number, the first samples of it and of the next, the sums and the line of each segment.
    template <class Use>
    constexpr void for_each_line(const genome& g, Use use) const {
        bounds from{}, to{};
        for (std::size_t i = 0; i <= g.size(); ++i) {
            for (std::size_t s = 0; s < samples->scales; ++s)
                to[s] = i < g.size() ? samples->at[s].first_from(g[i].raw, rule.format.breakpoint.fraction_bits)
                                     : samples->at[s].grid().count;
            const run_sums sums = samples->run(from, to);
            use(i, from, sums, rule.line(g, i, sums, samples->finest));
            from = to;
        }
    }
    [[nodiscard]] constexpr double evaluate(const genome& g) const {
        double error = 0;
        for_each_line(g, [&](std::size_t, const bounds&, const run_sums& sums, const raw_line& line) {
            error += squared_error(sums, line);
        });
        return error;
    }
    /// What @p g makes.
    [[nodiscard]] constexpr lines lines_of(const genome& g) const {
        lines found{.size = g.size()};
        for_each_line(g, [&](std::size_t i, const bounds& from, const run_sums&, const raw_line& line) {
            found.line[i] = line;
            for (std::size_t s = 0; i > 0 && s < samples->scales; ++s) found.first[s][i - 1] = from[s];
        });
        return found;
    }
    /// Places the breakpoints of every scale at their optimum for the lines, and, if the lines follow from the samples,
    /// improves both in turns (Lloyd's iteration, 1982).
    constexpr void settle(lines& found) const {
        constexpr int most = 100; // a bound: the error falls strictly
        for (std::size_t s = 0; s < samples->scales; ++s) place(found, s);
        if (rule.lines != pwl_lines::least_squares) return;
        for (int turn = 0; turn < most; ++turn) {
            bool improved = false;
            bounds from{}, to{};
            for (std::size_t i = 0; i <= found.size; ++i) {
                for (std::size_t s = 0; s < samples->scales; ++s)
                    to[s] = i < found.size ? found.first[s][i] : samples->at[s].grid().count;
                const run_sums sums = samples->run(from, to);
                if (const raw_line line = least_squares_line(sums, samples->finest, rule.format);
                    sums.count > 0 && squared_error(sums, line) < squared_error(sums, found.line[i]) - 1e-15)
                    found.line[i] = line, improved = true;
                from = to;
            }
            if (!improved) return;
            for (std::size_t s = 0; s < samples->scales; ++s) place(found, s);
        }
    }

private:
    [[nodiscard]] constexpr double squared_error(const run_sums& sums, const raw_line& line) const noexcept {
        return sums.squared_error(line.real_slope(rule.format) / samples->finest, line.real_intercept(rule.format));
    }
    /// The best ascending breakpoints of scale @p s, by dynamic programming over its samples; ties to the lower segment.
    constexpr void place(lines& found, std::size_t s) const {
        const sample_grid& grid = samples->at[s].grid();
        const std::size_t count = static_cast<std::size_t>(grid.count);
        std::array<double, Capacity + 1> cost{};
        std::array<std::array<std::uint8_t, Capacity + 1>, 256> before{}; // the segment of the sample before
        for (std::size_t i = 0; i < count; ++i) {
            const double x = grid.at(static_cast<int>(i)), y = value_of<Function>(x);
            double least = cost[0];
            std::size_t from = 0;
            for (std::size_t j = 0; j <= found.size; ++j) {
                if (cost[j] < least) least = cost[j], from = j;
                const raw_line& line = found.line[j];
                const double far = unfused(line.real_slope(rule.format) * x) + line.real_intercept(rule.format) - y;
                cost[j] = least + unfused(far * far);
                before[i][j] = static_cast<std::uint8_t>(from);
            }
        }
        std::size_t at = 0;
        for (std::size_t j = 1; j <= found.size; ++j)
            if (cost[j] < cost[at]) at = j;
        for (std::size_t j = at; j < found.size; ++j) found.first[s][j] = grid.count;
        for (std::size_t i = count; i-- > 0;) {
            const std::size_t to = i == 0 ? 0 : before[i][at];
            for (; at > to; --at) found.first[s][at - 1] = static_cast<std::int32_t>(i);
        }
    }
};

} // namespace lutra::detail
