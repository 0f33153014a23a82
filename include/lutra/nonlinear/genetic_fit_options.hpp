// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/search/budget.hpp>
#include <lutra/search/genetic.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace lutra {

/// How the line of a segment follows from its ends.
enum class pwl_lines : std::uint8_t {
    chord,         ///< through the function's values at both ends, then rounded: GQA-LUT's
    least_squares, ///< of the least squared error over the segment's samples, rounded with it in mind
};

/// How a table is searched for. The defaults are those of GQA-LUT (Dong and others, 2024) but for an elite of one, without
/// which its search loses what it found, and for more mutations, most of which move few breakpoints; the published rule is
/// `{.local_moves = 0, .mutation_rate = 0.2, .elite = 0}`.
struct genetic_fit_options {
    pwl_lines lines = pwl_lines::chord;
    /// The published mutation rounds breakpoints to 2^-0 ... 2^-6 (for GELU, hard swish and the exponential), or does not.
    bool round_breakpoints = true;
    /// The share of the mutations that move one breakpoint, two, or a run of neighbours by distances of all magnitudes;
    /// the others are the published ones.
    double local_moves = 0.8;
    /// The ends of the first and of the last chord; by default those of the grid, x_0 and one step past the last point.
    std::optional<double> low_end{}, high_end{};
    std::uint64_t seed = 0;
    std::size_t population = 50; ///< 2 to max_fit_population
    double crossover_rate = 0.7;
    double mutation_rate = 0.8;
    std::size_t elite = 1;
    search_budget budget{.generations = 500, .evaluations = 25'000};

    [[nodiscard]] constexpr genetic_options search() const noexcept {
        return {population, crossover_rate, mutation_rate, elite, seed};
    }
};

inline constexpr std::size_t max_fit_population = 64; ///< of genetic_fit_options
inline constexpr std::int32_t max_fit_samples = 4096; ///< of a genetic fit

} // namespace lutra
