// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: Count must be from 1 to 8 - First

#include <lutra/multiplier/perforated.hpp>

constexpr int p = lutra::perforated<6, 3>::multiply(3, 5);
