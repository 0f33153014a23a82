// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/detail/binary_logarithm.hpp>
#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// ALM-SOA, Mitchell's multiplier on magnitudes whose logarithms meet in a set-one adder: the lowest @p M bits of the
/// fraction's sum are always one, and the AND of both logarithms' bits M - 1 is the carry into the others (Liu et al.,
/// "Design and evaluation of approximate logarithmic multipliers for low power error-tolerant applications", 2018). The
/// ones make up for part of what Mitchell's logarithm loses. Zero operands give zero. @p Width: the bits of each operand.
template <int M, int Width = 8>
struct alm_soa {
    static_assert(Width >= 3 && Width <= 16, "lutra::alm_soa: Width, the bits of an operand, must be from 3 to 16.");
    static_assert(M >= 1 && M < Width, "lutra::alm_soa: M, the bits set to one, must be from 1 to Width - 1.");

    using lhs = detail::mul::signed_operand<Width>;
    using rhs = lhs;
    using product = std::int32_t;
    static constexpr int lhs_bits = Width, rhs_bits = Width;
    static constexpr text<24> name_text = text<24>{"alm_soa"} << M << detail::mul::width_suffix<Width>;
    static constexpr std::string_view name = name_text.view();
    static constexpr product multiply(lhs a, rhs b) noexcept {
        const unsigned ma = detail::mul::magnitude(a), mb = detail::mul::magnitude(b);
        if (ma == 0 || mb == 0) return 0;
        const unsigned la = detail::mul::binary_log<Width>(ma), lb = detail::mul::binary_log<Width>(mb);
        const unsigned carry = (la & lb) >> (M - 1) & 1u, upper = (la >> M) + (lb >> M) + carry;
        return detail::mul::with_sign(a, b, detail::mul::binary_antilog<Width>(upper << M | ((1u << M) - 1)));
    }

    static constexpr gate_circuit circuit() noexcept {
        gate_circuit c;
        // Of the bits below M the circuit has only the two that the carry needs.
        const int ready = detail::mul::count_logarithms(c, Width, Width - M);
        c.add(gates::and2, 1, ready);
        detail::mul::count_antilogarithm(c, Width, Width - 1, M, ready);
        return c;
    }
};

} // namespace lutra
