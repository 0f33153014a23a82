// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/threads.hpp>
#include <lutra/search/hypervolume.hpp>
#include <lutra/search/random_search.hpp>
#include <lutra/search/run.hpp>
#include <lutra/search/surrogate/network_ensemble.hpp>
#include <lutra/search/surrogate/surrogate_search.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <set>
#include <utility>
#include <vector>

namespace {

using space = lutra::choice_space<6>;
using genome = space::genome;
using encoding = lutra::choice_encoding<6>;
using costs = lutra::objectives<2>;
constexpr space six_genes{.alternatives = {5, 5, 5, 5, 5, 5}, .length = 6};

/// Six units, each of five kinds with a power and an error; neighbours may clash; the error's square counts.
struct units {
    using genome = ::genome;
    std::array<std::array<double, 5>, 6> power{}, error{};
    std::array<std::array<std::array<double, 5>, 5>, 6> clash{};
    bool some_impossible = false;

    explicit units(std::uint64_t seed) {
        lutra::random_generator random{seed};
        for (std::size_t i = 0; i < 6; ++i)
            for (std::size_t a = 0; a < 5; ++a) {
                power[i][a] = random.unit();
                error[i][a] = (1 - power[i][a]) * (0.3 + 0.7 * random.unit());
                for (double& c : clash[i][a]) c = random.unit() < 0.3 ? random.unit() : 0;
            }
    }
    [[nodiscard]] bool impossible(const genome& g) const { return some_impossible && g[0] + g[1] >= 4; } // 15 of 25
    [[nodiscard]] costs evaluate(const genome& g) const {
        if (impossible(g)) return lutra::infeasible<2>();
        double p = 0, e = 0;
        for (std::size_t i = 0; i < 6; ++i) {
            p += power[i][g[i]];
            e += error[i][g[i]] + clash[i][g[i]][g[(i + 1) % 6]];
        }
        return {p, e * e};
    }
};

using record = std::vector<std::pair<genome, costs>>;

/// All that @p search asks for, and what it costs.
template <std::size_t Width = 4, class Search, class Problem, class Executor = lutra::serial_executor>
record run(Search& search, const Problem& problem, std::uint64_t evaluations, Executor&& on = {}) {
    record out;
    lutra::run_search<Width>(
        search, problem, {.evaluations = evaluations},
        [&](std::uint64_t, const auto& g, const auto& cost) { out.emplace_back(g, cost); }, on);
    return out;
}
double volume(const record& of, const costs& reference) {
    std::vector<costs> points;
    for (const auto& [g, cost] : of) points.push_back(cost);
    return lutra::hypervolume<2>(points, reference);
}
template <class T>
T median(std::vector<T> of) {
    std::sort(of.begin(), of.end());
    return of[of.size() / 2];
}
bool equal(const record& a, const record& b) { // NaN, too
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
        return x.first == y.first && (x.second == y.second || (!lutra::feasible(x.second) && !lutra::feasible(y.second)));
    });
}
constexpr lutra::surrogate_search_options quick{
    .descent = {.steps = 10}, .starts = 1, .mutants = 40, .strangers = 20, .refit_growth = 1.7, .seed = 1};

} // namespace

static_assert(lutra::batch_search<lutra::surrogate_search<6, 2>>);

TEST_CASE("a surrogate search reaches in 50 evaluations what random search does not in 150") {
    const units problem{100};
    costs worst{0, 0};
    record all;
    for (std::uint64_t i = 0; i < six_genes.size(); ++i) {
        const genome g = six_genes.at(i);
        all.emplace_back(g, problem.evaluate(g));
        for (std::size_t j = 0; j < 2; ++j) worst[j] = std::max(worst[j], all.back().second[j]);
    }
    const double possible = volume(all, worst);
    std::vector<double> found, found_at_random;
    for (std::uint64_t seed = 1; seed <= 7; ++seed) {
        auto options = quick;
        options.seed = seed;
        lutra::surrogate_search<6, 2> search{encoding{six_genes}, options};
        found.push_back(volume(run(search, problem, 50), worst) / possible);
        lutra::random_search<space, 2> baseline{six_genes, {.seed = seed}};
        found_at_random.push_back(volume(run(baseline, problem, 150), worst) / possible);
    }
    CAPTURE(found, found_at_random);
    CHECK(median(found) > median(found_at_random) + 0.02);
    CHECK(median(found) > 0.9);
}

