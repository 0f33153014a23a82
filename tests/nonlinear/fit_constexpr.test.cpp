// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/nonlinear/fit_optimal.hpp>

#include "support/catch.hpp"

namespace {

using lutra::sample_grid;
constexpr sample_grid narrow = sample_grid::int8_grid(4, -4, 4), negative = sample_grid::int8_grid(4, -8, 0);

// Within the default limits of g++ 12 and clang 19.
constexpr auto gelu = lutra::fit_optimal<8, 129>(lutra::gelu{}, 8, {}, narrow);
constexpr auto hswish = lutra::fit_optimal<8, 129>(lutra::hswish{}, 8, {}, narrow);
constexpr auto exponential = lutra::fit_optimal<8, 129>(lutra::natural_exponential{}, 8, {}, negative);
static_assert(gelu.mean_square > 2.6829e-5 && gelu.mean_square < 2.6831e-5);
static_assert(hswish.mean_square > 1.13559e-4 && hswish.mean_square < 1.13561e-4);
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
    CHECK(same<lutra::gelu>(gelu, narrow));
    CHECK(same<lutra::hswish>(hswish, narrow));
    CHECK(same<lutra::natural_exponential>(exponential, negative));
}
