// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: fit_table needs a valid pwl_format

#include <lutra/nonlinear/fit_optimal.hpp>

constexpr auto fit = lutra::fit_table<2, lutra::pwl_format{.slope{40, 6}}>(lutra::gelu{}, {0, 4, 4});
