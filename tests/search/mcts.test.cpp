// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/core/threads.hpp>
#include <lutra/search/choices.hpp>
#include <lutra/search/mcts.hpp>
#include <lutra/search/objectives.hpp>
#include <lutra/search/pareto.hpp>
#include <lutra/search/random_search.hpp>
#include <lutra/search/rewards.hpp>
#include <lutra/search/run.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <set>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using six = lutra::choice_space<6>;
constexpr six six_layers{.alternatives = {4, 4, 4, 4, 4, 4}, .length = 6};

/// Each of six layers has a cost of its own, and more where it is like the one before.
struct layers {
    using genome = lutra::choice_genome<6>;
    static constexpr lutra::objectives<1> evaluate(const genome& g) {
        std::size_t cost = 0;
        for (std::size_t i = 0; i < g.size(); ++i) {
            cost += (i * 7 + g[i] * 5u + i * g[i] * 3) % 11;
            cost += i > 0 && g[i] == g[i - 1] ? 3 : 0;
        }
        return {static_cast<double>(cost)};
    }
};
constexpr lutra::weighted_reward<1> cheapness{{1}, {0}, {60}};
template <std::size_t Nodes>
using search_of = lutra::mcts<six, lutra::weighted_reward<1>, Nodes>;
static_assert(lutra::batch_search<search_of<16>> && lutra::sequential_space<six> && !lutra::keyed_space<six>);

