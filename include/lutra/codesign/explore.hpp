// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign searches on hosts: take the policy header that a search wrote on firmware."
#endif

#include <lutra/codesign/network_space.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/search/hypervolume.hpp>
#include <lutra/search/run.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

namespace lutra {

/// How many candidates a search of designs asks for at once, whatever evaluates them: what it finds depends on it.
inline constexpr std::size_t design_batch = 16;

/// What a search of designs found. Costs are those of the problem, in its units.
template <std::size_t N>
struct exploration {
    struct evaluation {
        design_genome genome;
        objectives<N> costs;
    };
    std::vector<evaluation> evaluations; ///< in the order of issue
    std::vector<double> hypervolume;     ///< of the front after each of them
    std::vector<std::size_t> front;      ///< evaluations that no other dominates; of equal costs the first
    std::size_t infeasible = 0;          ///< evaluations that are
    double seconds = 0;                  ///< of wall time
    double search_seconds = 0;           ///< of that, what went into the search itself and not into evaluations
};

namespace detail {
/// Asks for what it was given.
template <std::size_t N>
struct listed_search {
    using genome = design_genome;
    static constexpr std::size_t objective_count = N;
    std::span<const design_genome> left;
    std::vector<objectives<N>> costs{};

    std::size_t ask(std::span<design_genome> out) {
        const std::size_t count = std::min(out.size(), left.size());
        std::copy_n(left.begin(), count, out.begin());
        left = left.subspan(count);
        return count;
    }
    void tell(std::span<const design_genome>, std::span<const objectives<N>> told) {
        costs.insert(costs.end(), told.begin(), told.end());
    }
};
} // namespace detail

/// Runs searches on one problem and records what they find.
///
/// @code
/// lutra::design_explorer explorer{problem, reference, workers};
/// lutra::nsga2<...> search{operators, {.seed = 1}};
/// explorer.run(search, {.evaluations = 300}, [](const auto& found) { show(found); });
/// use(explorer.found().front);
/// @endcode
template <objectives_problem Problem, class Executor>
requires std::same_as<typename Problem::genome, design_genome>
class design_explorer {
public:
    static constexpr std::size_t objective_count = lutra::objective_count<Problem>;
    using costs_type = objectives<objective_count>;

    /// @p reference: what a candidate must be better than in every objective, so that it counts for the hypervolume. Problem
    /// and executor must outlive this object. Panics unless the reference is finite.
    design_explorer(const Problem& problem, const costs_type& reference, Executor& on)
        : problem_{&problem}, reference_{reference}, on_{&on} {
        require(feasible(reference), panic_code::bad_argument, "the reference of a hypervolume is finite");
    }

    /// Runs @p search until @p budget is spent, by this and by earlier runs together, or it has nothing left to ask. Calls
    /// `progress(found())` before each batch but the first, and at the end.
    template <batch_search Search, class Progress = no_record>
    void run(Search& search, const search_budget& budget, Progress&& progress = {}) {
        const auto begin = clock::now();
        const double before = found_.seconds;
        double evaluating = 0;
        bool first = true;
        watching_executor watching{[&](std::span<const design_genome> genomes, std::span<costs_type> costs) {
            const auto asked = clock::now();
            found_.seconds = before + seconds(asked - begin);
            if (!first) progress(found());
            first = false;
            evaluate_batch(*problem_, genomes, costs, *on_);
            evaluating += seconds(clock::now() - asked);
        }};
        const search_budget left{budget.generations, budget.evaluations_left({.evaluations = found_.evaluations.size()})};
        run_search<design_batch>(
            search, *problem_, left,
            [this](std::uint64_t, const design_genome& g, const costs_type& costs) { record(g, costs); }, watching);
        const double all = seconds(clock::now() - begin);
        found_.seconds = before + all;
        found_.search_seconds += all - evaluating;
        progress(found());
    }
    /// Evaluates @p genomes as a search that asks for them would, and returns their costs, fewer where the budget ends.
    template <class Progress = no_record>
    std::vector<costs_type> evaluate(std::span<const design_genome> genomes, const search_budget& budget,
                                     Progress&& progress = {}) {
        detail::listed_search<objective_count> list{genomes};
        run(list, budget, progress);
        return std::move(list.costs);
    }

    [[nodiscard]] const exploration<objective_count>& found() const noexcept { return found_; }

private:
    using clock = std::chrono::steady_clock;
    static double seconds(clock::duration d) { return std::chrono::duration<double>(d).count(); }

    template <class Evaluate>
    struct watching_executor {
        Evaluate evaluate_all;
        void evaluate(const Problem&, std::span<const design_genome> genomes, std::span<costs_type> costs) {
            evaluate_all(genomes, costs);
        }
    };
    template <class Evaluate>
    watching_executor(Evaluate) -> watching_executor<Evaluate>;

    void record(const design_genome& g, const costs_type& costs) {
        const auto& all = found_.evaluations;
        const std::size_t number = all.size();
        found_.evaluations.push_back({g, costs});
        found_.infeasible += feasible(costs) ? 0 : 1;
        const bool joins = feasible(costs) && std::none_of(found_.front.begin(), found_.front.end(), [&](std::size_t i) {
                               return all[i].costs == costs || dominates(all[i].costs, costs);
                           });
        if (joins) {
            std::erase_if(found_.front, [&](std::size_t i) { return dominates(costs, all[i].costs); });
            found_.front.push_back(number);
            std::vector<costs_type> points;
            for (const std::size_t i : found_.front) points.push_back(all[i].costs);
            volume_ = hypervolume<objective_count>(points, reference_);
        }
        found_.hypervolume.push_back(volume_);
    }

    const Problem* problem_;
    costs_type reference_;
    Executor* on_;
    exploration<objective_count> found_;
    double volume_ = 0;
};

} // namespace lutra
