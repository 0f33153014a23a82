// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/search/hypervolume.hpp>
#include <lutra/search/rewards.hpp>
#include <lutra/search/spread_rewards.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
using two = lutra::objectives<2>;

static_assert(lutra::rating_reward<lutra::weighted_reward<2>> && lutra::rating_reward<lutra::ranged_reward<3>>);
static_assert(lutra::reward_policy<lutra::hypervolume_reward<2>> && !lutra::rating_reward<lutra::hypervolume_reward<2>>);
static_assert(lutra::weighted_reward<2>{{1, 3}, {0, 10}, {4, 20}}.rate({1, 15}) == 0.25 * 0.75 + 0.75 * 0.5);

} // namespace

TEST_CASE("a weighted reward is 1 at the best, 0 at the worst, and straight between") {
    const lutra::weighted_reward<2> reward{{1, 3}, {0, 10}, {4, 20}};
    CHECK(reward({0, 10}) == 1);
    CHECK(reward({-5, -5}) == 1);
    CHECK(reward({4, 20}) == 0);
    CHECK(reward({40, 200}) == 0);
    CHECK(reward({4, 10}) == 0.75);
    CHECK(reward({0, 20}) == 0.25);
    const lutra::weighted_reward<3> thirds{{0.1, 0.1, 0.1}, {0, 0, 0}, {1, 1, 1}};
    CHECK(thirds({0, 0, 0}) == 1);
    CHECK(thirds({0.5, 0.25, 0}) == Approx(0.75).epsilon(1e-6));

    const auto with = [](two weights, two best = {0, 0}, two worst = {1, 1}) {
        return lutra::weighted_reward<2>{weights, best, worst};
    };
    CHECK(with({0, 1}).rate({0.5, 0.5}) == 0.5);
    for (const two weights : {two{0, 0}, {-1, 2}, {no_number, 1}, {infinity, 1}, {1e308, 1e308}}) {
        REQUIRE_PANIC(with(weights), bad_argument);
        REQUIRE_PANIC(lutra::ranged_reward<2>{weights}, bad_argument);
    }
    REQUIRE_PANIC(with({1, 1}, two{0, 1}, {1, 1}), bad_argument);
    REQUIRE_PANIC(with({1, 1}, {0, no_number}, {1, 1}), bad_argument);
    REQUIRE_PANIC(with({1, 1}, {0, 0}, {1, infinity}), bad_argument);
}

TEST_CASE("a ranged reward goes by the least and the greatest so far") {
    lutra::ranged_reward<2> reward{{1, 1}};
    CHECK(reward({5, 5}) == 1);
    CHECK(reward({7, 5}) == 0.5);
    CHECK(reward({6, 9}) == 0.25);
    CHECK(reward({7, 9}) == 0);
    CHECK(reward({3, 1}) == 1);
    CHECK(reward.rate({5, 5}) == 0.5);
    CHECK(reward.rate({5, 5}) == 0.5); // which changes nothing
}

TEST_CASE("a hypervolume reward is greater for what adds more, and 0 for what adds nothing") {
    lutra::hypervolume_reward<2, 4> reward{{10, 10}};
    CHECK(reward({5, 5}) == 0.5); // of 25, and 25 on average
    CHECK(reward({6, 6}) == 0);
    CHECK(reward({5, 5}) == 0);
    CHECK(reward({11, 0}) == 0);
    CHECK(reward({4, 8}) == Approx(2 / (2 + 27.0 / 5)));
    CHECK(reward({2, 2}) == Approx(37 / (37 + 64.0 / 6)));
    REQUIRE(reward.front().size() == 1);
    CHECK(reward.front()[0] == two{2, 2});
    REQUIRE_PANIC((lutra::hypervolume_reward<2>{{1, no_number}}), bad_argument);
}

TEST_CASE("weights are spread over all there are") {
    constexpr auto five = lutra::spread_weights<2, 5>();
    static_assert(five == std::array<two, 5>{two{1, 0}, {0, 1}, {0.25, 0.75}, {0.5, 0.5}, {0.75, 0.25}});
    static_assert(lutra::spread_weights<4, 1>()[0] == lutra::objectives<4>{0.25, 0.25, 0.25, 0.25});
    static_assert(lutra::spread_weights<1, 3>()[2] == lutra::objectives<1>{1});

    constexpr auto many = lutra::spread_weights<3, 600>();
    std::array<int, 3> greatest{};
    for (const auto& w : many) {
        CHECK(w[0] + w[1] + w[2] == Approx(1));
        CHECK(std::min({w[0], w[1], w[2]}) >= 0);
        ++greatest[static_cast<std::size_t>(std::max_element(w.begin(), w.end()) - w.begin())];
    }
    for (const int times : greatest) CHECK(std::abs(times - 200) < 30);
    // As evenly as the area: of a triangle of half the side there is a quarter.
    for (std::size_t i = 0; i < 3; ++i)
        CHECK(std::abs(std::count_if(many.begin(), many.end(), [i](const auto& w) { return w[i] > 0.5; }) - 150) < 15);
    CHECK(many[0] == lutra::objectives<3>{1, 0, 0});
    CHECK(many[2] == lutra::objectives<3>{0, 0, 1});

    const auto rewards = lutra::rewards_of(five, [](const two& w) { return lutra::weighted_reward<2>{w, {0, 0}, {1, 1}}; });
    CHECK(rewards[2].rate({1, 0}) == 0.75);
    auto ranged = lutra::spread_rewards<2, 5>();
    for (auto& reward : ranged) {
        static_cast<void>(reward({0, 0}));
        static_cast<void>(reward({1, 1}));
    }
    CHECK(ranged[4].rate({1, 0}) == 0.25);
}
