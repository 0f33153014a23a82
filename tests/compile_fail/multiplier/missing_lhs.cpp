// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: give it 'using lhs = ...;'

#include <lutra/multiplier/concept.hpp>

struct mine {
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "mine";
    static constexpr product multiply(std::int8_t a, rhs b) noexcept { return a * b; }
};
static_assert(lutra::check_multiplier<mine>());
