// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: Vertical must be from 0 to 14 columns

#include <lutra/multiplier/broken_array.hpp>

constexpr int p = lutra::broken_array<0, 15>::multiply(3, 5);
