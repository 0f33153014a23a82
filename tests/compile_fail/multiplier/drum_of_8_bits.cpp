// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: K, the bits kept of each operand, must be from 2 to Width - 1

#include <lutra/multiplier/drum.hpp>

constexpr int p = lutra::drum<8>::multiply(3, 5);
