// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: error metrics are taken over all pairs, of at most 8x8 bits

#include <lutra/multiplier/error_metrics.hpp>

struct wide {
    using lhs = std::int16_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "wide";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b; }
};
double mae() { return lutra::metrics_of<wide>().mae; }
