// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign writes firmware headers on hosts: include the header that it wrote on firmware."
#endif

#include <lutra/numeric/requantize.hpp>

#include <concepts>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace lutra::detail {

/// Constants as C++ text.
class cpp_text {
public:
    cpp_text& operator<<(std::string_view words) {
        text_ += words;
        return *this;
    }
    template <std::integral T>
    cpp_text& operator<<(T number) {
        text_ += std::to_string(number);
        return *this;
    }
    template <std::floating_point T>
    cpp_text& operator<<(T number) {
        char digits[48];
        std::snprintf(digits, sizeof digits, std::same_as<T, float> ? "%#.9gf" : "%#.17g", static_cast<double>(number));
        text_ += digits;
        return *this;
    }
    cpp_text& operator<<(requantizer r) { return *this << "{" << r.multiplier << ", " << r.shift << "}"; }

    /// `alignas(4) inline constexpr <type> <name>[<count>] = {...};`, on a boundary at which words can be loaded.
    template <class T>
    void array(std::string_view type, std::string_view name, std::span<const T> values) {
        *this << "alignas(4) inline constexpr " << type << " " << name << "[" << values.size() << "] = {";
        std::string line;
        for (const T& value : values) {
            cpp_text one;
            one << value << ",";
            if (line.empty() || line.size() + one.text_.size() > line_length) {
                text_ += line;
                line = "\n    ";
            } else {
                line += ' ';
            }
            line += one.text_;
        }
        *this << line << "\n};\n";
    }

    [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
    static constexpr std::size_t line_length = 124;
    std::string text_;
};

} // namespace lutra::detail
