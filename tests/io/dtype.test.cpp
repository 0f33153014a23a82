// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "io/support.hpp"

#include <lutra/io/detail/load.hpp>
#include <lutra/io/dtype.hpp>
#include <lutra/io/tensor_info.hpp>

#include <cmath>
#include <limits>

using lutra::dtype;

TEST_CASE("every dtype has a name, a size and a way back") {
    const std::vector<std::pair<std::string_view, std::size_t>> known{{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2},
                                                                      {"I64", 8}, {"I32", 4}, {"I16", 2}, {"I8", 1},
                                                                      {"U8", 1},  {"BOOL", 1}};
    for (std::size_t i = 0; i < known.size(); ++i) {
        const auto type = static_cast<dtype>(i);
        CHECK(lutra::dtype_name(type) == known[i].first);
        CHECK(lutra::dtype_size(type) == known[i].second);
        CHECK(lutra::dtype_from_name(known[i].first) == type);
    }
    CHECK_FALSE(lutra::dtype_from_name("F8_E4M3").has_value());
    CHECK_FALSE(lutra::dtype_from_name("").has_value());
    STATIC_REQUIRE(lutra::dtype_of<float> == dtype::f32);
    STATIC_REQUIRE(lutra::dtype_of<std::int64_t> == dtype::i64);
    STATIC_REQUIRE(lutra::dtype_of<std::uint8_t> == dtype::u8);
    STATIC_REQUIRE_FALSE(lutra::stored_element<bool>);
    STATIC_REQUIRE_FALSE(lutra::stored_element<const float>);
}

TEST_CASE("all 65,536 half and bfloat16 numbers are what their fields say") {
    for (unsigned bits = 0; bits < 65536; ++bits) {
        const auto check = [bits](float got, int exponent_bits, int fraction_bits) {
            const int exponent = static_cast<int>(bits >> fraction_bits & ((1u << exponent_bits) - 1));
            const int fraction = static_cast<int>(bits & ((1u << fraction_bits) - 1)), bias = (1 << (exponent_bits - 1)) - 1;
            if (std::signbit(got) != (bits >> 15 != 0)) return false;
            if (exponent == 2 * bias + 1) return fraction == 0 ? std::isinf(got) : std::isnan(got);
            const int significand = exponent == 0 ? fraction : fraction + (1 << fraction_bits);
            return std::fabs(got) ==
                   std::ldexp(static_cast<float>(significand), std::max(exponent, 1) - bias - fraction_bits);
        };
        const auto raw = static_cast<std::uint16_t>(bits);
        if (!check(lutra::float_from_half(raw), 5, 10)) FAIL("half " << bits);
        if (!check(lutra::float_from_bfloat16(raw), 8, 7)) FAIL("bfloat16 " << bits);
    }
}

TEST_CASE("a double becomes the nearest float, and infinity past the last one") {
    constexpr double last = std::numeric_limits<float>::max();
    constexpr float infinity = std::numeric_limits<float>::infinity();
    CHECK(lutra::detail::float_from_double(0.1) == 0.1f);
    CHECK(lutra::detail::float_from_double(last) == std::numeric_limits<float>::max());
    CHECK(lutra::detail::float_from_double(std::nextafter(0x1.ffffffp127, 0)) == std::numeric_limits<float>::max());
    CHECK(lutra::detail::float_from_double(0x1.ffffffp127) == infinity);
    CHECK(lutra::detail::float_from_double(-1e300) == -infinity);
    CHECK(std::isnan(lutra::detail::float_from_double(std::nan(""))));
}

TEST_CASE("the bytes of a shape, counted without overflow") {
    using lutra::detail::tensor_bytes;
    const std::size_t large = std::size_t{1} << 62;
    CHECK(tensor_bytes(lutra::tensor_shape{}, dtype::f64) == 8);
    CHECK(tensor_bytes(lutra::tensor_shape{3, 5}, dtype::i16) == 30);
    CHECK(tensor_bytes(lutra::tensor_shape{3, 0}, dtype::i16) == 0);
    CHECK(tensor_bytes(lutra::tensor_shape{large}, dtype::i16) == std::uint64_t{1} << 63);
    CHECK_FALSE(tensor_bytes(lutra::tensor_shape{large}, dtype::f32).has_value());
    CHECK_FALSE(tensor_bytes(lutra::tensor_shape{large, 4, 0}, dtype::u8).has_value());
    CHECK_FALSE(tensor_bytes(lutra::tensor_shape{0, large, 4}, dtype::u8).has_value());
    CHECK(lutra::detail::shown_shape(lutra::tensor_shape{}).view() == "[]");
    CHECK(lutra::detail::shown_shape(lutra::tensor_shape{1, 2, 3, 4, 5, 6, 7, 8, 9}).view() ==
          "[1, 2, 3, 4, 5, 6, 7, 8, ...]");
}
