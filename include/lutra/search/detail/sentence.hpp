// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/result.hpp>
#include <lutra/core/text.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// @file
/// How journals and ranks word their errors.

namespace lutra::detail {

/// An error whose sentence is @p parts one after the other.
template <class... Parts>
[[nodiscard]] inline error search_fault(error_code code, std::uint64_t offset, const Parts&... parts) {
    error e{code, offset, {}};
    (void)(e.message << ... << parts);
    return e;
}
/// @p s from @p start on for a sentence: at most @p Limit characters, with dots where it is cut and '?' for what does not
/// print.
template <std::size_t Limit>
[[nodiscard]] constexpr text<Limit + 6> shown_from(std::string_view s, std::size_t start) noexcept {
    text<Limit + 6> out{start > 0 ? "..." : ""};
    for (const char c : s.substr(start, Limit)) out << c;
    return s.size() - start > Limit ? out << "..." : out;
}
/// @p s where it begins to differ from @p other.
[[nodiscard]] constexpr text<76> shown_at_difference(std::string_view s, std::string_view other) noexcept {
    std::size_t same = 0;
    while (same < s.size() && same < other.size() && s[same] == other[same]) ++same;
    return shown_from<70>(s, s.size() <= 70 || same <= 30 ? 0 : std::min(same - 30, s.size() - 70));
}

} // namespace lutra::detail
