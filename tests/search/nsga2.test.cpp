// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/threads.hpp>
#include <lutra/search/choices.hpp>
#include <lutra/search/hypervolume.hpp>
#include <lutra/search/nsga2.hpp>
#include <lutra/search/pareto.hpp>
#include <lutra/search/real_operators.hpp>
#include <lutra/search/run.hpp>

#include "search/multi_objective_problems.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

namespace {

using six_genes = lutra::choice_space<6>;
constexpr six_genes space{.alternatives = {4, 4, 4, 4, 4, 4}, .length = 6};

/// Two whole costs that pull apart; a ninth of the candidates cannot be built.
struct six_layers {
    using genome = six_genes::genome;
    static constexpr lutra::objectives<2> evaluate(const genome& g) {
        unsigned energy = 0, error = 0, sum = 0;
        for (unsigned i = 0; i < 6; ++i) {
            energy += g[i] * g[i] * (i + 1);
            error += (3u - g[i]) * (3u - g[i]) * (7 - i) + (i > 0 && g[i] != g[i - 1] ? 1 : 0);
            sum += g[i] * (i + 2);
        }
        return sum % 9 == 4 ? lutra::infeasible<2>() : lutra::objectives<2>{1.0 * energy, 1.0 * error};
    }
};
struct nothing_can_be_built {
    using genome = six_genes::genome;
    static constexpr lutra::objectives<2> evaluate(const genome&) { return lutra::infeasible<2>(); }
};

using choosing =
    lutra::genetic_operators<lutra::sample_space<six_genes>, lutra::change_choices<six_genes>, lutra::uniform_crossover>;
constexpr choosing choose{{space}, {space}, {}, {}};
template <class Problem = six_layers>
using search_of = lutra::nsga2<Problem, choosing, 24>;
static_assert(lutra::batch_search<search_of<>> && search_of<>::objective_count == 2);

/// What a search knows in the end.
template <std::size_t Size>
struct outcome {
    std::array<six_genes::genome, Size> genomes{};
    std::array<lutra::objectives<2>, Size> costs{};
    std::size_t front = 0;
    friend constexpr bool operator==(const outcome&, const outcome&) = default;
};
template <std::size_t Size, std::size_t Width>
constexpr outcome<Size> run(std::uint64_t evaluations, auto&& on) {
    search_of<> search{choose, {.population = Size, .seed = 3}};
    lutra::run_search<Width>(search, six_layers{}, {.evaluations = evaluations}, lutra::no_record{}, on);
    outcome<Size> o;
    std::copy(search.genomes().begin(), search.genomes().end(), o.genomes.begin());
    std::copy(search.costs().begin(), search.costs().end(), o.costs.begin());
    o.front = search.front().size();
    return o;
}
constexpr auto at_compile_time = run<6, 6>(30, lutra::serial_executor{});
static_assert(lutra::feasible(at_compile_time.costs[0]) && at_compile_time.front >= 2);

std::vector<lutra::objectives<2>> sorted(std::span<const lutra::objectives<2>> costs) {
    std::vector<lutra::objectives<2>> all{costs.begin(), costs.end()};
    std::sort(all.begin(), all.end());
    return all;
}

/// Lets numbers through unchanged, to see which parents win.
struct unchanged {
    struct numbered {
        int number = 0;
    };
    struct count {
        mutable int next = 0;
        constexpr numbered operator()(lutra::random_generator&) const { return {next++}; }
    };
    struct keep {
        constexpr void operator()(numbered&, lutra::random_generator&) const {}
    };
    struct keep_both {
        constexpr void operator()(numbered&, numbered&, lutra::random_generator&) const {}
    };
    using operators = lutra::genetic_operators<count, keep, keep_both>;

    using genome = numbered;
    static lutra::objectives<2> evaluate(const genome&) { return {}; }
};
/// How often each of 8 parents with these costs has a child.
std::array<int, 8> children_of(const std::array<lutra::objectives<2>, 8>& costs, std::uint64_t seed) {
    lutra::nsga2<unchanged, unchanged::operators, 8> search{{}, {.population = 8, .seed = seed}};
    std::array<unchanged::genome, 8> asked{};
    REQUIRE(search.ask(asked) == 8);
    search.tell(asked, costs);
    REQUIRE(search.ask(asked) == 8);
    std::array<int, 8> times{};
    for (const auto& g : asked) ++times[static_cast<std::size_t>(g.number)];
    return times;
}

} // namespace

