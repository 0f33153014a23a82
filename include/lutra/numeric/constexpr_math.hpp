// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/numeric/unfused.hpp>

#include <bit>
#include <cstdint>
#include <limits>

/// @file
/// Elementary functions of a double that a constant expression can call, which those of <cmath> are not before C++26. The
/// same bits from every compiler, at compile time and at run time. Errors are below 2 ulp unless said otherwise; NaN gives
/// NaN, and infinities what <cmath> gives.

namespace lutra::math {

namespace detail {
inline constexpr double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double ln2_high = 0x1.62e42fefa38p-1,
                        ln2_low = 0x1.ef35793c7673p-45; // their sum is ln 2; n ln2_high is exact

/// 2^n for n in [-1022, 1023].
constexpr double power_of_two(int n) noexcept { return std::bit_cast<double>(static_cast<std::uint64_t>(n + 1023) << 52); }
/// e^r - 1 for |r| <= 0.35, by Taylor's series.
constexpr double small_expm1(double r) noexcept {
    double sum = 0;
    for (int n = 14; n >= 2; --n) sum = unfused((sum + 1) * r) / n; // r/2 (1 + r/3 (1 + ...))
    return r + unfused(sum * r);
}
/// 2 artanh(s) = ln((1 + s) / (1 - s)) for |s| <= 1/3, by Taylor's series.
constexpr double twice_artanh(double s) noexcept {
    const double square = unfused(s * s);
    double sum = 0;
    for (int n = 35; n >= 3; n -= 2) sum = unfused((sum + 1.0 / n) * square);
    return 2 * (s + unfused(s * sum));
}
/// x = n ln 2 + rest, |rest| <= 0.35.
struct reduced {
    int n;
    double rest;
};
constexpr reduced reduce(double x) noexcept {
    const double scaled = x * 1.4426950408889634;
    const int n = static_cast<int>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    return {n, x - unfused(n * ln2_high) - unfused(n * ln2_low)};
}
/// sum over n of (2 x^2)^n / (1 3 5 ... (2n + 1)), all of one sign: erf(x) = 2 / sqrt(pi) x e^(-x^2) times it.
constexpr double erf_series(double x) noexcept {
    const double square = 2 * unfused(x * x);
    double sum = 1;
    for (int n = 14 + static_cast<int>(4 * square); n >= 1; --n) sum = 1 + unfused(square * sum) / (2 * n + 1);
    return sum;
}
/// sqrt(pi) x e^(x^2) erfc(x) for x >= 2, by its continued fraction from the far end (Laplace).
constexpr double erfc_fraction(double x) noexcept {
    const double square = 2 * unfused(x * x);
    double below = 1;
    for (int n = x < 3 ? 120 : x < 6 ? 50 : 20; n >= 1; --n) below = 1 + n / unfused(square * below);
    return 1 / below;
}
} // namespace detail

/// e^x.
[[nodiscard]] constexpr double exp(double x) noexcept {
    if (x != x) return x;
    if (x > 709.8) return detail::infinity;
    if (x < -745.2) return 0;
    const auto [n, rest] = detail::reduce(x);
    const double mantissa = 1 + detail::small_expm1(rest);
    const int half = n / 2; // in two steps: 2^1024 and subnormals
    return mantissa * detail::power_of_two(half) * detail::power_of_two(n - half);
}

/// e^x - 1, without cancellation near 0.
[[nodiscard]] constexpr double expm1(double x) noexcept {
    if (x != x || x == 0) return x;
    if (x < -40) return -1;
    if (x > 40) return exp(x) - 1;
    const auto [n, rest] = detail::reduce(x);
    const double scale = detail::power_of_two(n);
    return unfused(scale * detail::small_expm1(rest)) + (scale - 1);
}

/// ln x; minus infinity of 0, NaN of less.
[[nodiscard]] constexpr double log(double x) noexcept {
    if (x != x || x < 0) return detail::nan;
    if (x == 0) return -detail::infinity;
    if (x == detail::infinity) return x;
    int n = 0;
    if (x < 0x1p-1022) x *= 0x1p54, n = -54; // subnormal
    auto bits = std::bit_cast<std::uint64_t>(x);
    n += static_cast<int>(bits >> 52) - 1023;
    bits = (bits & 0xf'ffff'ffff'ffffu) | (std::uint64_t{1023} << 52);
    auto mantissa = std::bit_cast<double>(bits); // in [1, 2)
    if (mantissa > 1.4142135623730951) mantissa /= 2, ++n;
    const double fraction = detail::twice_artanh((mantissa - 1) / (mantissa + 1));
    return unfused(n * detail::ln2_high) + (fraction + unfused(n * detail::ln2_low));
}

/// ln(1 + x), without cancellation near 0; to 3 ulp.
[[nodiscard]] constexpr double log1p(double x) noexcept {
    if (x > -0.3 && x < 0.5) return x == 0 ? x : detail::twice_artanh(x / (2 + x));
    return log(1 + x);
}

/// The square root, correctly rounded; NaN of less than 0.
[[nodiscard]] constexpr double sqrt(double x) noexcept {
    if (x != x || x < 0) return detail::nan;
    if (x == 0 || x == detail::infinity) return x;
    int half = 0;
    if (x < 0x1p-1022) x *= 0x1p54, half = -27; // subnormal
    const auto bits = std::bit_cast<std::uint64_t>(x);
    const int exponent = static_cast<int>(bits >> 52) - 1023;
    half += exponent >> 1;
    const std::uint64_t whole = ((bits & 0xf'ffff'ffff'ffffu) | (std::uint64_t{1} << 52)) << (exponent & 1);
    const double f = static_cast<double>(whole) * 0x1p-52; // x = f 4^half, f in [1, 4)
    double root = (1 + f) / 2;
    for (int i = 0; i < 5; ++i) root = (root + f / root) / 2; // Newton: each step doubles the digits
    // The last digit in integers: r is the nearest where -r < f 2^104 - r^2 <= r, a difference that 64 bits hold.
    auto r = static_cast<std::uint64_t>(root * 0x1p52);
    const auto difference = [&] { return static_cast<std::int64_t>((whole << 52) - r * r); };
    while (difference() > static_cast<std::int64_t>(r)) ++r;
    while (difference() <= -static_cast<std::int64_t>(r)) --r;
    return static_cast<double>(r) * 0x1p-52 * detail::power_of_two(half);
}

/// 1 / sqrt(x).
[[nodiscard]] constexpr double rsqrt(double x) noexcept { return 1 / sqrt(x); }

namespace detail {
/// e^(-x^2) for |x| < 27.4, with the square in two parts: an error in it would count x^2 times.
constexpr double gauss(double x) noexcept {
    const double cut = static_cast<double>(static_cast<float>(x)), rest = unfused((cut - x) * (cut + x));
    const double part = exp(-unfused(cut * cut));
    return part + unfused(part * expm1(rest));
}
/// erf(x) for 0 <= x < 2.
constexpr double erf_near_0(double x) noexcept { return unfused(1.1283791670955126 * (x * (gauss(x) * erf_series(x)))); }
} // namespace detail

/// 1 - erf(x): to 1000 ulp where x is below 2, 5 ulp above.
[[nodiscard]] constexpr double erfc(double x) noexcept {
    if (x != x) return x;
    if (x < 0) return 2 - erfc(-x);
    if (x < 2) return 1 - detail::erf_near_0(x);
    if (x > 27.3) return 0;
    return unfused(0.56418958354775629 / x * detail::gauss(x) * detail::erfc_fraction(x));
}

/// 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x, to 8 ulp.
[[nodiscard]] constexpr double erf(double x) noexcept {
    if (x != x) return x;
    if (x < 0) return -erf(-x);
    return x < 2 ? detail::erf_near_0(x) : 1 - erfc(x);
}

/// (e^x - e^-x) / (e^x + e^-x), to 3 ulp.
[[nodiscard]] constexpr double tanh(double x) noexcept {
    if (x != x || x == 0) return x;
    if (x > 20) return 1;
    if (x < -20) return -1;
    const double m = expm1(2 * (x < 0 ? -x : x)), t = m / (m + 2);
    return x < 0 ? -t : t;
}

} // namespace lutra::math
