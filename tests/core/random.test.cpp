// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

using lutra::random_generator;

static_assert(std::uniform_random_bit_generator<random_generator>);

// SplitMix64 from seed 1234567, and xoshiro256** from the state {1, 2, 3, 4}: the known answers that the authors'
// programs give and that other libraries test against.
static_assert(random_generator{1234567}.state() == std::array<std::uint64_t, 4>{6457827717110365317u, 3203168211198807973u,
                                                                                9817491932198370423u, 4593380528125082431u});
static_assert([] {
    auto g = random_generator::from_state({1, 2, 3, 4});
    constexpr std::array<std::uint64_t, 10> expected{11520u,
                                                     0u,
                                                     1509978240u,
                                                     1215971899390074240u,
                                                     1216172134540287360u,
                                                     607988272756665600u,
                                                     16172922978634559625u,
                                                     8476171486693032832u,
                                                     10595114339597558777u,
                                                     2904607092377533576u};
    return std::all_of(expected.begin(), expected.end(), [&](std::uint64_t x) { return g() == x; });
}());

TEST_CASE("a stored state continues where it was") {
    random_generator a{5};
    for (int i = 0; i < 100; ++i) static_cast<void>(a());
    auto b = random_generator::from_state(a.state());
    CHECK(a == b);
    CHECK(a() == b());
    CHECK(random_generator{5} != random_generator{6});
}

TEST_CASE("below reaches every number and none at or past its bound") {
    random_generator g{1};
    for (const std::uint64_t bound : {1u, 2u, 3u, 7u, 10u}) {
        std::array<int, 10> seen{};
        for (int i = 0; i < 10000; ++i) {
            const auto x = g.below(bound);
            REQUIRE(x < bound);
            ++seen[x];
        }
        const auto [least, most] = std::minmax_element(seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(bound));
        const double mean = 10000.0 / static_cast<double>(bound);
        CHECK(*least > mean * 0.85);
        CHECK(*most < mean * 1.15);
    }
    for (int i = 0; i < 1000; ++i) REQUIRE(g.below((std::uint64_t{1} << 63) + 1) <= std::uint64_t{1} << 63);
    REQUIRE_PANIC(g.below(0), bad_argument);
}

TEST_CASE("between includes both ends, over the whole of int64 too") {
    random_generator g{2};
    std::array<int, 5> seen{};
    for (int i = 0; i < 1000; ++i) ++seen[static_cast<std::size_t>(g.between(-2, 2) + 2)];
    CHECK(*std::min_element(seen.begin(), seen.end()) > 120);
    constexpr auto least = std::numeric_limits<std::int64_t>::min(), most = std::numeric_limits<std::int64_t>::max();
    CHECK(g.between(least, least) == least);
    CHECK(g.between(most, most) == most);
    int negative = 0;
    for (int i = 0; i < 1000; ++i) negative += g.between(least, most) < 0;
    CHECK(negative > 400);
    CHECK(negative < 600);
    REQUIRE_PANIC(g.between(1, 0), bad_argument);
}

TEST_CASE("unit numbers lie in [0, 1) and average to a half") {
    random_generator g{3};
    double sum = 0, least = 1, most = 0;
    for (int i = 0; i < 100000; ++i) {
        const double x = g.unit();
        sum += x, least = std::min(least, x), most = std::max(most, x);
    }
    CHECK(least >= 0);
    CHECK(most < 1);
    CHECK(std::abs(sum / 100000 - 0.5) < 0.005);
}

TEST_CASE("a shuffle keeps its items and makes every order") {
    random_generator g{4};
    std::array<int, 24> orders{};
    for (int i = 0; i < 24000; ++i) {
        std::array<int, 4> items{0, 1, 2, 3};
        g.shuffle(std::span<int>{items});
        std::size_t rank = 0; // of the permutation, in the factorial number system
        for (std::size_t j = 0; j < 4; ++j)
            rank =
                rank * (4 - j) + static_cast<std::size_t>(std::count_if(items.begin() + static_cast<std::ptrdiff_t>(j),
                                                                        items.end(), [&](int x) { return x < items[j]; }));
        ++orders[rank];
        std::sort(items.begin(), items.end());
        REQUIRE(items == std::array<int, 4>{0, 1, 2, 3});
    }
    CHECK(*std::min_element(orders.begin(), orders.end()) > 850);
    CHECK(*std::max_element(orders.begin(), orders.end()) < 1150);
    g.shuffle(std::span<int>{});
}
