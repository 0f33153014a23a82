// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/numeric/rounding.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <bit>
#include <cfenv>
#include <cmath>
#include <limits>

using lutra::rounding;
using lutra::shift_right;

namespace {

__extension__ using wide = __int128;

// The definition, by the remainder of an exact floor division by 2^shift.
wide reference(rounding mode, wide x, int shift) {
    const wide unit = wide{1} << shift;
    wide floor = x / unit;
    if (x % unit < 0) --floor;
    const wide twice_rest = 2 * (x - floor * unit);
    switch (mode) {
    case rounding::half_up: return floor + (twice_rest >= unit);
    case rounding::half_away: return floor + (x < 0 ? twice_rest > unit : twice_rest >= unit);
    case rounding::half_even: return floor + (twice_rest > unit || (twice_rest == unit && floor % 2 != 0));
    case rounding::toward_zero: return floor + (x < 0 && twice_rest != 0);
    }
    return 0;
}

template <rounding Mode, class T>
bool agrees(T x, int shift) {
    return shift_right<Mode>(x, shift) == reference(Mode, x, shift);
}
template <class T>
bool all_agree(T x, int shift) {
    return agrees<rounding::half_up>(x, shift) && agrees<rounding::half_away>(x, shift) &&
           agrees<rounding::half_even>(x, shift) && agrees<rounding::toward_zero>(x, shift);
}

double rounded(rounding mode, double x) {
    switch (mode) {
    case rounding::half_up: return std::floor(x) + (x - std::floor(x) >= 0.5);
    case rounding::half_away: return std::round(x);
    case rounding::half_even: return std::nearbyint(x);
    case rounding::toward_zero: return std::trunc(x);
    }
    return 0;
}
template <rounding Mode, class T>
bool real_agrees(T x, std::int32_t low, std::int32_t high) {
    const double expected = std::isnan(x) ? 0 : rounded(Mode, std::fmin(std::fmax(static_cast<double>(x), low), high));
    return lutra::round_clipped<Mode>(x, low, high) == expected;
}
template <class T>
bool all_real_agree(T x, std::int32_t low, std::int32_t high) {
    return real_agrees<rounding::half_up>(x, low, high) && real_agrees<rounding::half_away>(x, low, high) &&
           real_agrees<rounding::half_even>(x, low, high) && real_agrees<rounding::toward_zero>(x, low, high);
}

static_assert(shift_right<rounding::half_up>(-3, 1) == -1 && shift_right<rounding::half_up>(3, 1) == 2);
static_assert(shift_right<rounding::half_away>(-3, 1) == -2 && shift_right<rounding::half_even>(5, 1) == 2);
static_assert(shift_right<rounding::toward_zero>(-3, 1) == -1);
static_assert(lutra::round_clipped<rounding::half_even>(2.5f, -127, 127) == 2);

} // namespace

TEST_CASE("every rounding shift of every int16 is the exact quotient, rounded") {
    int wrong = 0;
    for (int shift = 0; shift <= 20; ++shift)
        for (int x = -32768; x <= 32767; ++x) wrong += !all_agree(static_cast<std::int16_t>(x), shift);
    CHECK(wrong == 0);
}

TEST_CASE("rounding shifts of int32 and int64 never overflow") {
    lutra::random_generator random{1};
    int wrong = 0;
    const auto check = [&](std::int64_t x) {
        for (int shift = 0; shift <= 70; ++shift) {
            wrong += !all_agree(x, shift);
            wrong += !all_agree(static_cast<std::int32_t>(x), shift);
        }
    };
    for (const std::int64_t at :
         {std::int64_t{0}, std::int64_t{1} << 30, std::int64_t{1} << 31, std::int64_t{1} << 62,
          std::numeric_limits<std::int64_t>::max() - 2, std::numeric_limits<std::int64_t>::min() + 2})
        for (std::int64_t d = -2; d <= 2; ++d) check(at + d);
    for (int i = 0; i < 2000; ++i) check(static_cast<std::int64_t>(random() >> random.below(64)));
    for (int i = 0; i < 2000; ++i) check(-static_cast<std::int64_t>(random() >> (1 + random.below(63))));
    CHECK(wrong == 0);
}

TEST_CASE("shifts past the width give what the exact quotient rounds to") {
    constexpr auto least = std::numeric_limits<std::int32_t>::min();
    CHECK(shift_right<rounding::half_up>(least, 32) == 0);
    CHECK(shift_right<rounding::half_away>(least, 32) == -1);
    CHECK(shift_right<rounding::half_even>(least, 32) == 0);
    CHECK(shift_right<rounding::half_away>(least, 33) == 0);
    CHECK(shift_right<rounding::half_up>(least, 1000000) == 0);
    REQUIRE_PANIC(shift_right<rounding::half_up>(1, -1), bad_argument);
}

TEST_CASE("round_clipped is the library's rounding of the clipped number") {
    int wrong = 0;
    for (int eighth = -2000; eighth <= 2000; ++eighth) {
        const float x = static_cast<float>(eighth) / 8;
        for (const float y : {x, std::nextafter(x, 1e9f), std::nextafter(x, -1e9f)}) {
            wrong += !all_real_agree(y, -127, 127);
            wrong += !all_real_agree(static_cast<double>(y), -128, 127);
            wrong += !all_real_agree(y, 0, 100);
            wrong += !all_real_agree(y, -100, 0);
        }
    }
    lutra::random_generator random{2};
    for (int i = 0; i < 200000; ++i) { // all bit patterns: NaN, infinities and subnormals included
        wrong += !all_real_agree(std::bit_cast<float>(static_cast<std::uint32_t>(random() >> 32)), -32767, 32767);
        wrong += !all_real_agree(std::bit_cast<double>(random()), std::numeric_limits<std::int32_t>::min(),
                                 std::numeric_limits<std::int32_t>::max());
        wrong += !all_real_agree((random.unit() - 0.5) * 0x1p33, std::numeric_limits<std::int32_t>::min(),
                                 std::numeric_limits<std::int32_t>::max());
    }
    CHECK(wrong == 0);
}

TEST_CASE("round_clipped does not follow the machine's rounding mode") {
    volatile float x = 2.4f;
    for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
        std::fesetround(mode);
        const auto a = lutra::round_clipped<rounding::half_even>(static_cast<float>(x), -127, 127);
        const auto b = lutra::round_clipped<rounding::half_even>(static_cast<float>(-x), -127, 127);
        const auto c = lutra::round_clipped<rounding::half_even>(static_cast<float>(x + 0.2f), -127, 127);
        std::fesetround(FE_TONEAREST);
        CHECK(a == 2);
        CHECK(b == -2);
        CHECK(c == 3);
    }
}
