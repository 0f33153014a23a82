// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nonlinear/activations.hpp>
#include <lutra/nonlinear/functions.hpp>
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

/// What GQA-LUT varies from function to function: the ends of the outer chords, and whether mutations round. To be used with
/// published_grid; declared for the same functions.
///
/// @code
/// lutra::genetic_fit_options options = lutra::published_ends<lutra::gelu>;
/// options.seed = 1;
/// @endcode
template <real_function F>
inline constexpr genetic_fit_options published_ends = [] {
    static_assert(sizeof(F) == 0, "this function has no published ends: set low_end and high_end, or leave them out");
    return genetic_fit_options{};
}();
template <>
inline constexpr genetic_fit_options published_ends<gelu>{.low_end = -1e4, .high_end = 1e4};
template <>
inline constexpr genetic_fit_options published_ends<hswish>{.low_end = -1e4, .high_end = 1e4};
template <>
inline constexpr genetic_fit_options published_ends<natural_exponential>{.low_end = -16, .high_end = 0};
template <>
inline constexpr genetic_fit_options published_ends<reciprocal>{.round_breakpoints = false, .low_end = 0.5, .high_end = 4};
template <>
inline constexpr genetic_fit_options published_ends<reciprocal_sqrt>{
    .round_breakpoints = false, .low_end = 0.25, .high_end = 4};

} // namespace lutra