TEST_CASE("NSGA-II at compile time is the same at run time, on any executor, in batches of any width") {
    CHECK(run<6, 6>(30, lutra::serial_executor{}) == at_compile_time);
    CHECK(run<6, 4>(30, lutra::serial_executor{}) == at_compile_time);
    CHECK(run<6, 1>(30, lutra::thread_executor{2}) == at_compile_time);
    const auto serial = run<15, 15>(300, lutra::serial_executor{});
    CHECK(run<15, 4>(300, lutra::thread_executor{3}) == serial);
    CHECK(run<15, 64>(300, lutra::thread_executor{2}) == serial);
    CHECK(run<15, 15>(314, lutra::serial_executor{}) == serial); // the last generation is not told whole
    CHECK(run<15, 15>(315, lutra::serial_executor{}) != serial);
}

TEST_CASE("NSGA-II asks for what is left of a generation, and a copy of it goes on like it") {
    search_of<> search{choose, {.population = 10, .seed = 1}};
    std::array<six_genes::genome, 24> asked{};
    std::array<lutra::objectives<2>, 24> costs{};
    CHECK(search.ask(std::span{asked}.first(0)) == 0);
    search.tell(std::span{asked}.first(0), std::span{costs}.first(0));
    for (const std::size_t expected : {4u, 4u, 2u, 4u}) {
        const std::size_t count = search.ask(std::span{asked}.first(4));
        REQUIRE(count == expected);
        for (std::size_t i = 0; i < count; ++i) costs[i] = six_layers::evaluate(asked[i]);
        REQUIRE_PANIC(search.ask(asked), bad_argument);
        REQUIRE_PANIC(search.tell(std::span{asked}.first(count - 1), std::span{costs}.first(count - 1)), bad_shape);
        REQUIRE_PANIC(search.tell(std::span{asked}.first(count), std::span{costs}.first(count - 1)), bad_shape);
        search.tell(std::span{asked}.first(count), std::span{costs}.first(count));
    }
    CHECK(search.generations() == 1);
    CHECK(search.genomes().size() == 10);

    search_of<> copy = search;
    for (search_of<>* s : {&search, &copy}) lutra::run_search<4>(*s, six_layers{}, {.evaluations = 56});
    CHECK(search.generations() == 7);
    CHECK(std::ranges::equal(copy.genomes(), search.genomes()));
    search_of<> never_asked_for_none{choose, {.population = 10, .seed = 1}};
    lutra::run_search<4>(never_asked_for_none, six_layers{}, {.evaluations = 70});
    CHECK(std::ranges::equal(never_asked_for_none.genomes(), search.genomes()));
}

TEST_CASE("NSGA-II keeps what nothing of its generation dominates, and soon finds most of the front") {
    lutra::pareto_archive<six_genes::genome, 2, 400> front;
    for (std::uint64_t i = 0; i < space.size(); ++i) front.add(space.at(i), six_layers::evaluate(space.at(i)));
    REQUIRE(front.size() == 29);

    search_of<> search{choose, {.population = 24, .seed = 2}};
    lutra::pareto_archive<six_genes::genome, 2, 400> found;
    std::vector<lutra::objectives<2>> candidates;
    for (int generation = 1; generation <= 40; ++generation) {
        candidates = sorted(search.costs());
        lutra::run_search<24>(search, six_layers{}, {.generations = 1},
                              [&](std::uint64_t, const auto& genome, const auto& costs) {
                                  found.add(genome, costs);
                                  candidates.push_back(costs);
                              });
        for (std::size_t i = 0; i < 24; ++i) {
            if (lutra::feasible(search.costs()[i])) REQUIRE(search.costs()[i] == six_layers::evaluate(search.genomes()[i]));
            for (std::size_t j = 0; j < i; ++j) REQUIRE(search.genomes()[i] != search.genomes()[j]);
        }
        // Whoever dominates somebody that lives on lives on itself.
        for (const auto& c : candidates)
            for (const auto& alive : search.costs())
                if (lutra::dominates(c, alive)) REQUIRE(std::ranges::count(search.costs(), c) > 0);
        for (const std::size_t i : search.front())
            for (const auto& alive : search.costs()) REQUIRE_FALSE(lutra::dominates(alive, search.costs()[i]));
    }
    // Of 4096 candidates 960 were tried: at random, that would be 7 of the 29.
    CHECK(std::ranges::count_if(front.costs(), [&](const auto& c) { return std::ranges::count(found.costs(), c) > 0; }) >=
          22);
}

