// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign writes reports into strings: leave it out of a freestanding build."
#endif

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace lutra::detail::page {

/// How many bytes at the front of @p s are one character of UTF-8 (RFC 3629) that HTML and XML can hold; 0 where what stands
/// there is none: a byte out of place, a surrogate, an overlong form, a control character.
[[nodiscard]] constexpr std::size_t character_bytes(std::string_view s) noexcept {
    if (s.empty()) return 0;
    const auto byte = [s](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(s[i])); };
    const std::uint32_t first = byte(0);
    if (first < 0x80) return (first >= 0x20 && first != 0x7F) || first == '\t' || first == '\n' || first == '\r' ? 1 : 0;
    const std::size_t n = first >= 0xF0 && first <= 0xF4  ? 4
                          : first >= 0xE0 && first < 0xF0 ? 3
                          : first >= 0xC2 && first < 0xE0 ? 2
                                                          : 0;
    if (n == 0 || s.size() < n) return 0;
    std::uint32_t code = first & (0xFFu >> (n + 1));
    for (std::size_t i = 1; i < n; ++i) {
        if ((byte(i) & 0xC0u) != 0x80u) return 0;
        code = code << 6 | (byte(i) & 0x3Fu);
    }
    constexpr std::uint32_t least[]{0, 0, 0xA0, 0x800, 0x10000}; // below U+00A0 are control characters
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    return code >= least[n] && code <= 0x10FFFF && !surrogate && (code & 0xFFFEu) != 0xFFFEu ? n : 0;
}

/// HTML or SVG in the making. Literals go in as they are; every other text is from outside and goes in escaped, for elements
/// and quoted attributes alike, so that nothing has to be remembered where it is written.
class markup {
public:
    /// Markup of ours.
    template <std::size_t N>
    markup& operator<<(const char (&literal)[N]) {
        text_.append(literal, N - 1);
        return *this;
    }
    /// Text: what is no character of UTF-8 becomes U+FFFD.
    markup& operator<<(std::string_view s) {
        while (!s.empty()) {
            const std::size_t n = character_bytes(s);
            const char c = s.front();
            if (n == 0)
                text_ += "\xEF\xBF\xBD";
            else if (c == '&')
                text_ += "&amp;";
            else if (c == '<')
                text_ += "&lt;";
            else if (c == '>')
                text_ += "&gt;";
            else if (c == '"')
                text_ += "&quot;";
            else if (c == '\'')
                text_ += "&#39;";
            else
                text_ += s.substr(0, n);
            s.remove_prefix(n == 0 ? 1 : n);
        }
        return *this;
    }
    /// A coordinate, to a tenth of a pixel. One that is no number, or not near the page, is 0: it would spoil the drawing.
    markup& operator<<(double coordinate) {
        const long long tenths = std::abs(coordinate) <= 1e6 ? std::llround(coordinate * 10) : 0;
        const long long size = tenths < 0 ? -tenths : tenths;
        if (tenths < 0) text_ += '-';
        text_ += std::to_string(size / 10);
        if (size % 10 != 0) (text_ += '.') += static_cast<char>('0' + size % 10);
        return *this;
    }
    template <std::integral T>
    requires(!std::same_as<T, char> && !std::same_as<T, bool>) markup& operator<<(T number) {
        text_ += std::to_string(number);
        return *this;
    }
    markup& operator<<(const markup& other) {
        text_ += other.text_;
        return *this;
    }

    [[nodiscard]] const std::string& text() const& noexcept { return text_; }
    [[nodiscard]] std::string text() && noexcept { return std::move(text_); }

private:
    std::string text_;
};

/// The first @p limit characters of @p s, and an ellipsis where there are more.
[[nodiscard]] inline std::string cut(std::string_view s, std::size_t limit) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < limit && at < s.size(); ++i) {
        const std::size_t n = character_bytes(s.substr(at));
        at += n == 0 ? 1 : n;
    }
    return at < s.size() ? std::string{s.substr(0, at)} + "\xE2\x80\xA6" : std::string{s};
}

/// How many characters @p s is wide, nearly: bytes that continue one do not count.
[[nodiscard]] constexpr std::size_t characters(std::string_view s) noexcept {
    std::size_t n = 0;
    for (const char c : s) n += (static_cast<unsigned char>(c) & 0xC0u) != 0x80u ? 1u : 0u;
    return n;
}

} // namespace lutra::detail::page
