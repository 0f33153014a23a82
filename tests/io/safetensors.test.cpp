// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "io/support.hpp"

#include <lutra/io/safetensors.hpp>

#include <limits>

using lutra::error_code;
using lutra::safetensors;

namespace {

/// A file of the given header and data; the header's length may be lied about.
std::vector<std::byte> file(std::string_view header, std::vector<std::byte> data = {},
                            std::uint64_t length = ~std::uint64_t{0}) {
    std::vector<std::byte> out;
    const std::uint64_t n = length == ~std::uint64_t{0} ? header.size() : length;
    for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<std::byte>(n >> shift & 0xff));
    const auto text = to_bytes(header);
    out.insert(out.end(), text.begin(), text.end());
    out.insert(out.end(), data.begin(), data.end());
    return out;
}

template <class T>
std::vector<std::byte> raw(std::vector<T> values) {
    std::vector<std::byte> out;
    lutra::detail::store_little_endian(out, std::span<const T>{values});
    return out;
}

/// A file with the one tensor "t".
safetensors one(std::string_view type, std::string_view shape, std::vector<std::byte> data) {
    const auto f =
        safetensors::parse(file("{\"t\":{\"dtype\":\"" + std::string{type} + "\",\"shape\":" + std::string{shape} +
                                    ",\"data_offsets\":[0," + std::to_string(data.size()) + "]}}",
                                data));
    require_value(f);
    return *f;
}

const std::string_view two = R"({"__metadata__":{"by":"lutra","":"é"},
  "b":{"dtype":"I8","shape":[3],"data_offsets":[8,11]}, "a":{"data_offsets":[0,8],"shape":[2,1],"dtype":"F32"}}   )";

} // namespace

TEST_CASE("a file gives its tensors, shapes and strings") {
    const auto f = safetensors::parse(file(two, {raw<float>({1.5f, -2}).size() + 3, std::byte{7}}));
    require_value(f);
    CHECK(f->tensors().size() == 2);
    CHECK(f->metadata().at("by") == "lutra");
    CHECK(f->metadata().at("") == "\xc3\xa9");
    REQUIRE(f->find("a") != nullptr);
    CHECK(f->find("a")->shape == lutra::tensor_shape{2, 1});
    CHECK(f->find("a")->elements() == 2);
    CHECK(f->find("c") == nullptr);
    CHECK(*f->values<std::int8_t>("b") == std::vector<std::int8_t>{7, 7, 7});
    CHECK(f->bytes("b")->size() == 3);
    const auto moved = *f; // a copy owns its own bytes
    CHECK(*moved.values<std::int8_t>("b", {3}) == std::vector<std::int8_t>{7, 7, 7});
}

TEST_CASE("elements come back in every stored type") {
    CHECK(*one("F64", "[2]", raw<double>({1e300, -0.1})).values<double>("t") == std::vector<double>{1e300, -0.1});
    CHECK(*one("F32", "[]", raw<float>({0.1f})).values<float>("t", {}) == std::vector<float>{0.1f});
    CHECK(*one("I64", "[1]", raw<std::int64_t>({std::numeric_limits<std::int64_t>::min()})).values<std::int64_t>("t") ==
          std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min()});
    CHECK(*one("I32", "[1]", raw<std::int32_t>({-5})).values<std::int32_t>("t") == std::vector<std::int32_t>{-5});
    CHECK(*one("I16", "[1]", raw<std::int16_t>({-300})).values<std::int16_t>("t") == std::vector<std::int16_t>{-300});
    CHECK(*one("I8", "[1]", raw<std::int8_t>({-128})).values<std::int8_t>("t") == std::vector<std::int8_t>{-128});
    CHECK(*one("U8", "[1]", raw<std::uint8_t>({200})).values<std::uint8_t>("t") == std::vector<std::uint8_t>{200});
    CHECK(*one("BOOL", "[2]", raw<std::uint8_t>({1, 0})).booleans("t") == std::vector<std::uint8_t>{1, 0});
    CHECK(one("F32", "[4,0]", {}).values<float>("t", {4, 0})->empty());

    CHECK(*one("F32", "[2]", raw<float>({0.5f, -3})).floats("t", {2}) == std::vector<float>{0.5f, -3});
    CHECK(*one("F64", "[2]", raw<double>({0.1, -3})).floats("t") == std::vector<float>{0.1f, -3});
    CHECK(*one("F16", "[2]", raw<std::uint16_t>({0x3c00, 0xc500})).floats("t") == std::vector<float>{1, -5});
    CHECK(*one("BF16", "[2]", raw<std::uint16_t>({0x3f80, 0xc0a0})).floats("t") == std::vector<float>{1, -5});
}

