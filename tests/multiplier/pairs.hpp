// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

/// How many of the 65,536 operand pairs fail @p holds(a, b).
template <class F>
int failures(F holds) {
    int n = 0;
    for (int a = -128; a < 128; ++a)
        for (int b = -128; b < 128; ++b)
            if (!holds(static_cast<std::int8_t>(a), static_cast<std::int8_t>(b))) ++n;
    return n;
}

/// How many pairs M multiplies to something else than @p circuit(a, b).
template <class M, class F>
int differences(F circuit) {
    return failures([&](std::int8_t a, std::int8_t b) { return M::multiply(a, b) == circuit(a, b); });
}

/// A circuit on magnitudes with the sign put back.
template <class F>
auto signed_of(F circuit) {
    return [=](int a, int b) {
        const auto x = static_cast<unsigned>(a < 0 ? -a : a), y = static_cast<unsigned>(b < 0 ? -b : b);
        const int p = static_cast<int>(circuit(x, y));
        return (a ^ b) < 0 ? -p : p;
    };
}

template <class M>
bool commutes() {
    return failures([](std::int8_t a, std::int8_t b) { return M::multiply(a, b) == M::multiply(b, a); }) == 0;
}

/// f(-a, b) == f(a, -b) == -f(a, b) wherever the operand can be negated.
template <class M>
bool sign_symmetric() {
    return failures([](std::int8_t a, std::int8_t b) {
               return (a == -128 || M::multiply(static_cast<std::int8_t>(-a), b) == -M::multiply(a, b)) &&
                      (b == -128 || M::multiply(a, static_cast<std::int8_t>(-b)) == -M::multiply(a, b));
           }) == 0;
}
