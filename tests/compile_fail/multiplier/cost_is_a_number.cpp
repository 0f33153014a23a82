// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: cost must be a lutra::hardware_cost

#include <lutra/multiplier/concept.hpp>

struct mine {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "mine";
    static constexpr double cost = 0.5;
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b; }
};
static_assert(lutra::check_multiplier<mine>());
