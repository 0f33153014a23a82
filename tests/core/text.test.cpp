// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/text.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <limits>
#include <string>

namespace {

template <class T>
std::string shown(T value) {
    lutra::text<40> t;
    t << value;
    return std::string{t.view()};
}

static_assert((lutra::text<20>{"k = "} << -7 << ", n = " << 12u).view() == "k = -7, n = 12");
static_assert(lutra::text<4>{"abcdef"}.view() == "abcd");
static_assert(lutra::text<4>{}.empty() && !lutra::text<4>{"a"}.empty());
static_assert(lutra::text<8>{"abc"} == lutra::text<8>{std::string_view{"abc"}});

} // namespace

TEST_CASE("every 16-bit integer is shown in decimal") {
    int wrong = 0;
    for (int x = -32768; x <= 32767; ++x) {
        wrong += shown(static_cast<std::int16_t>(x)) != std::to_string(x);
        wrong += shown(static_cast<std::uint16_t>(x)) != std::to_string(static_cast<std::uint16_t>(x));
    }
    CHECK(wrong == 0);
}

TEST_CASE("integers at the ends of their types are shown in decimal") {
    CHECK(shown(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
    CHECK(shown(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
    CHECK(shown(std::int8_t{-128}) == "-128");
    CHECK(shown(std::uint8_t{65}) == "65");
    CHECK(shown(0) == "0");
}

TEST_CASE("characters that do not print are replaced") {
    int wrong = 0;
    for (int c = 0; c < 256; ++c) {
        const std::string expected(1, c >= 32 && c <= 126 ? static_cast<char>(c) : '?');
        wrong += shown(static_cast<char>(c)) != expected;
    }
    CHECK(wrong == 0);
}

TEST_CASE("a full text cuts what follows and stays as it is") {
    lutra::text<5> t{"abc"};
    t << 12345 << "x" << 'y';
    CHECK(t.view() == "abc12");
    CHECK(lutra::text<0>{"a"}.view().empty());
}
