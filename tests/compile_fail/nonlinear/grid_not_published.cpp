// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: this function has no published grid

#include <lutra/nonlinear/sample_grid.hpp>

constexpr lutra::sample_grid grid = lutra::published_grid<lutra::softplus>;
