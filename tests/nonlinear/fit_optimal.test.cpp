// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/nonlinear/fit_optimal.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

using lutra::sample_grid;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr lutra::pwl_format small{.slope{4, 2}, .intercept{5, 2}, .breakpoint{16, 8}};
constexpr lutra::pwl_format ten{.slope{10, 6}, .intercept{10, 6}};

/// The weighted sum of squares that the best line of @p format leaves of [from, to): all slopes, intercepts, exponents.
double brute_segment(const std::vector<double>& y, const std::vector<double>& w, const sample_grid& grid,
                     const lutra::pwl_format& format, int from, int to) {
    double best = infinity;
    for (int e = 0; e <= format.max_exponent; ++e)
        for (int k = format.slope.min_raw(); k <= format.slope.max_raw(); ++k)
            for (int b = format.intercept.min_raw(); b <= format.intercept.max_raw(); ++b) {
                double sum = 0;
                for (int i = from; i < to; ++i) {
                    const auto j = static_cast<std::size_t>(i);
                    const double scale = std::ldexp(1, e), error = k * scale * format.slope.resolution() * grid.at(i) +
                                                                   b * scale * format.intercept.resolution() - y[j];
                    sum += w[j] * error * error;
                }
                best = std::min(best, sum);
            }
    return best;
}
/// The least over all covers by at most @p entries segments.
double brute_cover(const std::vector<std::vector<double>>& cost, int from, int entries) {
    const int n = static_cast<int>(cost.size());
    if (from == n) return 0;
    if (entries == 0) return infinity;
    double best = infinity;
    for (int to = from + 1; to <= n; ++to)
        best = std::min(best, cost[static_cast<std::size_t>(from)][static_cast<std::size_t>(to - 1)] +
                                  brute_cover(cost, to, entries - 1));
    return best;
}
std::uint64_t checksum(const lutra::pwl_parameters& t) {
    std::uint64_t sum = 14695981039346656037u;
    const auto add = [&](std::int32_t x) { sum = (sum ^ static_cast<std::uint32_t>(x)) * 1099511628211u; };
    for (std::size_t i = 0; i < static_cast<std::size_t>(t.entries); ++i) {
        add(t.slope[i]), add(t.intercept[i]), add(t.exponent[i]);
        if (i > 0) add(t.breakpoint[i - 1]);
    }
    return sum;
}
template <int N>
std::uint64_t checksum(const lutra::pwl_curve<N>& c) {
    std::uint64_t sum = 14695981039346656037u;
    const auto add = [&](double x) { sum = (sum ^ std::bit_cast<std::uint64_t>(x + 0.0)) * 1099511628211u; };
    for (const double x : c.slope) add(x);
    for (const double x : c.intercept) add(x);
    for (const double x : c.breakpoint) add(x);
    return sum;
}
template <class F, int N>
void published(const lutra::pwl_format& format, double quantized, double real, std::uint64_t table, std::uint64_t curve) {
    constexpr sample_grid grid = lutra::published_grid<F>;
    const auto q = lutra::fit_optimal(F{}, N, format, grid);
    const auto r = lutra::fit_optimal_curve<N>(F{}, grid);
    INFO(std::string(F::name) << " with " << N << " entries");
    CHECK(q.mean_square == Approx(quantized).epsilon(1e-7));
    CHECK(r.mean_square == Approx(real).epsilon(1e-7));
    CHECK(checksum(q.table) == table);
    CHECK(checksum(r.curve) == curve);
    double sum = 0, worst = 0; // judged by the table's own evaluation, so that its breakpoints count
    for (int i = 0; i < grid.count; ++i) {
        const double error = q.table(grid.at(i)) - F::at(grid.at(i));
        sum += error * error, worst = std::max(worst, std::fabs(error));
    }
    CHECK(q.mean_square == Approx(sum / grid.count).epsilon(1e-12));
    CHECK(q.max_error == Approx(worst).epsilon(1e-12));
}

} // namespace

