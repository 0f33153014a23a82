// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/numeric/rounding.hpp>

#include <algorithm>
#include <compare>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace lutra {

/// A signed fixed-point format as a value: the number raw / 2^fraction_bits with raw in total_bits bits.
struct fixed_format {
    int total_bits;    ///< 1 to 32, the sign included
    int fraction_bits; ///< 0 to 31; may exceed total_bits for numbers below 1

    [[nodiscard]] constexpr bool valid() const noexcept {
        return total_bits >= 1 && total_bits <= 32 && fraction_bits >= 0 && fraction_bits <= 31;
    }
    [[nodiscard]] constexpr std::int32_t min_raw() const noexcept {
        return static_cast<std::int32_t>(-(std::int64_t{1} << (total_bits - 1)));
    }
    [[nodiscard]] constexpr std::int32_t max_raw() const noexcept {
        return static_cast<std::int32_t>((std::int64_t{1} << (total_bits - 1)) - 1);
    }
    /// The distance between neighbours: 2^-fraction_bits.
    [[nodiscard]] constexpr double resolution() const noexcept {
        return 1.0 / static_cast<double>(std::int64_t{1} << fraction_bits);
    }
    [[nodiscard]] constexpr double min() const noexcept { return min_raw() * resolution(); }
    [[nodiscard]] constexpr double max() const noexcept { return max_raw() * resolution(); }
    /// The raw value nearest to @p x, ties away from zero, clipped to the format; NaN gives 0.
    [[nodiscard]] constexpr std::int32_t to_raw(double x) const noexcept {
        return round_clipped<rounding::half_away>(x * static_cast<double>(std::int64_t{1} << fraction_bits), min_raw(),
                                                  max_raw());
    }
    [[nodiscard]] constexpr bool holds_raw(std::int64_t raw) const noexcept { return raw >= min_raw() && raw <= max_raw(); }
    friend constexpr bool operator==(const fixed_format&, const fixed_format&) = default;
};

/// A number of a fixed-point format, kept in the smallest of int8, int16 and int32 that holds @p TotalBits.
///
/// Making one clips, and rounds half away from zero; arithmetic never does either: the result of +, -, * and unary -
/// is of the format that holds every result exactly, so that what is lost, and where, is seen at the conversion.
///
/// @code
/// using q2_6 = lutra::fixed_point<8, 6>;
/// constexpr q2_6 slope{1.1};                                      // 70 / 64
/// constexpr auto product = slope * lutra::fixed_point<8, 5>{0.5}; // fixed_point<16, 11>, exact
/// constexpr q2_6 rounded{product};                                // 35 / 64
/// @endcode
template <int TotalBits, int FractionBits>
class fixed_point {
    static_assert(TotalBits >= 1 && TotalBits <= 32,
                  "a fixed_point has 1 to 32 bits: for more, convert the operands to fewer bits first");
    static_assert(FractionBits >= 0 && FractionBits <= 31,
                  "a fixed_point has 0 to 31 fraction bits: convert the operands first");

public:
    using storage =
        std::conditional_t<(TotalBits <= 8), std::int8_t, std::conditional_t<(TotalBits <= 16), std::int16_t, std::int32_t>>;
    static constexpr int total_bits = TotalBits, fraction_bits = FractionBits;
    static constexpr fixed_format format{TotalBits, FractionBits};

    constexpr fixed_point() noexcept = default;
    /// The nearest number of the format, ties away from zero, clipped; NaN gives 0.
    template <std::floating_point T>
    constexpr explicit fixed_point(T x) noexcept : raw_{static_cast<storage>(format.to_raw(static_cast<double>(x)))} {}
    /// The integer @p x, clipped.
    template <std::integral T>
    constexpr explicit fixed_point(T x) noexcept : raw_{clip_integer(x)} {}
    /// A number of another format: rounded half away from zero, clipped.
    template <int OtherTotal, int OtherFraction>
    constexpr explicit fixed_point(fixed_point<OtherTotal, OtherFraction> x) noexcept
        : fixed_point{x.template to<fixed_point>()} {}

