// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: only multipliers of at most 8x8 bits have a table

#include <lutra/multiplier/table.hpp>

struct wide {
    using lhs = std::int16_t;
    using rhs = std::int16_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "wide";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b; }
};
void fill(lutra::table_multiplier& table) { table.fill_from<wide>(); }
