// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: LhsBits must be from 0 to 7

#include <lutra/multiplier/operand_truncated.hpp>

constexpr int p = lutra::operand_truncated<8, 0>::multiply(3, 5);
