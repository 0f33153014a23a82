// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

/// @file
/// The logarithmic and segmented multipliers on magnitudes once more, from their papers, in double and without wires: every
/// number below 2^53 is exact, so that the only roundings are those written down.

struct logarithm {
    int k = 0;
    double x = 0; ///< the fraction, in [0, 1)
};
inline logarithm logarithm_of(unsigned m) {
    int k = 0;
    while (m >> (k + 1) != 0) ++k;
    return {k, std::ldexp(m, -k) - 1};
}
inline double antilogarithm(double l) { return std::floor(std::ldexp(1 + (l - std::floor(l)), static_cast<int>(l))); }
/// (1 + x)(1 + y) as Mitchell's logarithm has it.
inline double mitchell_mantissa(double x, double y) { return x + y < 1 ? 1 + x + y : 2 * (x + y); }

template <int F>
double truncated_model(unsigned a, unsigned b) {
    if (a == 0 || b == 0) return 0;
    const auto cut = [](logarithm l) { return l.k + std::floor(l.x * (1 << F)) / (1 << F); };
    return antilogarithm(cut(logarithm_of(a)) + cut(logarithm_of(b)));
}

/// The set-one adder bit by bit, on logarithms in units of 2^-Fraction.
template <int M, int Fraction>
double set_one_model(unsigned a, unsigned b) {
    if (a == 0 || b == 0) return 0;
    const logarithm la = logarithm_of(a), lb = logarithm_of(b);
    const auto p = static_cast<unsigned>((la.k + la.x) * (1 << Fraction)),
               q = static_cast<unsigned>((lb.k + lb.x) * (1 << Fraction));
    unsigned sum = 0, carry = 0;
    for (int i = 0; i < Fraction + 6; ++i) {
        const unsigned u = p >> i & 1u, v = q >> i & 1u;
        if (i < M) {
            sum |= 1u << i;
            carry = u & v;
        } else {
            sum |= (u ^ v ^ carry) << i;
            carry = (u & v) | (carry & (u ^ v));
        }
    }
    return antilogarithm(std::ldexp(sum, -Fraction));
}

/// Mitchell's product plus a correction that depends on the fractions.
template <class F>
auto corrected_model(F correction) {
    return [=](unsigned a, unsigned b) -> double {
        if (a == 0 || b == 0) return 0;
        const logarithm la = logarithm_of(a), lb = logarithm_of(b);
        return std::floor(std::ldexp(mitchell_mantissa(la.x, lb.x) + correction(la.x, lb.x), la.k + lb.k));
    };
}

/// REALM's correction from its definition: lost product over weight, each divided by (1 + x)(1 + y), by many midpoints.
template <int S>
double realm_correction(double x, double y) {
    static const auto table = [] {
        std::array<double, S * S> s{};
        constexpr int points = 400 / S;
        constexpr double step = 1.0 / (S * points);
        for (int i = 0; i < S; ++i)
            for (int j = 0; j < S; ++j) {
                double relative = 0, inverse = 0;
                for (int p = 0; p < points; ++p)
                    for (int q = 0; q < points; ++q) {
                        const double u = (i * points + p + 0.5) * step, v = (j * points + q + 0.5) * step;
                        const double exact = (1 + u) * (1 + v);
                        relative += 1 - mitchell_mantissa(u, v) / exact;
                        inverse += 1 / exact;
                    }
                s[static_cast<std::size_t>(i * S + j)] = std::round(64 * relative / inverse) / 64;
            }
        return s;
    }();
    return table[static_cast<std::size_t>(static_cast<int>(x * S) * S + static_cast<int>(y * S))];
}

/// Basic block after basic block.
template <int Corrections>
unsigned ilm_model(unsigned a, unsigned b) {
    unsigned sum = 0;
    for (int block = 0; block <= Corrections && a != 0 && b != 0; ++block) {
        const auto k = static_cast<unsigned>(logarithm_of(a).k), l = static_cast<unsigned>(logarithm_of(b).k);
        a -= 1u << k;
        b -= 1u << l;
        sum += (1u << (k + l)) + (a << l) + (b << k);
    }
    return sum;
}

template <int M, int Width>
unsigned static_segment_model(unsigned a, unsigned b) {
    int shift = 0;
    for (unsigned* m : {&a, &b})
        if (*m >> M != 0) *m >>= Width - M, shift += Width - M;
    return (a * b) << shift;
}
template <int M>
unsigned dynamic_segment_model(unsigned a, unsigned b) {
    int shift = 0;
    for (unsigned* m : {&a, &b})
        while (*m >> M != 0) *m >>= 1, ++shift;
    return (a * b) << shift;
}
template <int K>
unsigned drum_model(unsigned a, unsigned b) {
    int shift = 0;
    for (unsigned* m : {&a, &b})
        if (*m >> K != 0) {
            while (*m >> K != 0) *m >>= 1, ++shift;
            *m |= 1u;
        }
    return (a * b) << shift;
}

/// The lower half of the product place by place, the top place of the lower operand halves first.
template <int Width>
unsigned etm_model(unsigned a, unsigned b) {
    constexpr int half = Width / 2;
    if (a < (1u << half) && b < (1u << half)) return a * b;
    unsigned low = 0;
    bool seen = false;
    for (int place = half - 1; place >= -half; --place) {
        if (place >= 0 && (((a | b) >> place) & 1u) != 0) seen = true;
        low = 2 * low + (seen ? 1 : 0);
    }
    return ((a >> half) * (b >> half) << Width) + low;
}
