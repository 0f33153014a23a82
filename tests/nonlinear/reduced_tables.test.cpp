// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/nonlinear/fit_optimal.hpp>
#include <lutra/nonlinear/reduced_tables.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

/// Whether a table is the optimum for the squared relative error on @p grid; the greatest relative error in steps of
/// 1/65536 between the grid's ends, or at its points only.
template <int N, lutra::pwl_format Format, class F>
bool optimal(const lutra::pwl_table<N, Format>& table, F f, const lutra::sample_grid& grid, bool at_points, double bound) {
    std::vector<double> weights;
    for (int i = 0; i < grid.count; ++i) weights.push_back(1 / (f(grid.at(i)) * f(grid.at(i))));
    const auto fit = lutra::fit_optimal<16, 2048>(f, N, Format, grid, {.weights = weights});
    const double low = grid.at(0), high = grid.at(grid.count - 1);
    const int steps = at_points ? grid.count - 1 : 65536;
    double worst = 0;
    for (int i = 0; i <= steps; ++i) {
        const double x = low + (high - low) * i / steps;
        worst = std::max(worst, std::abs(table(x) / f(x) - 1));
    }
    CHECK(worst < bound);
    CHECK(worst > bound / 1.2); // what the header says is near
    return fit.table == table.parameters();
}

double half_to_the(double x) { return lutra::math::exp(-x * 0.69314718055994531); }
double inverse(double x) { return 1 / x; }
double inverse_root(double x) { return lutra::math::rsqrt(x); }

} // namespace

TEST_CASE("reduced tables are the fit's, and have the stated errors") {
    using few = lutra::reduced_tables<8>;
    using many = lutra::reduced_tables<16>;
    constexpr lutra::sample_grid unit{0, 257, 256}, octave{1024, 1025, 1024}, two{512, 1537, 512};
    CHECK(optimal(few::exp2, half_to_the, unit, true, 8e-4));
    CHECK(optimal(many::exp2, half_to_the, unit, true, 2.2e-4));
    CHECK(optimal(few::reciprocal, inverse, octave, false, 1.5e-3));
    CHECK(optimal(many::reciprocal, inverse, octave, false, 4e-4));
    CHECK(optimal(few::rsqrt, inverse_root, two, false, 2.5e-3));
    CHECK(optimal(many::rsqrt, inverse_root, two, false, 6.5e-4));
}
