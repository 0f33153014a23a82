// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/numeric/requantize.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <cmath>
#include <limits>
#include <vector>

using lutra::requantize;
using lutra::requantizer;

namespace {

__extension__ using wide = __int128;
constexpr auto int32_min = std::numeric_limits<std::int32_t>::min(), int32_max = std::numeric_limits<std::int32_t>::max();

// floor(accumulator x multiplier / 2^shift + 1/2) by exact division, clamped.
wide reference(std::int32_t accumulator, requantizer by, wide most) {
    const wide twice = 2 * wide{accumulator} * by.multiplier, unit = wide{1} << by.shift;
    const wide sum = twice + unit;
    wide q = sum / (2 * unit);
    if (sum % (2 * unit) < 0) --q;
    return q < -most ? -most : q > most ? most : q;
}
bool agrees(std::int32_t accumulator, requantizer by) {
    return requantize(accumulator, by) == reference(accumulator, by, 127) &&
           requantize<std::int16_t>(accumulator, by) == reference(accumulator, by, 32767) &&
           requantize<std::int32_t>(accumulator, by) == reference(accumulator, by, int32_max);
}
bool normal(requantizer r) { return r.multiplier == 0 || (r.multiplier >= 1 << 30 && r.shift >= 1 && r.shift <= 62); }

constexpr auto half = requantizer::from_ratio(0.5);
static_assert(half.multiplier == 1 << 30 && half.shift == 31);
static_assert(requantize(7, half) == 4 && requantize(-7, half) == -3 && requantize(900, half) == 127);
static_assert(requantize(-900, half) == -127, "the lowest integer is never made");

} // namespace

TEST_CASE("requantisation equals the exact quotient at every shift") {
    lutra::random_generator random{4};
    int wrong = 0;
    for (int shift = 1; shift <= 62; ++shift)
        for (int i = 0; i < 300; ++i) {
            const std::int32_t multiplier = i == 0   ? 1 << 30
                                            : i == 1 ? int32_max
                                                     : static_cast<std::int32_t>(random.between(1 << 30, int32_max));
            const requantizer by{multiplier, shift};
            for (const std::int32_t a : {int32_min, int32_min + 1, -1, 0, 1, int32_max}) wrong += !agrees(a, by);
            const auto any = static_cast<std::int32_t>(static_cast<std::uint32_t>(random() >> 32));
            wrong += !agrees(any, by) || !agrees(any >> random.below(32), by);
        }
    CHECK(wrong == 0);
}

TEST_CASE("requantisation of every 16-bit accumulator, ties included") {
    int wrong = 0;
    for (const double ratio : {0.5, 0.25, 0.0078125, 1.0, 1.5, 0.0123456789, 0.3})
        for (int a = -32768; a <= 32767; ++a) wrong += !agrees(a, requantizer::from_ratio(ratio));
    CHECK(wrong == 0);
}

TEST_CASE("a ratio is kept to 31 bits") {
    lutra::random_generator random{5};
    int wrong = 0;
    for (int i = 0; i < 20000; ++i) {
        const double ratio = std::ldexp(0.5 + random.unit() / 2, static_cast<int>(random.between(-31, 29)));
        const auto r = requantizer::from_ratio(ratio);
        wrong += !normal(r) || r.multiplier == 0 || std::abs(r.ratio() / ratio - 1) > 0x1p-31;
    }
    for (int e = -32; e < 30; ++e) { // powers of two are exact; just below them the mantissa rounds up to the next
        wrong += requantizer::from_ratio(std::ldexp(1.0, e)).ratio() != std::ldexp(1.0, e);
        if (e < 29)
            wrong += requantizer::from_ratio(std::nextafter(std::ldexp(1.0, e + 1), 0)).ratio() != std::ldexp(1.0, e + 1);
    }
    CHECK(wrong == 0);
}

TEST_CASE("ratios at and past the ends") {
    for (const double tiny : {0.0, -0.0, 5e-324, 1e-100, 0x1p-41, 0x1p-33}) {
        const auto r = requantizer::from_ratio(tiny);
        CHECK(r == requantizer{});
        CHECK(requantize<std::int32_t>(int32_min, r) == 0);
        CHECK(requantize<std::int32_t>(int32_max, r) == 0);
    }
    CHECK(requantizer::from_ratio(0x1p-32) == requantizer{1 << 30, 62});
    CHECK(requantizer::from_ratio(0x1.fffffffcp29) == requantizer{int32_max, 1});
    REQUIRE_PANIC(requantizer::from_ratio(0x1p30), bad_argument);
    REQUIRE_PANIC(requantizer::from_ratio(std::nextafter(0x1p30, 0.0)), bad_argument);
    REQUIRE_PANIC(requantizer::from_ratio(-1e-9), bad_argument);
    REQUIRE_PANIC(requantizer::from_ratio(std::numeric_limits<double>::quiet_NaN()), bad_argument);
    REQUIRE_PANIC(requantizer::from_ratio(std::numeric_limits<double>::infinity()), bad_argument);
}

TEST_CASE("spans requantise as their elements do") {
    const std::vector<std::int32_t> in{int32_min, -300, -1, 0, 1, 77, 300, int32_max};
    std::vector<std::int8_t> out(in.size());
    const auto by = requantizer::from_ratio(0.37);
    requantize<std::int8_t>(in, by, out);
    for (std::size_t i = 0; i < in.size(); ++i) CHECK(out[i] == requantize(in[i], by));
    out.pop_back();
    REQUIRE_PANIC((requantize<std::int8_t>(in, by, out), 0), bad_shape);
}
