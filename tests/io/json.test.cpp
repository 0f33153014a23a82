// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "io/support.hpp"

#include <lutra/io/json.hpp>

using lutra::error_code;

namespace {

lutra::result<nlohmann::json> parse(std::string_view text) { return lutra::parse_json(to_bytes(text)); }

std::string nested(int levels) {
    return std::string(static_cast<std::size_t>(levels), '[') + std::string(static_cast<std::size_t>(levels), ']');
}

} // namespace

TEST_CASE("a document comes back from its file, and the same document gives the same bytes") {
    const temp_folder folder;
    const nlohmann::json document{{"b", {1, -2, 3.5, nullptr, true}},
                                  {"a", {{"x", "\xc3\xa9"}, {"y", nlohmann::json::object()}}}};
    require_value(lutra::write_json(folder / "x.json", document));
    const auto back = lutra::read_json(folder / "x.json");
    require_value(back);
    CHECK(*back == document);
    const auto bytes = *lutra::read_file(folder / "x.json");
    CHECK(bytes.back() == std::byte{'\n'});
    require_value(lutra::write_json(folder / "x.json", *back));
    CHECK(*lutra::read_file(folder / "x.json") == bytes);
}

TEST_CASE("a string that is not UTF-8 does not stop the writer") {
    const temp_folder folder;
    require_value(lutra::write_json(folder / "x", nlohmann::json{{"k", "a\xff"}}));
    CHECK(lutra::read_json(folder / "x")->at("k") == "a\xef\xbf\xbd");
}

TEST_CASE("a broken text is told by its byte") {
    require_error(parse(R"({"a": [1, 2,, 3]})"), error_code::malformed, "not valid JSON at byte 12: syntax error");
    CHECK(parse(R"({"a": [1, 2,, 3]})").error().offset == 12);
    require_error(parse(""), error_code::malformed, "not valid JSON at byte 0");
    require_error(parse("{} x"), error_code::malformed, "at byte 3");
    require_error(parse("{\"a\": \"\xff\"}"), error_code::malformed, "ill-formed UTF-8");
    require_error(parse(std::string_view{"{}\0x", 4}), error_code::malformed, "byte 2 is zero");
    require_error(parse("[1e999]"), error_code::malformed, "not valid JSON");
    const std::string whole = R"({"a": [1, {"b": "c\n"}], "d": -1.5e3})";
    REQUIRE(parse(whole).has_value());
    for (std::size_t n = 0; n < whole.size(); ++n) CHECK_FALSE(parse(whole.substr(0, n)).has_value());
}

TEST_CASE("a key twice and deep nesting are refused") {
    require_error(parse(R"({"a": {"k": 1, "k": 2}})"), error_code::malformed, "the key 'k' twice in one object");
    CHECK(parse(R"({"k": {"k": [{"k": 1}, {"k": 2}]}, "l": 1})").has_value());
    CHECK(parse(nested(64)).has_value());
    require_error(parse(nested(65)), error_code::malformed, "nests deeper than 64 levels");
    require_error(parse(nested(1'000'000)), error_code::malformed, "nests deeper");
    require_error(parse(std::string(1'000'000, '[')), error_code::malformed, "");
}

TEST_CASE("a file's errors name it") {
    const temp_folder folder;
    require_error(lutra::read_json(folder / "absent.json"), error_code::io, "absent.json: cannot open it");
    write_plain(folder / "bad.json", to_bytes("{"));
    require_error(lutra::read_json(folder / "bad.json"), error_code::malformed, "bad.json: not valid JSON at byte 1");
    require_error(lutra::read_json(folder / "bad.json", 0), error_code::wrong_size, "limit of 0 bytes");
}
