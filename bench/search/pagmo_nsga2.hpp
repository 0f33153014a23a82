// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// @file
/// pagmo2's NSGA-II behind a plain function, in a translation unit of its own: its headers do not know our warnings.

namespace bench {

/// What both sides of a comparison are set to.
struct nsga2_settings {
    double crossover_rate;
    std::uint32_t crossover_index;
    double mutation_rate;
    std::uint32_t mutation_index;
};

/// A problem of so many variables in [0, 1]; `evaluate` writes the objectives.
struct box_problem {
    std::size_t variables, objectives;
    void (*evaluate)(std::span<const double> x, std::span<double> costs);
};

/// The objectives of the last population, one individual after another, and the seconds of CPU time of its generations,
/// without those of the first population.
struct pagmo_result {
    std::vector<double> costs;
    double seconds;
};
[[nodiscard]] pagmo_result pagmo_nsga2(const box_problem& problem, const nsga2_settings& settings, std::uint32_t population,
                                       std::uint32_t generations, std::uint32_t seed);

} // namespace bench
