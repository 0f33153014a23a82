// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/search/choices.hpp>
#include <lutra/search/mcts.hpp>
#include <lutra/search/rewards.hpp>
#include <lutra/search/run.hpp>
#include <lutra/search/tree_policies.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace {

using arms = lutra::choice_space<2>; // which of four machines, and which of its many coins
constexpr arms four_machines{.alternatives = {4, 500}, .length = 2};
constexpr std::array<double, 4> pays{0.30, 0.52, 0.61, 0.17};

struct machines {
    using genome = lutra::choice_genome<2>;
    static constexpr lutra::objectives<1> evaluate(const genome& g) { return {1 - pays[g[0]]}; }
};
const lutra::weighted_reward<1> pay{{1}, {0}, {1}};

/// Which machine each of the first evaluations chose.
template <class Search>
std::vector<std::size_t> chosen_by(Search&& search, std::uint64_t evaluations) {
    std::vector<std::size_t> chosen;
    lutra::run_search<1>(search, machines{}, {.evaluations = evaluations},
                         [&](auto, const auto& g, const auto&) { chosen.push_back(g[0]); });
    return chosen;
}

constexpr std::array<double, 4> promise{0.5, 8, 4, 3.5};
struct promising {
    constexpr double operator()(std::span<const std::uint16_t> chosen, std::size_t a) const {
        return chosen.empty() ? promise[a] : 1;
    }
};

} // namespace

TEST_CASE("square roots are exact, and the same for the compiler") {
    static_assert(lutra::detail::floor_sqrt(0) == 0 && lutra::detail::floor_sqrt(1) == 1 &&
                  lutra::detail::floor_sqrt(3) == 1);
    static_assert(lutra::detail::floor_sqrt((std::uint64_t{1} << 62) - 1) == (std::uint64_t{1} << 31) - 1);
    for (std::uint64_t r = 1; r < (std::uint64_t{1} << 31); r += r / 5 + 1) {
        CHECK(lutra::detail::floor_sqrt(r * r) == r);
        CHECK(lutra::detail::floor_sqrt(r * r - 1) == r - 1);
        CHECK(lutra::detail::floor_sqrt(r * r + 2 * r) == r);
    }
    static_assert([] {
        for (std::uint64_t r = 1; r < (std::uint64_t{1} << 31); r += 3 * r + 1)
            if (lutra::detail::floor_sqrt(r * r) != r || lutra::detail::floor_sqrt(r * r - 1) != r - 1) return false;
        return true;
    }());
}

TEST_CASE("logarithms are right to 2^-15") {
    for (int e = 0; e < 64; ++e)
        CHECK(lutra::detail::log2_q16(std::uint64_t{1} << e) == static_cast<std::uint64_t>(e) << 16);
    for (std::uint64_t x = 1; x < std::numeric_limits<std::uint64_t>::max() / 2; x += x / 3 + 1) {
        const double off = std::log2(static_cast<double>(x)) - static_cast<double>(lutra::detail::log2_q16(x)) * 0x1p-16;
        CHECK(off >= -1e-9);
        CHECK(off < 0x1p-15);
    }
}

TEST_CASE("scores of rewards are cut to [0, 1]") {
    using lutra::detail::score_of;
    static_assert(score_of(0) == 0 && score_of(-1) == 0 && score_of(1) == lutra::detail::unit_score);
    static_assert(score_of(7) == lutra::detail::unit_score && score_of(0.25) == lutra::detail::unit_score / 4);
    static_assert(score_of(std::numeric_limits<double>::quiet_NaN()) == 0);
    static_assert(score_of(std::numeric_limits<double>::infinity()) == lutra::detail::unit_score);
}

