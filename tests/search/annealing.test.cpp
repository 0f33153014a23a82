// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/threads.hpp>
#include <lutra/search/annealing.hpp>
#include <lutra/search/choices.hpp>
#include <lutra/search/pareto.hpp>
#include <lutra/search/random_search.hpp>
#include <lutra/search/rewards.hpp>
#include <lutra/search/run.hpp>
#include <lutra/search/spread_rewards.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace {

using eight = lutra::choice_space<8>;
constexpr eight eight_layers{.alternatives = {6, 6, 6, 6, 6, 6, 6, 6}, .length = 8};
using sample = lutra::sample_space<eight>;
using change = lutra::change_choices<eight>;
template <std::size_t Chains, class Reward = lutra::ranged_reward<1>>
using annealing_of = lutra::annealing<sample, change, Reward, Chains>;
static_assert(lutra::batch_search<annealing_of<4>>);
constexpr lutra::ranged_reward<1> cheapness{{1}};

/// How far each layer is from one that suits it, and from the next.
struct layers {
    using genome = lutra::choice_genome<8>;
    static constexpr std::array<int, 8> wanted{3, 1, 4, 1, 5, 0, 2, 5};
    static constexpr lutra::objectives<1> evaluate(const genome& g) {
        int cost = 0;
        for (std::size_t i = 0; i < 8; ++i) {
            cost += (g[i] - wanted[i]) * (g[i] - wanted[i]);
            cost += i > 0 && g[i] == g[i - 1] ? 4 : 0;
        }
        return {static_cast<double>(cost)};
    }
};
/// Two objectives of a number in one gene, which no number meets both.
struct from_two_sides {
    using genome = lutra::choice_genome<8>;
    static lutra::objectives<2> evaluate(const genome& g) {
        double sum = 0, uneven = 0;
        for (std::size_t i = 0; i < 8; ++i) {
            sum += g[i];
            uneven += i > 0 ? std::abs(g[i] - g[i - 1]) : 0;
        }
        return {sum + uneven, (40 - sum) * (40 - sum) / 40 + uneven};
    }
};

template <std::size_t Width, class Search, class Problem, class Executor = lutra::serial_executor>
auto asked_by(Search& search, const Problem& problem, std::uint64_t evaluations, Executor&& on = {}) {
    std::vector<typename Problem::genome> asked;
    lutra::run_search<Width>(
        search, problem, {.evaluations = evaluations}, [&](auto, const auto& g, const auto&) { asked.push_back(g); }, on);
    return asked;
}

constexpr std::pair<layers::genome, double> found(std::uint64_t evaluations) {
    annealing_of<2> search{{eight_layers}, {eight_layers}, cheapness, {.evaluations = evaluations, .seed = 1}};
    lutra::run_search<2>(search, layers{}, {.evaluations = evaluations});
    return {search.best(), search.best_costs()[0]};
}
constexpr auto at_compile_time = found(300);
static_assert(layers::evaluate(at_compile_time.first)[0] == at_compile_time.second && at_compile_time.second < 8);

/// A walk up and down a stair of a few steps: how often a chain is on each follows from its temperature.
struct stair {
    using genome = int;
    static constexpr int steps = 5;
    static lutra::objectives<1> evaluate(int step) { return {0.1 * step}; }
};
struct at_the_bottom {
    constexpr int operator()(lutra::random_generator&) const { return 0; }
};
struct up_or_down {
    constexpr void operator()(int& step, lutra::random_generator& random) const {
        step = std::clamp(step + (random.below(2) == 0 ? 1 : -1), 0, stair::steps - 1);
    }
};

} // namespace

TEST_CASE("an annealing at compile time is the same at run time") { CHECK(found(300) == at_compile_time); }

TEST_CASE("an annealing finds what random search does not") {
    int hits = 0, random_hits = 0;
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        annealing_of<4> search{{eight_layers}, {eight_layers}, cheapness, {.evaluations = 2000, .seed = seed}};
        lutra::run_search<4>(search, layers{}, {.evaluations = 2000});
        double least = 1000;
        for (std::size_t c = 0; c < 4; ++c) {
            CHECK(layers::evaluate(search.best(c)) == search.best_costs(c));
            least = std::min(least, search.best_costs(c)[0]);
        }
        hits += least == 0 ? 1 : 0;
        lutra::random_search<eight, 1> random{eight_layers, {.seed = seed}};
        lutra::run_search<4>(random, layers{}, {.evaluations = 2000},
                             [&](auto, const auto&, const auto& costs) { random_hits += costs[0] == 0 ? 1 : 0; });
    }
    CHECK(hits >= 8);
    CHECK(random_hits <= 1);
}

