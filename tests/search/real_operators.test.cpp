// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/search/real_operators.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

using space3 = lutra::real_space<3>;
constexpr space3 box{.lower = {-2, 0, 5}, .upper = {3, 1, 5}};

constexpr bool stays_inside(int rounds) {
    lutra::random_generator random{1};
    const lutra::simulated_binary_crossover<3> crossover{box, 2, 0.9};
    const lutra::polynomial_mutation<3> mutation{box, 5, 0.5};
    space3::genome a = box.sample(random), b = box.sample(random);
    for (int i = 0; i < rounds; ++i) {
        crossover(a, b, random);
        mutation(a, random);
        if (!box.contains(a) || !box.contains(b)) return false;
    }
    return true;
}
static_assert(stays_inside(20));

/// The share of @p values that is below @p x.
double share_below(const std::vector<double>& values, double x) {
    return static_cast<double>(std::count_if(values.begin(), values.end(), [x](double v) { return v < x; })) /
           static_cast<double>(values.size());
}

} // namespace

TEST_CASE("whole roots and powers are those of the mathematical library") {
    for (const std::uint32_t n : {2u, 3u, 11u, 16u, 21u, 51u, 200u})
        for (double x = 1e-280; x < 1e280; x *= 7.3) {
            const double error = n <= 21 ? 1e-15 : n <= 51 ? 1e-12 : 1e-8;
            const auto expected = static_cast<double>(std::pow(static_cast<long double>(x), 1.0L / n));
            REQUIRE(lutra::detail::root(x, n) == Approx(expected).epsilon(error));
            if (const double p = std::pow(x, n); p > 1e-300 && p < 1e300)
                REQUIRE(lutra::detail::power(x, n) == Approx(p).epsilon(1e-13));
        }
    CHECK(lutra::detail::root(0, 11) == 0);
    CHECK(lutra::detail::root(5e-324, 101) == 0);
    CHECK(lutra::detail::power(3, 0) == 1);
    CHECK(lutra::detail::power(3, 5) == 243);
}

