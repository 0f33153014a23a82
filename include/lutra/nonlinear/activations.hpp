// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/numeric/constexpr_math.hpp>
#include <lutra/numeric/float_batch.hpp>

#include <cstddef>
#include <span>
#include <string_view>

/// @file
/// The activation functions. Each is an empty type with `name`; `at(x)`, its value as a constexpr double, which tables are
/// fitted to; and `value(x)` and `with_slope(x)` on registers, for a float network. Arguments of the latter are finite;
/// from those that are not come numbers without meaning, or NaN. They agree between instruction sets within the stated
/// errors, not bit for bit; errors are absolute where nothing else is said.

namespace lutra {
inline namespace LUTRA_ISA {

/// A value and its derivative, a register each.
struct value_and_slope {
    float_batch value, slope;
};

namespace kernel {
/// Panics with @p message unless two lengths are equal.
constexpr void require_length(std::size_t actual, std::size_t expected, const char* message) {
    require(actual == expected, panic_code::bad_shape, message, static_cast<long long>(actual),
            static_cast<long long>(expected));
}

/// The normal distribution's P(X <= x) and density, with one exponential (Abramowitz and Stegun, 1964, 7.1.26);
/// |error| < 3e-7, absolute: of P far below 0 no digit is left.
inline value_and_slope normal_distribution(float_batch x) noexcept {
    const float_batch z = absolute(x) * broadcast(0.70710678118654752f);
    const float_batch t = inverse_of(multiply_add(z, broadcast(0.3275911f), broadcast(1.0f)));
    float_batch p = broadcast(1.061405429f);
    p = multiply_add(p, t, broadcast(-1.453152027f));
    p = multiply_add(p, t, broadcast(1.421413741f));
    p = multiply_add(p, t, broadcast(-0.284496736f));
    p = multiply_add(p, t, broadcast(0.254829592f));
    const float_batch e = exponential(broadcast(0.0f) - z * z);
    const float_batch tail = broadcast(0.5f) * p * t * e; // P(X > |x|)
    const float_batch half = broadcast(0.5f);
    return {half + with_sign_of(half - tail, x), e * broadcast(0.39894228040143268f)};
}
} // namespace kernel

/// The Gaussian error linear unit, x P(X <= x), in its erf form (Hendrycks and Gimpel, 2016). |error| < 2e-7 (1 + |x|) of
/// the value, < 4e-7 of the slope, P(X <= x) + x density(x), for |x| < 1e30.
struct gelu {
    static constexpr std::string_view name = "gelu";
    /// gelu(x), to 1e-15.
    [[nodiscard]] static constexpr double at(double x) noexcept { return x / 2 * math::erfc(-x * 0.70710678118654752); }
    /// gelu of each lane.
    static float_batch value(float_batch x) noexcept { return x * kernel::normal_distribution(x).value; }
    /// The same and its derivative.
    static value_and_slope with_slope(float_batch x) noexcept {
        const auto [below, density] = kernel::normal_distribution(x);
        return {x * below, multiply_add(x, density, below)};
    }
};

/// max(x, 0), exactly; the slope is 1 above 0 and 0 elsewhere, but less than 1 where x is subnormal.
struct relu {
    static constexpr std::string_view name = "relu";
    /// relu(x).
    [[nodiscard]] static constexpr double at(double x) noexcept { return x > 0 ? x : 0; }
    /// relu of each lane.
    static float_batch value(float_batch x) noexcept { return maximum(x, broadcast(0.0f)); }
    /// The same and its derivative.
    static value_and_slope with_slope(float_batch x) noexcept {
        const float_batch v = value(x);
        return {v, minimum(v * broadcast(0x1p126f), broadcast(1.0f))};
    }
};

/// 1 / (1 + e^-x); |error| < 2e-7 of the value and of the slope.
struct sigmoid {
    static constexpr std::string_view name = "sigmoid";
    /// sigmoid(x).
    [[nodiscard]] static constexpr double at(double x) noexcept { return 1 / (1 + math::exp(-x)); }
    /// sigmoid of each lane.
    static float_batch value(float_batch x) noexcept {
        return broadcast(1.0f) / (broadcast(1.0f) + exponential(broadcast(0.0f) - x));
    }
    /// The same and its derivative.
    static value_and_slope with_slope(float_batch x) noexcept {
        const float_batch s = value(x);
        return {s, s * (broadcast(1.0f) - s)};
    }
};

/// The hyperbolic tangent; |error| < 4e-7 of the value, < 1e-6 of the slope.
struct hyperbolic_tangent {
    static constexpr std::string_view name = "tanh";
    /// tanh(x).
    [[nodiscard]] static constexpr double at(double x) noexcept { return math::tanh(x); }
    /// tanh of each lane.
    static float_batch value(float_batch x) noexcept {
        return multiply_add(sigmoid::value(x + x), broadcast(2.0f), broadcast(-1.0f));
    }
    /// The same and its derivative.
    static value_and_slope with_slope(float_batch x) noexcept {
        const float_batch t = value(x);
        return {t, (broadcast(1.0f) - t) * (broadcast(1.0f) + t)};
    }
};

/// x sigmoid(x), also called swish (Elfwing, Uchibe and Doya, 2018); |error| < 2e-7 (1 + |x|) of the value, < 1e-6 of the
/// slope, for |x| < 1e30.
struct silu {
    static constexpr std::string_view name = "silu";
    /// silu(x).
    [[nodiscard]] static constexpr double at(double x) noexcept { return x * sigmoid::at(x); }
    /// silu of each lane.
    static float_batch value(float_batch x) noexcept { return x * sigmoid::value(x); }
    /// The same and its derivative.
    static value_and_slope with_slope(float_batch x) noexcept {
        const auto [s, slope] = sigmoid::with_slope(x);
        return {x * s, multiply_add(x, slope, s)};
    }
};

/// GELU by the tangent's approximation, x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)) (Hendrycks and Gimpel, 2016);
/// |error| < 2e-7 (1 + |x|) of the value, < 2e-6 of the slope, for |x| < 1e30.
struct gelu_tanh {
    static constexpr std::string_view name = "gelu_tanh";
    /// gelu_tanh(x).
    [[nodiscard]] static constexpr double at(double x) noexcept {
        return x * sigmoid::at(1.5957691216057308 * x * (1 + unfused(0.044715 * unfused(x * x))));
    }
    /// gelu_tanh of each lane.
    static float_batch value(float_batch x) noexcept { return with_slope(x).value; }
    /// The same and its derivative.
    static value_and_slope with_slope(float_batch x) noexcept {
        // Beyond 20 nothing changes, and no power may overflow.
        const float_batch near = minimum(maximum(x, broadcast(-20.0f)), broadcast(20.0f)), square = near * near;
        const float_batch inner = multiply_add(square, broadcast(1.5957691216f * 0.044715f), broadcast(1.5957691216f));
        const float_batch inner_slope =
            multiply_add(square, broadcast(3 * 1.5957691216f * 0.044715f), broadcast(1.5957691216f));
        const auto [s, slope] = sigmoid::with_slope(near * inner);
        return {x * s, multiply_add(near * inner_slope, slope, s)};
    }
};

/// x min(max(x + 3, 0), 6) / 6, the hard swish (Howard and others, 2019); |error| < 2e-7 (1 + |x|) of the value, < 1e-6 of
/// the slope, which is 0 at -3 and 1 at 3.
struct hswish {
    static constexpr std::string_view name = "hswish";
    /// hswish(x).
    [[nodiscard]] static constexpr double at(double x) noexcept {
        return x <= -3 ? 0 : x >= 3 ? x : unfused(x * (x + 3)) / 6;
    }
    /// hswish of each lane.
    static float_batch value(float_batch x) noexcept { return x * (ramp(x) * broadcast(1.0f / 6)); }
    /// The same and its derivative.
    static value_and_slope with_slope(float_batch x) noexcept {
        const float_batch r = ramp(x), sixth = r * broadcast(1.0f / 6);
        const float_batch bent = minimum(minimum(r, broadcast(6.0f) - r) * broadcast(0x1p60f), broadcast(1.0f)); // 0 or 1
        return {x * sixth,
                multiply_add(minimum(maximum(x, broadcast(-3.0f)), broadcast(3.0f)) * broadcast(1.0f / 6), bent, sixth)};
    }

private:
    static float_batch ramp(float_batch x) noexcept {
        return minimum(maximum(x + broadcast(3.0f), broadcast(0.0f)), broadcast(6.0f));
    }
};

/// Replaces each element of @p x by the activation's value.
///
/// @code
/// lutra::apply<lutra::gelu>(hidden.row(r));
/// @endcode
template <class Function>
inline void apply(std::span<float> x) noexcept {
    for_each_register(x.size(), [&](std::size_t i, std::size_t n) {
        store_some(x.data() + i, Function::value(load_some(x.data() + i, n)), n);
    });
}
/// Writes the values to @p y and replaces each element of @p x by the slope there, which is all that backward needs.
/// Panics unless both have one length; they must not overlap.
template <class Function>
inline void apply_with_slope(std::span<float> x, std::span<float> y) {
    kernel::require_length(y.size(), x.size(), "apply_with_slope: as many values as arguments are written");
    for_each_register(x.size(), [&](std::size_t i, std::size_t n) {
        const auto [value, slope] = Function::with_slope(load_some(x.data() + i, n));
        store_some(y.data() + i, value, n);
        store_some(x.data() + i, slope, n);
    });
}

} // namespace LUTRA_ISA
} // namespace lutra