TEST_CASE("the bonus of UCT is c sqrt(ln N / n), that of PUCT c p sqrt(N) / (1 + n)") {
    for (const double c : {0.0, 0.1, 1 / (2 * std::sqrt(2.0)), 1.4, 16.0})
        for (std::uint32_t parent = 1; parent < 4'000'000'000u; parent += parent / 2 + 1)
            for (std::uint32_t child = 1; child <= parent && child < 2'000'000'000; child *= 3) {
                const lutra::uct u{c};
                const double bonus = static_cast<double>(u.bonus(u.scale(parent), child, 0)) * 0x1p-32;
                CHECK(bonus == Approx(c * std::sqrt(std::log(parent) / child)).epsilon(1e-4).margin(1e-6));
                for (const double share : {0.0, 0.001, 0.5, 1.0}) {
                    const lutra::puct p{c};
                    const auto part = static_cast<std::uint64_t>(share * 0x1p24);
                    CHECK(static_cast<double>(p.bonus(p.scale(parent), child, part)) * 0x1p-32 ==
                          Approx(c * share * std::sqrt(parent) / (1.0 + child)).epsilon(0.005).margin(1e-6));
                }
            }
    CHECK(lutra::uct{}.exploration == Approx(1 / (2 * std::sqrt(2.0))));
}

TEST_CASE("UCT descends where its bound is greatest") {
    lutra::mcts<arms, lutra::weighted_reward<1>, 2048> search{four_machines, pay, {.seed = 2}};
    const auto chosen = chosen_by(search, 400);
    std::array<double, 4> times{};
    for (std::size_t n = 0; n < chosen.size(); ++n) {
        if (n < 4) { // each once, in any order
            CHECK(times[chosen[n]] == 0);
        } else {
            const auto bound = [&](std::size_t a) { return pays[a] + std::sqrt(std::log(n) / times[a] / 8); };
            for (std::size_t a = 0; a < 4; ++a) REQUIRE(bound(chosen[n]) >= bound(a) - 1e-4);
        }
        ++times[chosen[n]];
    }
    CHECK(times[2] > times[1]);
    CHECK(times[1] > times[0]);
    CHECK(times[0] > times[3]);
    CHECK(times[3] > 1);
}

TEST_CASE("PUCT descends where its bound is greatest, and takes what was never tried for the mean of its parent") {
    lutra::mcts<arms, lutra::weighted_reward<1>, 2048, 8, lutra::puct, promising> search{
        four_machines, pay, {.seed = 2}, {.exploration = 0.25}};
    const auto chosen = chosen_by(search, 400);
    CHECK(chosen[0] == 1); // the most promising
    std::array<double, 4> times{};
    double paid = 0;
    for (std::size_t n = 0; n < chosen.size(); ++n) {
        const auto bound = [&](std::size_t a) {
            const double mean = times[a] > 0 ? pays[a] : paid / std::max(1.0, static_cast<double>(n));
            return mean + 0.25 * promise[a] / 16 * std::sqrt(static_cast<double>(n)) / (1 + times[a]);
        };
        for (std::size_t a = 0; a < 4; ++a) REQUIRE(bound(chosen[n]) >= bound(a) - 1e-3);
        ++times[chosen[n]];
        paid += pays[chosen[n]];
    }
    CHECK(times[2] > 200);
}

TEST_CASE("of the most promising PUCT tries any first") {
    struct one_less {
        double operator()(std::span<const std::uint16_t>, std::size_t a) const { return a == 0 ? 1 : 2; }
    };
    std::array<int, 4> times{};
    for (std::uint64_t seed = 0; seed < 600; ++seed) {
        lutra::mcts<arms, lutra::weighted_reward<1>, 8, 1, lutra::puct, one_less> search{four_machines, pay, {.seed = seed}};
        ++times[chosen_by(search, 1)[0]];
    }
    CHECK(times[0] == 0);
    for (const std::size_t a : {1u, 2u, 3u}) CHECK(std::abs(times[a] - 200) < 40);
}

TEST_CASE("rollouts take alternatives by their weights, those without weight last") {
    struct weights {
        double operator()(std::span<const std::uint16_t> chosen, std::size_t a) const {
            return chosen.empty() ? std::array{3.0, 0.0, 1.0, 0.0}[a] : 1;
        }
    };
    lutra::random_generator random{1};
    std::array<int, 4> times{};
    for (int i = 0; i < 4000; ++i) ++times[lutra::detail::weighted_choice(weights{}, {}, std::size_t{4}, random)];
    CHECK(std::abs(times[0] - 3000) < 120);
    CHECK(times[0] + times[2] == 4000);

    lutra::mcts<arms, lutra::weighted_reward<1>, 2048, 8, lutra::uct, weights> search{four_machines, pay, {.seed = 1}};
    const auto chosen = chosen_by(search, 4);
    CHECK(chosen[0] + chosen[1] == 2);
    CHECK(chosen[2] + chosen[3] == 4);

    struct none {
        double operator()(std::span<const std::uint16_t>, std::size_t) const { return 0; }
    };
    times = {};
    for (int i = 0; i < 4000; ++i) ++times[lutra::detail::weighted_choice(none{}, {}, std::size_t{4}, random)];
    for (const int t : times) CHECK(std::abs(t - 1000) < 120);
}

TEST_CASE("a weight that is none is refused") {
    struct weight {
        double value;
        double operator()(std::span<const std::uint16_t>, std::size_t) const { return value; }
    };
    const auto with = [](double value) {
        lutra::mcts<arms, lutra::weighted_reward<1>, 64, 8, lutra::uct, weight> search{four_machines, pay, {}, {}, {value}};
        return chosen_by(search, 2);
    };
    CHECK(with(32768).size() == 2);
    REQUIRE_PANIC(with(-1), bad_argument);
    REQUIRE_PANIC(with(32769), bad_argument);
    REQUIRE_PANIC(with(std::numeric_limits<double>::quiet_NaN()), bad_argument);
}

TEST_CASE("widening lets k n^alpha children grow") {
    for (const double k : {0.5, 1.0, 2.7})
        for (const double alpha : {0.0, 0.3, 0.5, 1.0})
            for (std::uint32_t n = 1; n < 2'000'000; n += n / 3 + 1)
                for (std::size_t children = 1; children < 60'000; children += children / 4 + 1) {
                    const double most = k * std::pow(n, alpha), wanted = static_cast<double>(children + 1);
                    if (std::abs(wanted - most) < 1e-4 * most) continue; // either
                    CHECK((lutra::progressive_widening{k, alpha}.allows(children, n)) == (wanted < most));
                }
    static_assert(lutra::progressive_widening{1, 0.5}.allows(1, 4) && !lutra::progressive_widening{1, 0.5}.allows(2, 8));
    static_assert(lutra::progressive_widening{0.25, 0.5}.allows(0, 1) && lutra::progressive_widening{}.allows(60'000, 1));
}

TEST_CASE("constants outside their range are refused") {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    for (const double c : {-0.1, 16.5, nan}) REQUIRE_PANIC(lutra::uct{c}.check(), bad_argument);
    for (const double c : {-0.1, 64.5, nan}) REQUIRE_PANIC(lutra::puct{c}.check(), bad_argument);
    for (const double k : {-1.0, 1e-9, 70'000.0, nan})
        REQUIRE_PANIC((lutra::progressive_widening{k, 0.5}.check()), bad_argument);
    for (const double alpha : {-0.1, 1.1, nan}) REQUIRE_PANIC((lutra::progressive_widening{1, alpha}.check()), bad_argument);
}
