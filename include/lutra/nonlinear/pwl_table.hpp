// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/numeric/fixed_point.hpp>
#include <lutra/numeric/unfused.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace lutra {

/// A piecewise-linear function of real numbers: N segments y = slope x + intercept, not joined to each other. A point on a
/// breakpoint belongs to the upper segment (x >= p), as everywhere here; the first and the last segment have no end.
template <int N>
requires(N >= 1) struct pwl_curve {
    static constexpr int entries = N;
    std::array<double, N> slope{}, intercept{};
    std::array<double, N - 1> breakpoint{}; ///< ascending; two that are equal leave a segment empty

    /// The number of breakpoints that are not above @p x; 0 for NaN.
    [[nodiscard]] constexpr int segment(double x) const noexcept {
        int i = 0;
        while (i < N - 1 && x >= breakpoint[static_cast<std::size_t>(i)]) ++i;
        return i;
    }
    [[nodiscard]] constexpr double operator()(double x) const noexcept {
        const auto i = static_cast<std::size_t>(segment(x));
        return unfused(slope[i] * x) + intercept[i];
    }
    friend constexpr bool operator==(const pwl_curve&, const pwl_curve&) = default;
};

/// The formats of a table's parameters.
struct pwl_format {
    fixed_format slope{8, 6}, intercept{8, 6}, breakpoint{16, 12};
    /// With more than 0, an entry has an exponent e in [0, max_exponent], by which both its slope and its intercept are
    /// shifted left: 2^e times their range, with as many digits less (LUT-APP's per-parameter exponent).
    int max_exponent = 0;

    [[nodiscard]] constexpr bool valid() const noexcept {
        return slope.valid() && intercept.valid() && breakpoint.valid() && max_exponent >= 0 && max_exponent <= 15 &&
               slope.total_bits + max_exponent <= 32 && intercept.total_bits + max_exponent <= 32;
    }
    friend constexpr bool operator==(const pwl_format&, const pwl_format&) = default;
};

inline constexpr int max_pwl_entries = 256; ///< of pwl_parameters

/// A table whose number of segments and format are known at run time only: what fits return and tools pass around. The
/// parameters are raw integers; elements from `entries` on (of breakpoint, from entries - 1 on) are 0.
struct pwl_parameters {
    int entries = 1; ///< 1 to max_pwl_entries
    pwl_format format{};
    std::array<std::int32_t, max_pwl_entries> slope{}, intercept{};
    std::array<std::int32_t, max_pwl_entries - 1> breakpoint{}; ///< ascending
    std::array<std::uint8_t, max_pwl_entries> exponent{};

    /// The value at @p x, in real numbers, exactly as a pwl_curve has it.
    [[nodiscard]] constexpr double operator()(double x) const noexcept {
        std::size_t i = 0;
        while (i + 1 < static_cast<std::size_t>(entries) && x >= breakpoint[i] * format.breakpoint.resolution()) ++i;
        const double factor = static_cast<double>(std::int32_t{1} << exponent[i]);
        return unfused(slope[i] * factor * format.slope.resolution() * x) +
               intercept[i] * factor * format.intercept.resolution();
    }
    friend constexpr bool operator==(const pwl_parameters&, const pwl_parameters&) = default;
};

namespace detail {
template <int Bits>
using raw_of = std::conditional_t<(Bits <= 8), std::int8_t, std::conditional_t<(Bits <= 16), std::int16_t, std::int32_t>>;
} // namespace detail

