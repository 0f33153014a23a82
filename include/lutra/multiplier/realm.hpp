// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/detail/binary_logarithm.hpp>
#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lutra {

/// REALM, the reduced-error logarithmic multiplier on magnitudes: Mitchell's product plus 2^(ka + kb) s, where s depends
/// on which of @p Segments equal parts of [0, 1) each fraction lies in and makes the mean relative error of the pair of
/// parts zero (Saadat, Javaid, Ignjatovic and Parameswaran, "REALM: reduced-error approximate log-based integer multiplier",
/// 2020; no bit of a fraction is truncated here). s has six bits; products are rounded down; zero operands give zero. @p
/// Width: the bits of each operand.
template <int Segments, int Width = 8>
struct realm {
    static_assert(Segments == 1 || Segments == 2 || Segments == 4 || Segments == 8 || Segments == 16,
                  "lutra::realm: Segments must be 1, 2, 4, 8 or 16.");
    static_assert(Width >= 3 && Width <= 16, "lutra::realm: Width, the bits of an operand, must be from 3 to 16.");
    static_assert(Segments <= (1 << (Width - 1)),
                  "lutra::realm: a fraction has only Width - 1 bits to choose a segment by.");

    using lhs = detail::mul::signed_operand<Width>;
    using rhs = lhs;
    using product = std::int32_t;
    static constexpr int lhs_bits = Width, rhs_bits = Width;
    static constexpr text<24> name_text = text<24>{"realm"} << Segments << detail::mul::width_suffix<Width>;
    static constexpr std::string_view name = name_text.view();
    static constexpr product multiply(lhs a, rhs b) noexcept {
        const unsigned ma = detail::mul::magnitude(a), mb = detail::mul::magnitude(b);
        if (ma == 0 || mb == 0) return 0;
        const auto s = corrections[segment(ma) * Segments + segment(mb)];
        return detail::mul::with_sign(a, b, detail::mul::corrected_log_product<Width>(ma, mb, s));
    }

    /// s in sixty-fourths, [part of the activation's fraction][part of the weight's].
    static constexpr std::array<std::uint8_t, static_cast<std::size_t>(Segments)* Segments> corrections = [] {
        std::array<std::uint8_t, static_cast<std::size_t>(Segments) * Segments> s{};
        constexpr int points = 64 / Segments; // a side of a part, for the midpoint rule
        for (int i = 0; i < Segments; ++i)
            for (int j = 0; j < Segments; ++j) {
                double lost = 0, weight = 0;
                for (int p = 0; p < points * points; ++p) {
                    const double x = (i * points + p / points + 0.5) / 64, y = (j * points + p % points + 0.5) / 64;
                    const double inverse = 1 / ((1 + x) * (1 + y));
                    lost += (x + y < 1 ? x * y : (1 - x) * (1 - y)) * inverse;
                    weight += inverse;
                }
                s[static_cast<std::size_t>(i * Segments + j)] = static_cast<std::uint8_t>(64 * lost / weight + 0.5);
            }
        return s;
    }();

    static constexpr gate_circuit circuit() noexcept {
        gate_circuit c;
        const int ready = detail::mul::count_logarithms(c, Width, Width - 1);
        // Four bits of s (it is below 1/4), each chosen from Segments^2 constants: half of the tree's multiplexers are
        // wires.
        constexpr int choices = Segments * Segments;
        const int chosen =
            c.add(gates::mux2, 4 * (choices - 1) / 2, ready) + gates::mux2.delay * (gate_circuit::ceil_log2(choices) - 1);
        const int halved = c.add(gates::mux2, 4, chosen); // where the fractions' sum has carried
        detail::mul::count_antilogarithm(c, Width, Width - 1, 0, halved, 4);
        return c;
    }

private:
    static constexpr std::size_t segment(unsigned m) noexcept {
        constexpr unsigned one = 1u << (Width - 1);
        return detail::mul::binary_log<Width>(m) % one * Segments / one;
    }
};

} // namespace lutra
