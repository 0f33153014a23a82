// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/explore_objectives.hpp"
#include "support/progress.hpp"

#include <lutra/codesign/explore.hpp>
#include <lutra/codesign/sensitivity.hpp>
#include <lutra/search/annealing.hpp>
#include <lutra/search/choices.hpp>
#include <lutra/search/exhaustive.hpp>
#include <lutra/search/genetic_operators.hpp>
#include <lutra/search/journal.hpp>
#include <lutra/search/journaled_executor.hpp>
#include <lutra/search/mcts.hpp>
#include <lutra/search/nsga2.hpp>
#include <lutra/search/random_search.hpp>
#include <lutra/search/rewards.hpp>
#include <lutra/search/run.hpp>
#include <lutra/search/spread_rewards.hpp>
#if LUTRA_USE_EIGEN
    #include <lutra/search/surrogate/surrogate_search.hpp>
#endif

#include <cstdio>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// What a method found.
template <std::size_t N>
struct method_runs {
    std::string method;
    std::vector<lutra::exploration<N>> runs; ///< one a seed

    /// The hypervolume after @p evaluations in each run, from the least to the greatest.
    [[nodiscard]] std::vector<double> hypervolumes(std::size_t evaluations) const {
        std::vector<double> all;
        for (const auto& run : runs) all.push_back(run.hypervolume[std::min(evaluations, run.hypervolume.size()) - 1]);
        std::sort(all.begin(), all.end());
        return all;
    }
    [[nodiscard]] std::size_t longest() const {
        std::size_t most = 0;
        for (const auto& run : runs) most = std::max(most, run.hypervolume.size());
        return most;
    }
    /// After how many evaluations each run had @p volume, from the least to the greatest; 0, at the end, where it never had.
    [[nodiscard]] std::vector<std::size_t> evaluations_to(double volume) const {
        std::vector<std::size_t> all;
        for (const auto& run : runs) {
            const auto& h = run.hypervolume;
            const auto at = std::find_if(h.begin(), h.end(), [&](double v) { return v >= volume; });
            all.push_back(at == h.end() ? 0 : static_cast<std::size_t>(at - h.begin()) + 1);
        }
        std::sort(all.begin(), all.end(), [](std::size_t a, std::size_t b) { return a - 1 < b - 1; }); // 0 is last
        return all;
    }
};

template <std::size_t N>
struct explored {
    std::vector<method_runs<N>> methods; ///< the one that was asked for, and those beside it
    [[nodiscard]] const lutra::exploration<N>& chosen() const { return methods.front().runs.front(); }
};

/// Of a front's designs that are accurate enough the one with the least second objective, as an evaluation; if none is, the
/// most accurate; all evaluations' number where the front is empty.
template <std::size_t N>
std::size_t chosen_design(const design_objectives<N>& judged, const lutra::exploration<N>& found) {
    const auto& all = found.evaluations;
    std::size_t best = all.size();
    for (const std::size_t f : found.front) {
        const bool takes = judged.accurate(all[f].costs);
        const bool before = best < all.size() && judged.accurate(all[best].costs);
        const std::size_t by = takes ? 1 : 0;
        if (best == all.size() || (takes && !before) || (takes == before && all[f].costs[by] < all[best].costs[by]))
            best = f;
    }
    return best;
}

/// The designs that may be chosen where one side stays as it is.
inline lutra::design_choices part_of(const design_setup& setup, bool network_only, bool accelerator_only) {
    lutra::design_choices part = setup.model->space();
    const auto border = part.alternatives.begin() + static_cast<std::ptrdiff_t>(setup.space->genes().size());
    if (accelerator_only) std::fill(part.alternatives.begin(), border, std::uint16_t{1});
    if (network_only)
        std::fill(border, part.alternatives.begin() + static_cast<std::ptrdiff_t>(part.length), std::uint16_t{1});
    return part;
}

/// Every multiplier in all linear layers, the first one included, the rest as it is: what a study without a search would
/// try.
inline std::vector<lutra::design_genome> uniform_designs(const design_setup& setup) {
    std::vector<lutra::design_genome> designs;
    for (std::size_t a = 0; a < setup.axes.linear.size(); ++a) {
        lutra::design_genome& g = designs.emplace_back(setup.space->uniform(a));
        g.length = setup.model->space().length;
    }
    return designs;
}

