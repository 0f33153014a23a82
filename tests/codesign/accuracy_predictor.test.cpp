// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/codesign/accuracy_predictor.hpp>
#include <lutra/core/random.hpp>

#include <cmath>
#include <vector>

namespace {

constexpr lutra::design_choices space{.alternatives = {3, 2, 4}, .length = 3};
lutra::design_genome genome(std::uint16_t a, std::uint16_t b, std::uint16_t c) { return {.gene = {a, b, c}, .length = 3}; }

} // namespace

TEST_CASE("additive_predictor: adds what single changes cost, and says nothing of what it was not told") {
    lutra::additive_predictor foretell{space};
    CHECK(!foretell(genome(0, 0, 0)));
    foretell.tell(genome(2, 0, 0), 0.25); // before the first alternatives: what it costs is known once they are
    CHECK(std::isnan(foretell.loss(0, 2)));
    foretell.tell(genome(0, 0, 0), 0.125);
    foretell.tell(genome(0, 0, 3), 0.0625);
    CHECK(foretell.loss(0, 2) == 0.125);
    CHECK((foretell.loss(2, 3) == -0.0625 && foretell.loss(1, 0) == 0));
    CHECK(foretell(genome(2, 0, 3)) == 0.1875);
    CHECK(foretell(genome(0, 0, 0)) == 0.125);
    CHECK(!foretell(genome(2, 1, 3)));
    foretell.tell(genome(2, 1, 3), 1); // of two changes and of NaN it learns nothing
    foretell.tell(genome(0, 1, 0), std::nan(""));
    CHECK((!foretell(genome(2, 1, 3)) && foretell(genome(2, 0, 3)) == 0.1875));
}

TEST_CASE("calibrate_predictor: finds a line, and each design is judged by the line through all others") {
    const std::vector<double> x{1, 2, 3, 5}, line{5, 7, 9, 13};
    const auto exact = lutra::calibrate_predictor(x, line);
    CHECK((exact.designs == 4 && exact.rank_correlation == Approx(1)));
    CHECK((exact.slope == Approx(2) && exact.intercept == Approx(3) && exact.mean_error == Approx(0).margin(1e-12)));

    lutra::random_generator random{3};
    std::vector<double> foretold, measured;
    for (int i = 0; i < 9; ++i) foretold.push_back(random.unit()), measured.push_back(random.unit() - foretold.back());
    const auto c = lutra::calibrate_predictor(foretold, measured);
    double left_out = 0;
    for (std::size_t i = 0; i < foretold.size(); ++i) {
        auto others = foretold, theirs = measured;
        others.erase(others.begin() + static_cast<std::ptrdiff_t>(i)),
            theirs.erase(theirs.begin() + static_cast<std::ptrdiff_t>(i));
        const auto without = lutra::calibrate_predictor(others, theirs);
        left_out += std::abs(measured[i] - without.slope * foretold[i] - without.intercept) / 9;
    }
    CHECK(c.mean_error == Approx(left_out));
    CHECK(c.rank_correlation == lutra::spearman_correlation(foretold, measured));

    const auto same = lutra::calibrate_predictor(std::vector<double>{1, 1, 1}, std::vector<double>{1, 2, 6});
    CHECK((same.slope == 0 && same.intercept == Approx(3) && std::isnan(same.rank_correlation)));
    CHECK(same.mean_error == Approx((3 + 1.5 + 4.5) / 3)); // from the mean of the other two
}

TEST_CASE("calibrate_predictor: refuses what is no pair") {
    const std::vector<double> two{1, 2}, three{1, 2, 3}, none{1, std::nan(""), 3};
    REQUIRE_PANIC(lutra::calibrate_predictor(two, two), empty);
    REQUIRE_PANIC(lutra::calibrate_predictor(three, two), bad_shape);
    REQUIRE_PANIC(lutra::calibrate_predictor(three, none), bad_argument);
}
