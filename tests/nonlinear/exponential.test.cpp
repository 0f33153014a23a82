// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/numeric/float_batch.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

namespace {

float lane(lutra::float_batch v, std::size_t i = 0) {
    float lanes[lutra::float_lanes];
    lutra::store(lanes, v);
    return lanes[i];
}
float exponential(float x) { return lane(lutra::exponential(lutra::broadcast(x))); }

/// The largest error in ulp over every 97th float from @p from to @p to, which have one sign.
double worst_ulp(float from, float to) {
    double worst = 0;
    const auto first = std::bit_cast<std::uint32_t>(from), last = std::bit_cast<std::uint32_t>(to);
    for (std::uint32_t bits = first; bits <= last;) {
        float x[lutra::float_lanes], y[lutra::float_lanes];
        for (float& v : x) v = std::bit_cast<float>(std::min(bits, last)), bits += 97;
        lutra::store(y, lutra::exponential(lutra::load(x)));
        for (std::size_t i = 0; i < lutra::float_lanes; ++i) {
            const double expected = std::exp(double{x[i]});
            const auto rounded = static_cast<float>(expected);
            const double ulp = double{std::nextafter(rounded, std::numeric_limits<float>::infinity())} - double{rounded};
            worst = std::max(worst, std::fabs(double{y[i]} - expected) / ulp);
        }
    }
    return worst;
}

} // namespace

TEST_CASE("the exponential is within 2 ulp") {
    CHECK(worst_ulp(0.0f, 88.0f) < 2);
    CHECK(worst_ulp(-0.0f, -87.0f) < 2);
    CHECK(exponential(0.0f) == 1.0f);
    CHECK(exponential(-0.0f) == 1.0f);
}

TEST_CASE("the exponential is clamped at both ends") {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (const float x : {-87.1f, -1e30f, -infinity}) CHECK(exponential(x) == exponential(-87.0f));
    for (const float x : {88.1f, 1e30f, infinity}) CHECK(exponential(x) == exponential(88.0f));
    CHECK(exponential(-87.0f) >= std::numeric_limits<float>::min());
    CHECK(exponential(88.0f) < infinity);
}

TEST_CASE("a register's operations are those of each lane") {
    using namespace lutra;
    const auto b = [](float x) { return broadcast(x); };
    CHECK(lane(multiply_add(b(3), b(4), b(5))) == 17.0f);
    CHECK(lane(maximum(b(-1), b(2))) == 2.0f);
    CHECK(lane(minimum(b(-1), b(2))) == -1.0f);
    CHECK(lane(absolute(b(-1.5f))) == 1.5f);
    CHECK(lane(square_root(b(2.25f))) == 1.5f);
    for (const auto& [x, n] : {std::pair{0.5f, 0.0f}, {1.5f, 2.0f}, {-2.5f, -2.0f}, {2.75f, 3.0f}})
        CHECK(lane(round_to_integer(b(x))) == n);
    CHECK(lane(with_sign_of(b(2), b(-0.0f))) == -2.0f);
    CHECK(lane(with_sign_of(b(-2), b(7))) == 2.0f);
    for (int n = -126; n <= 127; ++n) CHECK(lane(power_of_two(b(static_cast<float>(n)))) == std::ldexp(1.0f, n));
}

TEST_CASE("parts of registers: only what was asked for is read and written") {
    using namespace lutra;
    for (std::size_t n = 1; n <= float_lanes; ++n) {
        std::vector<float> from(n);
        std::iota(from.begin(), from.end(), 1.0f);
        const float_batch v = load_some(from.data(), n, -9.0f);
        for (std::size_t i = 0; i < float_lanes; ++i) CHECK(lane(v, i) == (i < n ? static_cast<float>(i + 1) : -9.0f));
        std::vector<float> to(n);
        store_some(to.data(), v, n);
        CHECK(to == from);
    }
    std::vector<float> all(float_lanes);
    std::iota(all.begin(), all.end(), 1.0f);
    const auto count = static_cast<float>(float_lanes);
    CHECK(sum_of(load(all.data())) == count * (count + 1) / 2);
    CHECK(greatest_of(load(all.data())) == count);
    std::reverse(all.begin(), all.end());
    CHECK(greatest_of(load(all.data())) == count);
}

TEST_CASE("for_each_register visits each element once") {
    for (std::size_t count = 0; count <= 3 * lutra::float_lanes + 1; ++count) {
        std::size_t next = 0;
        lutra::for_each_register(count, [&](std::size_t i, std::size_t n) {
            CHECK(i == next);
            CHECK(n >= 1);
            CHECK(n <= lutra::float_lanes);
            next = i + n;
        });
        CHECK(next == count);
    }
}
