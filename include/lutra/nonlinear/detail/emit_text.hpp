// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/numeric/fixed_point.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lutra {

/// What text is written to, piece by piece: a lutra::text (which cuts what is longer), a std::ostream, a serial port.
template <class Sink>
concept text_sink = requires(Sink& out, std::string_view piece) {
    out << piece;
};

namespace detail {

/// Writes words, single characters included, and decimal integers.
template <text_sink Sink>
constexpr void put(Sink& out, std::string_view piece) {
    out << piece;
}
template <text_sink Sink, std::integral T>
constexpr void put(Sink& out, T value) {
    text<24> digits;
    digits << value;
    out << digits.view();
}
template <text_sink Sink, class First, class Second, class... Rest>
constexpr void put(Sink& out, const First& first, const Second& second, const Rest&... rest) {
    put(out, first);
    put(out, second);
    (put(out, rest), ...);
}

/// Writes @p pattern with each @0, @1, ... in it replaced by that one of @p values, and @@ by @.
template <text_sink Sink, class... Values>
constexpr void put_pattern(Sink& out, std::string_view pattern, const Values&... values) {
    for (std::size_t at = pattern.find('@'); at != std::string_view::npos; at = pattern.find('@')) {
        put(out, pattern.substr(0, at));
        int left = pattern[at + 1] - '0';
        if (pattern[at + 1] == '@') put(out, "@");
        ((left-- == 0 ? put(out, values) : void()), ...);
        pattern.remove_prefix(at + 2);
    }
    put(out, pattern);
}

/// The hexadecimal digits of the lowest @p bits bits of a two's complement number, rounded up to whole digits.
template <text_sink Sink>
constexpr void put_hex(Sink& out, std::int64_t value, int bits) {
    const auto pattern = static_cast<std::uint64_t>(value) & (~std::uint64_t{0} >> (64 - bits));
    for (int digit = (bits + 3) / 4 - 1; digit >= 0; --digit)
        out << std::string_view{"0123456789abcdef"}.substr(static_cast<std::size_t>(pattern >> (4 * digit) & 15), 1);
}

/// A format in words: "8 bits in steps of 2^-5".
template <text_sink Sink>
constexpr void put_format(Sink& out, fixed_format f) {
    put(out, f.total_bits, f.total_bits == 1 ? " bit" : " bits", " in steps of ");
    if (f.fraction_bits == 0)
        put(out, "1");
    else
        put(out, "2^-", f.fraction_bits);
}

} // namespace detail
} // namespace lutra