#if LUTRA_USE_EIGEN
/// Designs as surrogates see them: multipliers by their power and their mean error, too.
inline lutra::choice_encoding<lutra::design_capacity> encoding_of(const design_setup& setup,
                                                                  const lutra::design_choices& space) {
    return {space, [&](std::size_t gene, std::size_t alternative) -> std::vector<double> {
                if (gene >= setup.space->genes().size()) return {};
                const lutra::lowered_multiplier* m = setup.space->multiplier(gene, alternative);
                if (m == nullptr) return {};
                double error = 0; // mean magnitude
                for (int a = -128; a < 128; ++a)
                    for (int b = -128; b < 128; ++b)
                        error += std::abs(m->multiply(static_cast<std::int8_t>(a), static_cast<std::int8_t>(b)) - a * b);
                return {m->cost.power, std::log1p(error / 65536)};
            }};
}
#endif

/// Makes genomes of a space at random, after those that are known.
struct known_then_sample {
    lutra::design_choices space;
    std::vector<lutra::design_genome> known;
    std::size_t next = 0;

    lutra::design_genome operator()(lutra::random_generator& random) {
        return next < known.size() ? known[next++] : space.sample(random);
    }
};

/// Any executor, so that each method is compiled once.
template <std::size_t N>
struct any_executor {
    using problem_type = typename design_objectives<N>::problem_type;
    std::function<void(const problem_type&, std::span<const lutra::design_genome>, std::span<lutra::objectives<N>>)> run_all;

    template <class Executor>
    explicit any_executor(Executor& on)
        : run_all{[&on](const auto& problem, auto genomes, auto costs) {
              lutra::evaluate_batch(problem, genomes, costs, on);
          }} {}
    void evaluate(const problem_type& problem, std::span<const lutra::design_genome> genomes,
                  std::span<lutra::objectives<N>> costs) {
        run_all(problem, genomes, costs);
    }
};

