// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/threads.hpp>
#include <lutra/search.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace {

/// The distance of eight digits from 3 1 4 1 5 9 2 6.
struct digits_of_pi {
    using genome = std::array<int, 8>;
    static constexpr genome wanted{3, 1, 4, 1, 5, 9, 2, 6};
    static constexpr double evaluate(const genome& g) {
        int far = 0;
        for (std::size_t i = 0; i < g.size(); ++i) far += (g[i] - wanted[i]) * (g[i] - wanted[i]);
        return far;
    }
};
struct random_digits {
    constexpr digits_of_pi::genome operator()(lutra::random_generator& random) const {
        digits_of_pi::genome g{};
        for (int& d : g) d = static_cast<int>(random.below(10));
        return g;
    }
};
struct another_digit {
    constexpr void operator()(digits_of_pi::genome& g, lutra::random_generator& random) const {
        g[static_cast<std::size_t>(random.below(g.size()))] = static_cast<int>(random.below(10));
    }
};
using operators = lutra::genetic_operators<random_digits, another_digit>;
using search = lutra::genetic_search<digits_of_pi, operators, 20>;
constexpr lutra::genetic_options options{.population = 20, .mutation_rate = 0.5, .seed = 5};

struct without_evaluate {
    using genome = int;
};
struct of_two_objectives {
    using genome = int;
    static constexpr std::array<double, 2> evaluate(int x) { return {1.0 * x, -1.0 * x}; }
};
static_assert(lutra::cost_problem<digits_of_pi> && !lutra::search_problem<int> && !lutra::search_problem<without_evaluate>);
static_assert(lutra::search_problem<of_two_objectives> && !lutra::cost_problem<of_two_objectives>);

constexpr std::pair<digits_of_pi::genome, lutra::search_effort> found(std::uint64_t generations) {
    search s{{}, {}, options};
    s.run({.generations = generations});
    return {s.best(), s.spent()};
}

} // namespace

TEST_CASE("a search at compile time is the same at run time") {
    constexpr auto at_compile_time = found(15);
    CHECK(found(15) == at_compile_time);
    CHECK(at_compile_time.second.generations == 15);
    CHECK(digits_of_pi::evaluate(at_compile_time.first) < 20);
}

TEST_CASE("a genetic search finds the digits, and never loses them") {
    search s{{}, {}, options};
    std::vector<double> costs;
    s.run({.generations = 120}, [&](std::uint64_t generation, double cost) {
        costs.push_back(cost);
        CHECK(generation == costs.size());
        CHECK(s.cost() == cost);
    });
    CHECK(costs.size() == 120);
    CHECK(std::is_sorted(costs.rbegin(), costs.rend()));
    CHECK(s.best() == digits_of_pi::wanted);
    CHECK(s.generation().costs().size() == 20);

    search other{{}, {}, {.population = 20, .seed = 6}};
    other.run({.generations = 1});
    search same{{}, {}, options};
    same.run({.generations = 1});
    CHECK(other.generation() != same.generation());
}

TEST_CASE("a population's costs are those of its genomes, and clones are not evaluated again") {
    search s{{}, {}, {.population = 20, .crossover_rate = 0.2, .mutation_rate = 0.1, .elite = 3, .seed = 1}};
    for (int generation = 0; generation < 10; ++generation) {
        s.run({.generations = s.spent().generations + 1});
        for (std::size_t i = 0; i < s.generation().size; ++i)
            CHECK(s.generation().cost[i] == digits_of_pi::evaluate(s.generation().genome[i]));
    }
    CHECK(s.spent().evaluations < 150);
    CHECK(s.spent().evaluations > 20);

    search still{{}, {}, {.population = 20, .crossover_rate = 0, .mutation_rate = 0, .elite = 0, .seed = 1}};
    still.run({.generations = 9});
    CHECK(still.spent().evaluations == 20);
}

TEST_CASE("the number of workers does not change a search") {
    const auto with = [](auto&& executor) {
        search s{{}, {}, options};
        s.run({.generations = 30}, lutra::no_report{}, executor);
        return s.generation();
    };
    const auto serial = with(lutra::serial_executor{});
    CHECK(with(lutra::thread_executor{1}) == serial);
    CHECK(with(lutra::thread_executor{3}) == serial);
}

