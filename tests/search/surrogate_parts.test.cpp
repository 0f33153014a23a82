// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/search/surrogate/acquisition.hpp>
#include <lutra/search/surrogate/choice_encoding.hpp>
#include <lutra/search/surrogate/detail/latin_design.hpp>
#include <lutra/search/surrogate/evaluation_log.hpp>
#include <lutra/search/surrogate/gobi.hpp>
#include <lutra/search/surrogate/scalarisation.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

using vector = Eigen::VectorXd;
using matrix = Eigen::MatrixXd;
using space = lutra::choice_space<4>;
using genome = space::genome;
constexpr space mixed{.alternatives = {3, 1, 2, 4}, .length = 4};

} // namespace

TEST_CASE("genomes become ones among zeros, and come back") {
    const lutra::choice_encoding<4> code{mixed};
    CHECK(code.inputs() == 9);
    CHECK(code.encode({.gene = {2, 0, 1, 0}, .length = 4}) == vector{{0, 0, 1, 0, 1, 1, 0, 0, 0}});
    CHECK(code.length_of() == std::vector<std::size_t>{0, 0, 0, 1, 1, 2, 2, 2, 2});
    for (std::uint64_t i = 0; i < mixed.size(); ++i) CHECK(code.nearest(code.encode(mixed.at(i))) == mixed.at(i));
    CHECK(code.nearest(vector{{0.4, 0.5, 0.3, 0.2, 0.1, 0, 0, 0, 0.1}}) == genome{.gene = {1, 0, 0, 3}, .length = 4});
    REQUIRE_PANIC(code.encode({.gene = {3, 0, 0, 0}, .length = 4}), bad_argument);
    REQUIRE_PANIC(code.nearest(vector::Zero(8)), bad_shape);
}

TEST_CASE("alternatives have features of their own, from 0 to 1") {
    lutra::choice_encoding<4> code{mixed};
    code.set_features(3, matrix{{10, 30, 20, 30}, {-1, -1, 0, 1}});
    CHECK(code.inputs() == 7);
    CHECK(code.encode({.gene = {0, 0, 0, 2}, .length = 4}) == vector{{1, 0, 0, 1, 0, 0.5, 0.5}});
    CHECK(code.length_of() == std::vector<std::size_t>{0, 0, 0, 1, 1, 2, 3});
    for (std::uint64_t i = 0; i < mixed.size(); ++i) CHECK(code.nearest(code.encode(mixed.at(i))) == mixed.at(i));
    CHECK(code.nearest(vector{{1, 0, 0, 1, 0, 0.9, 0.4}})[3] == 1);
    CHECK(code.nearest(vector{{1, 0, 0, 1, 0, 0.9, 0.7}})[3] == 3);

    const lutra::choice_encoding<4> called{
        mixed, [](std::size_t gene, std::size_t alternative) {
            return gene == 3 ? std::vector{1.0 * static_cast<double>(alternative * alternative), 7.0}
                             : std::vector<double>{};
        }};
    CHECK(called.encode({.gene = {0, 0, 1, 2}, .length = 4}).isApprox(vector{{1, 0, 0, 0, 1, 4.0 / 9, 0}}));

    REQUIRE_PANIC(code.set_features(4, matrix::Zero(1, 4)), out_of_range);
    REQUIRE_PANIC(code.set_features(3, matrix::Zero(1, 3)), bad_shape);
    REQUIRE_PANIC(code.set_features(3, matrix::Zero(0, 4)), bad_shape);
    REQUIRE_PANIC(code.set_features(0, matrix{{1, 2, std::numeric_limits<double>::infinity()}}), bad_argument);
    const auto uneven = [](std::size_t, std::size_t alternative) { return std::vector<double>(alternative + 1); };
    REQUIRE_PANIC((lutra::choice_encoding<4>{mixed, uneven}), bad_shape);
}

TEST_CASE("a descent finds the bottom, within the box, and snaps to the nearest genome") {
    const lutra::choice_encoding<4> code{mixed};
    const vector bottom{{0.1, 0.8, 0.2, 1.5, -0.5, 0.2, 0.1, 0.7, 0.3}};
    int calls = 0;
    const auto bowl = [&](const vector& x) {
        ++calls;
        CHECK(x.minCoeff() >= 0);
        CHECK(x.maxCoeff() <= 1);
        return lutra::valued_gradient{(x - bottom).squaredNorm(), 2 * (x - bottom)};
    };
    const auto [end, value] = lutra::gobi(bowl, vector::Constant(9, 0.5), {.steps = 100});
    CHECK(end.isApprox(bottom.cwiseMax(0).cwiseMin(1), 0.02));
    CHECK(value == Approx((end - bottom).squaredNorm()));
    CHECK(calls < 101); // it stops where nothing changes any more
    CHECK(code.nearest(end) == genome{.gene = {1, 0, 0, 2}, .length = 4});

    // The best of the way counts, not its end.
    const auto cliff = [](const vector& x) { return lutra::valued_gradient{x[0] < 0.45 ? 9.0 : x[0], vector{{1}}}; };
    CHECK(lutra::gobi(cliff, vector::Constant(1, 0.5), {.rate = 0.02}).second < 0.5);
    REQUIRE_PANIC(lutra::gobi(bowl, bottom, {.steps = 0}), bad_argument);
    REQUIRE_PANIC(lutra::gobi(bowl, bottom, {.rate = 0}), bad_argument);
}

