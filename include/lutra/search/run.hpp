// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/executor.hpp>
#include <lutra/search/budget.hpp>
#include <lutra/search/concept.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace lutra {

/// Evaluates @p genomes into @p costs, one task each, on the workers of @p on; or where @p on says itself how, as ranks of a
/// cluster do: `on.evaluate(problem, genomes, costs)`. A problem whose evaluations need memory of their own takes the number
/// of the worker, too: `evaluate(genome, worker)`.
template <objectives_problem Problem, class Executor>
constexpr void evaluate_batch(const Problem& problem, std::span<const typename Problem::genome> genomes,
                              std::span<objectives<objective_count<Problem>>> costs, Executor& on) {
    if constexpr (requires { on.evaluate(problem, genomes, costs); })
        on.evaluate(problem, genomes, costs);
    else
        on.run(genomes.size(), [&](std::size_t task, [[maybe_unused]] std::size_t worker) {
            if constexpr (requires { problem.evaluate(genomes[task], worker); })
                costs[task] = problem.evaluate(genomes[task], worker);
            else
                costs[task] = problem.evaluate(genomes[task]);
        });
}

/// Tells nobody of evaluations.
struct no_record {
    constexpr void operator()(auto&&...) const noexcept {}
};

/// Runs @p search on @p problem while @p budget has room and the search has something to ask: batches of @p Width
/// candidates, evaluated on @p on and told in the order in which they were asked. The result is the same on any executor and
/// for any number of workers; another width gives another. Calls `record(number, genome, costs)` for each evaluation, in
/// order, from 1.
///
/// @returns what was spent: a generation is a batch; infeasible candidates are counted.
///
/// @code
/// lutra::nsga2<problem, operators, 100> search{operators, {.seed = 1}};
/// lutra::thread_executor workers;
/// lutra::run_search<16>(search, problem, {.evaluations = 25'000}, lutra::no_record{}, workers);
/// @endcode
template <std::size_t Width, batch_search Search, objectives_problem Problem, class Record = no_record,
          class Executor = serial_executor>
requires(Width >= 1 && std::same_as<typename Search::genome, typename Problem::genome>) constexpr search_effort
    run_search(Search& search, const Problem& problem, const search_budget& budget, Record&& record = {},
               Executor&& on = {}) {
    static_assert(Search::objective_count == objective_count<Problem>,
                  "the search and the problem must have the same number of objectives");
    using genome = typename Problem::genome;
    std::array<genome, Width> asked{};
    std::array<objectives<objective_count<Problem>>, Width> costs{};
    search_effort spent{};
    while (budget.allows(spent)) {
        const auto room = static_cast<std::size_t>(budget.evaluations_left(spent, Width));
        const std::size_t count = search.ask(std::span<genome>{asked}.first(room));
        if (count == 0) break;
        const std::span<const genome> batch{asked.data(), count};
        evaluate_batch(problem, batch, {costs.data(), count}, on);
        search.tell(batch, {costs.data(), count});
        ++spent.generations;
        for (std::size_t i = 0; i < count; ++i) {
            ++spent.evaluations;
            spent.infeasible += feasible(costs[i]) ? 0 : 1;
            record(spent.evaluations, std::as_const(asked[i]), std::as_const(costs[i]));
        }
    }
    return spent;
}

} // namespace lutra
