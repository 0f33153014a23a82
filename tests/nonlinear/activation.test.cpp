// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/nonlinear/float_functions.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace {

/// The grid -40 to 40 in steps of 1/512 with zeros, subnormal, tiny and huge numbers; no multiple of a register long.
std::vector<float> arguments() {
    std::vector<float> x;
    for (int i = -40 * 512; i <= 40 * 512; ++i) x.push_back(static_cast<float>(i) / 512);
    for (const float m : {0.0f, std::numeric_limits<float>::denorm_min(), 1e-40f, std::numeric_limits<float>::min(), 1e-20f,
                          1e-6f, 100.0f, 1e10f, 1e20f, 9e29f})
        for (const float sign : {1.0f, -1.0f}) x.push_back(sign * m);
    return x;
}

struct value_and_slopes {
    std::vector<float> value, slope;
};
template <class Function>
value_and_slopes evaluate(const std::vector<float>& x) {
    value_and_slopes r{std::vector<float>(x.size()), x};
    lutra::apply_with_slope<Function>(r.slope, r.value);
    return r;
}

} // namespace

TEST_CASE("gelu and its slope are within their bounds") {
    const std::vector<float> x = arguments();
    const auto [value, slope] = evaluate<lutra::gelu>(x);
    double worst_value = 0, worst_slope = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const auto t = static_cast<long double>(x[i]);
        const long double below = (1 + std::erf(t / std::sqrt(2.0L))) / 2;
        const long double density = std::exp(-t * t / 2) * 0.398942280401432677939946L;
        const auto error = [](float got, long double expected) {
            return static_cast<double>(std::fabs(static_cast<long double>(got) - expected));
        };
        worst_value = std::max(worst_value, error(value[i], t * below) / (1 + std::fabs(double{x[i]})));
        worst_slope = std::max(worst_slope, error(slope[i], below + t * density));
    }
    CHECK(worst_value < 2e-7);
    CHECK(worst_slope < 4e-7);
}

TEST_CASE("gelu vanishes at 0 and on the far left, and is the identity on the far right") {
    const auto [value, slope] = evaluate<lutra::gelu>({0.0f, -0.0f, -30.0f, -1e20f, 30.0f, 1e20f});
    for (const std::size_t i : {0u, 1u, 2u, 3u}) CHECK(value[i] == 0.0f);
    CHECK(value[4] == 30.0f);
    CHECK(value[5] == 1e20f);
    CHECK(slope[0] == Approx(0.5).margin(4e-7));
    CHECK(slope[1] == Approx(0.5).margin(4e-7));
    CHECK(std::signbit(value[1]));
}

TEST_CASE("relu is exact") {
    std::vector<float> x = arguments();
    x.push_back(std::numeric_limits<float>::max());
    x.push_back(std::numeric_limits<float>::infinity());
    const auto [value, slope] = evaluate<lutra::relu>(x);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        wrong += value[i] != std::max(x[i], 0.0f);
        if (x[i] >= std::numeric_limits<float>::min())
            wrong += slope[i] != 1.0f;
        else if (x[i] > 0)
            wrong += !(slope[i] >= 0.0f && slope[i] < 1.0f);
        else
            wrong += slope[i] != 0.0f;
    }
    CHECK(wrong == 0);
}

TEST_CASE("apply gives the same values as apply_with_slope") {
    const std::vector<float> x = arguments();
    std::vector<float> gelu = x, relu = x;
    lutra::apply<lutra::gelu>(gelu);
    lutra::apply<lutra::relu>(relu);
    CHECK(gelu == evaluate<lutra::gelu>(x).value);
    CHECK(relu == evaluate<lutra::relu>(x).value);
}

