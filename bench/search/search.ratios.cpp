// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The search room's rows of the table of ratios: NSGA-II against pagmo2's on five problems with known fronts, 25,000
// evaluations in a population of 100. `hypervolume` rows compare the medians over 11 seeds of what the last populations
// dominate below 1.1 in every objective; `time` rows the seconds of CPU time an evaluation. Both sides have the same
// operators and settings: `defaults` are pagmo's own, `usual` those of the literature (Deb et al., 2002, and since).
#include <lutra/search/choices.hpp>
#include <lutra/search/hypervolume.hpp>
#include <lutra/search/nsga2.hpp>
#include <lutra/search/real_operators.hpp>
#include <lutra/search/run.hpp>

#include "search/multi_objective_problems.hpp"
#include "search/pagmo_nsga2.hpp"
#include "support/ratios.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace {

constexpr std::uint32_t population = 100, generations = 250; // the first one included
constexpr double beyond = 1.1;

/// What one side ends with, a seed: hypervolumes, and seconds an evaluation.
struct side {
    std::vector<double> volumes, seconds;
};

template <std::size_t N>
double volume_of(std::vector<lutra::objectives<N>> costs) {
    lutra::objectives<N> reference{};
    reference.fill(beyond);
    return lutra::hypervolume(costs, reference);
}

template <class Problem>
void run_own(const bench::nsga2_settings& s, std::uint32_t seed, side& own) {
    constexpr std::size_t D = std::tuple_size_v<typename Problem::genome>;
    using space = lutra::real_space<D>;
    using operators = lutra::genetic_operators<lutra::sample_space<space>, lutra::polynomial_mutation<D>,
                                               lutra::simulated_binary_crossover<D>>;
    constexpr space box = space::cube(0, 1);
    const operators all{{box}, {box, s.mutation_index, s.mutation_rate}, {box, s.crossover_index}, {}};
    const lutra::nsga2_options options{.population = population, .crossover_rate = s.crossover_rate, .seed = seed};
    const double begin = bench::thread_seconds();
    const auto search = std::make_unique<lutra::nsga2<Problem, operators, population>>(all, options);
    lutra::run_search<population>(*search, Problem{}, {.generations = generations});
    own.seconds.push_back((bench::thread_seconds() - begin) / (population * generations));
    own.volumes.push_back(volume_of<lutra::objective_count<Problem>>({search->costs().begin(), search->costs().end()}));
}

#if LUTRA_BENCH_PAGMO
template <class Problem>
void run_pagmo(const bench::nsga2_settings& s, std::uint32_t seed, side& other) {
    constexpr std::size_t N = lutra::objective_count<Problem>;
    const bench::box_problem problem{std::tuple_size_v<typename Problem::genome>, N,
                                     [](std::span<const double> x, std::span<double> costs) {
                                         typename Problem::genome g;
                                         std::copy(x.begin(), x.end(), g.begin());
                                         std::ranges::copy(Problem::evaluate(g), costs.begin());
                                     }};
    const bench::pagmo_result result = bench::pagmo_nsga2(problem, s, population, generations - 1, seed);
    other.seconds.push_back(result.seconds / (population * (generations - 1)));
    std::vector<lutra::objectives<N>> costs(population);
    for (std::size_t i = 0; i < population; ++i) std::copy_n(&result.costs[i * N], N, costs[i].begin());
    other.volumes.push_back(volume_of<N>(std::move(costs)));
}
#endif

template <class Problem>
void compare(bench::ratios& table, const std::string& name, const std::string& how, const bench::nsga2_settings& s) {
    const std::uint32_t seeds = table.much().rounds > 1 ? 11 : 1;
    side own;
    [[maybe_unused]] side other;
    for (std::uint32_t seed = 1; seed <= seeds; ++seed) { // by turns
        run_own<Problem>(s, seed, own);
#if LUTRA_BENCH_PAGMO
        run_pagmo<Problem>(s, seed, other);
#endif
    }
    bench::ratio_row volume{.name = "search/nsga2/hypervolume/" + how + "/" + name,
                            .value = bench::median(own.volumes),
                            .unit = "hypervolume",
                            .at_least = 1};
    bench::ratio_row time{.name = "search/nsga2/time/" + how + "/" + name,
                          .value = 1e9 * bench::median(own.seconds),
                          .unit = "ns/evaluation",
                          .higher_is_better = false,
                          .at_least = 3,
                          .stretch = 5};
#if LUTRA_BENCH_PAGMO
    volume.ratio = volume.value / bench::median(other.volumes);
    time.ratio = bench::median(other.seconds) / bench::median(own.seconds);
    volume.against = time.against = "pagmo2";
#endif
    table.add(std::move(volume));
    table.add(std::move(time));
}

template <class Problem>
void compare(bench::ratios& table, const std::string& name) {
    constexpr double one_in_all = 1.0 / static_cast<double>(std::tuple_size_v<typename Problem::genome>);
    compare<Problem>(table, name, "defaults",
                     {.crossover_rate = 0.95, .crossover_index = 10, .mutation_rate = 0.01, .mutation_index = 50});
    compare<Problem>(table, name, "usual",
                     {.crossover_rate = 0.9, .crossover_index = 15, .mutation_rate = one_in_all, .mutation_index = 20});
}

const bench::room search{"search", [](bench::ratios& table) {
                             compare<problems::zdt1>(table, "zdt1");
                             compare<problems::zdt2>(table, "zdt2");
                             compare<problems::zdt3>(table, "zdt3");
                             compare<problems::zdt6>(table, "zdt6");
                             compare<problems::dtlz2>(table, "dtlz2");
                         }};

} // namespace