TEST_CASE("an access that does not fit the tensor says so") {
    const auto f = one("F32", "[2,3]", raw<float>({1, 2, 3, 4, 5, 6}));
    require_error(f.floats("u"), error_code::missing, "there is no tensor 'u'; the file has 1, such as 't'");
    require_error(f.bytes("u"), error_code::missing, "'u'");
    require_error(f.booleans("u"), error_code::missing, "'u'");
    require_error(f.values<float>("u", {1}), error_code::missing, "'u'");
    require_error(f.floats("t", {3, 2}), error_code::mismatch, "tensor 't' has shape [2, 3]; expected [3, 2]");
    require_error(f.values<float>("t", {6}), error_code::mismatch, "expected [6]");
    require_error(f.values<std::int8_t>("t"), error_code::wrong_type, "tensor 't' is F32; expected I8");
    require_error(f.booleans("t"), error_code::wrong_type, "expected BOOL");
    require_error(one("I8", "[1]", raw<std::int8_t>({1})).floats("t"), error_code::wrong_type,
                  "tensor 't' is I8; expected F32, F16, BF16 or F64");
    require_error(one("BOOL", "[2]", raw<std::uint8_t>({1, 2})).booleans("t"), error_code::malformed,
                  "element 1 of tensor 't' is 2");
    require_error(safetensors::parse(file("{}"))->floats("x"), error_code::missing, "the file has 0");
}

TEST_CASE("an element that is not finite is named") {
    const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
    require_error(one("F32", "[3]", raw<float>({0, nan, inf})).floats("t"), error_code::not_finite,
                  "element 1 of tensor 't' is NaN");
    require_error(one("F32", "[3]", raw<float>({0, 0, -inf})).floats("t"), error_code::not_finite,
                  "element 2 of tensor 't' is -inf");
    require_error(one("F16", "[1]", raw<std::uint16_t>({0x7c00})).floats("t"), error_code::not_finite, "is infinity");
    require_error(one("F64", "[1]", raw<double>({1e39})).floats("t"), error_code::not_finite, "is infinity as a float");
    CHECK(one("F32", "[1]", raw<float>({inf})).values<float>("t").has_value()); // as stored, unchecked
    const auto f = one("F32", "[3]", raw<float>({0, nan, inf}));
    CHECK(f.floats("t").error().offset == 8 + 55 + 4);
}

TEST_CASE("a file cut at any byte, or with one byte more, is refused") {
    const auto whole = file(two, std::vector<std::byte>(11));
    REQUIRE(safetensors::parse(whole).has_value());
    for (std::size_t n = 0; n < whole.size(); ++n)
        require_error(safetensors::parse({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)}),
                      error_code::truncated, "");
    auto more = whole;
    more.push_back({});
    require_error(safetensors::parse(more), error_code::wrong_size, "end at byte 11 of the data, of which there are 12");
    // the header alone cut short, its length telling the truth
    for (std::size_t n = 0; n < two.size() - 3; ++n)
        require_error(safetensors::parse(file(two.substr(0, n))), error_code::malformed, "");
}