TEST_CASE("an activation of any length reads and writes nothing else") {
    for (std::size_t n = 0; n <= 2 * lutra::float_lanes + 1; ++n) {
        std::vector<float> x(n); // exactly its size: AddressSanitizer sees an access past the end
        for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<float>(i) - 3.5f;
        const auto [value, slope] = evaluate<lutra::relu>(x);
        std::vector<float> in_place = x;
        lutra::apply<lutra::relu>(in_place);
        for (std::size_t i = 0; i < n; ++i) {
            CHECK(value[i] == std::max(x[i], 0.0f));
            CHECK(slope[i] == (x[i] > 0 ? 1.0f : 0.0f));
            CHECK(in_place[i] == value[i]);
        }
        CHECK(evaluate<lutra::gelu>(x).value.size() == n);
    }
    std::vector<float> x(5), y(4);
    REQUIRE_PANIC(lutra::apply_with_slope<lutra::relu>(x, y), bad_shape);
}

TEST_CASE("an activation has a name") {
    CHECK(lutra::gelu::name == "gelu");
    CHECK(lutra::relu::name == "relu");
}

namespace {

/// The largest errors of a function's value, relative to 1 + |x| where @p grows, and of its slope.
template <class Function, class Value, class Slope>
std::pair<double, double> worst_errors(bool grows, Value value_at, Slope slope_at) {
    const std::vector<float> x = arguments();
    const auto [value, slope] = evaluate<Function>(x);
    std::vector<float> alone = x;
    lutra::apply<Function>(alone);
    CHECK(alone == value);
    double worst_value = 0, worst_slope = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const auto t = static_cast<long double>(x[i]);
        const auto error = [](float got, long double expected) {
            return static_cast<double>(std::fabs(static_cast<long double>(got) - expected));
        };
        worst_value = std::max(worst_value, error(value[i], value_at(t)) / (grows ? 1 + std::fabs(double{x[i]}) : 1));
        worst_slope = std::max(worst_slope, error(slope[i], slope_at(t)));
        const auto at = static_cast<long double>(Function::at(double{x[i]}));
        if (std::fabs(t) < 1e6L) CHECK(std::fabs(at - value_at(t)) <= 1e-14L * (1 + std::fabs(t)));
    }
    return {worst_value, worst_slope};
}
long double logistic(long double x) { return 1 / (1 + std::exp(-x)); }

} // namespace

TEST_CASE("sigmoid, tanh and silu and their slopes are within their bounds") {
    const auto [sigmoid, sigmoid_slope] =
        worst_errors<lutra::sigmoid>(false, logistic, [](long double x) { return logistic(x) * logistic(-x); });
    CHECK(sigmoid < 2e-7);
    CHECK(sigmoid_slope < 2e-7);
    const auto [tanh, tanh_slope] = worst_errors<lutra::hyperbolic_tangent>(
        false, [](long double x) { return std::tanh(x); }, [](long double x) { return 1 - std::tanh(x) * std::tanh(x); });
    CHECK(tanh < 4e-7);
    CHECK(tanh_slope < 1e-6);
    const auto [silu, silu_slope] = worst_errors<lutra::silu>(
        true, [](long double x) { return x * logistic(x); },
        [](long double x) { return logistic(x) + x * logistic(x) * logistic(-x); });
    CHECK(silu < 2e-7);
    CHECK(silu_slope < 1e-6);
}

TEST_CASE("hswish and gelu_tanh and their slopes are within their bounds") {
    const auto [hswish, hswish_slope] = worst_errors<lutra::hswish>(
        true, [](long double x) { return x * std::min(std::max(x + 3, 0.0L), 6.0L) / 6; },
        [](long double x) { return x <= -3  ? 0
                                   : x >= 3 ? 1
                                            : (2 * x + 3) / 6; });
    CHECK(hswish < 2e-7);
    CHECK(hswish_slope < 1e-6);
    const long double c = 1.5957691216057307117597842397375L;
    const auto inner = [c](long double x) { return c * x * (1 + 0.044715L * x * x); };
    const auto [gelu, gelu_slope] = worst_errors<lutra::gelu_tanh>(
        true, [&](long double x) { return x * logistic(inner(x)); },
        [&](long double x) {
            if (std::fabs(x) > 100) return x > 0 ? 1.0L : 0.0L;
            const long double s = logistic(inner(x));
            return s + x * s * logistic(-inner(x)) * c * (1 + 3 * 0.044715L * x * x);
        });
    CHECK(gelu < 2e-7);
    CHECK(gelu_slope < 2e-6);
}
