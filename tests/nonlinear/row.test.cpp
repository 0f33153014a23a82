// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/nonlinear/float_functions.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

/// @p n numbers in [-range, range), in memory of exactly that size.
std::vector<float> random_row(std::size_t n, double range, std::uint64_t seed) {
    lutra::random_generator random{seed};
    std::vector<float> x(n);
    for (float& v : x) v = static_cast<float>(range * (2 * random.unit() - 1));
    return x;
}

/// The largest absolute error of softmax of @p x, and that of the sum.
double softmax_error(std::vector<float> x) {
    double top = double{x[0]}, total = 0, sum = 0, worst = 0;
    for (const float v : x) top = std::max(top, double{v});
    for (const float v : x) total += std::exp(double{v} - top);
    std::vector<float> p = x;
    lutra::softmax(p);
    for (std::size_t i = 0; i < x.size(); ++i) {
        sum += double{p[i]};
        worst = std::max(worst, std::fabs(double{p[i]} - std::exp(double{x[i]} - top) / total));
    }
    return std::max(worst, std::fabs(sum - 1));
}

double layer_norm_error(std::size_t n, double range, float epsilon, bool in_place) {
    const auto x = random_row(n, range, n), weight = random_row(n, 2, n + 1), bias = random_row(n, 1, n + 2);
    double mean = 0, variance = 0;
    for (const float v : x) mean += double{v} / static_cast<double>(n);
    for (const float v : x) variance += (double{v} - mean) * (double{v} - mean) / static_cast<double>(n);
    const double inverse = 1 / std::sqrt(variance + double{epsilon});

    std::vector<float> y(n);
    if (in_place) y = x;
    const lutra::row_statistics s = lutra::layer_norm(in_place ? y : x, weight, bias, epsilon, y);
    double worst = std::max(std::fabs(double{s.mean} - mean) / range, std::fabs(double{s.inverse_deviation} / inverse - 1));
    for (std::size_t i = 0; i < n; ++i) {
        const double expected = (double{x[i]} - mean) * inverse * double{weight[i]} + double{bias[i]};
        worst = std::max(worst, std::fabs(double{y[i]} - expected) / (1 + std::fabs(expected)));
    }
    return worst;
}

} // namespace

TEST_CASE("softmax of rows of every length") {
    for (std::size_t n = 1; n <= 70; ++n)
        for (const double range : {1.0, 10.0, 80.0}) {
            INFO(n << " elements within " << range);
            CHECK(softmax_error(random_row(n, range, n)) < 1e-6);
        }
    CHECK(softmax_error(random_row(4099, 5, 1)) < 1e-6);
}

TEST_CASE("softmax does not overflow") {
    CHECK(softmax_error({3e38f, 3e38f, -3e38f, 0.0f}) < 1e-6);
    CHECK(softmax_error({-3e38f, -3.1e38f}) < 1e-6);
    CHECK(softmax_error({1e4f, 1e4f - 1, 1e4f - 2, 9e3f, -1e4f}) < 1e-6);
    CHECK(softmax_error(std::vector<float>(37, -1e30f)) < 1e-6);
}

TEST_CASE("softmax of masked rows, one and none") {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    std::vector<float> masked{1, -infinity, 1, -infinity}, one{42}, none;
    lutra::softmax(masked);
    CHECK(masked[0] == 0.5f);
    CHECK(masked[1] < 1e-37f);
    CHECK(masked[1] >= 0);
    lutra::softmax(one);
    CHECK(one[0] == 1.0f);
    lutra::softmax(none);
}

TEST_CASE("layer_norm of rows of every length") {
    for (std::size_t n = 1; n <= 2 * lutra::float_lanes + 2; ++n)
        for (const bool in_place : {false, true}) {
            INFO(n << " elements");
            CHECK(layer_norm_error(n, 3, 1e-3f, in_place) < 2e-5);
        }
    for (const std::size_t n : {64u, 70u, 384u, 1000u}) {
        CHECK(layer_norm_error(n, 1, 1e-6f, false) < 2e-6);
        CHECK(layer_norm_error(n, 1e6, 1e-6f, true) < 2e-6);
    }
}

TEST_CASE("layer_norm of a constant row is its bias") {
    const std::vector<float> x(19, 2.5f), weight(19, 3.0f), bias(19, -1.0f);
    std::vector<float> y(19);
    const auto s = lutra::layer_norm(x, weight, bias, 1e-6f, y);
    CHECK(s.mean == 2.5f);
    CHECK(s.inverse_deviation == Approx(1000.0));
    CHECK(y == bias);
}

TEST_CASE("layer_norm checks its lengths") {
    const std::vector<float> four(4), three(3);
    std::vector<float> y4(4), y3(3);
    REQUIRE_PANIC(lutra::layer_norm(four, three, four, 1e-6f, y4), bad_shape);
    REQUIRE_PANIC(lutra::layer_norm(four, four, three, 1e-6f, y4), bad_shape);
    REQUIRE_PANIC(lutra::layer_norm(four, four, four, 1e-6f, y3), bad_shape);
    REQUIRE_PANIC(lutra::layer_norm({}, {}, {}, 1e-6f, {}), empty);
}
