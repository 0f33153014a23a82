// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/detail/binary_logarithm.hpp>
#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// Mitchell's logarithmic multiplier on magnitudes (1962): log2(2^k (1 + x)) is taken as k + x, the two are added, and
/// the antilogarithm is taken likewise. Never above the exact magnitude, at most 1/9 below it. Fractions keep all of
/// their bits, so that nothing else is lost; -128 has the magnitude 128, a power of two, and multiplies exactly.
/// @p Width: the bits of each operand; lutra::mitchell has 8.
template <int Width>
struct basic_mitchell {
    static_assert(Width >= 2 && Width <= 16, "lutra::basic_mitchell: Width, the bits of an operand, must be from 2 to 16.");

    using lhs = detail::mul::signed_operand<Width>;
    using rhs = lhs;
    using product = std::int32_t;
    static constexpr int lhs_bits = Width, rhs_bits = Width;
    static constexpr text<24> name_text = text<24>{"mitchell"} << detail::mul::width_suffix<Width>;
    static constexpr std::string_view name = name_text.view();
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
        detail::mul::count_antilogarithm(c, Width, Width - 1, 0, detail::mul::count_logarithms(c, Width, Width - 1));
        return c;
    }
};
using mitchell = basic_mitchell<8>;
static_assert(check_multiplier<mitchell>());

} // namespace lutra
