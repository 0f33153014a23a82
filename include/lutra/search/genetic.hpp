// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/executor.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/core/random.hpp>
#include <lutra/search/budget.hpp>
#include <lutra/search/concept.hpp>
#include <lutra/search/genetic_operators.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace lutra {

/// Up to @p Capacity genomes with what they cost.
template <std::semiregular Genome, std::size_t Capacity>
requires(Capacity >= 1) struct population {
    static constexpr std::size_t capacity = Capacity;
    std::array<Genome, Capacity> genome{};
    std::array<double, Capacity> cost{};
    std::size_t size = 0;

    /// The costs of those that are there.
    [[nodiscard]] constexpr std::span<const double> costs() const noexcept { return {cost.data(), size}; }
    /// The cheapest, the first of several; panics if there is none.
    [[nodiscard]] constexpr std::size_t best() const {
        require(size >= 1, panic_code::empty, "the best of an empty population");
        std::size_t at = 0;
        for (std::size_t i = 1; i < size; ++i)
            if (cost[i] < cost[at]) at = i;
        return at;
    }
    friend constexpr bool operator==(const population&, const population&) = default;
};

/// How a genetic search goes on from one generation to the next.
struct genetic_options {
    std::size_t population = 50; ///< 2 to the capacity
    double crossover_rate = 0.7; ///< of the pairs of children that are crossed
    double mutation_rate = 0.2;  ///< of the children that are mutated
    std::size_t elite = 1;       ///< the cheapest that live on as they are; less than the population
    std::uint64_t seed = 0;

    friend constexpr bool operator==(const genetic_options&, const genetic_options&) = default;
};

/// Tells nobody.
struct no_report {
    constexpr void operator()(std::uint64_t, double) const noexcept {}
};

/// A genetic algorithm (Holland, 1975) as a state that steps from generation to generation: the elite lives on, the others
/// are children of selected parents, crossed in pairs, mutated, and evaluated if they changed. All random numbers are drawn
/// in one order on the calling thread, so that the result depends on the seed only, not on the executor, the machine, or
/// whether the search runs at compile time. A copy of the object is a checkpoint.
///
/// @tparam Problem a cost_problem
/// @tparam Operators see genetic_operators
///
/// @code
/// lutra::genetic_search<nearest_to_7, operators, 50> search{problem, {}, {.seed = 1}};
/// search.run({.generations = 100}, [](std::uint64_t generation, double cost) { ... });
/// use(search.best());
/// @endcode
template <cost_problem Problem, class Operators, std::size_t Capacity>
class genetic_search {
public:
    using genome = typename Problem::genome;

    /// Panics unless the population is 2 to Capacity, the elite is smaller, and both rates lie in [0, 1].
    constexpr genetic_search(Problem problem, Operators operators, const genetic_options& options)
        : problem_{std::move(problem)}, operators_{std::move(operators)}, options_{options}, random_{options.seed} {
        require(options.population >= 2 && options.population <= Capacity, panic_code::bad_argument,
                "a genetic search needs a population of 2 up to its capacity", static_cast<long long>(options.population),
                static_cast<long long>(Capacity));
        require(options.elite < options.population, panic_code::bad_argument,
                "the elite of a genetic search must be smaller than its population", static_cast<long long>(options.elite),
                static_cast<long long>(options.population));
        const auto rate = [](double r) { return r >= 0 && r <= 1; };
        require(rate(options.crossover_rate) && rate(options.mutation_rate), panic_code::bad_argument,
                "the rates of a genetic search lie in [0, 1]");
    }

    /// Makes the first generation; again, a new one that keeps the best so far.
    template <executor Executor>
    constexpr void start(Executor& on) {
        next_.size = options_.population;
        std::size_t kept = 0;
        if (now_.size != 0) kept = keep_elite(1);
        for (std::size_t i = kept; i < next_.size; ++i) {
            next_.genome[i] = operators_.initialise(random_);
            changed_[i] = true;
        }
        finish(on);
    }
    /// Makes the next generation, the first if there is none.
    template <executor Executor>
    constexpr void step(Executor& on) {
        if (now_.size == 0) return start(on);
        next_.size = options_.population;
        const std::size_t kept = keep_elite(options_.elite);
        for (std::size_t i = kept; i < next_.size; ++i) {
            const std::size_t parent = operators_.select(now_.costs(), random_);
            next_.genome[i] = now_.genome[parent];
            next_.cost[i] = now_.cost[parent];
            changed_[i] = false;
        }
        for (std::size_t i = kept; i + 1 < next_.size; i += 2)
            if (random_.unit() < options_.crossover_rate) {
                operators_.crossover(next_.genome[i], next_.genome[i + 1], random_);
                changed_[i] = changed_[i + 1] = true;
            }
        for (std::size_t i = kept; i < next_.size; ++i)
            if (random_.unit() < options_.mutation_rate) {
                operators_.mutate(next_.genome[i], random_);
                changed_[i] = true;
            }
        finish(on);
    }
    /// Steps while @p budget has room; the generation that reaches its last evaluation is finished. After each generation
    /// calls @p report with its number, from 1, and the least cost so far.
    template <class Report = no_report, executor Executor = serial_executor>
    requires std::invocable<Report&, std::uint64_t, double>
    constexpr void run(const search_budget& budget, Report&& report = {}, Executor&& on = {}) {
        while (budget.allows(spent_)) {
            step(on);
            report(spent_.generations, cost());
        }
    }

    /// The cheapest genome so far, if the elite is not empty; else that of this generation. Panics before the first.
    [[nodiscard]] constexpr const genome& best() const { return now_.genome[now_.best()]; }
    [[nodiscard]] constexpr double cost() const { return now_.cost[now_.best()]; }
    [[nodiscard]] constexpr const search_effort& spent() const noexcept { return spent_; }
    [[nodiscard]] constexpr const population<genome, Capacity>& generation() const noexcept { return now_; }

private:
    /// Moves the @p count cheapest to the front of the next generation; ties to the first.
    constexpr std::size_t keep_elite(std::size_t count) {
        std::array<bool, Capacity> taken{};
        for (std::size_t i = 0; i < count; ++i) {
            std::size_t at = now_.size;
            for (std::size_t j = 0; j < now_.size; ++j)
                if (!taken[j] && (at == now_.size || now_.cost[j] < now_.cost[at])) at = j;
            taken[at] = true;
            next_.genome[i] = now_.genome[at];
            next_.cost[i] = now_.cost[at];
            changed_[i] = false;
        }
        return count;
    }
    template <class Executor>
    constexpr void finish(Executor& on) {
        std::array<std::size_t, Capacity> task{};
        std::size_t tasks = 0;
        for (std::size_t i = 0; i < next_.size; ++i)
            if (changed_[i]) task[tasks++] = i;
        on.run(tasks, [&](std::size_t t, std::size_t) {
            next_.cost[task[t]] = static_cast<double>(problem_.evaluate(next_.genome[task[t]]));
        });
        std::swap(now_, next_);
        ++spent_.generations;
        spent_.evaluations += tasks;
    }

    Problem problem_;
    Operators operators_;
    genetic_options options_;
    random_generator random_;
    search_effort spent_{};
    population<genome, Capacity> now_{}, next_{};
    std::array<bool, Capacity> changed_{};
};

} // namespace lutra
