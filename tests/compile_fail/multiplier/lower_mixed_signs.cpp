// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: a table needs operands that are both signed or both unsigned

#include <lutra/multiplier/lowered_constant.hpp>

struct mixed {
    using lhs = std::uint8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "mixed";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b; }
};
constexpr auto lowered = lutra::lowered_v<mixed>;
