// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/core/threads.hpp>
#include <lutra/search/choices.hpp>
#include <lutra/search/exhaustive.hpp>
#include <lutra/search/random_search.hpp>
#include <lutra/search/run.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace {

using space = lutra::choice_space<4>;
constexpr space sixty{.alternatives = {5, 1, 4, 3}, .length = 4};
using exhaustive = lutra::exhaustive_search<space, 1>;
using random_one = lutra::random_search<space, 1>;
static_assert(lutra::batch_search<exhaustive> && lutra::batch_search<random_one>);
static_assert(lutra::indexed_space<space>);

struct sum {
    using genome = lutra::choice_genome<4>;
    static constexpr lutra::objectives<1> evaluate(const genome& g) {
        double all = 0;
        for (const auto gene : g) all += gene;
        return {all};
    }
};

template <std::size_t Width, class Search, class Executor = lutra::serial_executor>
auto asked_by(Search search, std::uint64_t evaluations, Executor&& on = {}) {
    std::vector<sum::genome> asked;
    lutra::run_search<Width>(
        search, sum{}, {.evaluations = evaluations}, [&](auto, const auto& g, const auto&) { asked.push_back(g); }, on);
    return asked;
}
std::vector<sum::genome> all_in_order() {
    std::vector<sum::genome> all;
    for (std::uint64_t i = 0; i < sixty.size(); ++i) all.push_back(sixty.at(i));
    return all;
}
std::vector<std::uint64_t> numbers(const std::vector<sum::genome>& genomes) {
    const auto all = all_in_order();
    std::vector<std::uint64_t> out;
    for (const auto& g : genomes)
        out.push_back(static_cast<std::uint64_t>(std::find(all.begin(), all.end(), g) - all.begin()));
    return out;
}

static_assert([] { // at compile time, too
    exhaustive every{sixty};
    random_one any{sixty, {.seed = 1}};
    double least = 100;
    const auto note = [&](auto, const auto&, const auto& costs) { least = costs[0] < least ? costs[0] : least; };
    return lutra::run_search<7>(every, sum{}, {}, note).evaluations == 60 &&
           lutra::run_search<7>(any, sum{}, {}).evaluations == 60 && least == 0;
}());

/// Each digit at most as large as the one before; the first at most 2; 0 ends the row.
struct falling_digits {
    using genome = lutra::choice_genome<4>;
    static constexpr std::size_t capacity = 4;
    static constexpr std::size_t branches(std::span<const std::uint16_t> chosen) {
        if (chosen.empty()) return 3;
        return chosen.size() == 3 || chosen.back() == 0 ? 0 : std::size_t{chosen.back()} + 1;
    }
    static constexpr genome genome_of(std::span<const std::uint16_t> chosen) {
        genome g{.length = chosen.size()};
        std::copy(chosen.begin(), chosen.end(), g.begin());
        return g;
    }
};

} // namespace

TEST_CASE("an exhaustive search asks for everything, in order, and then for nothing") {
    CHECK(asked_by<1>(exhaustive{sixty}, 1000) == all_in_order());
    CHECK(asked_by<7>(exhaustive{sixty}, 1000) == all_in_order());
    CHECK(asked_by<64>(exhaustive{sixty}, 1000, lutra::thread_executor{3}) == all_in_order());
    CHECK(asked_by<7>(exhaustive{sixty}, 59).size() == 59);
    exhaustive search{sixty};
    std::array<sum::genome, 60> asked{};
    CHECK(search.ask({}) == 0);
    CHECK(search.ask(asked) == 60);
    CHECK(search.ask(asked) == 0);
}

TEST_CASE("an exhaustive search follows choices that depend on others") {
    std::vector<std::vector<int>> rows;
    lutra::exhaustive_search<falling_digits, 1> search{{}};
    lutra::run_search<3>(search, sum{}, {},
                         [&](auto, const auto& g, const auto&) { rows.emplace_back(g.begin(), g.end()); });
    CHECK(rows == std::vector<std::vector<int>>{
                      {0}, {1, 0}, {1, 1, 0}, {1, 1, 1}, {2, 0}, {2, 1, 0}, {2, 1, 1}, {2, 2, 0}, {2, 2, 1}, {2, 2, 2}});
}

TEST_CASE("a random search without repeats is a permutation of the space, another for each seed") {
    std::vector<std::uint64_t> in_order(60), first;
    for (std::size_t i = 0; i < 60; ++i) in_order[i] = i;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        auto order = numbers(asked_by<7>(random_one{sixty, {.seed = seed}}, 1000));
        CHECK(order == numbers(asked_by<1>(random_one{sixty, {.seed = seed}}, 1000)));
        CHECK(order != in_order);
        CHECK(order != first);
        first = order;
        std::sort(order.begin(), order.end());
        CHECK(order == in_order);
    }
    random_one search{sixty};
    std::array<sum::genome, 61> asked{};
    CHECK(search.ask(asked) == 60);
    CHECK(search.ask(asked) == 0);
}