TEST_CASE("no cover and no parameters are better than the fit's") {
    lutra::random_generator random{1};
    for (int trial = 0; trial < 24; ++trial) {
        const sample_grid grid{trial % 5 - 4, 9, 4};
        lutra::pwl_format format = small;
        format.max_exponent = trial % 3 == 0 ? 2 : 0;
        std::vector<double> y(9), w(9, 1.0);
        for (double& v : y) v = (random.unit() - 0.5) * (trial % 2 == 0 ? 1 : 6);
        if (trial % 4 > 1)
            for (double& v : w) v = random.unit() < 0.3 ? 0 : random.unit();
        w[4] = 1;
        std::vector<std::vector<double>> cost(9, std::vector<double>(9, infinity));
        for (int from = 0; from < 9; ++from)
            for (int to = from; to < 9; ++to)
                cost[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)] =
                    brute_segment(y, w, grid, format, from, to + 1);
        double total = 0;
        for (const double v : w) total += v;
        for (const int entries : {1, 2, 3, 5}) {
            INFO(trial << ", " << entries << " entries");
            const auto fit = lutra::fit_optimal<8, 16>(y, entries, format, grid, {.weights = w, .clip = true});
            CHECK(fit.mean_square * total == Approx(brute_cover(cost, 0, entries)).epsilon(1e-9).margin(1e-12));
            CHECK(std::is_sorted(fit.table.breakpoint.begin(), fit.table.breakpoint.begin() + entries - 1));
        }
    }
}

TEST_CASE("the optima for the published functions and grids") {
    using namespace lutra;
    published<gelu, 8>({}, 2.7714359e-5, 1.1724465e-5, 0xbf0e5259acdf81e0, 0xa5f06eaed947e358);
    published<gelu, 16>({}, 3.2036043e-6, 8.2855491e-7, 0xf008a26cf0057458, 0xfb9f4d79f323744c);
    published<hswish, 8>({}, 1.1136445e-4, 1.0825467e-4, 0xd9160d141cd2e4cb, 0x2e87c17699185a09);
    published<hswish, 16>({}, 8.0049353e-6, 3.8619581e-6, 0xd711acdf34ddcb5f, 0xe992a0d4f8dfa55d);
    published<natural_exponential, 8>({}, 1.1195324e-5, 3.3789409e-6, 0xf6fb957a8aeb4e80, 0x56a0fd5039fedb50);
    published<natural_exponential, 16>({}, 4.7558768e-6, 2.0788607e-7, 0xd290e5ff7a1ae193, 0xd5915a16c1c68c64);
    published<reciprocal, 8>(ten, 1.5043985e-5, 1.1193308e-5, 0x3d9a9fe235431943, 0xf94b3eb93d766ab2);
    published<reciprocal, 16>(ten, 3.1335862e-6, 6.8733816e-7, 0x7266a7b5778e8d6e, 0x912238acb726c478);
    published<reciprocal_sqrt, 8>(ten, 1.1625687e-5, 8.4762958e-6, 0x9c3d63dc24de14d1, 0x2522733845244709);
    published<reciprocal_sqrt, 16>(ten, 1.9597741e-6, 5.1565442e-7, 0x8db6499161a91a18, 0x873dedbe97f6f000);
}

TEST_CASE("the optimum for each int8 scale") {
    double sum = 0;
    for (int n = 0; n <= 6; ++n) {
        const sample_grid grid = sample_grid::int8_grid(n, -4, 4);
        sum += lutra::fit_optimal(lutra::gelu{}, std::min<int>(8, grid.count), {}, grid).mean_square;
    }
    CHECK(sum / 7 == Approx(1.68e-5).epsilon(0.005));
}

TEST_CASE("an exact tie goes to the fewest segments and the smallest breakpoints") {
    const std::vector<double> line{0, 0.25, 0.5, 0.75, 1}, peak{0, 0, 1, 0, 0}, steps{0, 0, 1, 1, 0, 0};
    const auto straight = lutra::fit_optimal<8, 16>(line, 3, {}, {0, 5, 4});
    CHECK(straight.mean_square == 0);
    CHECK(straight.table.breakpoint[0] == INT16_MAX);
    CHECK(straight.table.slope[2] == 64);
    CHECK(straight.table(1.0) == 1.0);
    const auto mirrored = lutra::fit_optimal_curve<2, 16>(peak, {0, 5, 1});
    CHECK(mirrored.curve.breakpoint[0] == 2); // 3 is as good
    const auto curve = lutra::fit_optimal_curve<4, 16>(line, {0, 5, 4});
    CHECK(curve.curve.breakpoint == std::array{1.25, 1.25, 1.25});
    const auto level = lutra::fit_optimal<8, 16>(steps, 3, {}, {0, 6, 1});
    CHECK(level.mean_square == 0);
    CHECK(level.table.breakpoint[0] == 2 * 4096);
    CHECK(level.table.breakpoint[1] == 4 * 4096);
}

