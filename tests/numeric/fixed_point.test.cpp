// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/numeric/fixed_point.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <cmath>
#include <limits>
#include <type_traits>

using lutra::fixed_point;

namespace {

using q2_6 = fixed_point<8, 6>;
using q1_4 = fixed_point<5, 4>;
using q10 = fixed_point<10, 6>;

static_assert(std::is_same_v<q2_6::storage, std::int8_t> && std::is_same_v<q10::storage, std::int16_t>);
static_assert(std::is_same_v<fixed_point<32, 16>::storage, std::int32_t> && sizeof(q2_6) == 1);
static_assert(q2_6{1.1}.raw() == 70 && q2_6{-7}.raw() == -128 && q2_6{1}.raw() == 64 && q2_6{3}.raw() == 127);
static_assert(std::is_same_v<decltype(q2_6{} * fixed_point<8, 5>{}), fixed_point<16, 11>>);
static_assert(std::is_same_v<decltype(q2_6{} + fixed_point<8, 2>{}), fixed_point<13, 6>>);
static_assert(q2_6{q2_6{1.1} * fixed_point<8, 5>{0.5}}.raw() == 35);
static_assert(q2_6::min() < q2_6::max() && q2_6::resolution().raw() == 1 && q2_6::format.max() == 127.0 / 64);
static_assert(lutra::fixed_format{32, 31}.valid() && !lutra::fixed_format{33, 0}.valid() &&
              !lutra::fixed_format{8, -1}.valid());
static_assert(!std::is_convertible_v<double, q2_6> && !std::is_convertible_v<q2_6, double>, "conversions are seen");

double value(auto x) { return static_cast<double>(x); }

} // namespace

TEST_CASE("the arithmetic of every pair of numbers is exact") {
    int wrong = 0;
    for (int i = -128; i < 128; ++i) {
        const auto a = q2_6::from_raw(i);
        wrong += value(-a) != -value(a);
        for (int j = -16; j < 16; ++j) {
            const auto b = q1_4::from_raw(j);
            wrong += value(a + b) != value(a) + value(b) || value(b + a) != value(a) + value(b);
            wrong += value(a - b) != value(a) - value(b) || value(b - a) != value(b) - value(a);
            wrong += value(a * b) != value(a) * value(b);
            wrong +=
                (a < b) != (value(a) < value(b)) || (a == b) != (value(a) == value(b)) || (b >= a) != (value(b) >= value(a));
        }
        for (int j = -128; j < 128; ++j) {
            const auto b = q2_6::from_raw(j);
            wrong += value(a + b) != value(a) + value(b) || value(a - b) != value(a) - value(b) ||
                     value(a * b) != value(a) * value(b);
            wrong += (a == b) != (i == j) || (a <=> b) != (i <=> j);
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("a format holds what its bits say and clips the rest") {
    int wrong = 0;
    for (int raw = -2000; raw <= 2000; ++raw) {
        const int clipped = std::max(-512, std::min(511, raw));
        wrong += q10::clip_raw(raw).raw() != clipped || q10::format.holds_raw(raw) != (raw == clipped);
        wrong += q10{raw / 64.0}.raw() != clipped || q10{static_cast<float>(raw) / 64}.raw() != clipped;
        const double between = (raw + 0.5) / 64; // ties leave zero
        wrong += q10{between}.raw() != std::max(-512, std::min(511, raw + (raw >= 0 ? 1 : 0)));
    }
    for (int x = -100; x <= 100; ++x) wrong += q10{x}.raw() != std::max(-512, std::min(511, x * 64));
    CHECK(wrong == 0);
    CHECK(q10{std::numeric_limits<std::uint64_t>::max()}.raw() == 511);
    CHECK(q10{std::numeric_limits<std::int64_t>::min()}.raw() == -512);
    CHECK(q10{std::numeric_limits<double>::quiet_NaN()}.raw() == 0);
    CHECK(q10{-std::numeric_limits<float>::infinity()}.raw() == -512);
    CHECK(fixed_point<8, 10>{1}.raw() == 127);
    CHECK(fixed_point<8, 10>{0}.raw() == 0);
    CHECK(fixed_point<1, 0>{-5}.raw() == -1);
    CHECK(fixed_point<32, 31>{1}.raw() == std::numeric_limits<std::int32_t>::max());
    CHECK(fixed_point<32, 31>{-1.0}.raw() == std::numeric_limits<std::int32_t>::min());
    REQUIRE_PANIC(q10::from_raw(512), overflow);
    REQUIRE_PANIC(q10::from_raw(-513), overflow);
}

TEST_CASE("conversions between formats round as asked and clip") {
    int wrong = 0;
    for (int raw = -32768; raw <= 32767; ++raw) {
        const auto x = fixed_point<16, 11>::from_raw(raw);
        const double scaled = value(x) * 64;
        const auto clip = [](double r) { return static_cast<int>(std::max(-128.0, std::min(127.0, r))); };
        wrong += q2_6{x}.raw() != clip(std::round(scaled));
        wrong += (x.to<q2_6, lutra::rounding::half_even>().raw() != clip(std::nearbyint(scaled)));
        wrong += (x.to<q2_6, lutra::rounding::half_up>().raw() != clip(std::floor(scaled + 0.5)));
        wrong += (x.to<q2_6, lutra::rounding::toward_zero>().raw() != clip(std::trunc(scaled)));
        wrong += value(fixed_point<32, 20>{x}) != value(x);
    }
    CHECK(wrong == 0);
    CHECK(fixed_point<8, 31>{fixed_point<32, 0>::min()}.raw() == -128);
}

TEST_CASE("comparisons of far formats do not overflow") {
    const auto big = fixed_point<32, 0>::max(), least = fixed_point<32, 0>::min();
    const auto small = fixed_point<32, 31>::max();
    CHECK(small < big);
    CHECK(least < small);
    CHECK(fixed_point<32, 31>{-1.0} == fixed_point<32, 0>{-1});
}
