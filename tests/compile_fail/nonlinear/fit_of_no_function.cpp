// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: fit_table needs a function: a type with a name and a static constexpr double at(double)

#include <lutra/nonlinear/fit_optimal.hpp>

struct not_a_function {};
const auto fit = lutra::fit_table<2>(not_a_function{}, {0, 4, 4});
