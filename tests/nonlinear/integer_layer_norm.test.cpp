// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/arena_memory.hpp>
#include <lutra/core/random.hpp>
#include <lutra/nonlinear/integer_layer_norm.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

template <int N>
struct prepared {
    std::vector<float> weight, bias;
    float epsilon = 1e-6f, input = 0x1p-11f, output = 0.02f;
    lutra::arena_memory memory{lutra::pwl_layer_norm<N>::bytes(weight.size())};

    lutra::pwl_layer_norm<N> norm() const {
        lutra::arena a{memory.bytes()};
        auto made = lutra::pwl_layer_norm<N>::make(weight, bias, epsilon, input, output, a);
        CHECK(a.used() == memory.bytes().size());
        return made;
    }
    /// How far the output is beyond the documented bound, in steps.
    double excess(const std::vector<std::int16_t>& x) const {
        const auto by = norm();
        const std::size_t n = x.size();
        std::vector<std::int8_t> out(n), expected(n);
        by(x, out);
        by.reference(x, expected);
        CHECK(out == expected);
        const double step = double{input}, count = static_cast<double>(n);
        double mean = 0, variance = 0, worst = -1;
        for (const auto v : x) mean += v * step / count;
        for (const auto v : x) variance += (v * step - mean) * (v * step - mean) / count;
        const double resolution = std::ldexp(1.6, static_cast<int>(std::ceil(std::log2(count) / 2)) - 15);
        for (std::size_t i = 0; i < n; ++i) {
            const double z = (x[i] * step - mean) / std::sqrt(variance + double{epsilon});
            const double w = double{weight[i]} / double{output};
            const double y = std::clamp(z * w + double{bias[i]} / double{output}, -127.0, 127.0);
            const double bound = 0.51 + std::fabs(w) * ((N == 16 ? 0.0007 : 0.0025) * std::fabs(z) + resolution);
            worst = std::max(worst, std::fabs(out[i] - y) - bound);
        }
        return worst;
    }
};
template <int N>
prepared<N> random_norm(std::size_t n, lutra::random_generator& random) {
    prepared<N> p{std::vector<float>(n), std::vector<float>(n)};
    for (float& w : p.weight) w = static_cast<float>(4 * random.unit() - 2);
    for (float& b : p.bias) b = static_cast<float>(random.unit() - 0.5);
    return p;
}
template <int N>
void check_rows() {
    lutra::random_generator random{11};
    for (const std::size_t n : {1u, 2u, 3u, 4u, 15u, 16u, 17u, 64u, 96u, 192u, 768u, 4096u, 16384u}) {
        const auto p = random_norm<N>(n, random);
        for (const int spread : {0, 1, 20, 3000, 32767}) {
            std::vector<std::int16_t> x(n);
            for (auto& v : x)
                v = static_cast<std::int16_t>(random.between(-spread, spread) / 2 + (spread < 30000 ? 5000 : 0));
            CHECK(p.excess(x) <= 0);
        }
        std::vector<std::int16_t> ends(n);
        for (auto& v : ends) v = random.below(2) == 0 ? std::numeric_limits<std::int16_t>::min() : std::int16_t{32767};
        CHECK(p.excess(ends) <= 0);
        std::fill(ends.begin(), ends.end(), std::int16_t{-32768});
        ends[0] = 32767; // the greatest deviation that there is
        CHECK(p.excess(ends) <= 0);
    }
}

} // namespace

TEST_CASE("integer layer norm: within the stated error of the exact one, on rows of 1 to 16384 elements") {
    check_rows<8>();
    check_rows<16>();
}

TEST_CASE("integer layer norm: every variance that two elements can have") {
    const prepared<16> p{{1, 1}, {0, 0}, 1e-12f, 0x1p-8f, 0.01f};
    const auto norm = p.norm();
    std::vector<std::int8_t> out(2), expected(2);
    for (int d = 0; d <= 65535; ++d) {
        const std::vector<std::int16_t> x{static_cast<std::int16_t>(d / 2), static_cast<std::int16_t>(d / 2 - d)};
        norm(x, out);
        norm.reference(x, expected);
        const double half = d * 0x1p-9, exact = half / std::sqrt(half * half + 1e-12) * 100;
        if (out != expected || std::fabs(out[0] - exact) > 0.7 || std::fabs(out[1] + exact) > 0.7) FAIL("difference " << d);
    }
}

TEST_CASE("integer layer norm: a row of one value gives the biases, and epsilon counts where it should") {
    prepared<16> p{{1, 1, 1, 1}, {0.5f, -0.5f, 0, 10}};
    std::vector<std::int8_t> out(4);
    p.norm()(std::vector<std::int16_t>(4, 1234), out);
    CHECK(out == std::vector<std::int8_t>{25, -25, 0, 127});
    const std::vector<std::int16_t> x{1, -1, 1, -1};
    p.epsilon = 3 * 0x1p-22f; // three times the variance: half of the length
    p.bias = {0, 0, 0, 0};
    p.norm()(x, out);
    CHECK(out == std::vector<std::int8_t>{25, -25, 25, -25});
}

TEST_CASE("integer layer norm: refuses what it cannot hold") {
    using norm = lutra::pwl_layer_norm<16>;
    const auto make = [](std::size_t n, std::size_t biases, float weight, float epsilon, float input, float output) {
        const std::vector<float> w(n, weight), b(biases, 0.0f);
        const lutra::arena_memory memory{norm::bytes(n)};
        lutra::arena a{memory.bytes()};
        return norm::make(w, b, epsilon, input, output, a).columns();
    };
    CHECK(make(3, 3, 1, 0, 1, 1) == 3);
    REQUIRE_PANIC(make(0, 0, 1, 0, 1, 1), empty);
    REQUIRE_PANIC(make(3, 2, 1, 0, 1, 1), bad_shape);
    REQUIRE_PANIC(make(16385, 16385, 1, 0, 1, 1), bad_shape);
    REQUIRE_PANIC(make(3, 3, 1, -1, 1, 1), bad_argument);
    REQUIRE_PANIC(make(3, 3, 1, 0, 0, 1), bad_argument);
    REQUIRE_PANIC(make(3, 3, 1, 0, 1, 0), bad_argument);
    REQUIRE_PANIC(make(3, 3, 20000, 0, 1, 1), bad_argument);
    const prepared<16> two{{1, 1}, {0, 0}};
    std::vector<std::int16_t> x(3);
    std::vector<std::int8_t> out(3);
    REQUIRE_PANIC(two.norm()(x, out), bad_shape);
    REQUIRE_PANIC(two.norm()(std::span{x}.first(2), out), bad_shape);
}
