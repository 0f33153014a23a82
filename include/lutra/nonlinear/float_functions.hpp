// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/numeric/float_batch.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>

/// @file
/// The non-linear functions of a float network. An activation is an empty type with `name`, `value(x)` and
/// `with_slope(x)` on registers; softmax and layer_norm work on a row. Inputs are finite; from those that are not come
/// numbers without meaning, or NaN. Results agree between instruction sets within the stated errors, not bit for bit.

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
    const float_batch t = broadcast(1.0f) / multiply_add(z, broadcast(0.3275911f), broadcast(1.0f));
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
    /// relu of each lane.
    static float_batch value(float_batch x) noexcept { return maximum(x, broadcast(0.0f)); }
    /// The same and its derivative.
    static value_and_slope with_slope(float_batch x) noexcept {
        const float_batch v = value(x);
        return {v, minimum(v * broadcast(0x1p126f), broadcast(1.0f))};
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

namespace kernel {
/// Writes e^(x - max) of `Rows` rows that are not empty to @p y and returns their sums. y[r] may be x[r]; where rows of y
/// are @p padded, all of their last register is written (a load that follows a store of less would have to wait).
template <std::size_t Rows>
std::array<float, Rows> exponentials(const std::array<float*, Rows>& x, const std::array<float*, Rows>& y, std::size_t count,
                                     bool padded) noexcept {
    constexpr float lowest = -3.4e38f;
    std::array<float_batch, Rows> top, shift, total;
    top.fill(broadcast(lowest));
    for_each_register(count, [&](std::size_t i, std::size_t n) {
        for (std::size_t r = 0; r < Rows; ++r) top[r] = maximum(top[r], load_some(x[r] + i, n, lowest));
    });
    for (std::size_t r = 0; r < Rows; ++r) shift[r] = broadcast(greatest_of(top[r]));
    total.fill(broadcast(0.0f));
    for_each_register(count, [&](std::size_t i, std::size_t n) {
        for (std::size_t r = 0; r < Rows; ++r) {
            const float_batch e = exponential(load_some(x[r] + i, n, lowest) - shift[r]);
            store_some(y[r] + i, e, padded ? float_lanes : n);
            total[r] = total[r] + (n == float_lanes ? e : keep_first(e, n));
        }
    });
    std::array<float, Rows> sums{};
    for (std::size_t r = 0; r < Rows; ++r) sums[r] = sum_of(total[r]);
    return sums;
}
} // namespace kernel

/// softmax of one row, in place: e^(x - max) / sum. An element more than 87 below the greatest, minus infinity included,
/// counts as e^-87. An empty row stays one.
inline void softmax(std::span<float> x) noexcept {
    if (x.empty()) return;
    const float_batch factor = broadcast(1.0f / kernel::exponentials<1>({x.data()}, {x.data()}, x.size(), false)[0]);
    for_each_register(
        x.size(), [&](std::size_t i, std::size_t n) { store_some(x.data() + i, load_some(x.data() + i, n) * factor, n); });
}

/// What layer_norm found in a row; backward needs it.
struct row_statistics {
    float mean, inverse_deviation; ///< 1 / sqrt(variance + epsilon)
};

namespace kernel {
/// Of a row, whose length weight and bias must have.
inline row_statistics statistics(std::span<const float> x, std::span<const float> weight, std::span<const float> bias,
                                 float epsilon) {
    require(!x.empty(), panic_code::empty, "layer_norm needs a row of at least one element");
    require_length(weight.size(), x.size(), "layer_norm needs one weight an element");
    require_length(bias.size(), x.size(), "layer_norm needs one bias an element");
    const auto count = static_cast<float>(x.size());
    float_batch sum = broadcast(0.0f);
    for_each_register(x.size(), [&](std::size_t i, std::size_t n) { sum = sum + load_some(x.data() + i, n); });
    const float mean = sum_of(sum) / count;
    float_batch squares = broadcast(0.0f);
    for_each_register(x.size(), [&](std::size_t i, std::size_t n) {
        const float_batch d = load_some(x.data() + i, n, mean) - broadcast(mean);
        squares = multiply_add(d, d, squares);
    });
    return {mean, 1.0f / std::sqrt(sum_of(squares) / count + epsilon)};
}
/// The normalised lanes i to i + n - 1.
inline float_batch normalized(const row_statistics& found, std::span<const float> x, std::span<const float> weight,
                              std::span<const float> bias, std::size_t i, std::size_t n) noexcept {
    const float_batch d = (load_some(x.data() + i, n) - broadcast(found.mean)) * broadcast(found.inverse_deviation);
    return multiply_add(d, load_some(weight.data() + i, n), load_some(bias.data() + i, n));
}
} // namespace kernel

/// Layer normalisation of one row (Ba, Kiros and Hinton, 2016): y = (x - mean) / sqrt(variance + epsilon) * weight + bias,
/// with the biased variance. @p y may be @p x. Panics on an empty row and unless all four have one length.
inline row_statistics layer_norm(std::span<const float> x, std::span<const float> weight, std::span<const float> bias,
                                 float epsilon, std::span<float> y) {
    kernel::require_length(y.size(), x.size(), "layer_norm writes one element for each that it reads");
    const row_statistics found = kernel::statistics(x, weight, bias, epsilon);
    for_each_register(x.size(), [&](std::size_t i, std::size_t n) {
        store_some(y.data() + i, kernel::normalized(found, x, weight, bias, i, n), n);
    });
    return found;
}

} // namespace LUTRA_ISA
} // namespace lutra
