// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/io/detail/message.hpp>

#include <array>
#include <string>
#include <string_view>

namespace lutra::detail {

/// Takes JSON (RFC 8259) from a text one token at a time: the little that a safetensors header is made of, without the
/// seconds of compile time that a whole JSON library costs each user. Every function returns false once something is
/// wrong; error() then says what and at which byte.
class json_reader {
public:
    explicit json_reader(std::string_view text) noexcept : text_{text} {}

    /// Takes @p wanted, after white space, if it comes next.
    [[nodiscard]] bool take(char wanted) noexcept {
        skip_space();
        if (at_ == text_.size() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }
    /// Takes @p wanted, or fails and says what @p where needs.
    [[nodiscard]] bool expect(char wanted, std::string_view where) {
        const std::array<char, 3> quoted{'\'', wanted, '\''};
        return take(wanted) || unexpected(where, std::string_view{quoted.data(), quoted.size()});
    }
    /// Takes the comma before a further element, or @p close; @p more says which it was.
    [[nodiscard]] bool next(char close, std::string_view where, bool& more) {
        more = take(',');
        return more || expect(close, where);
    }
    /// Whether nothing but white space is left.
    [[nodiscard]] bool end() noexcept {
        skip_space();
        return at_ == text_.size();
    }

    /// Takes a string into @p out, as UTF-8.
    [[nodiscard]] bool string(std::string& out, std::string_view where) {
        out.clear();
        if (!take('"')) return unexpected(where, "a string");
        while (at_ < text_.size()) {
            const auto c = static_cast<unsigned char>(text_[at_]);
            if (c == '"') return ++at_, true;
            if (c < 0x20) return refuse(where, " has a control character in a string");
            if (c == '\\' ? !escape(out, where) : !code_point(out, where)) return false;
        }
        return refuse(where, " ends inside a string");
    }

    /// Takes an integer of [0, 2^64) into @p out.
    [[nodiscard]] bool unsigned_integer(std::uint64_t& out, std::string_view where) {
        skip_space();
        const std::size_t first = at_;
        out = 0;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
            const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
            if (out > (~std::uint64_t{0} - digit) / 10) return refuse(where, " has an integer beyond 64 bits");
            out = out * 10 + digit;
        }
        const bool leading_zero = at_ - first > 1 && text_[first] == '0';
        const bool real = at_ < text_.size() && (text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E');
        if (at_ > first && !leading_zero && !real) return true;
        at_ = first;
        return unexpected(where, "a non-negative integer");
    }

    /// Fails with the sentence @p parts.
    template <class... Parts>
    bool fail(error_code code, const Parts&... parts) {
        error_ = fault(code, at_, parts...);
        return false;
    }
    [[nodiscard]] const lutra::error& error() const noexcept { return error_; }

private:
    void skip_space() noexcept {
        while (at_ < text_.size() && std::string_view{" \t\n\r"}.find(text_[at_]) != std::string_view::npos) ++at_;
    }
    bool refuse(std::string_view where, std::string_view what) {
        return fail(error_code::malformed, where, what, " (byte ", at_, " of the header)");
    }
    bool unexpected(std::string_view where, std::string_view wanted) {
        skip_space();
        return at_ == text_.size()
                   ? fail(error_code::malformed, where, " needs ", wanted, " at byte ", at_, " of the header; got its end")
                   : fail(error_code::malformed, where, " needs ", wanted, " at byte ", at_, " of the header; got '",
                          shown<12>(text_.substr(at_)), "'");
    }

    /// Takes a backslash and what follows it.
    bool escape(std::string& out, std::string_view where) {
        constexpr std::string_view names = "\"\\/bfnrt", values = "\"\\/\b\f\n\r\t";
        const char name = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
        std::uint32_t unit = 0, low = 0;
        if (const auto i = names.find(name); i != std::string_view::npos) {
            out += values[i];
            at_ += 2;
            return true;
        }
        if (!hex_unit(unit)) return refuse(where, " has an unknown escape in a string");
        if (unit >= 0xd800 && unit < 0xdc00) {
            if (!hex_unit(low) || low < 0xdc00 || low > 0xdfff) return refuse(where, " has half of a surrogate pair");
            unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        } else if (unit >= 0xdc00 && unit <= 0xdfff) {
            return refuse(where, " has half of a surrogate pair");
        }
        const auto append = [&out](std::uint32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
        if (unit < 0x80) {
            append(unit);
        } else {
            if (unit < 0x800) {
                append(0xc0 | unit >> 6);
            } else {
                if (unit < 0x10000) {
                    append(0xe0 | unit >> 12);
                } else {
                    append(0xf0 | unit >> 18);
                    append(0x80 | (unit >> 12 & 0x3f));
                }
                append(0x80 | (unit >> 6 & 0x3f));
            }
            append(0x80 | (unit & 0x3f));
        }
        return true;
    }
    /// Takes "\uXXXX" into @p unit.
    bool hex_unit(std::uint32_t& unit) noexcept {
        if (text_.size() - at_ < 6 || text_[at_] != '\\' || text_[at_ + 1] != 'u') return false;
        unit = 0;
        for (const char c : text_.substr(at_ + 2, 4)) {
            constexpr std::string_view digits = "0123456789abcdef";
            const auto digit = digits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
            if (digit == std::string_view::npos) return false;
            unit = unit << 4 | static_cast<std::uint32_t>(digit);
        }
        at_ += 6;
        return true;
    }
    /// Takes one code point of well-formed UTF-8 (Unicode, table 3-7): no overlong form, no surrogate, nothing past
    /// U+10FFFF.
    bool code_point(std::string& out, std::string_view where) {
        const auto byte = [this](std::size_t i) { return static_cast<unsigned char>(text_[at_ + i]); };
        const unsigned first = byte(0);
        const std::size_t size = first < 0x80   ? 1
                                 : first < 0xc2 ? 0
                                 : first < 0xe0 ? 2
                                 : first < 0xf0 ? 3
                                 : first < 0xf5 ? 4
                                                : 0;
        bool good = size != 0 && text_.size() - at_ >= size;
        for (std::size_t i = 1; good && i < size; ++i) good = byte(i) >= 0x80 && byte(i) < 0xc0;
        if (good && size > 2) {
            const unsigned second = byte(1);
            good = !(first == 0xe0 && second < 0xa0) && !(first == 0xed && second > 0x9f) &&
                   !(first == 0xf0 && second < 0x90) && !(first == 0xf4 && second > 0x8f);
        }
        if (!good) return refuse(where, " has a string that is not UTF-8");
        out += text_.substr(at_, size);
        at_ += size;
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    lutra::error error_{};
};

} // namespace lutra::detail
