// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/nonlinear/sample_grid.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

using lutra::sample_grid;

TEST_CASE("a grid's points are quotients") {
    constexpr sample_grid grid{-400, 800, 100};
    for (int i = 0; i < 800; ++i) CHECK(grid.at(i) == (i - 400) / 100.0);
    CHECK(grid.valid());
    CHECK_FALSE(sample_grid{0, 0, 1}.valid());
    CHECK_FALSE(sample_grid{0, 1, 0}.valid());
    CHECK_FALSE(sample_grid{INT32_MAX, 1, 1}.valid());
}

TEST_CASE("an int8 grid holds all inputs of a scale, or those of a closed interval") {
    CHECK(sample_grid::int8_grid(3) == sample_grid{-128, 256, 8});
    CHECK(sample_grid::int8_grid(3, -4, 4) == sample_grid{-32, 65, 8});
    CHECK(sample_grid::int8_grid(6, -4, 4) == sample_grid{-128, 256, 64});
    CHECK(sample_grid::int8_grid(0, -4.5, 4.99) == sample_grid{-4, 9, 1});
    CHECK(sample_grid::int8_grid(2, 0.3, 0.5) == sample_grid{2, 1, 4});
    REQUIRE_PANIC(sample_grid::int8_grid(2, 0.3, 0.4), empty);
    REQUIRE_PANIC(sample_grid::int8_grid(-1), bad_argument);
    REQUIRE_PANIC(sample_grid::int8_grid(31), bad_argument);
}

TEST_CASE("published grids have the published numbers of points") {
    CHECK(lutra::published_grid<lutra::gelu>.count == 800);
    CHECK(lutra::published_grid<lutra::natural_exponential>.at(0) == -8);
    CHECK(lutra::published_grid<lutra::reciprocal>.count == 350);
    CHECK(lutra::published_grid<lutra::reciprocal_sqrt>.at(374) == 3.99);
}
