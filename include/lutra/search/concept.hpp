// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <concepts>

namespace lutra {

/// What a search over genomes has to know: the type of a genome (a value that can be made and copied) and what one is worth.
/// `evaluate` depends on nothing but the genome, and an executor may call it from several threads at once.
///
/// @code
/// struct nearest_to_7 {
///     using genome = int;
///     static constexpr double evaluate(int x) { return (x - 7) * (x - 7); }
/// };
/// @endcode
template <class P>
concept search_problem = std::semiregular<typename P::genome> &&
    requires(const P& problem, const typename P::genome& genome) {
    problem.evaluate(genome);
};

/// A search problem with one cost: a number, of which less is better.
template <class P>
concept cost_problem = search_problem<P> && requires(const P& problem, const typename P::genome& genome) {
    { problem.evaluate(genome) } -> std::convertible_to<double>;
};

} // namespace lutra
