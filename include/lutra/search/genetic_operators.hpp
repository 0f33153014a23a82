// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/random.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <utility>

namespace lutra {

/// Selects the cheapest of `contestants` drawn with replacement; of equals the first drawn.
struct tournament_selection {
    std::size_t contestants = 3; ///< at least 1

    /// The index of the selected of @p costs. Panics if there is none, or no contestant.
    constexpr std::size_t operator()(std::span<const double> costs, random_generator& random) const {
        require(contestants >= 1, panic_code::bad_argument, "a tournament needs at least one contestant");
        auto winner = static_cast<std::size_t>(random.below(costs.size()));
        for (std::size_t i = 1; i < contestants; ++i) {
            const auto other = static_cast<std::size_t>(random.below(costs.size()));
            if (costs[other] < costs[winner]) winner = other;
        }
        return winner;
    }
};

/// Exchanges what lies between two random cuts of two sequences; as much as the shorter has of it. The cuts are two
/// different ones of the places 1 to n: before a gene that is not the first, or behind the last.
struct two_point_crossover {
    template <class Sequence>
    constexpr void operator()(Sequence& a, Sequence& b, random_generator& random) const {
        const auto n = static_cast<std::size_t>(std::min(std::size(a), std::size(b)));
        if (n == 0) return;
        if (n == 1) { // no two cuts: the gene itself
            std::swap(a[0], b[0]);
            return;
        }
        std::size_t first = 1 + static_cast<std::size_t>(random.below(n)),
                    last = 1 + static_cast<std::size_t>(random.below(n - 1));
        if (last >= first)
            ++last;
        else
            std::swap(first, last);
        for (std::size_t i = first; i < last; ++i) std::swap(a[i], b[i]);
    }
};

/// The four decisions of a genetic search, each a callable of the problem's author or one of the above:
/// `initialise(random)` makes a genome, `mutate(genome, random)` changes one, `crossover(genome, genome, random)` two, and
/// `select(costs, random)` says which parent breeds. They draw from nothing but @p random.
template <class Initialise, class Mutate, class Crossover = two_point_crossover, class Select = tournament_selection>
struct genetic_operators {
    Initialise initialise{};
    Mutate mutate{};
    Crossover crossover{};
    Select select{};
};

} // namespace lutra