TEST_CASE("each candidate is as likely in each place") {
    constexpr std::uint64_t seeds = 12'000;
    for (const std::uint64_t size : {20u, 60u}) { // of an odd and an even number of bits
        std::array<std::vector<int>, 4> times; // in the first, second and last place; how far from the first to the second
        for (auto& counts : times) counts.resize(size);
        for (std::uint64_t seed = 0; seed < seeds; ++seed) {
            lutra::random_generator random{seed};
            const lutra::detail::index_permutation order{size, random};
            ++times[0][order(0)];
            ++times[1][order(1)];
            ++times[2][order(size - 1)];
            ++times[3][(order(1) + size - order(0)) % size];
        }
        CHECK(times[3][0] == 0);
        times[3].erase(times[3].begin());
        for (const auto& counts : times) {
            const double expected = static_cast<double>(seeds) / static_cast<double>(counts.size());
            double chi_squared = 0;
            for (const int c : counts) chi_squared += (c - expected) * (c - expected) / expected;
            CHECK(chi_squared < (size == 20 ? 45 : 100)); // beyond 44 and 98 in 1 of 1000
        }
    }
}

TEST_CASE("permutations of every small size, and of the largest") {
    for (std::uint64_t size = 1; size < 300; ++size) {
        lutra::random_generator random{size};
        const lutra::detail::index_permutation order{size, random};
        std::vector<bool> seen(size);
        for (std::uint64_t i = 0; i < size; ++i) {
            REQUIRE(order(i) < size);
            REQUIRE(!seen[order(i)]);
            seen[order(i)] = true;
        }
    }
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max() - 1;
    lutra::random_generator random{1};
    const lutra::detail::index_permutation order{most, random};
    std::vector<std::uint64_t> drawn;
    for (std::uint64_t i = 0; i < 1000; ++i) drawn.push_back(order(i)), drawn.push_back(order(most - 1 - i));
    CHECK(std::count_if(drawn.begin(), drawn.end(), [](std::uint64_t x) { return x > most / 2; }) > 900);
    std::sort(drawn.begin(), drawn.end());
    CHECK(std::adjacent_find(drawn.begin(), drawn.end()) == drawn.end());
    CHECK(drawn.back() < most);
}

TEST_CASE("with repeats a random search never ends, and repeats") {
    const auto asked = asked_by<16>(random_one{sixty, {.repeats = true, .seed = 1}}, 6000);
    CHECK(asked.size() == 6000);
    std::array<int, 60> times{};
    for (const std::uint64_t number : numbers(asked)) ++times[number];
    for (const int t : times) CHECK(std::abs(t - 100) < 50);
}

TEST_CASE("a space with more candidates than 64 bits count is sampled") {
    using large = lutra::choice_space<20>;
    large many{.length = 20};
    many.alternatives.fill(1000);
    lutra::random_search<large, 1> search{many, {.seed = 1}};
    std::array<large::genome, 200> asked{};
    CHECK(search.ask(asked) == 200);
    std::size_t upper = 0; // the upper half of the first gene: no number of 64 bits is so large
    for (const auto& g : asked) upper += g[0] >= 500 ? 1 : 0;
    CHECK(upper > 70);
    CHECK(upper < 130);
}

TEST_CASE("baselines refuse an empty space") {
    REQUIRE_PANIC((exhaustive{space{}}), empty);
    REQUIRE_PANIC((random_one{space{}}), empty);
    REQUIRE_PANIC((exhaustive{{.alternatives = {5, 0, 4, 3}, .length = 4}}), empty);
    REQUIRE_PANIC((random_one{{.alternatives = {5, 0, 4, 3}, .length = 4}}), empty);
    struct endless : falling_digits {
        static std::size_t branches(std::span<const std::uint16_t>) { return 2; }
    };
    REQUIRE_PANIC((lutra::exhaustive_search<endless, 1>{{}}), out_of_range);
}

TEST_CASE("changes leave genes without a choice alone, and change something wherever they can") {
    constexpr lutra::choice_space<6> part{.alternatives = {1, 3, 1, 2, 1, 4}, .length = 6};
    const lutra::change_choices<lutra::choice_space<6>> change{part};
    lutra::random_generator random{1};
    std::array<int, 6> changed{};
    for (int i = 0; i < 6000; ++i) {
        lutra::choice_genome<6> g{.length = 6};
        change(g, random);
        CHECK(part.contains(g));
        int here = 0;
        for (std::size_t j = 0; j < 6; ++j) changed[j] += g[j] != 0 ? 1 : 0, here += g[j] != 0 ? 1 : 0;
        CHECK(here >= 1);
    }
    CHECK((changed[0] == 0 && changed[2] == 0 && changed[4] == 0));
    // One in three each, and alone where none was: 1/3 + (2/3)^3 / 3 of 6,000.
    for (const std::size_t j : {1u, 3u, 5u}) CHECK(std::abs(changed[j] - 2593) < 160); // four deviations
    constexpr lutra::choice_space<6> nothing{.alternatives = {1, 1}, .length = 2};
    lutra::choice_genome<6> g{.length = 2};
    lutra::change_choices<lutra::choice_space<6>>{nothing}(g, random);
    CHECK(nothing.contains(g));
}
