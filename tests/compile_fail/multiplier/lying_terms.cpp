// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: the terms that this multiplier declares do not sum up to its products

#include <lutra/multiplier/exact.hpp>
#include <lutra/multiplier/lowered_constant.hpp>

struct liar : lutra::exact {
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b + (a == 100 && b == -7 ? 1 : 0); }
};
constexpr auto lowered = lutra::lowered_v<liar>;
