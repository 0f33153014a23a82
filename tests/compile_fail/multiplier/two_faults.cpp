// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: make it an empty, default constructible type
// EXPECT: give it 'static constexpr std::string_view name = ...;'

#include <lutra/multiplier/concept.hpp>

struct mine {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b; }
    int state = 0;
};
// Two faults; both are told.
static_assert(lutra::check_multiplier<mine>());
