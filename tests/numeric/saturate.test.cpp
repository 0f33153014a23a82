// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/numeric/saturate.hpp>

#include "support/catch.hpp"

#include <limits>
#include <type_traits>

namespace {

__extension__ using wide = __int128;

template <class T>
T clip(wide x) {
    using limits = std::numeric_limits<T>;
    return static_cast<T>(x < wide{limits::min()} ? wide{limits::min()} : x > wide{limits::max()} ? wide{limits::max()} : x);
}
template <class T>
bool agrees(T a, T b) {
    return lutra::saturating_add(a, b) == clip<T>(wide{a} + b) && lutra::saturating_sub(a, b) == clip<T>(wide{a} - b) &&
           lutra::saturating_mul(a, b) == clip<T>(wide{a} * b);
}
template <class T>
int wrong_of_wide() {
    using limits = std::numeric_limits<T>;
    lutra::random_generator random{3};
    int wrong = 0;
    const auto pick = [&] {
        switch (random.below(4)) {
        case 0: return static_cast<T>(limits::min() + static_cast<T>(random.below(4)));
        case 1: return static_cast<T>(limits::max() - static_cast<T>(random.below(4)));
        case 2: return static_cast<T>(random.between(-3, 3));
        default: return static_cast<T>(random() >> random.below(64));
        }
    };
    for (int i = 0; i < 100000; ++i) {
        // The product of two uint64 needs more than a signed 128-bit reference: keep one of them below 2^63.
        const T a = pick(), b = std::is_same_v<T, std::uint64_t> ? static_cast<T>(pick() >> 1) : pick();
        wrong += !agrees(a, b);
    }
    return wrong;
}

static_assert(lutra::saturate<std::int8_t>(300) == 127 && lutra::saturate<std::uint8_t>(-1) == 0);
static_assert(lutra::saturable<int> && lutra::saturable<unsigned long> && !lutra::saturable<bool> &&
              !lutra::saturable<char>);
static_assert(!lutra::saturable<double>);

} // namespace

TEST_CASE("saturation of every int16 to 8 bits, signed and unsigned") {
    int wrong = 0;
    for (int x = -32768; x <= 32767; ++x) {
        wrong += lutra::saturate<std::int8_t>(static_cast<std::int16_t>(x)) != clip<std::int8_t>(x);
        wrong += lutra::saturate<std::uint8_t>(x) != clip<std::uint8_t>(x);
        wrong += lutra::saturate<std::uint32_t>(x) != clip<std::uint32_t>(x);
    }
    CHECK(wrong == 0);
    CHECK(lutra::saturate<std::int64_t>(~std::uint64_t{0}) == std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("saturating arithmetic on every pair of bytes") {
    int wrong = 0;
    for (int a = -128; a < 128; ++a)
        for (int b = -128; b < 128; ++b) {
            wrong += !agrees(static_cast<std::int8_t>(a), static_cast<std::int8_t>(b));
            wrong += !agrees(static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(b));
        }
    CHECK(wrong == 0);
}

TEST_CASE("saturating arithmetic at the ends of wide types") {
    CHECK(wrong_of_wide<std::int32_t>() == 0);
    CHECK(wrong_of_wide<std::uint32_t>() == 0);
    CHECK(wrong_of_wide<std::int64_t>() == 0);
    CHECK(wrong_of_wide<std::uint64_t>() == 0);
}