/// All that a search asked for, in order.
template <std::size_t Width, class Search, class Problem, class Executor = lutra::serial_executor>
auto asked_by(Search& search, const Problem& problem, std::uint64_t evaluations, Executor&& on = {}) {
    std::vector<typename Problem::genome> asked;
    lutra::run_search<Width>(
        search, problem, {.evaluations = evaluations}, [&](auto, const auto& g, const auto&) { asked.push_back(g); }, on);
    return asked;
}
template <class Genome>
bool all_differ(const std::vector<Genome>& genomes) {
    for (std::size_t i = 0; i < genomes.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (genomes[i] == genomes[j]) return false;
    return true;
}

struct discovery {
    layers::genome best{}, most_visited{};
    double cost = 0;
    std::size_t nodes = 0;
    friend constexpr bool operator==(const discovery&, const discovery&) = default;
};
template <class Select>
constexpr discovery found(Select select) {
    lutra::mcts<six, lutra::weighted_reward<1>, 256, 8, Select> search{six_layers, cheapness, {.seed = 1}, select};
    lutra::run_search<4>(search, layers{}, {.evaluations = 100});
    return {search.best(), search.most_visited(), search.best_costs()[0], search.nodes()};
}
constexpr discovery by_uct = found(lutra::uct{}), by_puct = found(lutra::puct{});
static_assert(layers::evaluate(by_uct.best)[0] == by_uct.cost && by_uct.cost < 15 && by_uct.nodes > 100);
static_assert(layers::evaluate(by_puct.best)[0] == by_puct.cost && by_puct.cost < 15);

struct branch {
    std::uint64_t visits = 0;
    double sum = 0;
};

/// A space in which later choices depend on earlier ones: numbers of up to five digits that never rise; 0 ends one.
struct falling_digits {
    using genome = lutra::choice_genome<5>;
    static constexpr std::size_t capacity = 5;
    static constexpr std::size_t branches(std::span<const std::uint16_t> chosen) {
        if (chosen.empty()) return 5;
        return chosen.size() == capacity || chosen.back() == 0 ? 0 : std::size_t{chosen.back()} + 1;
    }
    static constexpr genome genome_of(std::span<const std::uint16_t> chosen) {
        genome g{.length = chosen.size()};
        std::copy(chosen.begin(), chosen.end(), g.begin());
        return g;
    }
};
struct sum_of_digits {
    using genome = falling_digits::genome;
    static lutra::objectives<1> evaluate(const genome& g) {
        double sum = 0;
        for (const auto digit : g) sum += digit;
        return {sum};
    }
};

/// Four of seven things, one after the other, of those that are left; the genome is a bit a thing.
struct four_of_seven {
    using genome = unsigned;
    static constexpr std::size_t capacity = 4;
    static constexpr std::size_t branches(std::span<const std::uint16_t> chosen) {
        return chosen.size() < 4 ? 7 - chosen.size() : 0;
    }
    static constexpr genome genome_of(std::span<const std::uint16_t> chosen) {
        genome taken = 0;
        for (std::size_t left : chosen)
            for (unsigned thing = 0; thing < 7; ++thing)
                if ((taken >> thing & 1u) == 0 && left-- == 0) {
                    taken |= 1u << thing;
                    break;
                }
        return taken;
    }
};
struct in_any_order : four_of_seven {
    static constexpr std::uint64_t key(std::span<const std::uint16_t> chosen) { return genome_of(chosen); }
};
static_assert(lutra::keyed_space<in_any_order> && !lutra::keyed_space<four_of_seven>);
struct things {
    using genome = unsigned;
    static lutra::objectives<1> evaluate(genome taken) {
        return {static_cast<double>((taken * 37u + (taken >> 2) * 11u) % 64)};
    }
};

/// A random landscape: five genes of four alternatives, alone and in pairs of neighbours.
struct landscape {
    using genome = lutra::choice_genome<5>;
    std::array<std::array<double, 4>, 5> alone{};
    std::array<std::array<std::array<double, 4>, 4>, 5> pair{};

    explicit landscape(std::uint64_t seed) {
        lutra::random_generator random{seed};
        for (auto& gene : alone)
            for (double& cost : gene) cost = random.unit();
        for (auto& gene : pair)
            for (auto& before : gene)
                for (double& cost : before) cost = random.unit() / 2;
    }
    lutra::objectives<1> evaluate(const genome& g) const {
        double cost = 0;
        for (std::size_t i = 0; i < 5; ++i) cost += alone[i][g[i]] + (i > 0 ? pair[i][g[i - 1]][g[i]] : 0);
        return {cost};
    }
};
using five = lutra::choice_space<5>;
constexpr five five_layers{.alternatives = {4, 4, 4, 4, 4}, .length = 5};

/// How many evaluations it takes to come to the least cost, the median of eleven landscapes.
template <class Make>
std::uint64_t evaluations_to_best(Make make) {
    std::array<std::uint64_t, 11> needed{};
    for (std::uint64_t seed = 0; seed < needed.size(); ++seed) {
        const landscape land{seed};
        double least = std::numeric_limits<double>::infinity();
        for (std::uint64_t i = 0; i < five_layers.size(); ++i) least = std::min(least, land.evaluate(five_layers.at(i))[0]);
        auto search = make(land, seed);
        lutra::run_search<1>(search, land, {}, [&](std::uint64_t number, const auto&, const auto& costs) {
            if (costs[0] == least) needed[seed] = number;
        });
        REQUIRE(needed[seed] > 0);
    }
    std::sort(needed.begin(), needed.end());
    return needed[5];
}

/// Alternatives that are cheap alone are promising; or the dear ones, to mislead.
struct cheap_alone {
    const landscape* land;
    double sign = 1;
    double operator()(std::span<const std::uint16_t> chosen, std::size_t a) const {
        const double cost = land->alone[chosen.size()][a];
        return sign > 0 ? 0.05 + (1 - cost) * (1 - cost) : 0.05 + cost * cost;
    }
};

} // namespace

TEST_CASE("a tree search at compile time is the same at run time") {
    CHECK(found(lutra::uct{}) == by_uct);
    CHECK(found(lutra::puct{}) == by_puct);
    CHECK(by_uct != by_puct);
}