/// A pwl_curve whose parameters are fixed-point numbers, kept as raw integers in the smallest types that hold them.
///
/// @tparam N the number of segments
/// @tparam Format of the parameters
template <int N, pwl_format Format = pwl_format{}>
requires(N >= 1) struct pwl_table {
    static_assert(Format.valid(),
                  "a pwl_format needs valid fixed-point formats and a max_exponent in [0, 15] that, with the "
                  "bits of a slope or intercept, stays within 32 bits");
    static constexpr int entries = N;
    static constexpr pwl_format format = Format;

    std::array<detail::raw_of<Format.slope.total_bits>, N> slope{};
    std::array<detail::raw_of<Format.intercept.total_bits>, N> intercept{};
    std::array<detail::raw_of<Format.breakpoint.total_bits>, N - 1> breakpoint{}; ///< ascending
    std::array<std::uint8_t, N> exponent{};

    /// The same function in real numbers, exactly.
    [[nodiscard]] constexpr pwl_curve<N> curve() const noexcept {
        pwl_curve<N> c;
        for (std::size_t i = 0; i < N; ++i) {
            const double factor = static_cast<double>(std::int32_t{1} << exponent[i]);
            c.slope[i] = slope[i] * factor * Format.slope.resolution();
            c.intercept[i] = intercept[i] * factor * Format.intercept.resolution();
        }
        for (std::size_t i = 0; i + 1 < N; ++i) c.breakpoint[i] = breakpoint[i] * Format.breakpoint.resolution();
        return c;
    }
    /// The same table, its size and format as values.
    [[nodiscard]] constexpr pwl_parameters parameters() const noexcept requires(N <= max_pwl_entries) {
        pwl_parameters p{.entries = N, .format = Format};
        for (std::size_t i = 0; i < N; ++i) {
            p.slope[i] = slope[i];
            p.intercept[i] = intercept[i];
            p.exponent[i] = exponent[i];
            if (i + 1 < N) p.breakpoint[i] = breakpoint[i];
        }
        return p;
    }
    /// The table that @p p describes. Panics unless it has N entries and this format.
    [[nodiscard]] static constexpr pwl_table from(const pwl_parameters& p) {
        require(p.entries == N && p.format == Format, panic_code::bad_argument,
                "a pwl_table has another number of entries, or another format, than its parameters", p.entries, N);
        pwl_table t;
        for (std::size_t i = 0; i < N; ++i) {
            t.slope[i] = static_cast<detail::raw_of<Format.slope.total_bits>>(p.slope[i]);
            t.intercept[i] = static_cast<detail::raw_of<Format.intercept.total_bits>>(p.intercept[i]);
            t.exponent[i] = p.exponent[i];
            if (i + 1 < N) t.breakpoint[i] = static_cast<detail::raw_of<Format.breakpoint.total_bits>>(p.breakpoint[i]);
        }
        return t;
    }
    /// The function's value at @p x.
    [[nodiscard]] constexpr double operator()(double x) const noexcept { return curve()(x); }

    friend constexpr bool operator==(const pwl_table&, const pwl_table&) = default;
};

/// @p curve with its parameters rounded to a format. Panics where a slope, an intercept or a breakpoint is outside of it.
template <pwl_format Format, int N>
[[nodiscard]] constexpr pwl_table<N, Format> rounded_to_format(const pwl_curve<N>& curve) {
    const auto raw = [](double x, fixed_format f, const char* sentence) {
        require(x >= f.min() - f.resolution() / 2 && x <= f.max() + f.resolution() / 2, panic_code::overflow, sentence);
        return f.to_raw(x);
    };
    pwl_table<N, Format> t;
    for (std::size_t i = 0; i < N; ++i) {
        int e = 0;
        const auto fits = [&](double x, fixed_format f) {
            const double scale = static_cast<double>(std::int32_t{1} << e);
            return x >= (f.min() - f.resolution() / 2) * scale && x <= (f.max() + f.resolution() / 2) * scale;
        };
        while (e < Format.max_exponent &&
               !(fits(curve.slope[i], Format.slope) && fits(curve.intercept[i], Format.intercept)))
            ++e;
        const double scale = static_cast<double>(std::int32_t{1} << e);
        t.exponent[i] = static_cast<std::uint8_t>(e);
        t.slope[i] = static_cast<typename decltype(t.slope)::value_type>(
            raw(curve.slope[i] / scale, Format.slope, "a slope is outside of its format"));
        t.intercept[i] = static_cast<typename decltype(t.intercept)::value_type>(
            raw(curve.intercept[i] / scale, Format.intercept, "an intercept is outside of its format"));
    }
    for (std::size_t i = 0; i + 1 < N; ++i)
        t.breakpoint[i] = static_cast<typename decltype(t.breakpoint)::value_type>(
            raw(curve.breakpoint[i], Format.breakpoint, "a breakpoint is outside of its format"));
    return t;
}

} // namespace lutra
