// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: usable in constant expressions

#include <lutra/multiplier/concept.hpp>

struct mine {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "mine";
    static product multiply(lhs a, rhs b) noexcept { return a * b; }
};
static_assert(lutra::check_multiplier<mine>());
