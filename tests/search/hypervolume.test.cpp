// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/search/hypervolume.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity(), undefined = std::numeric_limits<double>::quiet_NaN();

/// Points with whole coordinates in [0, 7], some of them infeasible.
template <std::size_t N>
std::vector<lutra::objectives<N>> whole_points(std::size_t count, lutra::random_generator& random) {
    std::vector<lutra::objectives<N>> points(count);
    for (auto& p : points) {
        for (double& x : p) x = static_cast<double>(random.below(8));
        if (random.below(10) == 0)
            p[static_cast<std::size_t>(random.below(N))] = std::array{undefined, infinity, -infinity}[random.below(3)];
    }
    return points;
}

/// How many unit cubes of [0, reference) whole points dominate.
template <std::size_t N>
double count_cubes(const std::vector<lutra::objectives<N>>& points, const lutra::objectives<N>& reference) {
    double cubes = 0;
    lutra::objectives<N> cube{};
    for (;;) {
        cubes += std::any_of(points.begin(), points.end(), [&](const auto& p) {
            for (std::size_t i = 0; i < N; ++i)
                if (!(p[i] <= cube[i])) return false;
            return lutra::feasible(p);
        });
        std::size_t i = 0;
        while (i < N && ++cube[i] >= reference[i]) cube[i++] = 0;
        if (i == N) return cubes;
    }
}

template <std::size_t N>
void compare_with_cubes() {
    lutra::random_generator random{N};
    for (int round = 0; round < 300; ++round) {
        auto points = whole_points<N>(static_cast<std::size_t>(random.below(25)), random);
        lutra::objectives<N> reference{};
        for (double& x : reference) x = static_cast<double>(3 + random.below(4));
        const double expected = count_cubes<N>(points, reference);

        auto permuted = points;
        REQUIRE(lutra::hypervolume(permuted, reference) == expected);
        REQUIRE(permuted.size() == points.size());
        for (const auto& p : points)
            if (lutra::feasible(p))
                REQUIRE(std::count(permuted.begin(), permuted.end(), p) == std::count(points.begin(), points.end(), p));

        const auto candidate = whole_points<N>(1, random)[0];
        auto with = points;
        with.push_back(candidate);
        auto scratch = points;
        REQUIRE(lutra::hypervolume_improvement(scratch, candidate, reference) == count_cubes<N>(with, reference) - expected);
    }
}

template <std::size_t N>
void permute() {
    lutra::random_generator random{10 + N};
    lutra::objectives<N> reference{};
    reference.fill(0.9);
    for (int round = 0; round < 20; ++round) {
        std::vector<lutra::objectives<N>> points(30);
        for (auto& p : points)
            for (double& x : p) x = random.unit();
        points[1] = points[0];
        points[3] = points[2]; // a tie in the objective by which the sweep goes
        points[3][0] = points[4][0];
        const double volume = lutra::hypervolume(points, reference);
        for (int k = 0; k < 10; ++k) {
            random.shuffle(std::span{points});
            REQUIRE(lutra::hypervolume(points, reference) == volume);
        }
    }
}

constexpr double of_a_stair() {
    std::array<lutra::objectives<2>, 3> points{{{2, 1}, {1, 2}, {2, 2}}};
    return lutra::hypervolume(points, lutra::objectives<2>{3, 3});
}
static_assert(of_a_stair() == 3);

constexpr double of_four_objectives(double beyond) {
    std::array<lutra::objectives<4>, 3> points{{{0, 1, 2, 3}, {3, 2, 1, 0}, {0, 0, 0, beyond}}};
    return lutra::hypervolume(points, lutra::objectives<4>{4, 4, 4, 4});
}
static_assert(of_four_objectives(4) == 2 * 4 * 3 * 2 * 1 - 1 * 2 * 2 * 1);
static_assert(of_four_objectives(3) == 4 * 4 * 4 * 1 + 4 * 3 * 2 * 1 - 1 * 2 * 3 * 1);

} // namespace

