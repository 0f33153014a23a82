// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/detail/binary_logarithm.hpp>
#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// Mitchell's multiplier on magnitudes (1962) with the @p F leading fraction bits of each logarithm only; the others are
/// dropped before the addition, which shrinks it and both shifters (the truncation of Kim et al., "Efficient
/// Mitchell's approximate log multipliers for convolutional neural networks", 2019; signs are taken off exactly here).
/// Never above the exact magnitude; -128 is exact. @p Width: the bits of each operand.
template <int F, int Width = 8>
struct mitchell_truncated {
    static_assert(Width >= 2 && Width <= 16, "lutra::mitchell_truncated: Width must be from 2 to 16.");
    static_assert(F >= 1 && F < Width, "lutra::mitchell_truncated: F, the fraction bits kept, must be from 1 to Width - 1.");

    using lhs = detail::mul::signed_operand<Width>;
    using rhs = lhs;
    using product = std::int32_t;
    static constexpr int lhs_bits = Width, rhs_bits = Width;
    static constexpr text<32> name_text = text<32>{"mitchell_truncated"} << F << detail::mul::width_suffix<Width>;
    static constexpr std::string_view name = name_text.view();
    static constexpr product multiply(lhs a, rhs b) noexcept {
        const unsigned ma = detail::mul::magnitude(a), mb = detail::mul::magnitude(b);
        if (ma == 0 || mb == 0) return 0;
        constexpr unsigned kept = ~((1u << (Width - 1 - F)) - 1);
        const unsigned sum = (detail::mul::binary_log<Width>(ma) & kept) + (detail::mul::binary_log<Width>(mb) & kept);
        return detail::mul::with_sign(a, b, detail::mul::binary_antilog<Width>(sum));
    }

    static constexpr gate_circuit circuit() noexcept {
        gate_circuit c;
        detail::mul::count_antilogarithm(c, Width, F, 0, detail::mul::count_logarithms(c, Width, F));
        return c;
    }
};

} // namespace lutra