TEST_CASE("real candidates lie between their bounds, and bounds have to be in order") {
    CHECK(stays_inside(20'000));
    lutra::random_generator random{2};
    std::vector<double> first;
    for (int i = 0; i < 20'000; ++i) first.push_back(box.sample(random)[0]);
    CHECK(share_below(first, -1) == Approx(0.2).margin(0.01));
    CHECK(share_below(first, 2) == Approx(0.8).margin(0.01));
    CHECK_FALSE(box.contains({-2.1, 0, 5}));
    CHECK_FALSE(box.contains({0, 0, std::numeric_limits<double>::quiet_NaN()}));
    box.check();
    REQUIRE_PANIC((space3{.lower = {0, 1, 0}, .upper = {1, 0, 1}}.check()), bad_argument);
    REQUIRE_PANIC((space3::cube(0, std::numeric_limits<double>::infinity()).check()), bad_argument);
}

TEST_CASE("crossed numbers part as the distribution of simulated binary crossover says") {
    // Far from its bounds the spread's distribution is b^(n+1)/2 below 1, and 1 - b^-(n+1)/2 above.
    using one = lutra::real_space<1>;
    constexpr double n = 4;
    const lutra::simulated_binary_crossover<1> crossover{one::cube(-1e6, 1e6), 4, 1};
    lutra::random_generator random{3};
    std::vector<double> spread;
    int swapped = 0;
    for (int i = 0; i < 20'000; ++i) {
        one::genome a{1}, b{2};
        crossover(a, b, random);
        REQUIRE(a[0] + b[0] == Approx(3));
        spread.push_back(std::fabs(a[0] - b[0]));
        swapped += a[0] > b[0];
    }
    for (const double x : {0.5, 0.8, 0.95}) CHECK(share_below(spread, x) == Approx(std::pow(x, n + 1) / 2).margin(0.01));
    for (const double x : {1.05, 1.3, 2.0})
        CHECK(share_below(spread, x) == Approx(1 - std::pow(x, -n - 1) / 2).margin(0.01));
    CHECK(swapped == Approx(10'000).margin(300));

    // At a bound all of the distribution lies within: the child below is never clipped to it.
    const lutra::simulated_binary_crossover<1> bounded{one::cube(0.9, 2.5), 4, 1};
    std::vector<double> below;
    for (int i = 0; i < 20'000; ++i) {
        one::genome a{1}, b{2};
        bounded(a, b, random);
        below.push_back(std::min(a[0], b[0]));
    }
    const double inside = 1 - std::pow(1.2, -n - 1) / 2; // the spread reaches the bound at 1.2
    CHECK(share_below(below, 0.9) == 0);
    CHECK(share_below(below, 0.900001) < 0.001);
    CHECK(share_below(below, 1) == Approx((inside - 0.5) / inside).margin(0.01));
    CHECK(share_below(below, 1.1) == Approx(1 - std::pow(0.8, n + 1) / 2 / inside).margin(0.01));

    const lutra::simulated_binary_crossover<4> every_fifth{lutra::real_space<4>::cube(0, 4), 15, 0.2};
    int crossed = 0;
    for (int i = 0; i < 5'000; ++i) {
        std::array a{0.5, 1.0, 1.5, 2.0}, b{2.5, 3.0, 3.5, 1.5};
        const std::array before = a;
        every_fifth(a, b, random);
        for (std::size_t k = 0; k < 4; ++k) crossed += a[k] != before[k];
    }
    CHECK(crossed == Approx(4'000).margin(200));

    one::genome same{1.5}, equal{1.5};
    bounded(same, equal, random);
    CHECK(same[0] == 1.5);
    for (const std::uint32_t index : {0u, 200u})
        REQUIRE_PANIC((lutra::simulated_binary_crossover<1>{one::cube(0, 1), index}(same, equal, random)), bad_argument);
}

TEST_CASE("mutated numbers move as the polynomial distribution says") {
    // From the middle of [0, 1]: the chance of a step of less than d downwards is half of (1 - d)^(n+1), less what is
    // beyond.
    constexpr double n = 3;
    const lutra::polynomial_mutation<2> mutation{lutra::real_space<2>::cube(0, 1), 3, 0.25};
    lutra::random_generator random{4};
    std::vector<double> middle, low;
    int both = 0;
    for (int i = 0; i < 80'000; ++i) {
        std::array x{0.5, 0.1};
        mutation(x, random);
        both += x[0] != 0.5 && x[1] != 0.1;
        if (x[0] != 0.5) middle.push_back(x[0]);
        if (x[1] != 0.1) low.push_back(x[1]);
    }
    CHECK(static_cast<double>(middle.size()) == Approx(20'000).margin(500));
    CHECK(both == Approx(5'000).margin(250));
    const double beyond = std::pow(0.5, n + 1);
    for (const double d : {0.05, 0.2, 0.4}) {
        const double tail = (std::pow(1 - d, n + 1) - beyond) / (1 - beyond) / 2;
        CHECK(share_below(middle, 0.5 - d) == Approx(tail).margin(0.015));
        CHECK(share_below(middle, 0.5 + d) == Approx(1 - tail).margin(0.015));
    }
    CHECK(share_below(low, 0.1) == Approx(0.5).margin(0.015)); // near a bound, too, half of them go down, but not past it
    CHECK(share_below(low, 1e-6) < 0.001);                     // clipped to it, these would be many

    const lutra::polynomial_mutation<4> one_in_four{lutra::real_space<4>::cube(0, 1)};
    int changed = 0;
    for (int i = 0; i < 10'000; ++i) {
        std::array x{0.5, 0.5, 0.5, 0.5};
        one_in_four(x, random);
        changed += static_cast<int>(std::count_if(x.begin(), x.end(), [](double v) { return v != 0.5; }));
    }
    CHECK(changed == Approx(10'000).margin(400));
    std::array x{0.5, 0.5};
    for (const std::uint32_t index : {0u, 200u})
        REQUIRE_PANIC((lutra::polynomial_mutation<2>{lutra::real_space<2>::cube(0, 1), index}(x, random)), bad_argument);
}
