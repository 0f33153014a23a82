// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/search/crowding.hpp>
#include <lutra/search/non_dominated_sort.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Ranks by definition: front after front is taken off.
template <std::size_t N>
std::vector<std::size_t> peel(const std::vector<lutra::objectives<N>>& costs) {
    constexpr std::size_t unknown = static_cast<std::size_t>(-1);
    std::vector<std::size_t> rank(costs.size(), unknown);
    std::size_t front = 0;
    for (std::size_t left = costs.size(); left > 0; ++front) {
        std::vector<std::size_t> members;
        for (std::size_t i = 0; i < costs.size(); ++i) {
            if (rank[i] != unknown) continue;
            bool dominated = false;
            for (std::size_t j = 0; j < costs.size(); ++j)
                dominated = dominated || (rank[j] == unknown && lutra::dominates(costs[j], costs[i]));
            if (!dominated) members.push_back(i);
        }
        for (const std::size_t i : members) rank[i] = front;
        left -= members.size();
    }
    return rank;
}

template <std::size_t N>
void compare_with_peeling(std::uint64_t below) {
    lutra::random_generator random{N};
    lutra::non_dominated_fronts<N, 60> fronts;
    for (int round = 0; round < 200; ++round) {
        std::vector<lutra::objectives<N>> costs(static_cast<std::size_t>(random.below(61)));
        for (auto& c : costs) {
            for (double& x : c) x = static_cast<double>(random.below(below));
            if (random.below(15) == 0) c[N - 1] = round % 2 == 0 ? infinity : std::numeric_limits<double>::quiet_NaN();
        }
        fronts.sort(costs);
        const auto expected = peel<N>(costs);
        std::size_t members = 0;
        for (std::size_t i = 0; i < costs.size(); ++i) REQUIRE(fronts.rank(i) == expected[i]);
        for (std::size_t r = 0; r < fronts.size(); ++r) {
            REQUIRE_FALSE(fronts[r].empty());
            for (const std::size_t i : fronts[r]) REQUIRE(expected[i] == r);
            if (lutra::feasible(costs[fronts[r][0]]))
                REQUIRE(std::is_sorted(fronts[r].begin(), fronts[r].end(), [&](std::size_t a, std::size_t b) {
                    return costs[a] != costs[b] ? costs[a] < costs[b] : a < b;
                }));
            members += fronts[r].size();
        }
        REQUIRE(members == costs.size());
    }
}

/// The crowding distance by definition, among those of @p left, with the ranges of all.
template <std::size_t N>
double loneliness(const std::vector<lutra::objectives<N>>& costs, const std::vector<std::size_t>& left, std::size_t i) {
    double sum = 0;
    for (std::size_t k = 0; k < N; ++k) {
        const auto [least, greatest] =
            std::minmax_element(costs.begin(), costs.end(), [k](const auto& a, const auto& b) { return a[k] < b[k]; });
        double below = -infinity, above = infinity;
        for (const std::size_t j : left) {
            if (costs[j][k] < costs[i][k]) below = std::max(below, costs[j][k]);
            if (costs[j][k] > costs[i][k]) above = std::min(above, costs[j][k]);
        }
        sum += (above - below) / ((*greatest)[k] - (*least)[k]);
    }
    return sum;
}

template <std::size_t N>
void compare_with_loneliness() {
    lutra::random_generator random{N};
    lutra::crowding<N, 40> crowd;
    for (int round = 0; round < 50; ++round) {
        std::vector<lutra::objectives<N>> costs(static_cast<std::size_t>(2 + random.below(39)));
        for (auto& c : costs)
            for (double& x : c) x = random.unit();
        if (round % 2 == 0 && N == 2) { // a front, as it comes from the sort
            std::sort(costs.begin(), costs.end());
            for (std::size_t i = 0; i < costs.size(); ++i) costs[i][1] = 1 / (1 + costs[i][0]);
        }
        crowd.assign(costs.size(), [&](std::size_t i) { return costs[i]; });
        std::vector<std::size_t> left(costs.size());
        for (std::size_t i = 0; i < left.size(); ++i) left[i] = i;
        while (!left.empty()) {
            std::size_t least = left[0];
            for (const std::size_t i : left) {
                REQUIRE(crowd.distance(i) == Approx(loneliness<N>(costs, left, i)).epsilon(1e-12));
                if (crowd.distance(i) <= crowd.distance(least)) least = i;
            }
            REQUIRE(crowd.members().size() == left.size());
            REQUIRE(crowd.drop() == least);
            left.erase(std::find(left.begin(), left.end(), least));
        }
        REQUIRE_PANIC(crowd.drop(), empty);
    }
}

constexpr std::size_t fronts_of_a_square() {
    std::array<lutra::objectives<2>, 16> costs{};
    for (std::size_t i = 0; i < 16; ++i) costs[i] = {static_cast<double>(i % 4), static_cast<double>(i / 4)};
    return lutra::non_dominated_fronts<2, 16>{costs}.size();
}
static_assert(fronts_of_a_square() == 7);

} // namespace

TEST_CASE("fronts are what is left when those before are taken off") {
    compare_with_peeling<2>(8);
    compare_with_peeling<2>(50);
    compare_with_peeling<3>(5);
    compare_with_peeling<3>(50);
    compare_with_peeling<4>(4);
    compare_with_peeling<4>(50);
    compare_with_peeling<5>(3);
    const std::vector<lutra::objectives<2>> too_many(5);
    REQUIRE_PANIC((lutra::non_dominated_fronts<2, 4>{too_many}), out_of_range);
    const lutra::non_dominated_fronts<2, 4> none{std::span{too_many}.first(0)};
    CHECK(none.size() == 0);
    REQUIRE_PANIC(none[0], out_of_range);
}

TEST_CASE("the crowding distance is the gap between neighbours, and stays it while members leave") {
    compare_with_loneliness<2>();
    compare_with_loneliness<3>();
    compare_with_loneliness<4>();
}

TEST_CASE("equal members, and objectives in which all are equal, have distances, too") {
    lutra::crowding<2, 6> crowd;
    const std::array<lutra::objectives<2>, 6> costs{{{0, 1}, {2, 1}, {2, 1}, {2, 1}, {4, 1}, {1, 1}}};
    crowd.assign(6, [&](std::size_t i) { return costs[i]; });
    CHECK(crowd.distance(0) == infinity);
    CHECK(crowd.distance(4) == infinity);
    CHECK(crowd.distance(5) == 0.5);
    // The middle one of three equal members leaves first, then of two with the same distance the last.
    CHECK(crowd.drop() == 2);
    CHECK(crowd.distance(1) == 0.25);
    CHECK(crowd.distance(3) == 0.5);
    CHECK(crowd.drop() == 1);
    CHECK(crowd.distance(3) == 0.75);
    CHECK(crowd.distance(5) == 0.5);
    crowd.assign(3, [&](std::size_t i) { return costs[i + 1]; });
    for (std::size_t i = 0; i < 3; ++i) CHECK(crowd.distance(i) == 0);
    CHECK(crowd.drop() == 2);
    crowd.assign(0, [&](std::size_t i) { return costs[i]; });
    CHECK(crowd.members().empty());
    REQUIRE_PANIC(crowd.assign(7, [&](std::size_t) { return costs[0]; }), out_of_range);
}
