// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/explore_setup.hpp"
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
#include <lutra/search/spread_rewards.hpp>
#if LUTRA_USE_EIGEN
    #include <lutra/search/surrogate/surrogate_search.hpp>
#endif

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

/// The objectives that were asked for, as a problem: each in units of the design of first alternatives, error in tenths.
template <std::size_t N>
struct design_objectives {
    using problem_type = lutra::design_problem<design_setup::model_type, N>;
    problem_type problem;
    lutra::objectives<N> reference{}; ///< of the hypervolume: 10 points of accuracy less, a tenth more of all else

    design_objectives(const explore_request& r, const design_setup& setup) {
        problem.model = setup.model.get();
        for (std::size_t i = 0; i < N; ++i) {
            problem.judged_by[i] = find_objective(r.objectives[i]);
            const double first = setup.first[static_cast<std::size_t>(problem.judged_by[i])];
            const bool error = problem.judged_by[i] == lutra::design_objective::error;
            problem.unit[i] = error ? 0.1 : first;
            reference[i] = error ? first / problem.unit[i] + 1 : r.accelerator == "space" ? 4 : 1.1;
        }
    }
    /// What @p costs are in the objectives' own units.
    [[nodiscard]] lutra::objectives<N> natural(lutra::objectives<N> costs) const {
        for (std::size_t i = 0; i < N; ++i) costs[i] *= problem.unit[i];
        return costs;
    }
    [[nodiscard]] lutra::objectives<N> costs_of(const lutra::design_measures& all) const {
        lutra::objectives<N> costs{};
        for (std::size_t i = 0; i < N; ++i) costs[i] = all[static_cast<std::size_t>(problem.judged_by[i])] / problem.unit[i];
        return costs;
    }
};

template <std::size_t N>
struct explored {
    lutra::exploration<N> chosen;                                        ///< by the method that was asked for
    std::vector<std::pair<std::string, lutra::exploration<N>>> compared; ///< by the others
};

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

/// Makes genomes of a space at random, after those that are known.
struct known_then_sample {
    lutra::design_choices space;
    std::vector<lutra::design_genome> known;
    std::size_t next = 0;

    lutra::design_genome operator()(lutra::random_generator& random) {
        return next < known.size() ? known[next++] : space.sample(random);
    }
};

/// Runs @p method on the problem until the budget is spent.
template <std::size_t N, class Executor>
lutra::exploration<N> run_method(const std::string& method, const explore_request& r, const design_setup& setup,
                                 const design_objectives<N>& judged, Executor& on) {
    using problem_type = typename design_objectives<N>::problem_type;
    const lutra::design_choices& space = setup.model->space();
    lutra::design_explorer explorer{judged.problem, judged.reference, on};
    const lutra::search_budget budget{.evaluations = r.budget};
    progress_bar bar;
    const auto progress = [&](const lutra::exploration<N>& e) {
        double best = 0; // the least of the second objective at the loss that is allowed
        for (const std::size_t i : e.front) {
            const auto& costs = e.evaluations[i].costs;
            if (costs[0] <= setup.first[0] / judged.problem.unit[0] + r.loss / 100 / judged.problem.unit[0] &&
                (best == 0 || costs[1] < best))
                best = costs[1];
        }
        char words[160];
        std::snprintf(words, sizeof words, "%zu of %llu, %.1f a second, %zu in the front, %s %.3f, hypervolume %.4f",
                      e.evaluations.size(), static_cast<unsigned long long>(r.budget),
                      static_cast<double>(e.evaluations.size()) / std::max(e.seconds, 1e-9), e.front.size(),
                      r.objectives[1].c_str(), best, e.hypervolume.empty() ? 0 : e.hypervolume.back());
        bar.show(method, e.evaluations.size(), static_cast<std::size_t>(std::min<std::uint64_t>(r.budget, 1u << 30)), words);
    };
    const std::vector<lutra::design_genome> known = uniform_designs(setup); // every method begins with what is known
    if (method != "nsga2") static_cast<void>(explorer.evaluate(known, budget, progress));
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
        const auto tree = std::make_unique<search>(space, gain, lutra::mcts_options{.seed = r.seed}, lutra::uct{}, prior);
        explorer.run(*tree, budget, progress);
    } else if (method == "nsga2") {
        const lutra::genetic_operators operators{known_then_sample{space, known}, change, lutra::uniform_crossover{},
                                                 lutra::tournament_selection{}};
        const auto search =
            std::make_unique<lutra::nsga2<problem_type, std::remove_const_t<decltype(operators)>, population>>(
                operators,
                lutra::nsga2_options{.population = r.budget < 1000 ? population / 2 : population, .seed = r.seed});
        explorer.run(*search, budget, progress);
    } else if (method == "annealing") {
        lutra::annealing search{lutra::sample_space<lutra::design_choices>{space}, change,
                                lutra::spread_rewards<N, chains>(),
                                lutra::annealing_options{.evaluations = r.budget, .seed = r.seed}};
        explorer.run(search, budget, progress);
    } else if (method == "random") {
        lutra::random_search<lutra::design_choices, N> search{space, {.seed = r.seed}};
        explorer.run(search, budget, progress);
    } else if (method == "exhaustive") {
        lutra::exhaustive_search<lutra::design_choices, N> search{space};
        explorer.run(search, budget, progress);
    } else {
#if LUTRA_USE_EIGEN
        const auto features = [&](std::size_t gene, std::size_t alternative) -> std::vector<double> {
            if (gene >= setup.space->genes().size()) return {};
            const lutra::lowered_multiplier* m = setup.space->multiplier(gene, alternative);
            if (m == nullptr) return {};
            double error = 0; // mean magnitude
            for (int a = -128; a < 128; ++a)
                for (int b = -128; b < 128; ++b)
                    error += std::abs(m->multiply(static_cast<std::int8_t>(a), static_cast<std::int8_t>(b)) - a * b);
            return {m->cost.power, std::log1p(error / 65536)};
        };
        lutra::surrogate_search<lutra::design_capacity, N> search{
            lutra::choice_encoding<lutra::design_capacity>{space, features}, {.seed = r.seed}};
        for (const auto& e : explorer.found().evaluations) search.tell({&e.genome, 1}, {&e.costs, 1});
        explorer.run(search, budget, progress);
#else
        fail("--method bo needs Eigen, which this program was built without: install libeigen3-dev and build it again");
#endif
    }
    bar.clear();
    return explorer.found();
}

/// Runs the method that was asked for and those beside it; with a journal, evaluations in it are not made again.
template <std::size_t N, class Executor>
explored<N> search_designs(const explore_request& r, const design_setup& setup, const design_objectives<N>& judged,
                           Executor& on) {
    const auto all = [&](auto& executor) {
        explored<N> e{run_method(r.method, r, setup, judged, executor), {}};
        for (const std::string& method : r.compared)
            e.compared.emplace_back(method, run_method(method, r, setup, judged, executor));
        return e;
    };
    if (r.journal.empty()) return all(on);
    auto journal = value_or_fail(lutra::evaluation_journal<lutra::design_genome, N>::open(r.journal, setup.identity));
    if (journal.size() > 0)
        std::printf("%s holds %zu evaluations, which are not made again\n", r.journal.c_str(), journal.size());
    lutra::journaled_executor journaled{journal, on};
    return all(journaled);
}