TEST_CASE("every fault of the header has its sentence") {
    const auto bad = [](std::string_view header, error_code code, std::string_view part, std::size_t data = 8) {
        INFO(header.substr(0, 120));
        require_error(safetensors::parse(file(header, std::vector<std::byte>(data))), code, part);
    };
    const auto m = error_code::malformed;
    require_error(safetensors::parse(file("{}", {}, 100'000'001)), m, "length is 100000001; at most 100000000");
    require_error(safetensors::parse(file("{}", {}, ~std::uint64_t{0} - 1)), m, "at most");
    require_error(safetensors::parse(file("{}", {}, 3)), error_code::truncated, "length is 3 and only 2 bytes follow");
    bad("", m, "does not start with '{'");
    bad(" {}", m, "does not start with '{'");
    bad("[]", m, "does not start with '{'");
    bad("{}x", m, "text follows");
    bad(std::string_view{"{}\0", 3}, m, "text follows");
    bad("{\"t\":1}", m, "tensor 't' needs '{' at byte 5 of the header; got '1}'");
    bad("{\"t\":{}}", error_code::missing, "tensor 't' has no dtype");
    bad(R"({"t":{"dtype":"U8","shape":[8]}})", error_code::missing, "has no data_offsets");
    bad(R"({"t":{"dtype":"U8","data_offsets":[0,8]}})", error_code::missing, "has no shape");
    bad(R"({"t":{"dtype":"F7","shape":[8],"data_offsets":[0,8]}})", error_code::wrong_type,
        "tensor 't' has the unknown dtype 'F7'");
    bad(R"({"t":{"dtype":8,"shape":[8],"data_offsets":[0,8]}})", m, "needs a string at byte 14");
    bad(R"({"t":{"dtype":"U8","shape":8,"data_offsets":[0,8]}})", m, "needs '['");
    bad(R"({"t":{"dtype":"U8","shape":[-8],"data_offsets":[0,8]}})", m,
        "needs a non-negative integer at byte 28 of the header; got '-8]");
    bad(R"({"t":{"dtype":"U8","shape":[8.0],"data_offsets":[0,8]}})", m, "got '8.0]");
    bad(R"({"t":{"dtype":"U8","shape":[8e0],"data_offsets":[0,8]}})", m, "got '8e0]");
    bad(R"({"t":{"dtype":"U8","shape":[08],"data_offsets":[0,8]}})", m, "got '08]");
    bad(R"({"t":{"dtype":"U8","shape":[8,],"data_offsets":[0,8]}})", m, "needs a non-negative integer");
    bad(R"({"t":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,8]}})", m, "an integer beyond 64 bits");
    bad(R"({"t":{"dtype":"U8","shape":[18446744073709551615,3],"data_offsets":[0,8]}})", m, "overflow 64 bits");
    bad(R"({"t":{"dtype":"U8","shape":[[8]],"data_offsets":[0,8]}})", m, "got '[8]]");
    bad(R"({"t":{"dtype":"U8","shape":[8],"data_offsets":[0]}})", m, "needs ','");
    bad(R"({"t":{"dtype":"U8","shape":[8],"data_offsets":[0,8,9]}})", m, "needs ']'");
    bad(R"({"t":{"dtype":"U8","shape":[8],"data_offsets":[8,0]}})", m, "begins at byte 8 of the data and ends before, at 0");
    bad(R"({"t":{"dtype":"U8","shape":[7],"data_offsets":[0,8]}})", error_code::mismatch,
        "U8 of shape [7], has 8 bytes; expected 7");
    bad(R"({"t":{"dtype":"F32","shape":[8],"data_offsets":[0,8]}})", error_code::mismatch, "has 8 bytes; expected 32");
    bad(R"({"t":{"dtype":"U8","dtype":"U8","shape":[8],"data_offsets":[0,8]}})", m, "has dtype twice");
    bad(R"({"t":{"dtype":"U8","strides":[1],"shape":[8],"data_offsets":[0,8]}})", m, "has the unknown field 'strides'");
    bad(R"({"t":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"\u0074":{"dtype":"U8","shape":[0],"data_offsets":[8,8]}})",
        m, "the header has 't' twice");
    bad(R"({"__metadata__":{},"__metadata__":{}})", m, "the header has '__metadata__' twice");
    bad(R"({"__metadata__":{"a":"1","a":"2"}})", m, "__metadata__ has 'a' twice");
    bad(R"({"__metadata__":{"a":1}})", m, "__metadata__ needs a string at byte 21");
    bad(R"({"__metadata__":"a"})", m, "__metadata__ needs '{'");
    bad(R"({"__metadata__":{"a":{"b":"c"}}})", m, "needs a string");
    bad("{" + std::string(100000, '['), m, "needs a string"); // deep nesting ends at its second level
    std::string deep;
    for (int i = 0; i < 100000; ++i) deep += "{\"t\":";
    bad(deep, m, "has the unknown field 't'");
}

