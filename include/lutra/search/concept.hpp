// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/search/objectives.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <tuple>
#include <utility>

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

/// A search problem with several objectives: `evaluate` returns an objectives<N>.
template <class P>
concept objectives_problem = search_problem<P> && requires(const P& problem, const typename P::genome& genome) {
    []<std::size_t N>(const objectives<N>&) {}(problem.evaluate(genome));
};

/// How many objectives a problem has.
template <objectives_problem P>
inline constexpr std::size_t objective_count =
    std::tuple_size_v<decltype(std::declval<const P&>().evaluate(std::declval<const typename P::genome&>()))>;

/// A method of search that asks for candidates to be evaluated, a batch at a time, and is told what they cost.
/// `ask(out)` fills the front of @p out and returns how many it asks for: as many as it can, and none where it has nothing
/// left to ask. `tell(asked, costs)` follows each such `ask`, with all that was asked for, in that order. Both run on one
/// thread and draw all their random numbers there, so that a search depends on its seed and on the width of its batches, and
/// neither on where its candidates are evaluated nor on what is done first. Infeasible candidates (objectives.hpp) are told
/// like others.
template <class S>
concept batch_search = std::semiregular<typename S::genome> &&
    requires(S& search, std::span<typename S::genome> out, std::span<const typename S::genome> asked,
             std::span<const objectives<S::objective_count>> costs) {
    { search.ask(out) } -> std::convertible_to<std::size_t>;
    search.tell(asked, costs);
};

} // namespace lutra