TEST_CASE("the hypervolume is the number of cubes that whole points dominate") {
    compare_with_cubes<2>();
    compare_with_cubes<3>();
    compare_with_cubes<4>();
}

TEST_CASE("the order of the points does not change a bit of the hypervolume") {
    permute<2>();
    permute<3>();
    permute<4>();
}

TEST_CASE("the hypervolume of real points is what inclusion and exclusion give") {
    lutra::random_generator random{1};
    const lutra::objectives<4> reference{1, 1.5, 2, 0.75};
    for (int round = 0; round < 100; ++round) {
        std::vector<lutra::objectives<4>> points(5);
        for (auto& p : points)
            for (double& x : p) x = 0.7 * random.unit();
        double expected = 0;
        for (unsigned subset = 1; subset < 32; ++subset) {
            double sign = -1, common = 1;
            for (std::size_t i = 0; i < 4; ++i) {
                double corner = 0;
                for (std::size_t k = 0; k < 5; ++k)
                    if ((subset >> k & 1) != 0) corner = std::max(corner, points[k][i]);
                common *= reference[i] - corner;
            }
            for (std::size_t k = 0; k < 5; ++k)
                if ((subset >> k & 1) != 0) sign = -sign;
            expected += sign * common;
        }
        REQUIRE(lutra::hypervolume(points, reference) == Approx(expected).epsilon(1e-12));
    }
}

TEST_CASE("what is not better than the reference in every objective has no volume") {
    const lutra::objectives<3> reference{1, 1, 1};
    std::vector<lutra::objectives<3>> points;
    CHECK(lutra::hypervolume(points, reference) == 0);
    CHECK(lutra::hypervolume_improvement(points, {0, 0, 0.5}, reference) == 0.5);
    points = {{0, 0, 1}, {0, 2, 0}, {-5, 0, undefined}, {-infinity, 0, 0}, lutra::infeasible<3>()};
    CHECK(lutra::hypervolume(points, reference) == 0);
    CHECK(lutra::hypervolume_improvement(points, {0, 0, 1}, reference) == 0);
    CHECK(lutra::hypervolume_improvement(points, lutra::infeasible<3>(), reference) == 0);
    CHECK(lutra::hypervolume_improvement(points, {0, -1, 0.5}, reference) == 1);
    REQUIRE_PANIC(lutra::hypervolume<3>(points, {1, 1, infinity}), bad_argument);
    REQUIRE_PANIC(lutra::hypervolume<3>(points, {undefined, 1, 1}), bad_argument);
}

TEST_CASE("no candidate makes the hypervolume less, however little it adds") {
    lutra::random_generator random{3};
    const lutra::objectives<3> reference{1.1, 1.1, 1.1};
    for (int round = 0; round < 300; ++round) {
        std::vector<lutra::objectives<3>> points(12);
        for (auto& p : points)
            for (double& x : p) x = random.unit();
        lutra::objectives<3> candidate = points[0];
        candidate[static_cast<std::size_t>(random.below(3))] *= 1 - 0x1p-52;
        REQUIRE(lutra::hypervolume_improvement(points, candidate, reference) >= 0);
    }
}

TEST_CASE("what points dominate already improves nothing, without a trace of rounding") {
    lutra::random_generator random{2};
    const lutra::objectives<4> reference{1.1, 1.1, 1.1, 1.1};
    for (int round = 0; round < 100; ++round) {
        std::vector<lutra::objectives<4>> points(12);
        for (auto& p : points)
            for (double& x : p) x = random.unit();
        lutra::objectives<4> candidate = points[static_cast<std::size_t>(random.below(12))];
        if (round % 2 == 0) candidate[static_cast<std::size_t>(random.below(4))] += 0.05;
        REQUIRE(lutra::hypervolume_improvement(points, candidate, reference) == 0);
    }
}
