// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: the slope of the best line is outside of its format

#include <lutra/nonlinear/fit_optimal.hpp>

constexpr auto fit = lutra::fit_table<2, lutra::pwl_format{}, 8>(lutra::reciprocal{}, {2, 4, 8});
