// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/nonlinear/activation_table.hpp>
#include <lutra/nonlinear/activations.hpp>
#include <lutra/nonlinear/integer_softmax.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace {

template <int N>
std::vector<std::int8_t> softmax(const std::vector<std::int16_t>& x) {
    std::vector<std::int8_t> p(x.size());
    lutra::pwl_softmax<N>::reference(x, p);
    return p;
}
/// How far p / 127 is from the softmax of x / 256 to the base 2, beyond rounding, relative to it.
template <int N>
double excess(const std::vector<std::int16_t>& x) {
    const auto p = softmax<N>(x);
    const double greatest = *std::max_element(x.begin(), x.end());
    double sum = 0, worst = 0;
    for (const auto v : x) sum += std::exp2((v - greatest) / 256);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double exact = std::exp2((x[i] - greatest) / 256) / sum;
        worst = std::max(worst, (std::fabs(p[i] / 127.0 - exact) - 0.5 / 127) / exact);
    }
    return worst;
}
template <int N>
void check_rows() {
    lutra::random_generator random{7};
    for (const std::size_t n : {1u, 2u, 7u, 31u, 32u, 33u, 50u, 197u, 1000u, 4096u})
        for (const int spread : {1, 100, 2000, 32767}) {
            std::vector<std::int16_t> x(n);
            for (auto& v : x) v = static_cast<std::int16_t>(random.between(-spread, spread));
            CHECK(excess<N>(x) < (N == 8 ? 0.004 : 0.0015));
        }
}

} // namespace

TEST_CASE("integer softmax: every score below the greatest, within the table's error of the exact one") {
    for (int t = 0; t < 65535; ++t) {
        const std::vector<std::int16_t> x{32767, static_cast<std::int16_t>(32767 - t)};
        const double exact = 1 / (1 + std::exp2(t / 256.0));
        const auto p8 = softmax<8>(x), p16 = softmax<16>(x);
        if (std::fabs(p8[1] / 127.0 - exact) > 0.5 / 127 + 0.004 * exact ||
            std::fabs(p16[1] / 127.0 - exact) > 0.5 / 127 + 0.0015 * exact)
            FAIL("t " << t);
    }
}

TEST_CASE("integer softmax: rows of 1 to 4096 tokens") {
    check_rows<8>();
    check_rows<16>();
    for (std::size_t n = 1; n <= 4096; ++n) { // equal scores: the reciprocal of every sum
        const auto p = softmax<8>(std::vector<std::int16_t>(n, -32767));
        if (std::fabs(p[0] - 127.0 / static_cast<double>(n)) > 0.5 + 0.003 * 127 / static_cast<double>(n))
            FAIL("tokens " << n);
        if (!std::all_of(p.begin(), p.end(), [&](auto v) { return v == p[0]; })) FAIL("tokens " << n);
    }
}

TEST_CASE("integer softmax: the loops and the definition agree on every e, row length and stride") {
    using s = lutra::pwl_softmax<8>;
    lutra::random_generator random{8};
    for (const std::size_t n : {1u, 5u, 16u, 50u, 64u, 257u, 4096u})
        for (const std::size_t stride : {n, n + 3}) {
            constexpr std::size_t rows = 3;
            std::vector<std::int16_t> x(rows * stride);
            for (std::size_t i = 0; i < x.size(); ++i)
                x[i] = n == 4096 ? static_cast<std::int16_t>(-static_cast<int>(i % stride))
                                 : static_cast<std::int16_t>(random.between(-32768, 32767) >> random.below(8));
            const auto before = x;
            std::vector<std::int8_t> out(rows * stride, 99);
            s::apply({x.data(), rows, n, stride}, {out.data(), rows, n, stride});
            for (std::size_t r = 0; r < rows; ++r) {
                const auto* row = before.data() + r * stride;
                const auto expected = softmax<8>({row, row + n});
                CHECK(std::equal(expected.begin(), expected.end(), out.data() + r * stride));
                for (std::size_t j = n; j < stride; ++j) {
                    CHECK(out[r * stride + j] == 99);
                    CHECK(x[r * stride + j] == before[r * stride + j]);
                }
            }
        }
    s::apply({}, {});
}

TEST_CASE("integer softmax: is a constant expression, and knows what a score is worth") {
    constexpr auto made = [] {
        std::array<std::int16_t, 3> x{256, 0, -32767};
        std::array<std::int8_t, 3> p{};
        lutra::pwl_softmax<8>::apply({x.data(), 1, 3}, {p.data(), 1, 3});
        return p;
    }();
    static_assert(made == std::array<std::int8_t, 3>{85, 42, 0}); // 2/3 and 1/3
    CHECK(lutra::pwl_softmax<8>::scores_by(1.0).ratio() == Approx(256 / std::log(2.0)));
}

TEST_CASE("integer softmax: refuses rows that it cannot sum") {
    using s = lutra::pwl_softmax<16>;
    std::vector<std::int16_t> x(70000);
    std::vector<std::int8_t> out(70000);
    REQUIRE_PANIC(s::reference({}, {}), empty);
    REQUIRE_PANIC(s::apply({x.data(), 2, 0}, {out.data(), 2, 0}), empty);
    REQUIRE_PANIC(s::reference(x, out), bad_shape);
    REQUIRE_PANIC(s::reference(std::span{x}.first(3), std::span{out}.first(2)), bad_shape);
    REQUIRE_PANIC(s::apply({x.data(), 2, 3}, {out.data(), 1, 3}), bad_shape);
    s::reference(std::span{x}.first(65536), std::span{out}.first(65536)); // the longest
    CHECK(int{out[0]} == 0);
}

TEST_CASE("activation tables: of a table its integers, of a function the nearest") {
    constexpr auto exact = lutra::activation_values<lutra::relu>(4, 0.0625);
    for (int q = -128; q < 128; ++q) CHECK(int{exact[static_cast<std::uint8_t>(q)]} == std::max(q, 0));
    const auto gelu = lutra::activation_values<lutra::gelu>(5, 0.03),
               hswish = lutra::activation_values<lutra::hswish>(5, 0.03);
    for (int q = -128; q < 128; ++q) {
        const double x = q / 32.0;
        CHECK(std::fabs(gelu[static_cast<std::uint8_t>(q)] - std::min(lutra::gelu::at(x) / 0.03, 127.0)) < 0.5001);
        CHECK(std::fabs(hswish[static_cast<std::uint8_t>(q)] - std::min(lutra::hswish::at(x) / 0.03, 127.0)) < 0.5001);
    }
    CHECK(lutra::activation_input_fraction(0.001) == 5);
    CHECK(lutra::activation_input_fraction(0.03125) == 5);
    CHECK(lutra::activation_input_fraction(0.032) == 4);
    CHECK(lutra::activation_input_fraction(100) == 0);
    REQUIRE_PANIC(lutra::activation_values<lutra::relu>(4, 0.0), bad_argument);
}
