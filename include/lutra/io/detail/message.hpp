// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/io reads and writes files and needs an operating system: leave it out of a freestanding build."
#endif

#include <lutra/core/result.hpp>
#include <lutra/core/text.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

/// @file
/// How the io room words its errors: one sentence, with whatever comes from a file cut short and made printable.

namespace lutra::detail {

/// An error whose sentence is @p parts one after the other.
template <class... Parts>
[[nodiscard]] inline error fault(error_code code, std::uint64_t offset, const Parts&... parts) {
    error e{code, offset, {}};
    (void)(e.message << ... << parts);
    return e;
}

/// @p value as 0x and at least @p digits hexadecimal digits.
[[nodiscard]] constexpr text<18> hex(std::uint64_t value, unsigned digits) noexcept {
    text<18> out{"0x"};
    for (unsigned shift = 64; shift > 0; shift -= 4)
        if (shift <= 4 * digits || (value >> (shift - 4)) != 0) out << "0123456789abcdef"[(value >> (shift - 4)) & 15u];
    return out;
}

/// @p s for a sentence: what does not print becomes '?', and past @p Limit characters it is cut.
template <std::size_t Limit = 48>
[[nodiscard]] constexpr text<Limit + 3> shown(std::string_view s) noexcept {
    text<Limit + 3> out;
    for (const char c : s.substr(0, Limit)) out << c;
    return s.size() > Limit ? out << "..." : out;
}

/// A path for a sentence: its last 120 characters, which hold the file's name.
[[nodiscard]] constexpr text<123> shown_path(std::string_view path) noexcept {
    if (path.size() <= 120) return path;
    return text<123>{"..."} << path.substr(path.size() - 120);
}

/// @p e, told of which file it was.
[[nodiscard]] inline error in_file(std::string_view path, const error& e) {
    return fault(e.code, e.offset, shown_path(path), ": ", e.message);
}

} // namespace lutra::detail
