// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// ETM, the error tolerant multiplier on magnitudes, split into halves of Width / 2 bits (Kyaw, Goh and Yeo, "Low-power
/// high-speed multiplier for error-tolerant application", 2010). Where both upper halves are zero, the lower ones are
/// multiplied exactly. Else the upper halves are, and the lower half of the product is made without carries: in the bits of
/// the lower halves, from the highest down, the first place that holds a one in either, and every bit of the product
/// below it, becomes one. The highest place stands for the top bit of that half, so that with 8-bit operands it has the
/// weight 2^7 and the last 2^4. Zero times a number is then not zero unless the number is small: 0 x 77 gives 255. @p Width:
/// the bits of each operand, even; lutra::etm has 8.
template <int Width>
struct basic_etm {
    static_assert(Width >= 4 && Width <= 16 && Width % 2 == 0, "lutra::basic_etm: Width must be even and from 4 to 16.");

    using lhs = detail::mul::signed_operand<Width>;
    using rhs = lhs;
    using product = std::int32_t;
    static constexpr int lhs_bits = Width, rhs_bits = Width;
    static constexpr text<24> name_text = text<24>{"etm"} << detail::mul::width_suffix<Width>;
    static constexpr std::string_view name = name_text.view();
    static constexpr product multiply(lhs a, rhs b) noexcept {
        const unsigned ma = detail::mul::magnitude(a), mb = detail::mul::magnitude(b), low = (ma | mb) & below;
        if (((ma | mb) >> half) == 0) return detail::mul::with_sign(a, b, ma * mb);
        const unsigned ones = low == 0 ? 0 : (2u << (detail::mul::leading_one(low) + half)) - 1;
        return detail::mul::with_sign(a, b, ((ma >> half) * (mb >> half) << Width) | ones);
    }

    static constexpr gate_circuit circuit() noexcept {
        gate_circuit c;
        c.conditional_negate(Width, 0);
        const int magnitudes = c.conditional_negate(Width, 0);
        // The control: a NOR of the upper halves, which chooses the multiplier's operands and where its product goes.
        const int control = c.add(gates::or2, Width - 1, magnitudes) + gate_circuit::ceil_log2(Width) - 1;
        const int chosen = c.add(gates::mux2, Width, control);
        column_heap heap{2 * Width};
        for (int j = 0; j < half; ++j)
            for (int i = 0; i < half; ++i) heap.add(i + j, c.add(gates::and2, 1, chosen));
        c.add(gates::or2, 2 * half - 1, magnitudes + half - 1); // the chain of ones
        const int placed = c.add(gates::and2, Width, heap.compress(c));
        c.add(gates::mux2, Width, control);
        c.conditional_negate(2 * Width, placed);
        return c;
    }

private:
    static constexpr int half = Width / 2;
    static constexpr unsigned below = (1u << half) - 1;
};
using etm = basic_etm<8>;
static_assert(check_multiplier<etm>());

} // namespace lutra
