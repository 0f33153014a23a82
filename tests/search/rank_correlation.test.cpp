// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/search/rank_correlation.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <cmath>
#include <limits>
#include <vector>

using row = std::vector<double>;

TEST_CASE("rank correlations are 1 for any rising prediction and -1 for any falling one") {
    const row truth{3, 1, 4, 1.5, 9, 2.6};
    row risen, fallen;
    for (const double t : truth) {
        risen.push_back(std::exp(t));
        fallen.push_back(-t * t * t);
    }
    CHECK(lutra::spearman_correlation(risen, truth) == Approx(1).epsilon(1e-15));
    CHECK(lutra::kendall_tau_b(risen, truth) == 1);
    CHECK(lutra::spearman_correlation(fallen, truth) == Approx(-1).epsilon(1e-15));
    CHECK(lutra::kendall_tau_b(fallen, truth) == -1);
}

TEST_CASE("rank correlations without ties follow their definitions") {
    // Squared differences of ranks 0, 1, 1, 1, 1: 1 - 6 * 4 / (5 * 24). Eight of ten pairs agree.
    const row a{1, 2, 3, 4, 5}, b{1, 3, 2, 5, 4};
    CHECK(lutra::spearman_correlation(a, b) == Approx(0.8).epsilon(1e-15));
    CHECK(lutra::kendall_tau_b(a, b) == Approx(0.6).epsilon(1e-15));
}

TEST_CASE("ties share their rank, and count in neither order") {
    // Ranks 1, 2.5, 2.5, 4 and 1.5, 1.5, 3, 4: sums of squares 4.5 and 4.5, of products 3.75.
    const row a{1, 2, 2, 3}, b{5, 5, 6, 7};
    CHECK(lutra::spearman_correlation(a, b) == Approx(3.75 / 4.5).epsilon(1e-15));
    // Of six pairs, one is tied in a, another in b, and the other four agree.
    CHECK(lutra::kendall_tau_b(a, b) == Approx(4.0 / 5.0).epsilon(1e-15));
    CHECK(lutra::kendall_tau_b(a, b) == lutra::kendall_tau_b(b, a));

    const row equal{2, 2, 2, 2};
    CHECK(std::isnan(lutra::spearman_correlation(equal, b)));
    CHECK(std::isnan(lutra::kendall_tau_b(b, equal)));
}

TEST_CASE("infinity has a rank, NaN has none") {
    const double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(lutra::kendall_tau_b(row{-infinity, 0, infinity}, row{1, 2, 3}) == 1);
    CHECK(lutra::spearman_correlation(row{infinity, infinity, 0}, row{2, 2, 1}) == Approx(1).epsilon(1e-15));
    REQUIRE_PANIC(lutra::kendall_tau_b(row{1, nan}, row{1, 2}), bad_argument);
    REQUIRE_PANIC(lutra::spearman_correlation(row{1, 2}, row{nan, 2}), bad_argument);
    REQUIRE_PANIC(lutra::kendall_tau_b(row{1}, row{1}), empty);
    REQUIRE_PANIC(lutra::spearman_correlation(row{1, 2}, row{1, 2, 3}), bad_shape);
}