TEST_CASE("a lower confidence bound is the mean less half of both deviations") {
    CHECK(lutra::lower_confidence_bound{}({10, 2, 4}) == 7);
    CHECK(lutra::lower_confidence_bound{.k = 2}({10, 2, 4}) == -2);
    const lutra::prediction_gradient p{{10, 2, 4}, vector{{1, 2}}, vector{{3, 4}}, vector{{5, 8}}};
    CHECK(lutra::lower_confidence_bound{}.gradient(p) == vector{{-3, -4}});
}

TEST_CASE("the maximin improvement is what the nearest of the front loses most") {
    using lutra::maximin_improvement;
    const std::vector<lutra::objectives<2>> front{{1, 8}, {3, 4}};
    const lutra::objectives<2> range{2, 4};
    CHECK(maximin_improvement<2>(front, {2, 2}, range) == 0.5);  // 1.5 of the first, 0.5 of the second
    CHECK(maximin_improvement<2>(front, {0, 20}, range) == 0.5); // 0.5 and 1.5
    CHECK(maximin_improvement<2>(front, {3, 4}, range) == 0);    // is in the front
    CHECK(maximin_improvement<2>(front, {4, 6}, range) == -0.5); // is dominated
    CHECK(maximin_improvement<2>({}, {4, 6}, range) == std::numeric_limits<double>::infinity());
}

TEST_CASE("weights are spread evenly") {
    lutra::weight_sequence<2> pairs;
    std::array<int, 10> bin{};
    for (int i = 0; i < 100; ++i) {
        const auto w = pairs.next();
        CHECK(w[0] + w[1] == Approx(1));
        ++bin[static_cast<std::size_t>(10 * w[0])];
    }
    for (const int n : bin) CHECK(std::abs(n - 10) <= 1);

    lutra::weight_sequence<3> triples;
    std::array<int, 4> part{}; // of the triangle, cut at the middles of its sides: all are of one size
    for (int i = 0; i < 400; ++i) {
        const auto w = triples.next();
        CHECK(w[0] + w[1] + w[2] == Approx(1));
        CHECK(std::min({w[0], w[1], w[2]}) >= 0);
        const auto most = std::find_if(w.begin(), w.end(), [](double x) { return x > 0.5; });
        ++part[static_cast<std::size_t>(most - w.begin())];
    }
    for (const int n : part) CHECK(std::abs(n - 100) <= 6);
    CHECK(lutra::weight_sequence<1>{}.next() == lutra::objectives<1>{1});
}

TEST_CASE("several costs become one, and its slopes are those of differences") {
    const lutra::tchebycheff<3> one{.weight = {0.2, 0.3, 0.5}, .ideal = {1, -1, 0}, .range = {2, 4, 1}, .share_of_sum = 0.1};
    const lutra::objectives<3> at{3, 5, 0.4}; // weighted 0.2, 0.45, 0.2
    CHECK(one(at) == Approx(0.45 + 0.1 * 0.85));
    const lutra::objectives<3> slope = one.slope(at);
    for (std::size_t i = 0; i < 3; ++i) {
        auto up = at, down = at;
        up[i] += 1e-4;
        down[i] -= 1e-4;
        CHECK(slope[i] == Approx((one(up) - one(down)) / 2e-4));
    }
}

TEST_CASE("a log keeps the front, and gives the best and the newest to learn from") {
    lutra::evaluation_log<4, 2> log;
    const genome g{.length = 4};
    CHECK(log.add(g, {5, 5}));
    CHECK(!log.add(g, {5, 5}));
    CHECK(!log.add(g, {6, 5}));
    CHECK(!log.add(g, lutra::infeasible<2>()));
    CHECK(!log.add(g, {std::numeric_limits<double>::infinity(), 0}));
    CHECK(log.add(g, {1, 9}));
    CHECK(log.front() == std::vector<std::size_t>{0, 5});
    CHECK(log.add(g, {4, 5}));
    CHECK(log.front() == std::vector<std::size_t>{5, 6});
    CHECK(log.feasible_entries() == std::vector<std::size_t>{0, 1, 2, 5, 6});
    CHECK(log.infeasible_entries() == std::vector<std::size_t>{3, 4});
    for (int i = 0; i < 4; ++i) log.add(g, {9, 9}); // 7 to 10
    CHECK(log.best_and_newest(9).size() == 9);
    CHECK(log.best_and_newest(4) == std::vector<std::size_t>{5, 6, 9, 10});
    CHECK(log.best_and_newest(3) == std::vector<std::size_t>{6, 9, 10});
}

TEST_CASE("a design takes each alternative of a gene equally often") {
    lutra::random_generator random{1};
    const auto design = lutra::detail::latin_design(mixed, 14, random);
    REQUIRE(design.size() == 14);
    for (std::size_t i = 0; i < mixed.length; ++i) {
        std::vector<int> times(mixed.alternatives[i]);
        for (const genome& g : design) {
            CHECK(mixed.contains(g));
            ++times[g[i]];
        }
        CHECK(*std::max_element(times.begin(), times.end()) - *std::min_element(times.begin(), times.end()) <= 1);
    }
    CHECK(lutra::detail::latin_design(mixed, 14, random) != design);
}