TEST_CASE("a tree search asks for every candidate once, and then for none") {
    const auto whole = [](auto& search, auto width) {
        const auto asked = asked_by<width()>(search, layers{}, 5000);
        CHECK(asked.size() == 4096);
        CHECK(search.exhausted());
        CHECK(search.evaluations() == 4096);
        CHECK(search.nodes() == 1 + 4 + 16 + 64 + 256 + 1024 + 4096);
        CHECK(search.best_costs()[0] == 8);
        std::set<std::uint64_t> numbers;
        for (const auto& g : asked) {
            REQUIRE(six_layers.contains(g));
            std::uint64_t number = 0;
            for (const auto gene : g) number = 4 * number + gene;
            numbers.insert(number);
        }
        CHECK(numbers.size() == 4096);
        std::array<layers::genome, 3> more{};
        CHECK(search.ask(more) == 0);
        CHECK(search.ask(more) == 0);
    };
    for (const std::uint64_t seed : {1u, 2u}) {
        auto search = std::make_unique<search_of<6000>>(six_layers, cheapness, lutra::mcts_options{.seed = seed});
        auto other = std::make_unique<search_of<6000>>(*search);
        whole(*search, std::integral_constant<std::size_t, 1>{});
        whole(*other, std::integral_constant<std::size_t, 64>{});
    }
    auto widened =
        std::make_unique<search_of<6000>>(six_layers, cheapness, lutra::mcts_options{.widening = {1, 0.3}, .seed = 3});
    whole(*widened, std::integral_constant<std::size_t, 7>{});
}

TEST_CASE("later choices may depend on earlier ones") {
    lutra::mcts<falling_digits, lutra::ranged_reward<1>, 512, 8, lutra::puct> search{
        {}, lutra::ranged_reward<1>{{1}}, {.seed = 1}};
    const auto asked = asked_by<3>(search, sum_of_digits{}, 1000);
    CHECK(asked.size() == 126); // with zeros behind them, the multisets of five of five digits: 9 over 5
    CHECK(all_differ(asked));
    for (const auto& g : asked) {
        CHECK(std::is_sorted(g.begin(), g.end(), std::greater<>{}));
        CHECK((g.size() == 5 || g[g.size() - 1] == 0));
    }
    CHECK(search.best_costs()[0] == 0);
}

TEST_CASE("single alternatives are not searched") {
    const auto asked_of = [](std::array<std::uint16_t, 5> alternatives) {
        lutra::mcts<five, lutra::weighted_reward<1>, 64> search{{alternatives, 5}, cheapness};
        return asked_by<4>(search, landscape{1}, 100);
    };
    CHECK(asked_of({1, 1, 1, 1, 1}).size() == 1);
    CHECK(asked_of({1, 1, 3, 1, 1}).size() == 3);
    CHECK(asked_of({3, 1, 1, 1, 2}).size() == 6);
    CHECK(asked_of({1, 1, 1, 1, 5}).size() == 5);
}

TEST_CASE("a tree search does not depend on who evaluates") {
    const auto with = [](auto&& executor) {
        search_of<2000> search{six_layers, cheapness, {.seed = 4}};
        return asked_by<16>(search, layers{}, 500, executor);
    };
    const auto serial = with(lutra::serial_executor{});
    CHECK(serial.size() == 500);
    for (const std::size_t workers : {1u, 2u, 5u}) CHECK(with(lutra::thread_executor{workers}) == serial);

    search_of<2000> other_seed{six_layers, cheapness, {.seed = 5}}, other_width{six_layers, cheapness, {.seed = 4}};
    CHECK(asked_by<16>(other_seed, layers{}, 500) != serial);
    CHECK(asked_by<8>(other_width, layers{}, 500) != serial);
}

TEST_CASE("a copy of a tree search is a checkpoint") {
    search_of<2000> whole{six_layers, cheapness, {.seed = 4}}, search = whole;
    const auto asked = asked_by<4>(whole, layers{}, 200);
    static_cast<void>(asked_by<4>(search, layers{}, 80));
    search_of<2000> resumed = search;
    CHECK(asked_by<4>(resumed, layers{}, 120) == std::vector(asked.begin() + 80, asked.end()));
    CHECK(resumed.best() == whole.best());
}

