// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lutra {

/// A short text without heap: at most @p Capacity characters, silently cut after that.
/// For messages and names that must also work on firmware.
template <std::size_t Capacity>
class text {
public:
    constexpr text() noexcept = default;
    constexpr text(std::string_view s) noexcept { *this << s; }
    constexpr text(const char* s) noexcept { *this << std::string_view{s}; }

    constexpr text& operator<<(std::string_view s) noexcept {
        for (const char c : s)
            if (size_ < Capacity) data_[size_++] = c;
        return *this;
    }
    constexpr text& operator<<(const char* s) noexcept { return *this << std::string_view{s}; }
    /// Appends one character; one that does not print (from a hostile file, say) becomes '?'.
    constexpr text& operator<<(char c) noexcept {
        const char shown = c >= ' ' && c <= '~' ? c : '?';
        return *this << std::string_view{&shown, 1};
    }
    /// Appends an integer in decimal.
    template <std::integral T>
        requires(!std::same_as<T, char> && !std::same_as<T, bool>)
    constexpr text& operator<<(T value) noexcept {
        std::array<char, 24> digits{};
        std::size_t n = 0;
        const bool negative = std::signed_integral<T> && value < T{0};
        auto rest = static_cast<std::uint64_t>(value);
        if (negative) rest = std::uint64_t{0} - rest;
        do {
            digits[n++] = static_cast<char>('0' + static_cast<int>(rest % 10));
            rest /= 10;
        } while (rest != 0);
        if (negative) *this << std::string_view{"-"};
        while (n > 0) {
            const char digit = digits[--n];
            *this << std::string_view{&digit, 1};
        }
        return *this;
    }

    [[nodiscard]] constexpr std::string_view view() const noexcept { return {data_.data(), size_}; }
    constexpr operator std::string_view() const noexcept { return view(); }
    [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
    friend constexpr bool operator==(const text& a, const text& b) noexcept { return a.view() == b.view(); }

private:
    std::array<char, Capacity> data_{};
    std::size_t size_ = 0;
};

} // namespace lutra