TEST_CASE("features of the alternatives let a surrogate search find more") {
    const units problem{100};
    const auto after_30 = [&](std::uint64_t seed, const encoding& how) {
        auto options = quick;
        options.design = 10;
        options.seed = seed;
        lutra::surrogate_search<6, 2> search{how, options};
        return volume(run(search, problem, 30), {6, 100});
    };
    std::vector<double> with, without;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        with.push_back(after_30(seed, encoding{six_genes, [&](std::size_t i, std::size_t a) {
                                                   return std::vector{problem.power[i][a], problem.error[i][a]};
                                               }}));
        without.push_back(after_30(seed, encoding{six_genes}));
    }
    CAPTURE(with, without);
    CHECK(median(with) > 1.03 * median(without));
}

TEST_CASE("the number of workers does not change a surrogate search, its seed and width do") {
    units problem{3};
    problem.some_impossible = true;
    const auto with = [&]<std::size_t Width>(std::uint64_t seed, auto&& executor) {
        auto options = quick;
        options.design = 12;
        options.seed = seed;
        lutra::surrogate_search<6, 2> search{encoding{six_genes}, options};
        return run<Width>(search, problem, 24, executor);
    };
    const record serial = with.operator()<4>(1, lutra::serial_executor{});
    CHECK(serial.size() == 24);
    CHECK(equal(with.operator()<4>(1, lutra::thread_executor{3}), serial));
    CHECK(!equal(with.operator()<4>(2, lutra::serial_executor{}), serial));
    CHECK(!equal(with.operator()<3>(1, lutra::serial_executor{}), serial));
}

TEST_CASE("a surrogate search keeps away from what is infeasible") {
    units problem{4};
    problem.some_impossible = true;
    auto options = quick;
    options.random_rate = 0;
    lutra::surrogate_search<6, 2> search{encoding{six_genes}, options};
    const record all = run(search, problem, 50);
    const auto impossible = [](const auto& one) { return !lutra::feasible(one.second); };
    const auto of_design = std::count_if(all.begin(), all.begin() + 20, impossible),
               later = std::count_if(all.begin() + 20, all.end(), impossible);
    CHECK(of_design >= 8);
    CHECK(later <= 6); // of 30
    CHECK(search.log().infeasible_entries().size() == static_cast<std::size_t>(of_design + later));
    CHECK(search.log().size() == 50);
    for (const std::size_t i : search.log().front()) CHECK(lutra::feasible(search.log()[i].costs));
}

TEST_CASE("a surrogate search works where nothing is feasible, or costs cannot be learnt") {
    struct hopeless {
        using genome = ::genome;
        costs bad;
        [[nodiscard]] costs evaluate(const genome&) const { return bad; }
    };
    const double infinity = std::numeric_limits<double>::infinity();
    for (const costs& bad : {lutra::infeasible<2>(), costs{1, infinity}, costs{1, 1e200}, costs{7, 7}}) {
        lutra::surrogate_search<6, 2> search{encoding{six_genes}, quick};
        const record all = run(search, hopeless{bad}, 30);
        CHECK(all.size() == 30);
        CHECK(search.log().front().size() == (lutra::feasible(bad) ? 1 : 0));
    }
}

TEST_CASE("no candidate is asked for twice, and none when all were") {
    constexpr space small{.alternatives = {3, 1, 4}, .length = 3};
    lutra::surrogate_search<6, 2> search{encoding{small}, quick};
    std::set<std::vector<std::uint16_t>> seen;
    for (const auto& [g, cost] : run<5>(search, units{5}, 1000)) seen.emplace(g.begin(), g.end());
    CHECK(seen.size() == 12);
    CHECK(search.log().size() == 12);
    std::array<genome, 1> more{};
    CHECK(search.ask(more) == 0);

    constexpr space single{.alternatives = {1, 1}, .length = 2};
    lutra::surrogate_search<6, 2> no_choice{encoding{single}, quick};
    const std::array<genome, 2> twice{single.at(0), single.at(0)};
    no_choice.tell(twice, std::array<costs, 2>{costs{1, 2}, costs{1, 2}});
    CHECK(no_choice.ask(more) == 0);
}