TEST_CASE("a virtual loss stands on a path until its candidate is told") {
    // With one candidate at a time it is gone before the next.
    const auto one_by_one = [](std::uint32_t loss) {
        search_of<2000> search{six_layers, cheapness, {.virtual_loss = loss, .seed = 2}};
        return asked_by<1>(search, layers{}, 300);
    };
    CHECK(one_by_one(1) == one_by_one(100));

    // All that is good begins with 2; a batch goes there, unless its virtual losses keep it from it.
    struct begins_with_2 {
        using genome = layers::genome;
        static lutra::objectives<1> evaluate(const genome& g) { return {g[0] == 2 ? 0.0 : 50.0}; }
    };
    const auto batch = [](std::uint32_t loss) {
        search_of<2000> search{six_layers, cheapness, {.virtual_loss = loss, .seed = 2}, {0.1}};
        static_cast<void>(asked_by<1>(search, begins_with_2{}, 200));
        std::vector<layers::genome> out(32);
        CHECK(search.ask(out) == 32);
        CHECK(all_differ(out));
        std::set<std::uint16_t> first;
        for (const auto& g : out) first.insert(g[0]);
        return first.size();
    };
    CHECK(batch(1) == 1);
    CHECK(batch(50) == 4);
}

TEST_CASE("a node has the visits and the mean reward of the candidates below it") {
    const auto check = [](auto space, auto width, std::uint32_t loss, auto select, std::uint64_t evaluations) {
        lutra::mcts<decltype(space), lutra::weighted_reward<1>, 6000, 64, decltype(select)> search{
            space, cheapness, {.virtual_loss = loss, .seed = 2}, select};
        std::array<std::array<branch, 7>, 4096> expected{}; // of each row of so many choices, by its number
        lutra::run_search<width()>(search, layers{}, {.evaluations = evaluations},
                                   [&](auto, const auto& g, const lutra::objectives<1>& costs) {
                                       std::size_t number = 0;
                                       for (std::size_t length = 0; length <= g.size(); ++length) {
                                           expected[number][length].visits += 1;
                                           expected[number][length].sum += cheapness.rate(costs);
                                           if (length < g.size()) number = number * 4 + g[length];
                                       }
                                   });
        std::size_t nodes = 0;
        for (std::size_t length = 0; length <= space.length; ++length)
            for (std::size_t number = 0; number < std::size_t{1} << (2 * length); ++number) {
                std::array<std::uint16_t, 6> row{};
                for (std::size_t i = 0; i < length; ++i)
                    row[i] = static_cast<std::uint16_t>(number >> (2 * (length - 1 - i)) & 3);
                const lutra::branch_value value = search.value({row.data(), length});
                if (value.visits == 0) continue;
                ++nodes;
                REQUIRE(value.visits == expected[number][length].visits);
                REQUIRE(value.mean == Approx(expected[number][length].sum / static_cast<double>(value.visits)));
            }
        CHECK(nodes == search.nodes());
    };
    constexpr std::integral_constant<std::size_t, 1> one{};
    constexpr std::integral_constant<std::size_t, 64> batch{};
    const six narrow{.alternatives = {1, 2, 1, 3, 2, 4}, .length = 6};
    for (const std::uint64_t evaluations : {1u, 2u, 10u, 300u, 4096u}) {
        check(six_layers, one, 1, lutra::uct{}, evaluations);
        check(six_layers, batch, 1, lutra::uct{}, evaluations);
        check(six_layers, batch, 30, lutra::uct{}, evaluations);
        check(six_layers, batch, 3, lutra::puct{}, evaluations);
        check(narrow, batch, 1, lutra::uct{}, evaluations);
        check(narrow, batch, 5, lutra::puct{4}, evaluations);
    }
    search_of<64> search{six_layers, cheapness};
    CHECK(search.value({}) == lutra::branch_value{});
    constexpr std::array<std::uint16_t, 2> nowhere{3, 9};
    CHECK(search.value(nowhere) == lutra::branch_value{});
}

