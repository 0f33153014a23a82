// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: delete

#include <lutra/multiplier/lowering.hpp>

lutra::lowered_multiplier dangling() { return lutra::lower(lutra::table_multiplier{}); }
