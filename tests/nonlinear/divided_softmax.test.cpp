// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/nonlinear/divided_softmax.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/random.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace {

std::vector<std::int8_t> shares(auto softmax, const std::vector<std::int16_t>& x) {
    std::vector<std::int8_t> out(x.size());
    softmax.apply(std::span{x}, std::span{out});
    return out;
}

/// The greatest difference from softmax in double, over random rows of up to 300 columns.
double worst_difference(auto softmax) {
    lutra::random_generator random{1};
    double worst = 0;
    for (int row = 0; row < 300; ++row) {
        std::vector<std::int16_t> x(static_cast<std::size_t>(random.between(1, 300)));
        const std::int64_t reach = random.between(500, 32767);
        for (auto& v : x) v = static_cast<std::int16_t>(random.between(-reach, reach));
        const auto out = shares(softmax, x);
        const double top = *std::max_element(x.begin(), x.end());
        double sum = 0;
        for (const auto v : x) sum += std::exp((v - top) / 1024);
        for (std::size_t i = 0; i < x.size(); ++i)
            worst = std::max(worst, std::abs(out[i] / 127.0 - std::exp((x[i] - top) / 1024) / sum));
    }
    return worst;
}

} // namespace

TEST_CASE("divided_softmax: the exponentials have their stated errors") {
    double polynomial = 0, shift = 0;
    for (std::uint32_t raw = 0; raw < 40000; ++raw) {
        const double exact = std::exp(-static_cast<double>(raw) / 1024);
        polynomial = std::max(polynomial, std::abs(lutra::polynomial_exponential::at(raw) * 0.3585 / 1048576 - exact));
        shift = std::max(shift, std::abs(lutra::shift_exponential::at(raw) / 2097152.0 - exact));
    }
    CHECK(polynomial < 0.0026);
    CHECK(polynomial > 0.0018); // 1.9e-3 in the paper, without a rounded ln 2
    CHECK(shift < 0.045);
    CHECK(shift > 0.043);
    for (const std::uint32_t far : {40000u, 1u << 20, 0x7fffffffu}) {
        CHECK(lutra::polynomial_exponential::at(far) == 0);
        CHECK(lutra::shift_exponential::at(far) == 0);
    }
}

TEST_CASE("divided_softmax: probabilities are near softmax in double") {
    CHECK(worst_difference(lutra::ibert_softmax{}) < 1.0 / 254 + 0.003);
    CHECK(worst_difference(lutra::shiftmax{}) < 1.0 / 254 + 0.03);
}

TEST_CASE("divided_softmax: extreme scores") {
    constexpr auto low = std::numeric_limits<std::int16_t>::min(), high = std::numeric_limits<std::int16_t>::max();
    using bytes = std::vector<std::int8_t>;
    CHECK(shares(lutra::ibert_softmax{}, {low, high, low}) == bytes{0, 127, 0});
    CHECK(shares(lutra::shiftmax{}, {low, high, low}) == bytes{0, 127, 0});
    CHECK(shares(lutra::ibert_softmax{}, {low}) == bytes{127});
    CHECK(shares(lutra::shiftmax{}, {5, 5}) == bytes{64, 64});
    CHECK(shares(lutra::ibert_softmax{}, std::vector<std::int16_t>(65536, 3)) == bytes(65536, 0));
    CHECK(lutra::shiftmax::scores_by(0.25).ratio() == 256);
}

TEST_CASE("divided_softmax: refuses what has no softmax") {
    REQUIRE_PANIC(shares(lutra::shiftmax{}, {}), empty);
    REQUIRE_PANIC(shares(lutra::shiftmax{}, std::vector<std::int16_t>(65537)), bad_shape);
    const std::vector<std::int16_t> x(4);
    std::vector<std::int8_t> out(3);
    REQUIRE_PANIC(lutra::ibert_softmax::apply(std::span{x}, std::span{out}), bad_shape);
    REQUIRE_PANIC(lutra::ibert_softmax::apply(lutra::matrix_view<const std::int16_t>{x.data(), 2, 2},
                                              lutra::matrix_view<std::int8_t>{out.data(), 1, 2}),
                  bad_shape);
}