TEST_CASE("a tree search needs fewer evaluations than a random one") {
    const auto make = [](auto select) {
        return [select](const landscape&, std::uint64_t seed) {
            return lutra::mcts<five, lutra::ranged_reward<1>, 2048, 1, decltype(select)>{
                five_layers, lutra::ranged_reward<1>{{1}}, {.seed = seed}, select};
        };
    };
    const auto at_random = evaluations_to_best([](const landscape&, std::uint64_t seed) {
        return lutra::random_search<five, 1>{five_layers, {.seed = seed}};
    });
    const auto uct = evaluations_to_best(make(lutra::uct{})), puct = evaluations_to_best(make(lutra::puct{}));
    CHECK(at_random > 300);
    CHECK(uct < at_random / 3);
    CHECK(puct < at_random / 3);

    const auto with_prior = [](double sign) {
        return evaluations_to_best([sign](const landscape& land, std::uint64_t seed) {
            return lutra::mcts<five, lutra::ranged_reward<1>, 2048, 1, lutra::puct, cheap_alone>{
                five_layers, lutra::ranged_reward<1>{{1}}, {.seed = seed}, {}, {&land, sign}};
        });
    };
    CHECK(with_prior(1) < puct);
    CHECK(with_prior(-1) > puct);
}

TEST_CASE("a reward by hypervolume finds a front") {
    struct cheap_or_fast { // each layer has a price and a time, the more of one the less of the other
        using genome = layers::genome;
        static lutra::objectives<2> evaluate(const genome& g) {
            double price = 0, time = 0;
            for (std::size_t i = 0; i < 6; ++i) {
                const double a = g[i], weight = static_cast<double>(1 + i * 5 % 7);
                price += a * a + (i > 0 && g[i] != g[i - 1] ? 2 : 0);
                time += weight * (3 - a) + (i > 0 && g[i] > g[i - 1] ? 4 : 0);
            }
            return {price, time};
        }
    };
    const auto volume = [](auto& search) {
        lutra::pareto_archive<layers::genome, 2, 64> front;
        lutra::run_search<4>(search, cheap_or_fast{}, {.evaluations = 400},
                             [&](auto, const auto& g, const auto& costs) { front.add(g, costs); });
        return front.hypervolume({64, 90});
    };
    int better = 0;
    for (std::uint64_t seed = 0; seed < 11; ++seed) {
        lutra::mcts<six, lutra::hypervolume_reward<2>, 1024, 4, lutra::puct> search{
            six_layers, lutra::hypervolume_reward<2>{{64, 90}}, {.seed = seed}};
        lutra::random_search<six, 2> random{six_layers, {.seed = seed}};
        better += volume(search) > volume(random) ? 1 : 0;
        CHECK(search.reward().front().size() > 4);
        CHECK(search.evaluations() == 400);
    }
    CHECK(better >= 10);
}

TEST_CASE("widening limits how many children a node has") {
    using wide = lutra::choice_space<2>;
    struct one_place {
        using genome = lutra::choice_genome<2>;
        static lutra::objectives<1> evaluate(const genome& g) { return {static_cast<double>((g[0] * 7 + g[1]) % 60)}; }
    };
    const auto opened = [](lutra::progressive_widening widening, auto select) {
        auto search = std::make_unique<lutra::mcts<wide, lutra::weighted_reward<1>, 2048, 8, decltype(select)>>(
            wide{.alternatives = {300, 300}, .length = 2}, cheapness, lutra::mcts_options{.widening = widening, .seed = 1},
            select);
        std::array<std::size_t, 3> after{};
        std::set<std::uint16_t> first;
        lutra::run_search<1>(*search, one_place{}, {.evaluations = 400}, [&](std::uint64_t n, const auto& g, const auto&) {
            first.insert(g[0]);
            if (n == 16) after[0] = first.size();
            if (n == 100) after[1] = first.size();
            if (n == 400) after[2] = first.size();
        });
        return after;
    };
    // A node of n visits may have k n^alpha children when visit n + 1 comes.
    CHECK(opened({1, 0.5}, lutra::uct{}) == std::array<std::size_t, 3>{3, 9, 19});
    CHECK(opened({2, 0.5}, lutra::uct{}) == std::array<std::size_t, 3>{7, 19, 39});
    CHECK(opened({}, lutra::uct{}) == std::array<std::size_t, 3>{16, 100, 300});
    const auto by_bound = opened({2, 0.5}, lutra::puct{});
    CHECK(by_bound[2] <= 40);
    CHECK(by_bound[2] > 10);
}