    /// The number raw / 2^FractionBits; panics where the format does not hold it.
    [[nodiscard]] static constexpr fixed_point from_raw(std::int64_t raw) {
        require(format.holds_raw(raw), panic_code::overflow, "a raw value that its fixed-point format does not hold", raw,
                format.max_raw());
        return clip_raw(raw);
    }
    /// As `from_raw`, clipped.
    [[nodiscard]] static constexpr fixed_point clip_raw(std::int64_t raw) noexcept {
        fixed_point x;
        x.raw_ = static_cast<storage>(std::clamp<std::int64_t>(raw, format.min_raw(), format.max_raw()));
        return x;
    }
    [[nodiscard]] static constexpr fixed_point min() noexcept { return clip_raw(format.min_raw()); }
    [[nodiscard]] static constexpr fixed_point max() noexcept { return clip_raw(format.max_raw()); }
    /// The smallest positive number.
    [[nodiscard]] static constexpr fixed_point resolution() noexcept { return clip_raw(1); }

    [[nodiscard]] constexpr storage raw() const noexcept { return raw_; }
    /// The value; exact as a double, rounded to nearest as a float.
    constexpr explicit operator double() const noexcept { return raw_ * format.resolution(); }
    constexpr explicit operator float() const noexcept { return static_cast<float>(static_cast<double>(*this)); }

    /// The same number in another format, rounded as @p Mode says and clipped.
    template <class To, rounding Mode = rounding::half_away>
    [[nodiscard]] constexpr To to() const noexcept {
        constexpr int drop = FractionBits - To::fraction_bits;
        if constexpr (drop >= 0)
            return To::clip_raw(shift_right<Mode>(std::int64_t{raw_}, drop));
        else
            return To::clip_raw(std::int64_t{raw_} * (std::int64_t{1} << -drop));
    }

    friend constexpr auto operator-(fixed_point x) noexcept {
        return fixed_point<TotalBits + 1, FractionBits>::clip_raw(-std::int64_t{x.raw_});
    }
    template <int OtherTotal, int OtherFraction>
    friend constexpr auto operator+(fixed_point a, fixed_point<OtherTotal, OtherFraction> b) noexcept {
        return sum<OtherTotal, OtherFraction>::clip_raw(align<OtherFraction>(a) + fixed_point::align<FractionBits>(b));
    }
    template <int OtherTotal, int OtherFraction>
    friend constexpr auto operator-(fixed_point a, fixed_point<OtherTotal, OtherFraction> b) noexcept {
        return sum<OtherTotal, OtherFraction>::clip_raw(align<OtherFraction>(a) - fixed_point::align<FractionBits>(b));
    }
    template <int OtherTotal, int OtherFraction>
    friend constexpr auto operator*(fixed_point a, fixed_point<OtherTotal, OtherFraction> b) noexcept {
        return fixed_point<TotalBits + OtherTotal, FractionBits + OtherFraction>::clip_raw(std::int64_t{a.raw_} * b.raw());
    }

    /// Comparisons are of the numbers, exact between any two formats.
    template <int OtherTotal, int OtherFraction>
    friend constexpr std::strong_ordering operator<=>(fixed_point a, fixed_point<OtherTotal, OtherFraction> b) noexcept {
        return align<OtherFraction>(a) <=> fixed_point::align<FractionBits>(b);
    }
    template <int OtherTotal, int OtherFraction>
    friend constexpr bool operator==(fixed_point a, fixed_point<OtherTotal, OtherFraction> b) noexcept {
        return align<OtherFraction>(a) == fixed_point::align<FractionBits>(b);
    }

private:
    template <int OtherTotal, int OtherFraction>
    using sum = fixed_point<std::max(TotalBits - FractionBits, OtherTotal - OtherFraction) +
                                std::max(FractionBits, OtherFraction) + 1,
                            std::max(FractionBits, OtherFraction)>;
    /// The raw value at the finer of x's own and @p OtherFraction fraction bits: at most 32 + 31 bits.
    template <int OtherFraction, int T, int F>
    static constexpr std::int64_t align(fixed_point<T, F> x) noexcept {
        return std::int64_t{x.raw()} * (std::int64_t{1} << (std::max(F, OtherFraction) - F));
    }
    template <std::integral T>
    static constexpr storage clip_integer(T x) noexcept {
        constexpr std::int64_t one = std::int64_t{1} << FractionBits, low = format.min_raw() / one,
                               high = format.max_raw() / one;
        if (std::cmp_greater(x, high)) return static_cast<storage>(format.max_raw());
        if (std::cmp_less(x, low)) return static_cast<storage>(format.min_raw());
        return static_cast<storage>(static_cast<std::int64_t>(x) * one);
    }
    storage raw_ = 0;
};

} // namespace lutra