TEST_CASE("points without weight do not count, and weights of one size are none") {
    std::vector<double> w(800, 0.0), same(800, 0.1);
    for (std::size_t i = 300; i < 500; ++i) w[i] = 1;
    constexpr sample_grid grid = lutra::published_grid<lutra::gelu>;
    const auto near = lutra::fit_optimal(lutra::gelu{}, 8, {}, grid, {.weights = w});
    const auto part = lutra::fit_optimal(lutra::gelu{}, 8, {}, {-100, 200, 100});
    CHECK(near.mean_square == Approx(part.mean_square).epsilon(1e-9));
    CHECK(near.max_error == Approx(part.max_error).epsilon(1e-9));
    const auto scaled = lutra::fit_optimal(lutra::gelu{}, 8, {}, grid, {.weights = same});
    CHECK(scaled.mean_square == Approx(2.7714359e-5).epsilon(1e-7));
}

TEST_CASE("a breakpoint is the greatest of its format that is not above its point") {
    const std::vector<double> step{0, 0, 0, 1, 1, 1};
    const auto fit = lutra::fit_optimal<8, 16>(step, 2, {}, {-3, 6, 7});
    CHECK(fit.table.breakpoint[0] == 0);
    const auto above = lutra::fit_optimal<8, 16>(step, 2, {}, {-2, 6, 7});
    CHECK(above.table.breakpoint[0] == 585); // 1/7 = 585.14 / 4096
    const auto below = lutra::fit_optimal<8, 16>(step, 2, {}, {-5, 6, 7});
    CHECK(below.table.breakpoint[0] == -1171); // -2/7 = -1170.29 / 4096
    REQUIRE_PANIC((lutra::fit_optimal<8, 16>(step, 2, {.breakpoint{16, 2}}, {-2, 6, 7})), bad_argument);
    REQUIRE_PANIC((lutra::fit_optimal<8, 16>(step, 2, {.breakpoint{8, 6}}, {10, 6, 1})), overflow);
}

TEST_CASE("a fit panics with what was wrong") {
    using lutra::fit_optimal;
    const sample_grid grid{0, 4, 4};
    std::vector<double> y{0, 1, 0, 1}, w{1, 1, 1};
    REQUIRE_PANIC((fit_optimal<8, 16>(y, 2, {}, {0, 0, 4})), empty);
    REQUIRE_PANIC((fit_optimal<8, 16>(y, 2, {}, {0, 4, 0})), bad_argument);
    REQUIRE_PANIC((fit_optimal<8, 16>(y, 2, {}, {0, 17, 4})), bad_shape);
    REQUIRE_PANIC((fit_optimal<8, 16>(lutra::gelu{}, 2, {}, {0, 17, 4})), bad_shape);
    REQUIRE_PANIC((fit_optimal<8, 16>(y, 2, {}, {0, 5, 4})), bad_shape);
    REQUIRE_PANIC((fit_optimal<8, 16>(y, 0, {}, grid)), bad_argument);
    REQUIRE_PANIC((fit_optimal<8, 16>(y, 5, {}, grid)), bad_argument);
    REQUIRE_PANIC((fit_optimal<2, 16>(y, 3, {}, grid)), bad_argument);
    REQUIRE_PANIC((fit_optimal<8, 16>(y, 2, {.slope{40, 6}}, grid)), bad_argument);
    REQUIRE_PANIC((fit_optimal<8, 16>(y, 2, {}, grid, {.weights = w})), bad_shape);
    for (const double bad : {-1.0, infinity, std::numeric_limits<double>::quiet_NaN()}) {
        w.assign(4, 1), w[2] = bad;
        REQUIRE_PANIC((fit_optimal<8, 16>(y, 2, {}, grid, {.weights = w})), bad_argument);
    }
    w.assign(4, 0);
    REQUIRE_PANIC((fit_optimal<8, 16>(y, 2, {}, grid, {.weights = w})), bad_argument);
    REQUIRE_PANIC((fit_optimal<8, 16>([](double x) { return std::log(x); }, 2, {}, grid)), bad_argument);
    REQUIRE_PANIC(fit_optimal(lutra::reciprocal{}, 8, {}, lutra::published_grid<lutra::reciprocal>), overflow);
    CHECK(fit_optimal(lutra::reciprocal{}, 8, {}, lutra::published_grid<lutra::reciprocal>, {.clip = true}).max_error > 0);
    CHECK(fit_optimal(lutra::reciprocal{}, 8, {.max_exponent = 2}, lutra::published_grid<lutra::reciprocal>).mean_square <
          1e-4);
}

TEST_CASE("a fit is a constant expression") {
    constexpr auto table = lutra::fit_table<4, lutra::pwl_format{}, 32>(lutra::hswish{}, {-16, 32, 4});
    const auto same = lutra::fit_optimal(lutra::hswish{}, 4, {}, {-16, 32, 4});
    CHECK(table.parameters() == same.table);
}
