// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/random.hpp>
#include <lutra/search/concept.hpp>
#include <lutra/search/crowding.hpp>
#include <lutra/search/genetic_operators.hpp>
#include <lutra/search/non_dominated_sort.hpp>
#include <lutra/search/objectives.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace lutra {

/// How NSGA-II goes on from one generation to the next.
struct nsga2_options {
    std::size_t population = 100; ///< 2 to the capacity
    double crossover_rate = 0.9;  ///< of the pairs of children that are crossed
    std::uint64_t seed = 0;

    friend constexpr bool operator==(const nsga2_options&, const nsga2_options&) = default;
};

/// NSGA-II (Deb, Pratap, Agarwal and Meyarivan, 2002), a genetic algorithm for several objectives, as a batch_search. The
/// parents of a generation win tournaments of two, by the rank of their front and then by their crowding; each takes part in
/// two. Their children are crossed in pairs and mutated. Of parents and children together the best live on: whole fronts in
/// order, and of the one that does not fit those that are left when the most crowded have left one by one (crowding.hpp),
/// where the paper drops them at once. A child that is the same as another candidate of its generation is mutated again, up
/// to a limit, if genomes can be compared: an evaluation of it would teach nothing.
///
/// The last ask of a generation is for what is left of it: widths that divide the population waste nothing of a batch. The
/// generation turns when all its children are told; children of an unfinished one are in no population yet, though a
/// pareto_archive may keep them. Infeasible candidates are the last front, of which parents live on before children. A copy
/// of the object is a checkpoint.
///
/// @tparam Problem an objectives_problem: what the genome is, and how many objectives it has, at least two
/// @tparam Operators genetic_operators; the selection is not used
/// @tparam Capacity the greatest population
///
/// @code
/// lutra::nsga2<problem, operators, 100> search{{}, {.seed = 1}};
/// lutra::run_search<100>(search, problem{}, {.evaluations = 25'000});
/// for (std::size_t i : search.front()) use(search.genomes()[i], search.costs()[i]);
/// @endcode
template <objectives_problem Problem, class Operators, std::size_t Capacity>
requires(Capacity >= 2) class nsga2 {
public:
    using genome = typename Problem::genome;
    static constexpr std::size_t objective_count = lutra::objective_count<Problem>;
    using costs_type = objectives<objective_count>;

    /// Panics unless the population is 2 to Capacity, and the rate lies in [0, 1].
    constexpr nsga2(Operators operators, const nsga2_options& options)
        : operators_{std::move(operators)}, options_{options}, random_{options.seed} {
        require(options.population >= 2 && options.population <= Capacity, panic_code::bad_argument,
                "NSGA-II needs a population of 2 up to its capacity", static_cast<long long>(options.population),
                static_cast<long long>(Capacity));
        require(options.crossover_rate >= 0 && options.crossover_rate <= 1, panic_code::bad_argument,
                "the crossover rate of NSGA-II lies in [0, 1]");
    }

    /// Asks for what was not asked yet of a generation. Panics before what was asked is told.
    constexpr std::size_t ask(std::span<genome> out) {
        require(asked_ == told_, panic_code::bad_argument, "NSGA-II was asked again before it was told",
                static_cast<long long>(asked_ - told_));
        if (out.empty()) return 0;
        if (asked_ == 0) breed();
        const std::size_t count = std::min(out.size(), options_.population - asked_);
        std::copy_n(genome_.begin() + static_cast<std::ptrdiff_t>(parents_ + asked_), count, out.begin());
        asked_ += count;
        return count;
    }
    /// Panics unless that many were asked.
    constexpr void tell(std::span<const genome> asked, std::span<const costs_type> costs) {
        require(asked.size() == asked_ - told_ && costs.size() == asked.size(), panic_code::bad_shape,
                "NSGA-II must be told what it asked for", static_cast<long long>(costs.size()),
                static_cast<long long>(asked_ - told_));
        std::copy(costs.begin(), costs.end(), cost_.begin() + static_cast<std::ptrdiff_t>(parents_ + told_));
        told_ = asked_;
        if (told_ == options_.population) survive();
    }

    /// The population after the last generation that was told whole; empty before the first.
    [[nodiscard]] constexpr std::span<const genome> genomes() const noexcept { return {genome_.data(), parents_}; }
    [[nodiscard]] constexpr std::span<const costs_type> costs() const noexcept { return {cost_.data(), parents_}; }
    /// The indices of the feasible ones of the population that none of it dominates.
    [[nodiscard]] constexpr std::span<const std::size_t> front() const noexcept { return {front_.data(), front_size_}; }
    /// How many generations were told whole.
    [[nodiscard]] constexpr std::uint64_t generations() const noexcept { return generations_; }

private:
    static constexpr std::size_t both = 2 * Capacity;

    /// Makes the next children, behind the parents.
    constexpr void breed() {
        const std::size_t end = parents_ + options_.population;
        if (parents_ == 0) {
            for (std::size_t at = 0; at < end; ++at) make_new(at, [&](genome& g) { g = operators_.initialise(random_); });
            return;
        }
        std::array<std::size_t, Capacity> round{}; // all parents in random order, each a contestant once
        for (std::size_t i = 0; i < parents_; ++i) round[i] = i;
        std::size_t left = 0;
        const auto contestant = [&] {
            if (left == 0) {
                random_.shuffle(std::span{round.data(), parents_});
                left = parents_;
            }
            return round[--left];
        };
        const auto winner = [&]() -> const genome& {
            const std::size_t a = contestant(), b = contestant();
            if (rank_[a] != rank_[b]) return genome_[rank_[a] < rank_[b] ? a : b];
            if (distance_[a] != distance_[b]) return genome_[distance_[a] > distance_[b] ? a : b];
            return genome_[random_.unit() < 0.5 ? a : b];
        };
        const auto mutate = [&](genome& g) { operators_.mutate(g, random_); };
        for (std::size_t at = parents_; at < end; at += 2) {
            genome_[at] = winner();
            genome_[at + 1] = winner();
            if (random_.unit() < options_.crossover_rate) operators_.crossover(genome_[at], genome_[at + 1], random_);
            make_new(at, mutate);
            make_new(at + 1, mutate);
        }
    }
    /// Changes genome_[@p at] until none before it is the same, or it seems that there is nothing new.
    template <class Change>
    constexpr void make_new(std::size_t at, Change change) {
        constexpr int tries = 16;
        for (int i = 0; i < tries; ++i) {
            change(genome_[at]);
            if constexpr (std::equality_comparable<genome>) {
                const auto begin = genome_.begin(), end = begin + static_cast<std::ptrdiff_t>(at);
                if (std::find(begin, end, genome_[at]) != end) continue;
            }
            return;
        }
    }
    /// Who lives on of parents and children, and how lonely.
    struct survivors {
        std::array<bool, both> lives{};
        std::array<double, both> distance{};
    };
    constexpr survivors select(const non_dominated_fronts<objective_count, both>& fronts) const {
        survivors s;
        crowding<objective_count, both> crowd;
        std::size_t room = options_.population;
        for (std::size_t r = 0; r < fronts.size() && room > 0; ++r) {
            const std::span<const std::size_t> front = fronts[r];
            if (!feasible(cost_[front[0]])) { // the last
                for (const std::size_t i : front.first(std::min(room, front.size()))) s.lives[i] = true;
                break;
            }
            crowd.assign(front.size(), [&](std::size_t m) -> const costs_type& { return cost_[front[m]]; });
            while (crowd.members().size() > room) crowd.drop();
            for (const std::size_t m : crowd.members()) {
                s.lives[front[m]] = true;
                s.distance[front[m]] = crowd.distance(m);
            }
            room -= crowd.members().size();
        }
        return s;
    }
    /// Turns the generation: children that live on move to where parents do not, so that few genomes move.
    constexpr void survive() {
        const non_dominated_fronts<objective_count, both> fronts{{cost_.data(), parents_ + options_.population}};
        const survivors s = select(fronts);
        front_size_ = 0;
        std::size_t child = options_.population;
        for (std::size_t i = 0; i < options_.population; ++i) {
            std::size_t from = i;
            if (!s.lives[i]) {
                while (!s.lives[child]) ++child;
                from = child++;
                genome_[i] = genome_[from];
                cost_[i] = cost_[from];
            }
            rank_[i] = fronts.rank(from);
            distance_[i] = s.distance[from];
            if (rank_[i] == 0 && feasible(cost_[i])) front_[front_size_++] = i;
        }
        parents_ = options_.population;
        asked_ = told_ = 0;
        ++generations_;
    }

    Operators operators_;
    nsga2_options options_;
    random_generator random_;
    std::uint64_t generations_ = 0;
    std::size_t parents_ = 0, asked_ = 0, told_ = 0, front_size_ = 0;
    std::array<genome, both + 1> genome_{}; // parents, children, and the second of a last pair that has room for one
    std::array<costs_type, both> cost_{};
    std::array<std::size_t, Capacity> rank_{}, front_{};
    std::array<double, Capacity> distance_{};
};

} // namespace lutra
