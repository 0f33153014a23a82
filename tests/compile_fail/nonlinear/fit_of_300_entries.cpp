// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: a fitted table has 1 to 256 entries

#include <lutra/nonlinear/fit_optimal.hpp>

constexpr auto fit = lutra::fit_table<300>(lutra::gelu{}, {0, 4, 4});
