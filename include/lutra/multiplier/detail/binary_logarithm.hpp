// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>

/// @file
/// Mitchell's logarithm (1962) as the wires that its descendants work on: log2(2^k (1 + x)) is taken as k + x, in fixed
/// point with Width - 1 fraction bits, so that nothing of a magnitude of Width bits is lost.

namespace lutra::detail::mul {

/// k 2^(Width - 1) + x 2^(Width - 1) of a magnitude that is not zero.
template <int Width>
[[nodiscard]] constexpr unsigned binary_log(unsigned m) noexcept {
    const int k = leading_one(m);
    return (static_cast<unsigned>(k) << (Width - 1)) + ((m ^ (1u << k)) << (Width - 1 - k));
}

/// 2^k (1 + x), rounded down.
template <int Width>
[[nodiscard]] constexpr unsigned binary_antilog(unsigned log) noexcept {
    constexpr unsigned one = 1u << (Width - 1);
    return static_cast<unsigned>((std::uint64_t{one + log % one} << (log / one)) >> (Width - 1));
}

/// Mitchell's product of two magnitudes that are not zero plus 2^(ka + kb) @p sixty_fourths / 64, rounded down.
template <int Width>
[[nodiscard]] constexpr unsigned corrected_log_product(unsigned a, unsigned b, unsigned sixty_fourths) noexcept {
    constexpr unsigned one = 1u << (Width - 1);
    const unsigned la = binary_log<Width>(a), lb = binary_log<Width>(b), x = la % one + lb % one;
    const std::uint64_t mantissa = 64 * (x < one ? one + x : 2 * x) + sixty_fourths * one;
    return static_cast<unsigned>((mantissa << (la / one + lb / one)) >> (Width + 5));
}

/// Both operands' signs taken off and their logarithms with @p fraction bits; returns when those have settled.
constexpr int count_logarithms(gate_circuit& c, int width, int fraction) noexcept {
    int ready = 0;
    for (int operand = 0; operand < 2; ++operand) {
        const int lead = c.leading_one_detector(width, c.conditional_negate(width, 0));
        c.encoder(width, lead);
        // The t-th fraction bit has a source for each leading one at t or above, not a full crossbar.
        int sources = 0;
        for (int t = 1; t <= fraction; ++t) sources += width - t;
        ready = c.add(gates::or2, sources - fraction, c.add(gates::and2, sources, lead)) + 2;
    }
    return ready;
}

/// The adder of two logarithms from bit @p low on, a constant of @p extra_bits bits added to
/// the top of their fraction, and the antilogarithm's shifter and sign.
constexpr void count_antilogarithm(gate_circuit& c, int width, int fraction, int low, int ready,
                                   int extra_bits = 0) noexcept {
    column_heap sum;
    for (int i = low; i < gate_circuit::ceil_log2(width) + fraction; ++i)
        for (int operand = 0; operand < 2; ++operand) sum.add(i, ready);
    for (int i = 0; i < extra_bits; ++i) sum.add(fraction - 1 - i, ready);
    const int antilog = c.shifter(fraction + 1, 2 * width - 1, 2 * width, sum.compress(c));
    c.conditional_negate(2 * width, antilog);
}

} // namespace lutra::detail::mul