TEST_CASE("parents win by rank, then by crowding, and each of them fights twice") {
    std::array<lutra::objectives<2>, 8> chain{}, line{};
    for (std::size_t i = 0; i < 8; ++i) {
        const auto x = static_cast<double>(i);
        chain[i] = {x, x};
        line[i] = {x * x, -x * x}; // the second is the most crowded, the extremes the least
    }
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const auto of_chain = children_of(chain, seed), of_line = children_of(line, seed);
        CHECK(of_chain[0] == 2);
        CHECK(of_chain[7] == 0);
        CHECK(of_line[1] == 0);
        CHECK(of_line[0] + of_line[7] >= 2);
        for (std::size_t i = 0; i < 8; ++i) {
            CHECK(of_chain[i] <= 2);
            CHECK(of_line[i] <= 2);
        }
    }
}

TEST_CASE("NSGA-II lives with candidates that cannot be built, and with a space smaller than its population") {
    search_of<nothing_can_be_built> hopeless{choose, {.population = 9, .seed = 1}};
    const auto spent = lutra::run_search<7>(hopeless, nothing_can_be_built{}, {.evaluations = 100});
    CHECK(spent.evaluations == 100);
    CHECK(spent.infeasible == 100);
    CHECK(hopeless.genomes().size() == 9);
    CHECK(hopeless.front().empty());

    // None of the first two generations can be built: the first lives on, whatever part of its costs is known. All of the
    // third can, and live.
    search_of<> search{choose, {.population = 8, .seed = 1}};
    std::array<six_genes::genome, 8> asked{}, first{};
    for (int generation = 1; generation <= 3; ++generation) {
        REQUIRE(search.ask(asked) == 8);
        if (generation == 1) first = asked;
        std::array<lutra::objectives<2>, 8> costs{};
        for (std::size_t i = 0; i < 8; ++i)
            costs[i] = {static_cast<double>(i * i), generation < 3 ? std::numeric_limits<double>::infinity() : 1e9};
        search.tell(asked, costs);
        CHECK(std::ranges::equal(search.genomes(), generation < 3 ? first : asked));
        CHECK(search.front().size() == (generation < 3 ? 0 : 1));
    }

    constexpr six_genes four{.alternatives = {2, 1, 1, 1, 2, 1}, .length = 6};
    search_of<> crowded{choosing{{four}, {four}, {}, {}}, {.population = 24, .seed = 1}};
    lutra::run_search<24>(crowded, six_layers{}, {.generations = 5});
    CHECK(crowded.generations() == 5);
}

TEST_CASE("NSGA-II converges on ZDT1 and on DTLZ2") {
    const auto reached = []<class Problem>(Problem problem, double beyond, std::uint64_t evaluations) {
        constexpr std::size_t D = std::tuple_size_v<typename Problem::genome>, N = lutra::objective_count<Problem>;
        constexpr auto box = lutra::real_space<D>::cube(0, 1);
        using operators = lutra::genetic_operators<lutra::sample_space<lutra::real_space<D>>, lutra::polynomial_mutation<D>,
                                                   lutra::simulated_binary_crossover<D>>;
        const auto search = std::make_unique<lutra::nsga2<Problem, operators, 100>>(
            operators{{box}, {box}, {box}, {}}, lutra::nsga2_options{.population = 100, .seed = 1});
        lutra::run_search<100>(*search, problem, {.evaluations = evaluations});
        std::vector<lutra::objectives<N>> costs{search->costs().begin(), search->costs().end()};
        lutra::objectives<N> reference{};
        reference.fill(beyond);
        return lutra::hypervolume(costs, reference);
    };
    // The greatest there is: 1.1^2 - 1/3, and 1.1^3 - pi / 6.
    CHECK(reached(problems::zdt1{}, 1.1, 1'000) < 0.1);
    CHECK(reached(problems::zdt1{}, 1.1, 25'000) > 0.869);
    CHECK(reached(problems::dtlz2{}, 1.1, 10'000) > 0.68);
}

TEST_CASE("NSGA-II refuses what cannot be a population") {
    const auto with = [](lutra::nsga2_options o) { return search_of<>{choose, o}; };
    REQUIRE_PANIC(with({.population = 1}), bad_argument);
    REQUIRE_PANIC(with({.population = 25}), bad_argument);
    REQUIRE_PANIC(with({.population = 24, .crossover_rate = 1.5}), bad_argument);
    REQUIRE_PANIC(with({.population = 24, .crossover_rate = -0.5}), bad_argument);
}