TEST_CASE("a surrogate search of one objective finds the best, and ends after its patience") {
    struct power_of_units {
        using genome = ::genome;
        units all{100};
        [[nodiscard]] lutra::objectives<1> evaluate(const genome& g) const { return {all.evaluate(g)[1]}; }
    };
    const power_of_units problem;
    double least = std::numeric_limits<double>::infinity();
    for (std::uint64_t i = 0; i < six_genes.size(); ++i) least = std::min(least, problem.evaluate(six_genes.at(i))[0]);
    auto options = quick;
    options.patience = 30;
    lutra::surrogate_search<6, 1> search{encoding{six_genes}, options};
    lutra::run_search<4>(search, problem, {.evaluations = 300});
    CHECK(search.converged());
    CHECK(search.log().size() < 150);
    const std::size_t best = search.log().front().front();
    CHECK(search.log()[best].costs[0] == least);
    CHECK(search.log().size() >= best + 1 + 30);
    CHECK(search.log().size() <= best + 1 + 30 + 3); // a batch ends
}

TEST_CASE("an ensemble may stand for the Gaussian process, and learns what is infeasible") {
    units problem{100};
    problem.some_impossible = true;
    const lutra::network_ensemble model{
        {.members = 2, .hidden = 8, .steps = 120, .update_steps = 30, .batch = 16, .caution = {.infeasible_price = 0.5}}};
    auto options = quick;
    options.random_rate = options.uncertain_rate = 0;
    std::vector<double> found, found_at_random;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        options.seed = seed;
        lutra::surrogate_search<6, 2, lutra::network_ensemble> search{encoding{six_genes}, options, model};
        found.push_back(volume(run<10>(search, problem, 40), {6, 100}));
        lutra::random_search<space, 2> baseline{six_genes, {.seed = seed}};
        found_at_random.push_back(volume(run(baseline, problem, 40), {6, 100}));
        // It was told of no cost of what is infeasible.
        const auto cost = [&](std::uint16_t kind) {
            return search.models()[0].predict(encoding{six_genes}.encode({.gene = {kind, kind, 1, 2, 3, 4}, .length = 6}));
        };
        CHECK(cost(4).mean > cost(0).mean);
    }
    CAPTURE(found, found_at_random);
    CHECK(median(found) > 1.03 * median(found_at_random));
}

TEST_CASE("what is told without being asked is learnt, and not asked for") {
    const units problem{7};
    lutra::surrogate_search<6, 2> search{encoding{six_genes}, quick};
    std::vector<genome> known;
    std::vector<costs> their;
    for (std::uint64_t i = 0; i < 40; ++i) {
        known.push_back(six_genes.at(i * 390));
        their.push_back(problem.evaluate(known.back()));
    }
    search.tell(known, their);
    CHECK(search.log().size() == 40);
    for (const auto& [g, cost] : run(search, problem, 30)) CHECK(std::find(known.begin(), known.end(), g) == known.end());
    REQUIRE_PANIC(search.tell(known, std::vector<costs>(3)), bad_shape);
    known[2][0] = 5;
    REQUIRE_PANIC(search.tell(known, their), bad_argument);
}

TEST_CASE("a surrogate search refuses what cannot be searched") {
    const auto with = [](lutra::surrogate_search_options o) {
        return lutra::surrogate_search<6, 2>{encoding{six_genes}, o};
    };
    REQUIRE_PANIC(with({.design = 1}), bad_argument);
    REQUIRE_PANIC(with({.uncertain_rate = 0.6, .random_rate = 0.6}), bad_argument);
    REQUIRE_PANIC(with({.random_rate = -0.1}), bad_argument);
    REQUIRE_PANIC(with({.most_trained = 3}), bad_argument);
    REQUIRE_PANIC(with({.refit_growth = 0.9}), bad_argument);
    REQUIRE_PANIC(encoding{space{}}, empty);
}
