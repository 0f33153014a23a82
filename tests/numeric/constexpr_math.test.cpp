// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/numeric/constexpr_math.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace {

namespace math = lutra::math;
constexpr double infinity = std::numeric_limits<double>::infinity(), not_a_number = std::numeric_limits<double>::quiet_NaN();

double ulps(double got, long double expected) {
    const double near = static_cast<double>(expected), size = std::fabs(near);
    const double ulp = std::nextafter(size, infinity) - size;
    return static_cast<double>(std::fabs(static_cast<long double>(got) - expected)) / ulp;
}
/// The largest error in ulp at 40,000 random arguments of [low, high), evenly spread.
template <class Got, class Expected>
double worst(double low, double high, Got got, Expected expected) {
    lutra::random_generator random{7};
    double most = 0;
    for (int i = 0; i < 40000; ++i) {
        const double x = low + (high - low) * random.unit();
        most = std::max(most, ulps(got(x), expected(static_cast<long double>(x))));
    }
    return most;
}
/// The same over [2^low, 2^high) of both signs, evenly spread by exponent.
template <class Got, class Expected>
double worst_scales(int low, int high, bool both_signs, Got got, Expected expected) {
    lutra::random_generator random{8};
    double most = 0;
    for (int i = 0; i < 40000; ++i) {
        double x = std::ldexp(1 + random.unit(), low + static_cast<int>(random.unit() * (high - low)));
        if (both_signs && random.unit() < 0.5) x = -x;
        most = std::max(most, ulps(got(x), expected(static_cast<long double>(x))));
    }
    return most;
}
using real = long double;

} // namespace

TEST_CASE("exp and expm1 are within 2 ulp") {
    CHECK(worst(-708, 709.7, math::exp, [](real x) { return std::exp(x); }) < 2);
    CHECK(worst(-2, 2, math::exp, [](real x) { return std::exp(x); }) < 2);
    CHECK(worst(-745, -708, math::exp, [](real x) { return std::exp(x); }) < 2); // subnormal
    CHECK(worst(-3, 3, math::expm1, [](real x) { return std::expm1(x); }) < 2);
    CHECK(worst(-45, 700, math::expm1, [](real x) { return std::expm1(x); }) < 2);
    CHECK(worst_scales(-60, 0, true, math::expm1, [](real x) { return std::expm1(x); }) < 2);
}

TEST_CASE("log is within 2 ulp, log1p within 3") {
    CHECK(worst_scales(-1074, 1023, false, math::log, [](real x) { return std::log(x); }) < 2);
    CHECK(worst(0.5, 2, math::log, [](real x) { return std::log(x); }) < 2);
    CHECK(worst_scales(-60, 60, false, math::log1p, [](real x) { return std::log1p(x); }) < 3);
    CHECK(worst(-0.999, 2, math::log1p, [](real x) { return std::log1p(x); }) < 3);
}

TEST_CASE("sqrt is correctly rounded") {
    lutra::random_generator random{9};
    int wrong = 0;
    for (int i = 0; i < 200000; ++i) {
        const double x = std::bit_cast<double>(random() >> 1);
        if (!std::isfinite(x)) continue;
        wrong += math::sqrt(x) != std::sqrt(x);
        const double near = std::nextafter(static_cast<double>(i) * i, i % 2 == 0 ? infinity : 0.0);
        wrong += math::sqrt(near) != std::sqrt(near);
    }
    CHECK(wrong == 0);
    CHECK(worst_scales(-500, 500, false, math::rsqrt, [](real x) { return 1 / std::sqrt(x); }) < 2);
}

TEST_CASE("erf, erfc and tanh are within their bounds") {
    CHECK(worst(-6, 6, math::erf, [](real x) { return std::erf(x); }) < 8);
    CHECK(worst_scales(-60, 0, true, math::erf, [](real x) { return std::erf(x); }) < 8);
    CHECK(worst(-6, 2, math::erfc, [](real x) { return std::erfc(x); }) < 1000);
    CHECK(worst(2, 26, math::erfc, [](real x) { return std::erfc(x); }) < 5);
    CHECK(worst(-21, 21, math::tanh, [](real x) { return std::tanh(x); }) < 3);
    CHECK(worst_scales(-60, 0, true, math::tanh, [](real x) { return std::tanh(x); }) < 3);
}

TEST_CASE("ends of the range") {
    CHECK(math::exp(infinity) == infinity);
    CHECK(math::exp(-infinity) == 0);
    CHECK(math::exp(709.9) == infinity);
    CHECK(math::exp(-746.0) == 0);
    CHECK(math::exp(0.0) == 1);
    CHECK(math::expm1(-infinity) == -1);
    CHECK(math::expm1(infinity) == infinity);
    CHECK(std::signbit(math::expm1(-0.0)));
    CHECK(math::log(0.0) == -infinity);
    CHECK(math::log(infinity) == infinity);
    CHECK(math::log(1.0) == 0);
    CHECK(math::log1p(-1.0) == -infinity);
    CHECK(math::sqrt(infinity) == infinity);
    CHECK(std::signbit(math::sqrt(-0.0)));
    CHECK(math::rsqrt(infinity) == 0);
    CHECK(math::erf(infinity) == 1);
    CHECK(math::erf(-infinity) == -1);
    CHECK(math::erfc(infinity) == 0);
    CHECK(math::erfc(-infinity) == 2);
    CHECK(math::tanh(infinity) == 1);
    CHECK(math::tanh(-infinity) == -1);
    for (const double x :
         {math::log(-1.0), math::sqrt(-1.0), math::log1p(-2.0), math::exp(not_a_number), math::expm1(not_a_number),
          math::log(not_a_number), math::log1p(not_a_number), math::sqrt(not_a_number), math::erf(not_a_number),
          math::erfc(not_a_number), math::tanh(not_a_number)})
        CHECK(std::isnan(x));
}

TEST_CASE("a constant expression has the bits of run time") {
    constexpr double exp = math::exp(-1.7), log = math::log(0.3), erf = math::erf(0.9), erfc = math::erfc(2.5),
                     tanh = math::tanh(0.4), sqrt = math::sqrt(7.3);
    const auto run_time = [](double x) { // as far as the compiler knows
        volatile double hidden = x;
        return hidden;
    };
    CHECK(math::exp(run_time(-1.7)) == exp);
    CHECK(math::log(run_time(0.3)) == log);
    CHECK(math::erf(run_time(0.9)) == erf);
    CHECK(math::erfc(run_time(2.5)) == erfc);
    CHECK(math::tanh(run_time(0.4)) == tanh);
    CHECK(math::sqrt(run_time(7.3)) == sqrt);
}
