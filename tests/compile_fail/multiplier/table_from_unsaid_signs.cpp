// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: call fill_from_bits or from_bits

#include <lutra/multiplier/table.hpp>

std::uint16_t model(std::uint8_t a, std::uint8_t b);
void fill(lutra::table_multiplier& table) { table.fill_from_values(&model); }
