// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// The exact signed 8x8 multiplier, an array with Baugh and Wooley's signs (1973); the default everywhere.
struct exact {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "exact";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b; }

    static constexpr int rank = 1;
    template <int>
    static constexpr int term_scale = 1;
    template <int>
    static constexpr std::int8_t lhs_term(lhs a) noexcept { return a; }
    template <int>
    static constexpr std::int8_t rhs_term(rhs b) noexcept { return b; }

    static constexpr gate_circuit circuit() noexcept { return exact_circuit; }
};
static_assert(check_multiplier<exact>());

} // namespace lutra
