// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/result.hpp>
#include <lutra/core/text.hpp>

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string_view>

namespace lutra::detail {

/// A number for a message, to six decimals.
constexpr text<48> number_text(double x) noexcept {
    text<48> out;
    if (x != x) return out << "NaN";
    constexpr double most = std::numeric_limits<double>::max();
    if (x > 1e12) return out << (x > most ? "infinity" : "above 1e12");
    if (x < -1e12) return out << (x < -most ? "-infinity" : "below -1e12");
    if (x < 0) out << "-", x = -x;
    const auto millionths = static_cast<std::uint64_t>(x * 1e6 + 0.5);
    out << millionths / 1'000'000;
    std::uint64_t rest = millionths % 1'000'000;
    if (rest != 0) out << ".";
    for (std::uint64_t digit = 100'000; rest != 0; rest %= digit, digit /= 10) out << rest / digit;
    return out;
}

/// A field that counts something: 1 to `most`.
struct count_field {
    std::string_view name;
    std::uint64_t value, most;
};
/// A field with a real number: from 0, or above it, to `most`.
struct real_field {
    std::string_view name;
    double value;
    bool positive = false;
    double most = std::numeric_limits<double>::max();
};

/// The error of the first field of a configuration @p type that is out of its range (wrong_size for a count, malformed for
/// a real number), which names it, its value and what is allowed.
[[nodiscard]] constexpr status check_fields(std::string_view type, std::initializer_list<count_field> counts,
                                            std::initializer_list<real_field> reals) {
    for (const count_field& f : counts)
        if (f.value == 0 || f.value > f.most)
            return error{error_code::wrong_size, 0,
                         text<320>{} << type << ": " << f.name << " is " << f.value << "; expected 1 to " << f.most};
    for (const real_field& f : reals) {
        if (f.value <= f.most && (f.positive ? f.value > 0 : f.value >= 0)) continue;
        text<320> message{type};
        message << ": " << f.name << " is " << number_text(f.value) << "; expected a finite number "
                << (f.positive ? "above 0" : "of at least 0");
        if (f.most < std::numeric_limits<double>::max()) message << " and at most " << number_text(f.most);
        return error{error_code::malformed, 0, message};
    }
    return ok();
}

} // namespace lutra::detail
