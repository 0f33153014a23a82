// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/search/objectives.hpp>
#include <lutra/search/real_operators.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

/// @file
/// Problems with known fronts: ZDT1, 2, 3 and 6 (Zitzler, Deb and Thiele, 2000) and DTLZ2 with three objectives (Deb,
/// Thiele, Laumanns and Zitzler, 2002). All variables lie in [0, 1].

namespace problems {

/// 1 + 9 times the mean of all variables but the first; 1 on the front.
template <std::size_t D>
double zdt_distance(const std::array<double, D>& x) {
    double sum = 0;
    for (std::size_t i = 1; i < D; ++i) sum += x[i];
    return 1 + 9 * sum / static_cast<double>(D - 1);
}

/// The front is f2 = 1 - sqrt(f1).
struct zdt1 {
    using genome = std::array<double, 30>;
    static lutra::objectives<2> evaluate(const genome& x) {
        const double g = zdt_distance(x);
        return {x[0], g * (1 - std::sqrt(x[0] / g))};
    }
};
/// The front is f2 = 1 - f1^2.
struct zdt2 {
    using genome = std::array<double, 30>;
    static lutra::objectives<2> evaluate(const genome& x) {
        const double g = zdt_distance(x), part = x[0] / g;
        return {x[0], g * (1 - part * part)};
    }
};
/// The front is five pieces of f2 = 1 - sqrt(f1) - f1 sin(10 pi f1).
struct zdt3 {
    using genome = std::array<double, 30>;
    static lutra::objectives<2> evaluate(const genome& x) {
        const double g = zdt_distance(x), part = x[0] / g;
        return {x[0], g * (1 - std::sqrt(part) - part * std::sin(10 * std::numbers::pi * x[0]))};
    }
};
/// The front is f2 = 1 - f1^2 from f1 = 0.2808, where few candidates lie.
struct zdt6 {
    using genome = std::array<double, 10>;
    static lutra::objectives<2> evaluate(const genome& x) {
        const double wave = std::sin(6 * std::numbers::pi * x[0]), cube = wave * wave * wave;
        const double f = 1 - std::exp(-4 * x[0]) * cube * cube;
        const double g = 1 + 9 * std::sqrt(std::sqrt((zdt_distance(x) - 1) / 9)), part = f / g;
        return {f, g * (1 - part * part)};
    }
};
/// The front is the part of the unit sphere where nothing is negative.
struct dtlz2 {
    using genome = std::array<double, 12>;
    static lutra::objectives<3> evaluate(const genome& x) {
        double g = 1;
        for (std::size_t i = 2; i < x.size(); ++i) g += (x[i] - 0.5) * (x[i] - 0.5);
        const double a = x[0] * std::numbers::pi / 2, b = x[1] * std::numbers::pi / 2;
        return {g * std::cos(a) * std::cos(b), g * std::cos(a) * std::sin(b), g * std::sin(a)};
    }
};

} // namespace problems
