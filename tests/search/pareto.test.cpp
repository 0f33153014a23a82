// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/search/pareto.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

template <std::size_t N>
using evaluation = std::pair<int, lutra::objectives<N>>;

template <std::size_t N, std::size_t Capacity>
std::vector<evaluation<N>> content(const lutra::pareto_archive<int, N, Capacity>& archive) {
    std::vector<evaluation<N>> all;
    for (std::size_t i = 0; i < archive.size(); ++i) all.emplace_back(archive.genomes()[i], archive.costs()[i]);
    return all;
}

/// Of a stream of whole costs with repeats, what nothing dominates and what is the first of its kind.
template <std::size_t N>
void compare_with_all_pairs(std::uint64_t below) {
    lutra::random_generator random{N};
    for (int round = 0; round < 50; ++round) {
        const auto archive = std::make_unique<lutra::pareto_archive<int, N, 200>>();
        std::vector<evaluation<N>> stream;
        for (int i = 0; i < 200; ++i) {
            lutra::objectives<N> costs{};
            for (double& x : costs) x = static_cast<double>(random.below(below));
            if (random.below(20) == 0) costs[1] = std::numeric_limits<double>::quiet_NaN();
            const bool wanted = lutra::feasible(costs) && std::none_of(stream.begin(), stream.end(), [&](const auto& e) {
                                    return e.second == costs || lutra::dominates(e.second, costs);
                                });
            stream.emplace_back(i, costs);
            REQUIRE(archive->add(i, costs) == wanted);
        }
        std::vector<evaluation<N>> front;
        for (const evaluation<N>& one : stream)
            if (lutra::feasible(one.second) && std::none_of(stream.begin(), stream.end(), [&one](const auto& e) {
                    return (e.second == one.second && e.first < one.first) || lutra::dominates(e.second, one.second);
                }))
                front.push_back(one);
        REQUIRE(content(*archive) == front);
    }
}

constexpr std::size_t kept_of_a_square() {
    lutra::pareto_archive<int, 2, 8> archive;
    for (int i = 0; i < 25; ++i) archive.add(i, {1.0 * (i % 5), 1.0 * (i / 5)});
    return archive.size();
}
static_assert(kept_of_a_square() == 1);

} // namespace

TEST_CASE("an archive is what nothing of the whole stream dominates") {
    compare_with_all_pairs<2>(40);
    compare_with_all_pairs<3>(10);
    compare_with_all_pairs<4>(5);
}

TEST_CASE("a full archive drops the most crowded, of equals the last that came, and never an extreme") {
    lutra::pareto_archive<char, 2, 4> archive;
    CHECK(archive.empty());
    for (const auto& [name, x] : {std::pair{'a', 0.0}, {'b', 10.0}, {'c', 4.0}, {'d', 6.0}})
        CHECK(archive.add(name, {x, 10 - x}));
    const auto names = [&] { return std::string{archive.genomes().begin(), archive.genomes().end()}; };
    // Gaps, twice for two objectives, in tenths: c 5, d 5, and e between c and d 2.
    CHECK_FALSE(archive.add('e', {5, 5}));
    CHECK(names() == "abcd");
    // f at 8: c 6, d 4, f 4: f came last.
    CHECK_FALSE(archive.add('f', {8, 2}));
    CHECK(names() == "abcd");
    // g at 2: c 4, d 6, g 4.
    CHECK_FALSE(archive.add('g', {2, 8}));
    // h at 9: c 6, d 5, h 4.
    CHECK_FALSE(archive.add('h', {9, 1}));
    // i at 7: c 6, d 3, i 4: d leaves.
    CHECK(archive.add('i', {7, 3}));
    CHECK(names() == "abci");
    // j beyond b: the extremes are a and j, and c 7, i 6, b 5 of 12.
    CHECK(archive.add('j', {12, -2}));
    CHECK(names() == "acij");
    // k dominates all but a.
    CHECK(archive.add('k', {4, -3}));
    CHECK(names() == "ak");
    archive.clear();
    CHECK(archive.empty());
    CHECK(archive.add('l', {99, 99}));
}

TEST_CASE("a small archive of a long stream keeps its bounds, and stays a front") {
    lutra::random_generator random{3};
    lutra::pareto_archive<int, 3, 12> archive;
    for (int i = 0; i < 5000; ++i) {
        lutra::objectives<3> p{random.unit(), random.unit(), 0};
        p[2] = 3 - p[0] - p[1] - 0.1 * random.unit();
        const bool kept = archive.add(i, p);
        REQUIRE(archive.size() <= 12);
        REQUIRE((archive.genomes().back() == i) == kept);
    }
    CHECK(archive.size() == 12);
    CHECK(std::is_sorted(archive.genomes().begin(), archive.genomes().end()));
    for (const auto& a : archive.costs())
        for (const auto& b : archive.costs()) REQUIRE_FALSE(lutra::dominates(a, b));

    lutra::pareto_archive<int, 2, 1> single;
    CHECK(single.add(1, {1, 1}));
    CHECK_FALSE(single.add(2, {0, 2})); // two extremes: the last that came leaves
    CHECK(single.add(3, {0, 1}));
    CHECK(single.genomes()[0] == 3);
}

TEST_CASE("an archive knows its hypervolume, and what a candidate would add") {
    lutra::pareto_archive<int, 2, 4> archive;
    const lutra::objectives<2> reference{4, 4};
    CHECK(archive.hypervolume(reference) == 0);
    CHECK(archive.improvement({1, 3}, reference) == 3);
    archive.add(0, {1, 3});
    archive.add(1, {3, 1});
    CHECK(archive.hypervolume(reference) == 5);
    CHECK(archive.improvement({2, 2}, reference) == 1);
    CHECK(archive.improvement({3, 3}, reference) == 0);
    CHECK(archive.improvement({0, 0}, reference) == 11);
    CHECK(content(archive) == std::vector<evaluation<2>>{{0, {1, 3}}, {1, {3, 1}}}); // untouched
}
