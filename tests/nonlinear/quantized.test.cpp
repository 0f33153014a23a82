// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/nonlinear/quantized_functions.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

std::vector<float> random_floats(std::size_t n, double range, std::uint64_t seed) {
    lutra::random_generator random{seed};
    std::vector<float> x(n);
    for (float& v : x) v = static_cast<float>(range * (2 * random.unit() - 1));
    return x;
}
std::vector<std::int8_t> quantized(const std::vector<float>& x, float scale) {
    std::vector<std::int8_t> q(x.size());
    lutra::quantize(x, scale, q);
    return q;
}
struct identity {
    static lutra::float_batch value(lutra::float_batch x) noexcept { return x; }
};
template <class Function>
std::vector<std::int8_t> applied(const std::vector<float>& x, float scale) {
    std::vector<std::int8_t> q(x.size()); // exactly its size: AddressSanitizer sees an access past the end
    lutra::apply_quantized<Function>(x, scale, q);
    return q;
}

} // namespace

TEST_CASE("registers quantise as numbers do: ties and their neighbours, NaN, infinities, all magnitudes") {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    std::vector<float> x{0.0f, -0.0f, infinity, -infinity, std::numeric_limits<float>::quiet_NaN(), 1e38f, -1e38f, 1e-45f};
    lutra::random_generator random{1};
    for (const float scale : {1.0f, 1.0f / 127, 0.013f, 3e-5f, 1e30f, 1e-38f, 1e-44f, 3e38f}) {
        auto of = x;
        for (int half = -260; half <= 260; ++half)
            for (const float around : {-infinity, 0.0f, infinity}) {
                const float tie = static_cast<float>(half) / 2 * scale;
                of.push_back(around == 0 ? tie : std::nextafter(tie, around));
            }
        for (int i = 0; i < 20000; ++i) {
            of.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random() >> 32)));
            of.push_back(static_cast<float>((random.unit() - 0.5) * 300) * scale);
        }
        INFO("scale " << scale);
        CHECK(applied<identity>(of, scale) == quantized(of, scale));
    }
}

TEST_CASE("an activation and its quantisation in one are the two after each other") {
    for (std::size_t n = 0; n <= 2 * lutra::float_lanes + 1; ++n) {
        const auto x = random_floats(n, 4, n);
        auto y = x;
        lutra::apply<lutra::gelu>(y);
        CHECK(applied<lutra::gelu>(x, 0.02f) == quantized(y, 0.02f));
    }
    const auto x = random_floats(100000, 6, 1);
    auto y = x;
    lutra::apply<lutra::gelu>(y);
    CHECK(applied<lutra::gelu>(x, 0.031f) == quantized(y, 0.031f));
}

TEST_CASE("softmax and its quantisation in one are the two after each other") {
    for (const std::size_t cols : {0u, 1u, 3u, 16u, 50u, 197u, 256u, 257u, 300u})
        for (const std::size_t rows : {0u, 1u, 4u, 7u}) {
            INFO(rows << " x " << cols);
            const std::size_t stride = cols + 2;
            auto x = random_floats(rows * stride, 9, cols), expected = x;
            std::vector<std::int8_t> q(rows * stride, 99), wanted(cols);
            lutra::softmax_quantized({x.data(), rows, cols, stride}, 1.0f / 127, {q.data(), rows, cols, stride});
            for (std::size_t r = 0; r < rows; ++r) {
                const std::span row = std::span{expected}.subspan(r * stride, cols);
                lutra::softmax(row);
                lutra::quantize(row, 1.0f / 127, wanted);
                for (std::size_t j = 0; j < cols; ++j) CHECK(q[r * stride + j] == wanted[j]);
                CHECK(q[r * stride + cols] == 99);
                CHECK(x[r * stride + cols] == expected[r * stride + cols]);
            }
        }
}

TEST_CASE("layer_norm and its quantisation in one are the two after each other") {
    for (const std::size_t n : {1u, 2u, 15u, 16u, 17u, 96u, 100u, 385u}) {
        const auto x = random_floats(n, 3, n), weight = random_floats(n, 2, n + 1), bias = random_floats(n, 1, n + 2);
        std::vector<float> y(n);
        std::vector<std::int8_t> q(n);
        lutra::layer_norm(x, weight, bias, 1e-6f, y);
        lutra::layer_norm_quantized(x, weight, bias, 1e-6f, 0.02f, q);
        CHECK(q == quantized(y, 0.02f));
    }
}

TEST_CASE("quantised functions check lengths and scales") {
    std::vector<float> x(4), y(4);
    std::vector<std::int8_t> four(4), three(3);
    REQUIRE_PANIC(lutra::apply_quantized<lutra::gelu>(x, 1, three), bad_shape);
    REQUIRE_PANIC(lutra::apply_quantized<lutra::gelu>(x, 0, four), bad_argument);
    REQUIRE_PANIC(lutra::softmax_quantized({x.data(), 2, 2}, 1, {four.data(), 1, 2}), bad_shape);
    REQUIRE_PANIC(lutra::softmax_quantized({x.data(), 2, 2}, 1, {four.data(), 2, 1}), bad_shape);
    REQUIRE_PANIC(lutra::softmax_quantized({x.data(), 2, 2}, -1, {four.data(), 2, 2}), bad_argument);
    REQUIRE_PANIC(lutra::layer_norm_quantized(x, y, y, 1e-6f, 1, three), bad_shape);
    REQUIRE_PANIC(lutra::layer_norm_quantized(x, std::span{y}.first(3), y, 1e-6f, 1, four), bad_shape);
    REQUIRE_PANIC(lutra::layer_norm_quantized({}, {}, {}, 1e-6f, 1, {}), empty);
    REQUIRE_PANIC(lutra::layer_norm_quantized(x, y, y, 1e-6f, 0, four), bad_argument);
}
