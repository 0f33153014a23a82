// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/nonlinear/fit_optimal.hpp>

#include "support/catch.hpp"

namespace {

using lutra::sample_grid;
constexpr sample_grid whole = sample_grid::int8_grid(5), negative = sample_grid::int8_grid(4, -8, 0);

// Within the default limits of g++ 12; clang takes -fconstexpr-steps=3000000 for the first.
constexpr auto gelu = lutra::fit_optimal<8, 256>(lutra::gelu{}, 8, {}, whole);
constexpr auto hswish = lutra::fit_optimal<8, 256>(lutra::hswish{}, 8, {}, whole);
constexpr auto exponential = lutra::fit_optimal<8, 256>(lutra::natural_exponential{}, 8, {}, negative);
static_assert(gelu.mean_square > 2.77508e-5 && gelu.mean_square < 2.77509e-5);
static_assert(hswish.mean_square > 1.11887e-4 && hswish.mean_square < 1.11889e-4);
static_assert(exponential.mean_square > 1.15456e-5 && exponential.mean_square < 1.15458e-5);

template <class F>
bool same(const lutra::pwl_fit& compiled, const sample_grid& grid) {
    const auto run = lutra::fit_optimal(F{}, 8, {}, grid);
    CHECK(run.mean_square == compiled.mean_square);
    CHECK(run.max_error == compiled.max_error);
    return run.table == compiled.table;
}

} // namespace

TEST_CASE("the compiler's fits over int8 grids have the bits of run time") {
    CHECK(same<lutra::gelu>(gelu, whole));
    CHECK(same<lutra::hswish>(hswish, whole));
    CHECK(same<lutra::natural_exponential>(exponential, negative));
}