TEST_CASE("rows of choices that come to the same are one") {
    const auto run = [](auto space, auto width) {
        lutra::mcts<decltype(space), lutra::ranged_reward<1>, 2048, 16> search{
            space, lutra::ranged_reward<1>{{1}}, {.seed = 1}};
        const auto asked = asked_by<width()>(search, things{}, 10'000);
        CHECK(search.exhausted());
        CHECK(std::set<unsigned>(asked.begin(), asked.end()).size() == 35);
        double least = 64;
        for (const unsigned taken : asked) least = std::min(least, things::evaluate(taken)[0]);
        CHECK(search.best_costs()[0] == least);
        CHECK(things::evaluate(search.best())[0] == least);
        return std::pair{asked.size(), search.nodes()};
    };
    constexpr std::integral_constant<std::size_t, 1> one{};
    constexpr std::integral_constant<std::size_t, 16> sixteen{};
    CHECK(run(four_of_seven{}, one).first == 7 * 6 * 5 * 4);
    CHECK(run(in_any_order{}, one).first == 35);
    CHECK(run(in_any_order{}, sixteen).first == 35); // the same set may come twice in one batch, too
    CHECK(run(four_of_seven{}, one).second == 1 + 7 + 42 + 210 + 840);
    CHECK(run(in_any_order{}, one).second <= 1 + 7 + 21 + 35 + 35);
    CHECK(run(in_any_order{}, sixteen).second <= 1 + 7 + 21 + 35 + 35);
}

TEST_CASE("a full tree goes on without growing") {
    const landscape land{3};
    double least = 100;
    for (std::uint64_t i = 0; i < five_layers.size(); ++i) least = std::min(least, land.evaluate(five_layers.at(i))[0]);
    const auto run = [&](auto select, auto width) {
        lutra::mcts<five, lutra::ranged_reward<1>, 32, 16, decltype(select)> search{
            five_layers, lutra::ranged_reward<1>{{1}}, {.seed = 1}, select};
        const auto asked = asked_by<width()>(search, land, 6000);
        CHECK(asked.size() == 6000);
        CHECK(search.full());
        CHECK(search.nodes() == 32);
        CHECK(!search.exhausted());
        for (const auto& g : asked) REQUIRE(five_layers.contains(g));
        CHECK(search.best_costs()[0] < 1.1 * least);
        CHECK(land.evaluate(search.most_visited())[0] < 2 * least);
        const auto good =
            std::count_if(asked.end() - 1000, asked.end(), [&](const auto& g) { return land.evaluate(g)[0] < 1.5 * least; });
        const auto good_at_random = [&] {
            std::size_t count = 0;
            for (std::uint64_t i = 0; i < 1024; ++i) count += land.evaluate(five_layers.at(i))[0] < 1.5 * least;
            return count;
        }();
        CHECK(good > 2 * static_cast<std::ptrdiff_t>(good_at_random));
    };
    run(lutra::uct{0.25}, std::integral_constant<std::size_t, 1>{});
    run(lutra::uct{0.25}, std::integral_constant<std::size_t, 16>{});
    run(lutra::puct{0.2}, std::integral_constant<std::size_t, 1>{});

    // No candidate is out of reach.
    lutra::mcts<five, lutra::ranged_reward<1>, 32> curious{five_layers, lutra::ranged_reward<1>{{1}}, {.seed = 1}, {16}};
    std::set<std::array<std::uint16_t, 5>> seen;
    for (const auto& g : asked_by<16>(curious, land, 30'000)) seen.insert(g.gene);
    CHECK(seen.size() == 1024);
    seen.clear();
    lutra::mcts<five, lutra::ranged_reward<1>, 32, 16, lutra::puct, cheap_alone> biased{
        five_layers, lutra::ranged_reward<1>{{1}}, {.seed = 1}, {64}, {&land}};
    for (const auto& g : asked_by<16>(biased, land, 30'000)) seen.insert(g.gene);
    CHECK(seen.size() > 600);

    // What the tree holds does not come again, so that the first of a full tree are those without a place in it.
    const landscape flat{4};
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        lutra::mcts<five, lutra::ranged_reward<1>, 8> tiny{
            {.alternatives = {2, 2, 2}, .length = 3}, lutra::ranged_reward<1>{{1}}, {.seed = seed}};
        const auto asked = asked_by<1>(tiny, flat, 40);
        CHECK(asked.size() == 40);
        std::size_t held = 0;
        while (held < 8 && std::count(asked.begin(), asked.end(), asked[held]) == 1) ++held;
        CHECK(held >= 4);
    }

    // Nor are alternatives that found no place, few or many, likely or not.
    struct less_and_less {
        double operator()(std::span<const std::uint16_t>, std::size_t a) const { return 1.0 / static_cast<double>(1 + a); }
    };
    lutra::mcts<lutra::choice_space<6>, lutra::ranged_reward<1>, 8, 8, lutra::puct, less_and_less> narrow{
        {.alternatives = {60, 2}, .length = 2}, lutra::ranged_reward<1>{{1}}, {.seed = 1}};
    seen.clear();
    for (const auto& g : asked_by<8>(narrow, layers{}, 2000)) seen.insert({g[0]});
    CHECK(seen.size() > 55);

    // With keys: some candidates are known and not in the tree, or all of them.
    const auto keyed = [](auto nodes) {
        lutra::mcts<in_any_order, lutra::ranged_reward<1>, nodes(), 4> search{{}, lutra::ranged_reward<1>{{1}}, {.seed = 1}};
        const auto asked = asked_by<4>(search, things{}, 500);
        CHECK(asked.size() == 500);
        CHECK(search.full());
        return std::set<unsigned>(asked.begin(), asked.end()).size();
    };
    CHECK(keyed(std::integral_constant<std::size_t, 8>{}) == 35);
    CHECK(keyed(std::integral_constant<std::size_t, 24>{}) == 35);
    CHECK(keyed(std::integral_constant<std::size_t, 80>{}) > 30);
    CHECK(keyed(std::integral_constant<std::size_t, 100>{}) > 30);
}

TEST_CASE("keys of nodes and of candidates, and of any length, are apart") {
    lutra::detail::transposition_table<64> table;
    using lutra::detail::known_as;
    for (std::uint64_t i = 0; i < 64; ++i) {
        table.put(i / 4, i % 4, known_as::node, i);
        table.put(i / 4, i % 4, known_as::asked, 100 + i);
        table.put(i / 4, i % 4, known_as::reward, 200 + i); // in its place
    }
    for (std::uint64_t i = 0; i < 64; ++i) {
        CHECK(table.find(i / 4, i % 4, false).value == i);
        CHECK(table.find(i / 4, i % 4, true).value == 200 + i);
        CHECK(table.find(i / 4, i % 4, true).what == known_as::reward);
        CHECK(table.find(i / 4, 4 + i % 4, true).what == known_as::nothing);
    }
}

TEST_CASE("what cannot be built is worth nothing, and does no harm") {
    struct half {
        using genome = layers::genome;
        static lutra::objectives<1> evaluate(const genome& g) {
            if (g[0] % 2 == 0) return lutra::infeasible<1>();
            return g[1] == 3 ? lutra::objectives<1>{-std::numeric_limits<double>::infinity()} : layers::evaluate(g);
        }
    };
    auto search = std::make_unique<search_of<6000>>(six_layers, cheapness, lutra::mcts_options{.seed = 1});
    const auto spent = lutra::run_search<8>(*search, half{}, {.evaluations = 400});
    CHECK(spent.evaluations == 400);
    CHECK(spent.infeasible >= 2);
    CHECK(spent.infeasible < 100); // five eighths would be at random, 250: where they are soon shows
    CHECK(lutra::feasible(search->best_costs()));
    lutra::run_search<8>(*search, half{}, {});
    CHECK(search->evaluations() == 4096);
    double least = 100;
    for (std::uint64_t i = 0; i < six_layers.size(); ++i)
        if (const auto costs = half::evaluate(six_layers.at(i)); lutra::feasible(costs)) least = std::min(least, costs[0]);
    CHECK(search->best_costs()[0] == least);

    struct none {
        using genome = layers::genome;
        static lutra::objectives<1> evaluate(const genome&) { return lutra::infeasible<1>(); }
    };
    search_of<64> hopeless{six_layers, cheapness};
    CHECK(lutra::run_search<8>(hopeless, none{}, {.evaluations = 30}).infeasible == 30);
    CHECK(!lutra::feasible(hopeless.best_costs()));

    // The first that can be built is the best, even where its reward is 0.
    search_of<64> poor{six_layers, lutra::weighted_reward<1>{{1}, {-2}, {-1}}};
    std::array<layers::genome, 2> asked{};
    CHECK(poor.ask(asked) == 2);
    poor.tell(asked, std::array{lutra::infeasible<1>(), lutra::objectives<1>{5}});
    CHECK(poor.best() == asked[1]);
}

TEST_CASE("a tree search obeys its budget, and what it asked must be told") {
    search_of<64> search{six_layers, cheapness};
    REQUIRE_PANIC(search.best(), empty);
    REQUIRE_PANIC(search.best_costs(), empty);
    REQUIRE_PANIC(search.most_visited(), empty);
    const auto spent = lutra::run_search<8>(search, layers{}, {.evaluations = 37});
    CHECK(spent.evaluations == 37);
    CHECK(spent.generations == 5);
    CHECK(search.evaluations() == 37);

    std::array<layers::genome, 100> asked{};
    std::array<lutra::objectives<1>, 100> costs{};
    CHECK(search.ask({}) == 0);
    CHECK(search.ask(asked) == 64); // its width
    REQUIRE_PANIC(search.ask(asked), bad_argument);
    REQUIRE_PANIC(search.tell({asked.data(), 63}, {costs.data(), 63}), bad_shape);
    REQUIRE_PANIC(search.tell({asked.data(), 64}, {costs.data(), 63}), bad_shape);
    search.tell({asked.data(), 64}, {costs.data(), 64});
    CHECK(search.evaluations() == 101);
}

TEST_CASE("a tree search refuses what it cannot search") {
    const auto with = [](six space, lutra::mcts_options options, lutra::uct select = {}) {
        return search_of<64>{space, cheapness, options, select};
    };
    CHECK(with(six_layers, {.virtual_loss = 65'536}).nodes() == 1);
    REQUIRE_PANIC(with(six_layers, {.virtual_loss = 0}), bad_argument);
    REQUIRE_PANIC(with(six_layers, {.virtual_loss = 65'537}), bad_argument);
    REQUIRE_PANIC(with(six_layers, {.widening = {-1, 0.5}}), bad_argument);
    REQUIRE_PANIC(with(six_layers, {}, {-1}), bad_argument);
    REQUIRE_PANIC(with({}, {}), empty);
    REQUIRE_PANIC(with({.alternatives = {4, 0, 4}, .length = 3}, {}), empty);

    struct endless : six {
        static std::size_t branches(std::span<const std::uint16_t>) { return 2; }
    };
    lutra::mcts<endless, lutra::weighted_reward<1>, 64> deep{endless{six_layers}, cheapness};
    REQUIRE_PANIC(asked_by<1>(deep, layers{}, 10), out_of_range);
    struct broad : six {
        static std::size_t branches(std::span<const std::uint16_t>) { return 65'536; }
    };
    REQUIRE_PANIC((lutra::mcts<broad, lutra::weighted_reward<1>, 64>{broad{six_layers}, cheapness}), out_of_range);
}