TEST_CASE("at one temperature a chain is at each candidate as often as Boltzmann says") {
    constexpr double temperature = 0.125;
    lutra::annealing<at_the_bottom, up_or_down, lutra::weighted_reward<1>, 1> search{
        {}, {}, {{1}, {0}, {1}}, {.hottest = temperature, .coldest = temperature, .seed = 5}};
    std::array<double, stair::steps> times{};
    constexpr int walks = 200'000;
    for (int i = 0; i < walks; ++i) {
        lutra::run_search<1>(search, stair{}, {.evaluations = 1});
        ++times[static_cast<std::size_t>(search.at(0))];
    }
    double all = 0;
    for (int s = 0; s < stair::steps; ++s) all += std::exp(-0.1 * s / temperature);
    for (int s = 0; s < stair::steps; ++s)
        CHECK(times[static_cast<std::size_t>(s)] / walks == Approx(std::exp(-0.1 * s / temperature) / all).margin(0.006));
}

TEST_CASE("an annealing cools geometrically, and stays cold") {
    // Of mutants that are worse by 0.1 a chain takes exp(-0.1 / temperature), and is set back each time.
    constexpr std::uint64_t evaluations = 400'000;
    lutra::annealing<at_the_bottom, up_or_down, lutra::weighted_reward<1>, 1> search{
        {}, {}, {{1}, {0}, {1}}, {.hottest = 0.4, .coldest = 0.025, .evaluations = evaluations, .seed = 5}};
    std::array<int, 6> worse{}, taken{};
    for (std::uint64_t i = 0; i < evaluations / 4 * 6; ++i) {
        std::array<int, 1> asked{};
        search.ask(asked);
        const int from = i == 0 ? 0 : search.at(0);
        search.tell(asked, std::array<lutra::objectives<1>, 1>{stair::evaluate(asked[0])});
        if (asked[0] <= from) continue;
        const std::uint64_t quarter = i / (evaluations / 4);
        ++worse[quarter];
        taken[quarter] += search.at(0) == asked[0] ? 1 : 0;
    }
    for (std::size_t q = 0; q < 6; ++q) {
        double expected = 0; // over the temperatures of this quarter, 0.4 / 2^(4 x)
        for (int i = 0; i < 1000; ++i) {
            const double x = std::min(1.0, (static_cast<double>(q) + (i + 0.5) / 1000) / 4);
            expected += std::exp(-0.1 / (0.4 * std::pow(2.0, -4 * x))) / 1000;
        }
        CHECK(static_cast<double>(taken[q]) / worse[q] == Approx(expected).epsilon(0.1));
    }
}

TEST_CASE("chains with weights of their own go for all of a front") {
    annealing_of<8, lutra::ranged_reward<2>> search{
        {eight_layers}, {eight_layers}, lutra::spread_rewards<2, 8>(), {.evaluations = 4000, .seed = 1}};
    lutra::pareto_archive<layers::genome, 2, 64> front, at_random;
    lutra::run_search<8>(search, from_two_sides{}, {.evaluations = 4000},
                         [&](auto, const auto& g, const auto& costs) { front.add(g, costs); });
    lutra::random_search<eight, 2> random{eight_layers, {.seed = 1}};
    lutra::run_search<8>(random, from_two_sides{}, {.evaluations = 4000},
                         [&](auto, const auto& g, const auto& costs) { at_random.add(g, costs); });
    CHECK(search.best_costs(0)[0] == 0); // by the first objective only, and by the second
    CHECK(search.best_costs(1)[1] == 0);
    CHECK(search.best_costs(4)[0] > 0);
    CHECK(search.best_costs(4)[1] > 0);
    CHECK(front.size() >= 10);
    CHECK(front.hypervolume({60, 60}) > 1.1 * at_random.hypervolume({60, 60}));
}

TEST_CASE("an annealing does not depend on who evaluates; a copy is a checkpoint") {
    const auto with = [](auto&& executor) {
        annealing_of<8> search{{eight_layers}, {eight_layers}, cheapness, {.evaluations = 400, .seed = 3}};
        return asked_by<8>(search, layers{}, 400, executor);
    };
    const auto serial = with(lutra::serial_executor{});
    for (const std::size_t workers : {1u, 2u, 5u}) CHECK(with(lutra::thread_executor{workers}) == serial);

    annealing_of<8> search{{eight_layers}, {eight_layers}, cheapness, {.evaluations = 400, .seed = 3}};
    static_cast<void>(asked_by<8>(search, layers{}, 160));
    auto copy = search;
    CHECK(asked_by<8>(copy, layers{}, 240) == std::vector(serial.begin() + 160, serial.end()));
}

