// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nonlinear/pwl_unit.hpp>
#include <lutra/nonlinear/reduced_tables.hpp>

#include <bit>
#include <cstdint>

namespace lutra {

/// 1 / x of a whole number as value / 2^shift, by the table of 1 / x with N entries once a power of two is taken out; 0 for
/// 0.
///
/// @tparam N 8 or 16
template <int N>
struct integer_inverse {
    std::int32_t value = 0; ///< 15 bits of fraction: in (2^14, 2^15]
    int shift = 0;          ///< 15 + the power of two

    /// 1 / m for m in [1, 2], both in steps of 2^-15.
    static constexpr pwl_unit<N> table{reduced_tables<N>::reciprocal, {18, 15}, {17, 15}};

    [[nodiscard]] static constexpr integer_inverse of(std::uint32_t x) noexcept {
        if (x == 0) return {};
        const int exponent = static_cast<int>(std::bit_width(x)) - 1;
        const std::uint32_t mantissa = exponent <= 15 ? x << (15 - exponent) : x >> (exponent - 15);
        return {table(static_cast<std::int32_t>(mantissa)), 15 + exponent};
    }
};

} // namespace lutra
