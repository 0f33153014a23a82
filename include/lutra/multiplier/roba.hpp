// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// RoBA, the rounding-based multiplier on magnitudes: with r(x) the nearest power of two, the product a b is taken as
/// r(a) b + a r(b) - r(a) r(b), which needs shifts and two additions; (a - r(a)) (b - r(b)) is lost (Zendegani et al.,
/// "RoBA multiplier", 2017). Halfway cases, 3 2^n, round up, but 3 rounds to 2. -128 is a power of two, hence exact.
struct roba {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "roba";
    static constexpr product multiply(lhs a, rhs b) noexcept {
        const unsigned ma = detail::mul::magnitude(a), mb = detail::mul::magnitude(b);
        const unsigned ra = nearest_power(ma), rb = nearest_power(mb);
        return detail::mul::with_sign(a, b, ra * mb + ma * rb - ra * rb);
    }

    /// a b - (a - r(a)) (b - r(b)), with r of a negative number as of its magnitude.
    static constexpr int rank = 2;
    template <int I>
    static constexpr int term_scale = I == 0 ? 1 : -1;
    template <int I>
    static constexpr std::int8_t lhs_term(lhs a) noexcept { return I == 0 ? a : remainder(a); }
    template <int I>
    static constexpr std::int8_t rhs_term(rhs b) noexcept { return I == 0 ? b : remainder(b); }

    static constexpr gate_circuit circuit() noexcept {
        gate_circuit c;
        int rounded = 0;
        for (int operand = 0; operand < 2; ++operand) {
            const int lead = c.leading_one_detector(8, c.conditional_negate(8, 0));
            rounded = c.add(gates::or2, 8, c.add(gates::and2, 16, lead));
        }
        int shifted = 0;
        for (int shift = 0; shift < 2; ++shift) {
            // One operand by a one-hot power of two: 64 ANDs onto 15 columns.
            shifted = c.add(gates::or2, 64 - 15, c.add(gates::and2, 64, rounded)) + 2;
        }
        c.add(gates::or2, 64 - 15, c.add(gates::and2, 64, rounded));
        // r(a) r(b) is one hot: taking it from the sum is a borrow chain of two gates a bit.
        column_heap heap;
        for (int i = 0; i < 15; ++i)
            for (int term = 0; term < 2; ++term) heap.add(i, shifted);
        const int sum = heap.compress(c);
        const int difference = c.add(gates::xor2, 16, c.add(gates::and2, 16, sum));
        c.conditional_negate(16, difference);
        return c;
    }

private:
    static constexpr unsigned nearest_power(unsigned m) noexcept {
        if (m == 0) return 0;
        const unsigned low = 1u << detail::mul::leading_one(m);
        return m != 3 && m >= low + low / 2 && low > 1 ? 2 * low : low;
    }
    static constexpr std::int8_t remainder(std::int8_t a) noexcept {
        return static_cast<std::int8_t>(a - detail::mul::with_sign(a, nearest_power(detail::mul::magnitude(a))));
    }
};
static_assert(check_multiplier<roba>());

} // namespace lutra