TEST_CASE("tensors cover the data, side by side") {
    const auto layout = [](std::string_view a, std::string_view b, std::size_t data) {
        const auto t = [](std::string_view offsets, std::size_t n) {
            return "{\"dtype\":\"U8\",\"shape\":[" + std::to_string(n) + "],\"data_offsets\":" + std::string{offsets} + "}";
        };
        return safetensors::parse(file("{\"a\":" + t(a, 4) + ",\"b\":" + t(b, 4) + "}", std::vector<std::byte>(data)));
    };
    CHECK(layout("[0,4]", "[4,8]", 8).has_value());
    CHECK(layout("[4,8]", "[0,4]", 8).has_value());
    require_error(layout("[0,4]", "[3,7]", 7), error_code::malformed,
                  "tensor 'b' begins at byte 3 of the data, inside tensor 'a'");
    require_error(layout("[0,4]", "[0,4]", 4), error_code::malformed, "inside tensor");
    require_error(layout("[0,4]", "[5,9]", 9), error_code::malformed,
                  "no tensor covers bytes 4 to 5 of the data, before tensor 'b'");
    require_error(layout("[1,5]", "[5,9]", 9), error_code::malformed, "no tensor covers bytes 0 to 1");
    require_error(layout("[0,4]", "[4,8]", 7), error_code::truncated,
                  "tensor 'b' ends at byte 8 of the data, of which there are 7");
    require_error(layout("[0,4]", "[4,8]", 9), error_code::wrong_size, "end at byte 8 of the data, of which there are 9");
    require_error(layout("[0,4]", "[18446744073709551612,18446744073709551615]", 8), error_code::mismatch, "has 3 bytes");
    require_error(layout("[0,4]", "[18446744073709551611,18446744073709551615]", 8), error_code::truncated,
                  "ends at byte 184467");
}

TEST_CASE("strings are JSON: escapes, surrogates and well-formed UTF-8 only") {
    const auto value = [](std::string_view s) {
        return safetensors::parse(file("{\"__metadata__\":{\"k\":\"" + std::string{s} + "\"}}"));
    };
    const auto good = [&](std::string_view s, std::string_view expected) {
        INFO(s);
        const auto f = value(s);
        require_value(f);
        CHECK(f->metadata().at("k") == expected);
    };
    const auto bad = [&](std::string_view s, std::string_view part) {
        INFO(s);
        require_error(value(s), error_code::malformed, part);
    };
    good(R"(\"\\\/\b\f\n\r\t)", "\"\\/\b\f\n\r\t");
    good(R"(\u0041\u00e9\u20AC\uD83E\udda6)", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\xa6\xa6");
    good(R"(\u0000)", std::string_view{"\0", 1});
    good("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
         "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
    bad(R"(\x)", "unknown escape");
    bad(R"(\u12)", "unknown escape");
    bad(R"(\u12g4)", "unknown escape");
    for (const auto* half : {R"(\ud800)", R"(\udc00)", R"(\ud800x)", R"(\ud800\u0041)", R"(\ud800\ud800)"})
        bad(half, "half of a surrogate pair");
    for (const auto* s : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2x", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82",
                          "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"})
        bad(s, "not UTF-8");
    bad("\n", "control character");
    bad(std::string_view{"\0", 1}, "control character");
}

TEST_CASE("a hostile name stays printable and short in a sentence") {
    const auto f = safetensors::parse(file("{\"" + std::string(500, 'n') + R"(\n\u001b":1})"));
    REQUIRE_FALSE(f.has_value());
    CHECK(f.error().message.view().size() < 160);
    for (const char c : f.error().message.view()) CHECK((c >= ' ' && c <= '~'));
}
