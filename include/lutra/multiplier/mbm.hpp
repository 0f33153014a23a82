// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/detail/binary_logarithm.hpp>
#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// MBM, the minimally biased multiplier on magnitudes: Mitchell's product plus 2^(ka + kb) / 12, what it loses on
/// average, where ka and kb are the places of the leading ones (Saadat, Bokhari and Parameswaran, "Minimally biased
/// multipliers for approximate integer and floating-point multiplication", 2018). The twelfth is 5 / 64 here, its nearest
/// six bits; products are rounded down; powers of two, exact in Mitchell's, are not in this one. Zero operands give
/// zero. @p Width: the bits of each operand; lutra::mbm has 8.
template <int Width>
struct basic_mbm {
    static_assert(Width >= 2 && Width <= 16, "lutra::basic_mbm: Width, the bits of an operand, must be from 2 to 16.");

    using lhs = detail::mul::signed_operand<Width>;
    using rhs = lhs;
    using product = std::int32_t;
    static constexpr int lhs_bits = Width, rhs_bits = Width;
    static constexpr text<24> name_text = text<24>{"mbm"} << detail::mul::width_suffix<Width>;
    static constexpr std::string_view name = name_text.view();
    static constexpr product multiply(lhs a, rhs b) noexcept {
        const unsigned ma = detail::mul::magnitude(a), mb = detail::mul::magnitude(b);
        if (ma == 0 || mb == 0) return 0;
        return detail::mul::with_sign(a, b, detail::mul::corrected_log_product<Width>(ma, mb, 5));
    }

    static constexpr gate_circuit circuit() noexcept {
        gate_circuit c;
        const int ready = detail::mul::count_logarithms(c, Width, Width - 1);
        c.add(gates::mux2, 2, ready); // the constant, halved where the fractions' sum has carried
        detail::mul::count_antilogarithm(c, Width, Width - 1, 0, ready, 2);
        return c;
    }
};
using mbm = basic_mbm<8>;
static_assert(check_multiplier<mbm>());

} // namespace lutra
