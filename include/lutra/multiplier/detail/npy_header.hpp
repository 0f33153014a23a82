// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/result.hpp>
#include <lutra/multiplier/detail/table_layout.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

/// @file
/// The header of a NumPy array file (NumPy Enhancement Proposal 1): magic, version, length, then a Python dictionary.

namespace lutra::detail::mul {

[[nodiscard]] inline bool is_npy(std::span<const std::byte> bytes) noexcept {
    constexpr std::array<unsigned char, 6> magic{0x93, 'N', 'U', 'M', 'P', 'Y'};
    if (bytes.size() < magic.size()) return false;
    for (std::size_t i = 0; i < magic.size(); ++i)
        if (std::to_integer<unsigned char>(bytes[i]) != magic[i]) return false;
    return true;
}

/// Reads a dictionary of the three known keys; every access is within the header's bytes.
class npy_dictionary {
public:
    constexpr npy_dictionary(std::span<const std::byte> header, std::size_t origin) noexcept
        : header_{header}, origin_{origin} {}

    [[nodiscard]] status parse() {
        if (!take('{')) return fault("a dictionary that starts with '{'");
        while (!take('}')) {
            text<24> key;
            if (!take_string(key)) return fault("a quoted key");
            if (!take(':')) return fault("':' after a key");
            const std::string_view k = key;
            if (k == "descr" && !seen_[0]) {
                if (!take_string(descr)) return fault("a quoted element type such as '<i2'; records are not products");
                seen_[0] = true;
            } else if (k == "fortran_order" && !seen_[1]) {
                if (take_word("True"))
                    fortran_order = true;
                else if (!take_word("False"))
                    return fault("True or False for fortran_order");
                seen_[1] = true;
            } else if (k == "shape" && !seen_[2]) {
                if (!take_shape()) return fault("a shape of at most 4 sizes below 2^32, such as (256, 256)");
                seen_[2] = true;
            } else {
                return fault("the keys descr, fortran_order and shape, once each");
            }
            if (!take(',') && peek() != '}') return fault("',' or '}' after a value");
        }
        if (!seen_[0] || !seen_[1] || !seen_[2]) return fault("the keys descr, fortran_order and shape, once each");
        static_cast<void>(peek());
        if (at_ < header_.size()) return fault("only spaces after the dictionary");
        return ok();
    }

    text<24> descr;
    bool fortran_order = false;
    std::array<std::uint64_t, 4> shape{};
    std::size_t dimensions = 0;

private:
    [[nodiscard]] char raw() const noexcept {
        return at_ < header_.size() ? static_cast<char>(std::to_integer<unsigned char>(header_[at_])) : '\0';
    }
    /// The next character that is not a space, or 0 at the end.
    char peek() noexcept {
        while (at_ < header_.size() && (raw() == ' ' || raw() == '\n' || raw() == '\t')) ++at_;
        return raw();
    }
    bool take(char c) noexcept {
        if (at_ >= header_.size() || peek() != c) return false;
        ++at_;
        return true;
    }
    bool take_word(std::string_view word) noexcept {
        static_cast<void>(peek());
        for (std::size_t i = 0; i < word.size(); ++i, ++at_)
            if (raw() != word[i]) return false;
        return true;
    }
    bool take_string(text<24>& out) noexcept {
        const char quote = peek();
        if (quote != '\'' && quote != '"') return false;
        for (++at_; at_ < header_.size(); ++at_) {
            if (raw() == quote) return ++at_, true;
            out << raw();
        }
        return false;
    }
    bool take_shape() noexcept {
        if (!take('(')) return false;
        while (!take(')')) {
            if (dimensions == shape.size() || peek() < '0' || peek() > '9') return false;
            std::uint64_t size = 0;
            for (; raw() >= '0' && raw() <= '9'; ++at_) {
                size = size * 10 + static_cast<std::uint64_t>(raw() - '0');
                if (size >> 32 != 0) return false;
            }
            shape[dimensions++] = size;
            if (!take(',') && peek() != ')') return false;
        }
        return true;
    }
    [[nodiscard]] error fault(std::string_view expected) const {
        text<320> message{"a .npy header with "};
        if (at_ < header_.size())
            message << "'" << raw() << "'";
        else
            message << "its end";
        return {error_code::malformed, origin_ + at_, message << " at byte " << origin_ + at_ << "; expected " << expected};
    }