TEST_CASE("a search obeys both limits of its budget, goes on, and starts again from its best") {
    search s{{}, {}, options};
    s.run({.generations = 0});
    CHECK(s.spent() == lutra::search_effort{});
    REQUIRE_PANIC(s.best(), empty);
    s.run({.evaluations = 100});
    CHECK(s.spent().evaluations >= 100);
    CHECK(s.spent().evaluations < 120);
    const search checkpoint = s;
    s.run({.generations = 40});
    search resumed = checkpoint;
    resumed.run({.generations = 40});
    CHECK(resumed.generation() == s.generation());
    CHECK(resumed.generation() == [] {
        search whole{{}, {}, options};
        whole.run({.generations = 40});
        return whole.generation();
    }());

    const double before = s.cost();
    lutra::serial_executor serial;
    s.start(serial);
    CHECK(s.cost() <= before);
    CHECK(s.spent().generations == 41);

    constexpr lutra::search_budget budget{.evaluations = 10};
    static_assert(budget.evaluations_left({.evaluations = 4}) == 6 && budget.evaluations_left({.evaluations = 14}) == 0);
    static_assert(budget.evaluations_left({.evaluations = 4}, 2) == 2);
}

TEST_CASE("two-point crossover exchanges one run of genes, any run but one from the first on") {
    lutra::random_generator random{3};
    std::array<std::array<int, 6>, 6> seen{};
    for (int round = 0; round < 2000; ++round) {
        std::array<int, 5> a{0, 1, 2, 3, 4}, b{10, 11, 12, 13, 14};
        lutra::two_point_crossover{}(a, b, random);
        std::size_t first = 0, last = a.size();
        while (first < a.size() && a[first] < 10) ++first;
        while (last > first && a[last - 1] < 10) --last;
        for (std::size_t i = 0; i < a.size(); ++i) {
            const bool exchanged = i >= first && i < last;
            REQUIRE(a[i] == static_cast<int>(i) + (exchanged ? 10 : 0));
            REQUIRE(b[i] == static_cast<int>(i) + (exchanged ? 0 : 10));
        }
        REQUIRE(first < last);
        ++seen[first][last];
    }
    for (std::size_t first = 0; first < 6; ++first)
        for (std::size_t last = first + 1; last < 6; ++last) CHECK((seen[first][last] > 100) == (first >= 1));

    std::array<int, 1> one{1}, other{2};
    lutra::two_point_crossover{}(one, other, random);
    CHECK(one[0] == 2);
}

TEST_CASE("a tournament prefers the cheap") {
    lutra::random_generator random{4};
    constexpr std::array<double, 4> costs{3, 1, 2, 4};
    std::array<int, 4> times{};
    for (int i = 0; i < 6400; ++i) ++times[lutra::tournament_selection{}(costs, random)];
    // The i-th cheapest of 4 wins with probability ((5 - i)^3 - (4 - i)^3) / 64.
    constexpr std::array expected{700, 3700, 1900, 100};
    for (std::size_t i = 0; i < 4; ++i) CHECK(std::abs(times[i] - expected[i]) < 200);
    REQUIRE_PANIC(lutra::tournament_selection{0}(costs, random), bad_argument);
    REQUIRE_PANIC(lutra::tournament_selection{}({}, random), bad_argument);
}

TEST_CASE("a genetic search refuses what cannot be a population") {
    const auto with = [](lutra::genetic_options o) { return search{{}, {}, o}; };
    REQUIRE_PANIC(with({.population = 1}), bad_argument);
    REQUIRE_PANIC(with({.population = 21}), bad_argument);
    REQUIRE_PANIC(with({.population = 20, .elite = 20}), bad_argument);
    REQUIRE_PANIC(with({.population = 20, .crossover_rate = 1.5}), bad_argument);
    REQUIRE_PANIC(with({.population = 20, .mutation_rate = -0.1}), bad_argument);
}