TEST_CASE("chains take turns in batches that are smaller") {
    annealing_of<3> search{{eight_layers}, {eight_layers}, cheapness, {.seed = 3}};
    std::array<layers::genome, 5> asked{};
    CHECK(search.ask({asked.data(), 5}) == 3);
    search.tell({asked.data(), 3}, std::array{lutra::objectives<1>{3}, lutra::objectives<1>{2}, lutra::objectives<1>{1}});
    for (std::size_t c = 0; c < 3; ++c) CHECK(search.at(c) == asked[c]);
    const auto tell_best = [&](std::size_t count) { // so that the chain of each candidate goes there
        static double cost = 0;
        std::vector<lutra::objectives<1>> costs(count);
        for (auto& c : costs) c = {cost -= 1};
        search.tell({asked.data(), count}, costs);
    };
    CHECK(search.ask({asked.data(), 2}) == 2);
    tell_best(2);
    CHECK(search.at(0) == asked[0]);
    CHECK(search.at(1) == asked[1]);
    CHECK(search.ask({asked.data(), 2}) == 2);
    const auto different = [&](const layers::genome& mutant, std::size_t chain) {
        int genes = 0;
        for (std::size_t i = 0; i < 8; ++i) genes += mutant[i] != search.at(chain)[i] ? 1 : 0;
        return genes;
    };
    CHECK(different(asked[0], 2) < 4); // mutants of two chains that are not alike
    CHECK(different(asked[0], 0) > 4);
    CHECK(different(asked[1], 0) < 4);
    tell_best(2);
    CHECK(search.at(2) == asked[0]);
    CHECK(search.at(0) == asked[1]);
    CHECK(search.ask({}) == 0);
    search.tell({}, {});
}

TEST_CASE("a chain leaves what cannot be built, and does not go back") {
    struct first_three {
        using genome = layers::genome;
        static lutra::objectives<1> evaluate(const genome& g) {
            return g[0] == 3 ? layers::evaluate(g) : lutra::infeasible<1>();
        }
    };
    annealing_of<4> search{{eight_layers}, {eight_layers}, cheapness, {.hottest = 1, .coldest = 1, .seed = 1}};
    std::array<bool, 4> arrived{};
    for (int i = 0; i < 500; ++i) {
        lutra::run_search<4>(search, first_three{}, {.evaluations = 4});
        for (std::size_t c = 0; c < 4; ++c) {
            const bool feasible = search.at(c)[0] == 3;
            REQUIRE((feasible || !arrived[c]));
            arrived[c] = arrived[c] || feasible;
            REQUIRE(lutra::feasible(search.best_costs(c)) == arrived[c]);
        }
    }
    CHECK(arrived == std::array{true, true, true, true});
}

TEST_CASE("the first that can be built is the best, even where its reward is 0") {
    annealing_of<1, lutra::weighted_reward<1>> search{{eight_layers}, {eight_layers}, {{1}, {-2}, {-1}}};
    std::array<layers::genome, 1> asked{};
    search.ask(asked);
    search.tell(asked, std::array<lutra::objectives<1>, 1>{lutra::infeasible<1>()});
    search.ask(asked);
    search.tell(asked, std::array<lutra::objectives<1>, 1>{lutra::objectives<1>{5}});
    CHECK(search.best_costs()[0] == 5);
    CHECK(search.best() == asked[0]);
}

TEST_CASE("all chains go by the range of the costs of all") {
    int moved = 0;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        annealing_of<2> search{{eight_layers}, {eight_layers}, cheapness, {.hottest = 1, .coldest = 1, .seed = seed}};
        std::array<layers::genome, 2> asked{};
        search.ask(asked);
        search.tell(asked, std::array<lutra::objectives<1>, 2>{lutra::objectives<1>{10}, lutra::objectives<1>{1000}});
        search.ask(asked);
        search.tell(asked, std::array<lutra::objectives<1>, 2>{lutra::objectives<1>{11}, lutra::objectives<1>{999}});
        moved += search.at(0) == asked[0] ? 1 : 0; // a loss of one in 990
    }
    CHECK(moved >= 48);
}

TEST_CASE("an annealing refuses what it cannot do") {
    const auto with = [](lutra::annealing_options options) {
        return annealing_of<2>{{eight_layers}, {eight_layers}, cheapness, options};
    };
    REQUIRE_PANIC(with({.hottest = 1.5}), bad_argument);
    REQUIRE_PANIC(with({.hottest = 0.01, .coldest = 0.02}), bad_argument);
    REQUIRE_PANIC(with({.coldest = 0}), bad_argument);
    REQUIRE_PANIC(with({.coldest = std::numeric_limits<double>::quiet_NaN()}), bad_argument);
    REQUIRE_PANIC(with({.evaluations = 0}), bad_argument);
    REQUIRE_PANIC(with({.evaluations = (std::uint64_t{1} << 40) + 1}), bad_argument);

    auto search = with({});
    std::array<layers::genome, 2> asked{};
    std::array<lutra::objectives<1>, 2> costs{};
    REQUIRE_PANIC(search.best(), empty);
    REQUIRE_PANIC(search.best_costs(2), out_of_range);
    CHECK(search.ask(asked) == 2);
    REQUIRE_PANIC(search.ask(asked), bad_argument);
    REQUIRE_PANIC(search.tell({asked.data(), 1}, {costs.data(), 1}), bad_shape);
    search.tell(asked, costs);
    CHECK(search.ask(asked) == 2);
}
