// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign writes reports into strings: leave it out of a freestanding build."
#endif

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

/// @file
/// Numbers for people: grouped by thousands, a real minus sign, no locale, "–" for what is no number.

namespace lutra::detail::page {

inline constexpr std::string_view no_number = "\xE2\x80\x93", minus_sign = "\xE2\x88\x92";
/// Between a number and its unit.
inline constexpr const char* no_break = "\xC2\xA0";

/// The power of ten at or below |@p v|, which is not 0.
[[nodiscard]] inline int exponent_of(double v) { return static_cast<int>(std::floor(std::log10(std::abs(v)))); }

/// How to write a row of numbers that belong together: with the same number of decimals, or as a power of ten.
struct number_format {
    int decimals = 0;
    bool scientific = false;

    /// To four digits of the largest of @p values and three of their range, whichever needs more.
    [[nodiscard]] static number_format of(std::span<const double> values) {
        double low = 0, high = 0, most = 0;
        bool any = false, whole = true;
        for (const double v : values) {
            if (!std::isfinite(v)) continue;
            low = any ? std::min(low, v) : v, high = any ? std::max(high, v) : v, any = true;
            most = std::max(most, std::abs(v));
            whole = whole && std::floor(v) == v;
        }
        if (most == 0) return {};
        if (most >= 1e12 || most < 1e-4) return {.decimals = 3, .scientific = true};
        if (whole) return {};
        const int of_range = high > low ? 2 - exponent_of(high - low) : 0;
        return {.decimals = std::clamp(std::max(3 - exponent_of(most), of_range), 0, 9)};
    }

    [[nodiscard]] std::string operator()(double v) const {
        if (!std::isfinite(v)) return std::string{no_number};
        std::array<char, 512> digits{}; // the greatest double has 309 before the point
        const auto format = scientific ? std::chars_format::scientific : std::chars_format::fixed;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), std::abs(v), format, decimals);
        if (end.ec != std::errc{}) return std::string{no_number};
        std::string_view text{digits.data(), static_cast<std::size_t>(end.ptr - digits.data())};
        std::string out;
        if (v < 0 && text.find_first_of("123456789") != text.npos) out = minus_sign; // there is no minus nothing
        const std::size_t whole = std::min(text.find_first_of(".e"), text.size());
        for (std::size_t i = 0; i < whole; ++i) {
            if (i > 0 && (whole - i) % 3 == 0) out += ',';
            out += text[i];
        }
        const std::size_t e = scientific ? text.find('e') : text.npos;
        out += text.substr(whole, e == text.npos ? e : e - whole);
        if (e == text.npos) return out;
        int power = 0;
        const std::size_t sign = text[e + 1] == '+' ? 1 : 0;
        std::from_chars(text.data() + e + 1 + sign, text.data() + text.size(), power);
        return power == 0 ? out : out + "\xC2\xB7" + ten_to(power); // a middle dot
    }

private:
    [[nodiscard]] static std::string ten_to(int power) {
        constexpr std::string_view raised[]{"\xE2\x81\xB0", "\xC2\xB9",     "\xC2\xB2",     "\xC2\xB3",     "\xE2\x81\xB4",
                                            "\xE2\x81\xB5", "\xE2\x81\xB6", "\xE2\x81\xB7", "\xE2\x81\xB8", "\xE2\x81\xB9"};
        std::string out{"10"};
        for (const char c : std::to_string(power))
            out += c == '-' ? "\xE2\x81\xBB" : raised[static_cast<std::size_t>(c - '0')];
        return out;
    }
};

/// One number by itself, to four digits or so.
[[nodiscard]] inline std::string figure(double v) { return number_format::of({&v, 1})(v); }

/// How many there are.
[[nodiscard]] inline std::string count_text(std::uint64_t n) { return number_format{}(static_cast<double>(n)); }

/// A part of one as per cent, 0.123 as "12.3 %".
[[nodiscard]] inline std::string percent(double part, int decimals = 1) {
    return std::isfinite(part) ? number_format{.decimals = decimals}(100 * part) + no_break + "%" : std::string{no_number};
}

/// With a sign in front, as for differences.
[[nodiscard]] inline std::string with_sign(const std::string& number) {
    const bool nothing = number == no_number || number.find_first_of("123456789") == number.npos;
    return nothing || number.starts_with(minus_sign) ? number : "+" + number;
}

} // namespace lutra::detail::page