/// Runs @p method on @p space until the budget is spent.
template <std::size_t N>
lutra::exploration<N> run_method(const std::string& method, const lutra::design_choices& space, std::uint64_t seed,
                                 const explore_request& r, const design_setup& setup, const design_objectives<N>& judged,
                                 any_executor<N>& on) {
    using problem_type = typename design_objectives<N>::problem_type;
    lutra::design_explorer explorer{judged.problem, judged.reference, on};
    const lutra::search_budget budget{.evaluations = r.budget};
    progress_bar bar;
    const auto progress = [&](const lutra::exploration<N>& e) {
        double best = 0; // the least of the second objective at the loss that is allowed
        for (const std::size_t i : e.front) {
            const auto& costs = e.evaluations[i].costs;
            if (judged.accurate(costs) && (best == 0 || costs[1] < best)) best = costs[1];
        }
        char words[160];
        std::snprintf(words, sizeof words, "%zu of %llu, %.1f a second, %zu in the front, %s %.3f, hypervolume %.4f",
                      e.evaluations.size(), static_cast<unsigned long long>(r.budget),
                      static_cast<double>(e.evaluations.size()) / std::max(e.seconds, 1e-9), e.front.size(),
                      r.objectives[1].c_str(), best, e.hypervolume.empty() ? 0 : e.hypervolume.back());
        bar.show(method, e.evaluations.size(), static_cast<std::size_t>(std::min<std::uint64_t>(r.budget, 1u << 30)), words);
    };
    std::vector<lutra::design_genome> known = uniform_designs(setup); // methods begin with what is known
    std::erase_if(known, [&](const lutra::design_genome& g) { return !space.contains(g); });
    if (method != "nsga2" && method != "exhaustive") static_cast<void>(explorer.evaluate(known, budget, progress));
    const lutra::change_choices<lutra::design_choices> change{space};
    constexpr std::size_t population = 64, chains = lutra::design_batch, nodes = 100'000;
    if (method == "mcts") {
        lutra::sensitivity_prior prior;
        if (!r.no_prior) {
            const auto changes = lutra::single_changes(space);
            const auto costs = explorer.evaluate(changes, budget, progress);
            std::vector<lutra::design_measures> measures;
            for (const auto& c : costs) {
                lutra::design_measures m = setup.first;
                for (std::size_t i = 0; i < N; ++i)
                    m[static_cast<std::size_t>(judged.problem.judged_by[i])] = judged.natural(c)[i];
                measures.push_back(m);
            }
            measures.resize(changes.size(), lutra::infeasible<lutra::design_objective_count>());
            prior = lutra::make_prior(space, setup.first, measures, judged.problem.judged_by);
        } else {
            prior = lutra::flat_prior(space);
        }
        using reward = lutra::hypervolume_reward<N>;
        using search =
            lutra::mcts<lutra::design_choices, reward, nodes, lutra::design_batch, lutra::uct, lutra::sensitivity_prior>;
        reward gain{judged.reference};
        for (const auto& e : explorer.found().evaluations)
            if (lutra::feasible(e.costs)) static_cast<void>(gain(e.costs));
        const auto tree = std::make_unique<search>(space, gain, lutra::mcts_options{.seed = seed}, lutra::uct{}, prior);
        explorer.run(*tree, budget, progress);
    } else if (method == "nsga2") {
        const lutra::genetic_operators operators{known_then_sample{space, known}, change, lutra::uniform_crossover{},
                                                 lutra::tournament_selection{}};
        const auto search =
            std::make_unique<lutra::nsga2<problem_type, std::remove_const_t<decltype(operators)>, population>>(
                operators, lutra::nsga2_options{.population = r.budget < 1000 ? population / 2 : population, .seed = seed});
        explorer.run(*search, budget, progress);
    } else if (method == "annealing") {
        lutra::annealing search{lutra::sample_space<lutra::design_choices>{space}, change,
                                lutra::spread_rewards<N, chains>(),
                                lutra::annealing_options{.evaluations = r.budget, .seed = seed}};
        explorer.run(search, budget, progress);
    } else if (method == "random") {
        lutra::random_search<lutra::design_choices, N> search{space, {.seed = seed}};
        explorer.run(search, budget, progress);
    } else if (method == "exhaustive") {
        lutra::exhaustive_search<lutra::design_choices, N> search{space};
        explorer.run(search, budget, progress);
    } else {
#if LUTRA_USE_EIGEN
        lutra::surrogate_search<lutra::design_capacity, N> search{encoding_of(setup, space),
                                                                  {.starts = 2, .most_trained = 200, .seed = seed}};
        for (const auto& e : explorer.found().evaluations) search.tell({&e.genome, 1}, {&e.costs, 1});
        explorer.run(search, budget, progress);
#else
        fail("--method bo needs Eigen, which this program was built without: install libeigen3-dev and build it again");
#endif
    }
    bar.clear();
    return explorer.found();
}

/// Runs the method that was asked for and those beside it.
template <std::size_t N>
explored<N> run_methods(const explore_request& r, const design_setup& setup, const design_objectives<N>& judged,
                        any_executor<N> on) {
    explored<N> e;
    const auto run = [&](const std::string& name, const std::string& method, bool network_only, bool accelerator_only) {
        const lutra::design_choices space = part_of(setup, network_only, accelerator_only);
        if (space.size() == 1) fail("the search " + name + " has nothing to choose");
        method_runs<N>& m = e.methods.emplace_back(method_runs<N>{name, {}});
        for (std::uint64_t i = 0; i < (method == "exhaustive" ? 1 : r.repeat); ++i)
            m.runs.push_back(run_method(method, space, r.seed + i, r, setup, judged, on));
    };
    run(r.method, r.method, r.network_only, r.accelerator_only);
    for (const std::string& other : r.compared)
        if (other == one_sided_network || other == one_sided_accelerator)
            run(other, r.method, other == one_sided_network, other == one_sided_accelerator);
        else
            run(other, other, r.network_only, r.accelerator_only);
    return e;
}

/// The same; with a journal, evaluations in it are not made again.
template <std::size_t N, class Executor>
explored<N> search_designs(const explore_request& r, const design_setup& setup, const design_objectives<N>& judged,
                           Executor& on) {
    if (r.journal.empty()) return run_methods(r, setup, judged, any_executor<N>{on});
    auto journal = value_or_fail(lutra::evaluation_journal<lutra::design_genome, N>::open(r.journal, setup.identity));
    if (journal.size() > 0)
        std::printf("%s holds %zu evaluations, which are not made again\n", r.journal.c_str(), journal.size());
    lutra::journaled_executor journaled{journal, on};
    return run_methods(r, setup, judged, any_executor<N>{journaled});
}