    std::span<const std::byte> header_;
    std::size_t origin_, at_ = 0;
    std::array<bool, 3> seen_{};
};

/// The layout of a .npy file of 65,536 integer products.
[[nodiscard]] LUTRA_INLINE result<table_layout> parse_npy(std::span<const std::byte> bytes) {
    const auto byte = [&](std::size_t i) { return std::to_integer<std::size_t>(bytes[i]); };
    const auto cut = [&] {
        return error{error_code::truncated, bytes.size(),
                     text<320>{"a .npy file that ends after "} << bytes.size() << " bytes, in its preamble"};
    };
    if (!is_npy(bytes))
        return error{error_code::malformed, 0,
                     text<320>{"a file of "} << bytes.size() << " bytes that does not start as a .npy file does"};
    if (bytes.size() < 10) return cut();
    const std::size_t version = byte(6), start = version == 1 ? 10 : 12;
    if (version < 1 || version > 3)
        return error{error_code::malformed, 6, text<320>{"a .npy file of version "} << version << "; expected 1, 2 or 3"};
    if (bytes.size() < start) return cut();
    const std::uint64_t length = version == 1 ? std::uint64_t{byte(8) | byte(9) << 8}
                                              : std::uint64_t{byte(8)} | std::uint64_t{byte(9)} << 8 |
                                                    std::uint64_t{byte(10)} << 16 | std::uint64_t{byte(11)} << 24;
    if (length > bytes.size() - start)
        return error{error_code::truncated, 8,
                     text<320>{"a .npy header of "} << length << " bytes in a file that has " << bytes.size() - start
                                                    << " bytes after its preamble"};
    npy_dictionary dictionary{bytes.subspan(start, static_cast<std::size_t>(length)), start};
    if (const status parsed = dictionary.parse(); !parsed) return parsed.error();

    const std::string_view d = dictionary.descr;
    const bool integer = d.size() == 3 && (d[0] == '<' || d[0] == '>') && (d[1] == 'i' || d[1] == 'u') &&
                         (d[2] == '2' || d[2] == '4' || d[2] == '8');
    if (!integer) {
        text<320> message{"a .npy table with elements of type '"};
        return error{error_code::wrong_type, start,
                     message << d << "'; expected integers of 16, 32 or 64 bits, such as '<i2'"};
    }
    const bool square = dictionary.dimensions == 2 && dictionary.shape[0] == 256 && dictionary.shape[1] == 256;
    if (!square && !(dictionary.dimensions == 1 && dictionary.shape[0] == 65536)) {
        text<320> message{"a .npy table of shape ("};
        for (std::size_t i = 0; i < dictionary.dimensions; ++i) message << (i == 0 ? "" : ", ") << dictionary.shape[i];
        return error{error_code::wrong_size, start, message << "); expected (256, 256) or (65536,)"};
    }
    const table_layout layout{.offset = start + static_cast<std::size_t>(length),
                              .item_size = static_cast<std::size_t>(d[2] - '0'),
                              .is_signed = d[1] == 'i',
                              .big_endian = d[0] == '>',
                              .columns_first = square && dictionary.fortran_order};
    const std::size_t expected = 65536 * layout.item_size, got = bytes.size() - layout.offset;
    if (got != expected)
        return error{got < expected ? error_code::truncated : error_code::wrong_size, layout.offset,
                     text<320>{"a .npy table with "} << got << " bytes of products; expected " << expected};
    return layout;
}

} // namespace lutra::detail::mul
