// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/fail.hpp"

#include <lutra/nn/policy.hpp>
#include <lutra/prune/token_pruning.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace detail {
inline std::vector<std::string_view> split(std::string_view text, char by) {
    std::vector<std::string_view> parts;
    for (std::size_t at = 0;;) {
        const std::size_t end = text.find(by, at);
        parts.push_back(text.substr(at, end - at));
        if (end == std::string_view::npos) return parts;
        at = end + 1;
    }
}
template <class T>
T number(std::string_view text, std::string_view whole) {
    T value{};
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || end != text.data() + text.size())
        fail("'" + std::string{text} + "' in the token schedule '" + std::string{whole} + "' is no such number");
    return value;
}
} // namespace detail

inline constexpr const char* token_schedule_help =
    "Which tokens each block drops, such as keep_top:0.7@1,2+keep_prefix@3: rules keep_top:SHARE[:REST], "
    "keep_above:THETA[:REST] (REST: drop, sum or mean of the others), merge_similar:PAIRS, keep_prefix; @ the blocks, from "
    "0";

/// Puts the schedule @p text into @p choices, one a block; ends the program over one that is wrong.
inline void read_token_schedule(std::string_view text, std::vector<lutra::layer_choice>& choices) {
    if (text.empty()) return;
    for (const std::string_view item : detail::split(text, '+')) {
        const auto wrong = [&](std::string_view why) {
            fail("the token schedule '" + std::string{text} + "' " + std::string{why} + " in '" + std::string{item} + "'");
        };
        const auto halves = detail::split(item, '@');
        if (halves.size() != 2) wrong("does not say @ which blocks");
        const auto words = detail::split(halves[0], ':');
        lutra::rest_tokens rest = lutra::rest_tokens::sum;
        if (words.size() == 3 && words[2] == "drop")
            rest = lutra::rest_tokens::drop;
        else if (words.size() == 3 && words[2] == "mean")
            rest = lutra::rest_tokens::mean;
        else if (words.size() > 3 || (words.size() == 3 && words[2] != "sum"))
            wrong("has another word than drop, sum or mean");
        lutra::token_pruning pruning;
        if (words[0] == "keep_top" && words.size() > 1) {
            pruning = lutra::token_pruning::keep_top(detail::number<float>(words[1], text), rest);
            if (!(pruning.share >= 0 && pruning.share <= 1)) wrong("has a share outside [0, 1]");
        } else if (words[0] == "keep_above" && words.size() > 1) {
            pruning = lutra::token_pruning::keep_above(detail::number<float>(words[1], text), rest);
            if (!(pruning.theta >= 0)) wrong("has a negative threshold");
        } else if (words[0] == "merge_similar" && words.size() == 2) {
            pruning = lutra::token_pruning::merge_similar(detail::number<std::uint32_t>(words[1], text));
        } else if (words[0] == "keep_prefix" && words.size() == 1) {
            pruning = lutra::token_pruning::keep_prefix();
        } else {
            wrong("has another rule than keep_top, keep_above, merge_similar or keep_prefix with its number");
        }
        for (const std::string_view block : detail::split(halves[1], ',')) {
            const auto i = detail::number<std::size_t>(block, text);
            if (i >= choices.size()) wrong("names a block past the last of " + std::to_string(choices.size()));
            choices[i].tokens = pruning;
        }
    }
}
