// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/io/file.hpp>

#include <nlohmann/json.hpp>

#include <set>
#include <string>

namespace lutra {

/// How deep the objects and arrays of a JSON file may nest: whoever walks a document may recurse.
inline constexpr int max_json_depth = 64;

/// The document in the JSON text @p bytes. Errors: `malformed` with the byte and what was expected there; also for a key
/// that occurs twice in one object and for more than max_json_depth levels. No exception escapes.
[[nodiscard]] LUTRA_INLINE result<nlohmann::json> parse_json(std::span<const std::byte> bytes) {
    using nlohmann::json;
    // The lexer would take a zero byte for the end of the text and not see what follows it.
    if (const auto zero = std::find(bytes.begin(), bytes.end(), std::byte{}); zero != bytes.end())
        return detail::fault(error_code::malformed, static_cast<std::uint64_t>(zero - bytes.begin()),
                             "not valid JSON: byte ", zero - bytes.begin(), " is zero");
    error refused{};
    std::vector<std::set<std::string>> keys; // of the objects that are open
    const json::parser_callback_t watch = [&](int depth, json::parse_event_t event, json& value) {
        if (!refused.message.empty()) return false;
        if (event == json::parse_event_t::object_start) keys.emplace_back();
        if (event == json::parse_event_t::object_end) keys.pop_back();
        if (depth >= max_json_depth &&
            (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start))
            refused = detail::fault(error_code::malformed, 0, "the JSON text nests deeper than ", max_json_depth, " levels");
        if (event == json::parse_event_t::key && !keys.back().insert(value.get_ref<const std::string&>()).second)
            refused = detail::fault(error_code::malformed, 0, "the JSON text has the key '",
                                    detail::shown(value.get_ref<const std::string&>()), "' twice in one object");
        return refused.message.empty();
    };
    try {
        const auto* text = reinterpret_cast<const char*>(bytes.data());
        json document = json::parse(text, text + bytes.size(), watch);
        if (!refused.message.empty()) return refused;
        return document;
    } catch (const json::parse_error& e) {
        // The parser counts the bytes that it has read, so the one that it stumbled over is the one before.
        const std::size_t at = e.byte > 0 ? e.byte - 1 : 0;
        const std::string_view what{e.what()};
        return detail::fault(error_code::malformed, at, "not valid JSON at byte ", at, ": ",
                             detail::shown<160>(what.substr(std::min(what.find("syntax error"), what.size()))));
    } catch (const json::exception& e) { // a number beyond double
        return detail::fault(error_code::malformed, 0, "not valid JSON: ", detail::shown<160>(e.what()));
    }
}

/// Reads the JSON file at @p path. Errors: those of lutra::read_file and lutra::parse_json, with the path.
[[nodiscard]] LUTRA_INLINE result<nlohmann::json> read_json(const std::filesystem::path& path,
                                                            std::uint64_t max_bytes = 1u << 30) {
    const auto bytes = read_file(path, max_bytes);
    if (!bytes) return bytes.error();
    auto document = parse_json(*bytes);
    if (!document) return detail::in_file(path.string(), document.error());
    return document;
}

/// Writes @p document to @p path, indented by two spaces, whole or not at all. Keys come in the order of their names, so the
/// same document gives the same bytes. A string that is not UTF-8 is written with U+FFFD in its place, NaN and infinity as
/// null. Errors: those of lutra::write_file_atomically.
inline status write_json(const std::filesystem::path& path, const nlohmann::json& document) {
    const std::string text = document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
    return write_file_atomically(path, std::as_bytes(std::span{text}));
}

} // namespace lutra
