// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/numeric/quantize.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

using lutra::quantize;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity(), not_a_number = std::numeric_limits<float>::quiet_NaN();

template <class T>
T reference(float x, float scale) {
    if (std::isnan(x)) return 0;
    const float most = static_cast<float>(lutra::quantized_max<T>);
    return static_cast<T>(std::clamp(std::nearbyint(x / scale), -most, most));
}

static_assert(quantize(0.26f, 0.1f) == 3 && quantize(-1e9f, 0.1f) == -127);
static_assert(quantize<std::int16_t>(-1e9f, 0.1f) == -32767);
static_assert(lutra::dequantize(std::int8_t{-128}, 0.5f) == -64.0f);
static_assert([] {
    constexpr std::array<float, 3> x{0.5f, 1.5f, -2.5f};
    std::array<std::int8_t, 3> q{};
    quantize(x, 1.0f, q);
    return q == std::array<std::int8_t, 3>{0, 2, -2};
}());

} // namespace

TEST_CASE("quantisation is nearbyint of the quotient, clipped") {
    lutra::random_generator random{6};
    int wrong = 0;
    for (const float scale : {1.0f, 0.5f, 0.1f, 0.00317f, 3e-39f, 1e30f}) {
        for (int half = -300; half <= 300; ++half) {
            const float x = static_cast<float>(half) / 2 * scale;
            for (const float y : {x, std::nextafter(x, infinity), std::nextafter(x, -infinity)}) {
                wrong += quantize(y, scale) != reference<std::int8_t>(y, scale);
                wrong += quantize<std::int16_t>(y, scale) != reference<std::int16_t>(y, scale);
            }
        }
        for (int i = 0; i < 20000; ++i) {
            const float x = std::bit_cast<float>(static_cast<std::uint32_t>(random() >> 32));
            wrong += quantize(x, scale) != reference<std::int8_t>(x, scale);
            wrong += quantize<std::int16_t>(x, scale) != reference<std::int16_t>(x, scale);
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("what is not a number becomes 0, what is infinite the largest magnitude") {
    CHECK(quantize(not_a_number, 0.1f) == 0);
    CHECK(quantize(-not_a_number, 0.1f) == 0);
    CHECK(quantize(infinity, 0.1f) == 127);
    CHECK(quantize(-infinity, 0.1f) == -127);
    CHECK(quantize<std::int32_t>(infinity, 0.1f) == std::numeric_limits<std::int32_t>::max());
    CHECK(quantize<std::int32_t>(16777217.0f * 4, 0.25f) == 16777216 * 16);
    for (const float bad : {0.0f, -1.0f, not_a_number, infinity}) REQUIRE_PANIC(quantize(1.0f, bad), bad_argument);
}

TEST_CASE("every int8 and int16 survives the way to a real number and back") {
    int wrong = 0;
    for (const float scale : {1.0f, 0.1f, 0.0071f, 1e-30f}) {
        for (int q = -127; q <= 127; ++q)
            wrong += quantize(lutra::dequantize(static_cast<std::int8_t>(q), scale), scale) != q;
        for (int q = -32767; q <= 32767; ++q)
            wrong += quantize<std::int16_t>(lutra::dequantize(static_cast<std::int16_t>(q), scale), scale) != q;
    }
    CHECK(wrong == 0);
}

TEST_CASE("spans do as their elements, whatever the length") {
    lutra::random_generator random{7};
    for (std::size_t n = 0; n < 70; ++n) {
        std::vector<float> x(n), back(n);
        for (float& v : x) v = static_cast<float>(random.unit() * 40 - 20);
        std::vector<std::int8_t> q(n);
        std::vector<std::int16_t> wide(n);
        std::vector<std::int32_t> bias(n);
        quantize(x, 0.13f, q);
        quantize(x, 0.001f, wide);
        quantize(x, 1e-6f, bias);
        lutra::dequantize(q, 0.13f, back);
        bool same = true;
        for (std::size_t i = 0; i < n; ++i)
            same = same && q[i] == quantize(x[i], 0.13f) && wide[i] == quantize<std::int16_t>(x[i], 0.001f) &&
                   bias[i] == quantize<std::int32_t>(x[i], 1e-6f) && back[i] == static_cast<float>(q[i]) * 0.13f;
        CHECK(same);
    }
    std::array<float, 2> two{};
    std::array<std::int8_t, 3> three{};
    REQUIRE_PANIC((quantize(two, 1.0f, three), 0), bad_shape);
    REQUIRE_PANIC((lutra::dequantize(three, 1.0f, two), 0), bad_shape);
    REQUIRE_PANIC((quantize(std::span<const float>{}, 0.0f, std::span<std::int8_t>{}), 0), bad_argument);
}

TEST_CASE("scales of tensors and of channels") {
    CHECK(lutra::scale_for(127.0f) == 1.0f);
    CHECK(lutra::scale_for<std::int16_t>(65534.0f) == 2.0f);
    CHECK(lutra::scale_for(0.0f) == 1.0f);
    CHECK(lutra::scale_for(1e-40f) == 1.0f);
    REQUIRE_PANIC(lutra::scale_for(-1.0f), bad_argument);
    REQUIRE_PANIC(lutra::scale_for(not_a_number), bad_argument);
    REQUIRE_PANIC(lutra::scale_for(infinity), bad_argument);
    CHECK(lutra::max_abs({}) == 0.0f);

    // Two channels of three weights in rows of four; what lies behind a row must not be read.
    const std::array<float, 8> memory{1.0f, -2.0f, 0.5f, 1e9f, 0.0f, 0.0f, 0.0f, 1e9f};
    const lutra::matrix_view<const float> weights{memory.data(), 2, 3, 4};
    CHECK(lutra::tensor_scale(weights) == lutra::scale_for(2.0f));
    std::array<float, 2> scales{};
    lutra::channel_scales(weights, scales);
    CHECK(scales == std::array{lutra::scale_for(2.0f), 1.0f});
    std::array<std::int8_t, 6> q{};
    quantize_rows(weights, scales, lutra::matrix_view{q.data(), 2, 3});
    CHECK(q == std::array<std::int8_t, 6>{64, -127, 32, 0, 0, 0});
    const std::array one{1.0f};
    quantize_rows(weights, one, lutra::matrix_view{q.data(), 2, 3});
    CHECK(q == std::array<std::int8_t, 6>{1, -2, 0, 0, 0, 0});
    REQUIRE_PANIC((quantize_rows(weights, scales, lutra::matrix_view{q.data(), 3, 2}), 0), bad_shape);
    const std::array three{1.0f, 1.0f, 1.0f};
    REQUIRE_PANIC((quantize_rows(weights, three, lutra::matrix_view{q.data(), 2, 3}), 0), bad_shape);
    REQUIRE_PANIC((lutra::channel_scales(weights, std::span{scales}.first(1)), 0), bad_shape);
}
