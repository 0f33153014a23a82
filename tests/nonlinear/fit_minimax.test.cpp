// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/nonlinear/fit_optimal.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

using lutra::sample_grid;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr lutra::pwl_format small{.slope{4, 2}, .intercept{5, 2}, .breakpoint{16, 8}};
using samples = std::vector<double>;

double greatest_error(const samples& y, const samples& w, const sample_grid& grid, int from, int to, double k, double b) {
    double worst = 0;
    for (int i = from; i < to; ++i)
        if (w[static_cast<std::size_t>(i)] > 0)
            worst = std::max(worst, std::fabs(k * grid.at(i) + b - y[static_cast<std::size_t>(i)]));
    return worst;
}
double brute_quantized(const samples& y, const samples& w, const sample_grid& grid, int from, int to) {
    double best = infinity;
    for (int k = -8; k < 8; ++k)
        for (int b = -16; b < 16; ++b) best = std::min(best, greatest_error(y, w, grid, from, to, k / 4.0, b / 4.0));
    return best;
}
/// Chebyshev: the best line is parallel to a chord, or there is one point.
double brute_real(const samples& y, const samples& w, const sample_grid& grid, int from, int to) {
    const auto width = [&](double k) {
        double low = infinity, high = -infinity;
        for (int i = from; i < to; ++i) {
            if (!(w[static_cast<std::size_t>(i)] > 0)) continue;
            const double d = y[static_cast<std::size_t>(i)] - k * grid.at(i);
            low = std::min(low, d), high = std::max(high, d);
        }
        return std::max(0.0, high - low);
    };
    double best = width(0);
    for (int i = from; i < to; ++i)
        for (int j = i + 1; j < to; ++j)
            if (w[static_cast<std::size_t>(i)] > 0 && w[static_cast<std::size_t>(j)] > 0)
                best = std::min(best, width((y[static_cast<std::size_t>(j)] - y[static_cast<std::size_t>(i)]) /
                                            (grid.at(j) - grid.at(i))));
    return best / 2;
}
template <class Cost>
double brute_cover(Cost cost, int n, int from, int entries) {
    if (from == n) return 0;
    if (entries == 0) return infinity;
    double best = infinity;
    for (int to = from + 1; to <= n; ++to)
        best = std::min(best, std::max(cost(from, to), brute_cover(cost, n, to, entries - 1)));
    return best;
}

} // namespace

TEST_CASE("no cover and no parameters have a smaller greatest error than the fit's") {
    lutra::random_generator random{2};
    for (int trial = 0; trial < 20; ++trial) {
        const sample_grid grid{trial % 5 - 4, 9, 4};
        samples y(9), w(9, 1.0);
        for (double& v : y) v = (random.unit() - 0.5) * (trial % 2 == 0 ? 1 : 6);
        if (trial % 4 > 1)
            for (double& v : w) v = random.unit() < 0.3 ? 0 : 1;
        w[4] = 1;
        const lutra::fit_options options{.weights = w, .objective = lutra::fit_objective::greatest_error, .clip = true};
        const auto quantized = [&](int from, int to) { return brute_quantized(y, w, grid, from, to); };
        const auto real = [&](int from, int to) { return brute_real(y, w, grid, from, to); };
        for (const int entries : {1, 2, 4}) {
            INFO(trial << ", " << entries << " entries");
            CHECK(lutra::fit_optimal<8, 16>(y, entries, small, grid, options).max_error ==
                  Approx(brute_cover(quantized, 9, 0, entries)).margin(1e-12));
        }
        CHECK(lutra::fit_optimal_curve<1, 16>(y, grid, options).max_error == Approx(real(0, 9)).margin(1e-12));
        CHECK(lutra::fit_optimal_curve<3, 16>(y, grid, options).max_error ==
              Approx(brute_cover(real, 9, 0, 3)).margin(1e-12));
    }
}

TEST_CASE("the least greatest error is below that of least squares, and its mean square above") {
    using namespace lutra;
    constexpr fit_options minimax{.objective = fit_objective::greatest_error};
    constexpr sample_grid grid = published_grid<gelu>;
    const auto squares = fit_optimal(gelu{}, 8, {}, grid), least = fit_optimal(gelu{}, 8, {}, grid, minimax);
    CHECK(least.max_error < squares.max_error);
    CHECK(least.mean_square > squares.mean_square);
    CHECK(least.max_error == Approx(1.177701e-2).epsilon(1e-6));
    const auto real = fit_optimal_curve<8>(gelu{}, grid, minimax);
    CHECK(real.max_error == Approx(6.213208e-3).epsilon(1e-6));
    CHECK(real.max_error < fit_optimal_curve<8>(gelu{}, grid).max_error);
}

TEST_CASE("a line is fitted without error, in one segment") {
    const samples line{0, 0.25, 0.5, 0.75, 1};
    const auto fit = lutra::fit_optimal<8, 16>(line, 3, {}, {0, 5, 4}, {.objective = lutra::fit_objective::greatest_error});
    CHECK(fit.max_error == 0);
    CHECK(fit.table.breakpoint[0] == INT16_MAX);
}
