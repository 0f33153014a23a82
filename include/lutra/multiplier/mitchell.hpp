// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// Mitchell's logarithmic multiplier on magnitudes (1962): log2(2^k (1 + x)) is taken as k + x, the two are added, and
/// the antilogarithm is taken likewise. Never above the exact magnitude, at most 1/9 below it. Fractions keep all of
/// their seven bits, so that nothing else is lost; -128 has the magnitude 128, a power of two, and multiplies exactly.
struct mitchell {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "mitchell";
    static constexpr product multiply(lhs a, rhs b) noexcept {
        const unsigned ma = detail::mul::magnitude(a), mb = detail::mul::magnitude(b);
        if (ma == 0 || mb == 0) return 0;
        const int ka = detail::mul::leading_one(ma), kb = detail::mul::leading_one(mb);
        // (xa + xb) 2^(ka + kb) and 2^(ka + kb): integers, so no fraction is rounded.
        const unsigned fractions = ((ma - (1u << ka)) << kb) + ((mb - (1u << kb)) << ka), one = 1u << (ka + kb);
        return detail::mul::with_sign(a, b, fractions < one ? one + fractions : 2 * fractions);
    }

    static constexpr gate_circuit circuit() noexcept {
        gate_circuit c;
        int ready = 0;
        for (int operand = 0; operand < 2; ++operand) {
            const int lead = c.leading_one_detector(8, c.conditional_negate(8, 0));
            c.encoder(8, lead);
            // Fraction bit n has a source for each leading one at n or above: 28 ANDs and 21 ORs, not a full crossbar.
            ready = c.add(gates::or2, 21, c.add(gates::and2, 28, lead)) + 2;
        }
        column_heap sum; // 3 bits of characteristic, 7 of fraction
        for (int i = 0; i < 10; ++i)
            for (int operand = 0; operand < 2; ++operand) sum.add(i, ready);
        const int antilog = c.shifter(8, 15, 16, sum.compress(c));
        c.conditional_negate(16, antilog);
        return c;
    }
};
static_assert(check_multiplier<mitchell>());

} // namespace lutra
