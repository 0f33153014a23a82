// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/numeric/rounding.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <source_location>
#include <span>
#include <type_traits>

/// @file
/// Symmetric linear quantisation: real = scale x integer, integers in +-127 (int8, weights and activations),
/// +-32767 (int16, the residual stream) or +-(2^31 - 1) (int32, biases). No zero point, and never the lowest integer.

namespace lutra {

/// An integer type that real numbers are quantised to.
template <class T>
concept quantized = std::same_as<T, std::int8_t> || std::same_as<T, std::int16_t> || std::same_as<T, std::int32_t>;

/// The largest magnitude that quantisation gives: 127, 32767 or 2^31 - 1.
template <quantized T>
inline constexpr T quantized_max = std::numeric_limits<T>::max();

namespace detail {
constexpr void require_scale(float scale, std::source_location where = std::source_location::current()) {
    require(scale > 0 && scale <= std::numeric_limits<float>::max(), panic_code::bad_argument,
            "a quantisation scale must be positive and finite", 0, 0, where);
}
/// A division, not a product with the reciprocal: a compiler may fuse a product with a later sum, and then the
/// result would depend on its flags.
template <quantized T>
constexpr T quantize_unchecked(float x, float scale) noexcept {
    using real = std::conditional_t<std::same_as<T, std::int32_t>, double, float>;
    return static_cast<T>(round_clipped<rounding::half_even>(static_cast<real>(x) / static_cast<real>(scale),
                                                             -quantized_max<T>, quantized_max<T>));
}
template <quantized T>
constexpr void quantize_span(std::span<const float> x, float scale, std::span<T> out) {
    require_scale(scale);
    require(x.size() == out.size(), panic_code::bad_shape, "quantize needs as many outputs as inputs",
            static_cast<long long>(out.size()), static_cast<long long>(x.size()));
    const float* const from = x.data();
    T* const to = out.data();
    for (std::size_t i = 0, n = x.size(); i < n; ++i) to[i] = quantize_unchecked<T>(from[i], scale);
}
template <quantized T>
constexpr void dequantize_span(std::span<const T> q, float scale, std::span<float> out) {
    require(q.size() == out.size(), panic_code::bad_shape, "dequantize needs as many outputs as inputs",
            static_cast<long long>(out.size()), static_cast<long long>(q.size()));
    for (std::size_t i = 0; i < q.size(); ++i) out[i] = static_cast<float>(q[i]) * scale;
}
} // namespace detail

/// @p x / @p scale to the nearest integer, ties to even, clipped to +-quantized_max<T>. The quotient is a float
/// division (a double one for int32). NaN gives 0, an infinity the largest magnitude of its sign.
/// Panics unless @p scale is positive and finite.
///
/// @code
/// static_assert(lutra::quantize(0.26f, 0.1f) == 3);
/// static_assert(lutra::quantize<std::int16_t>(-1e9f, 0.1f) == -32767);
/// @endcode
template <quantized T = std::int8_t>
[[nodiscard]] constexpr T quantize(float x, float scale) {
    detail::require_scale(scale);
    return detail::quantize_unchecked<T>(x, scale);
}

/// The real number that @p q stands for: @p q x @p scale, rounded to float.
template <quantized T>
[[nodiscard]] constexpr float dequantize(T q, float scale) noexcept {
    return static_cast<float>(q) * scale;
}

/// Element by element; panics unless @p x and @p out are of one size and @p scale is positive and finite.
constexpr void quantize(std::span<const float> x, float scale, std::span<std::int8_t> out) {
    detail::quantize_span(x, scale, out);
}
constexpr void quantize(std::span<const float> x, float scale, std::span<std::int16_t> out) {
    detail::quantize_span(x, scale, out);
}
constexpr void quantize(std::span<const float> x, float scale, std::span<std::int32_t> out) {
    detail::quantize_span(x, scale, out);
}
/// Element by element; panics unless @p q and @p out are of one size.
constexpr void dequantize(std::span<const std::int8_t> q, float scale, std::span<float> out) {
    detail::dequantize_span(q, scale, out);
}
constexpr void dequantize(std::span<const std::int16_t> q, float scale, std::span<float> out) {
    detail::dequantize_span(q, scale, out);
}
constexpr void dequantize(std::span<const std::int32_t> q, float scale, std::span<float> out) {
    detail::dequantize_span(q, scale, out);
}

/// The largest |x|; 0 for an empty span. NaN is passed over, an infinity is not.
[[nodiscard]] constexpr float max_abs(std::span<const float> x) noexcept {
    float most = 0;
    for (const float v : x) {
        const float magnitude = v < 0 ? -v : v;
        most = magnitude > most ? magnitude : most;
    }
    return most;
}

/// The scale at which @p max_abs meets the largest integer: @p max_abs / 127 for int8. A tensor of zeros, or of
/// magnitudes whose scale would be subnormal, gets scale 1: each of its elements then quantises to 0.
/// Panics unless @p max_abs is finite and not negative.
template <quantized T = std::int8_t>
[[nodiscard]] constexpr float scale_for(float max_abs) {
    require(max_abs >= 0 && max_abs <= std::numeric_limits<float>::max(), panic_code::bad_argument,
            "scale_for needs a finite magnitude that is not negative");
    const float scale = max_abs / static_cast<float>(quantized_max<T>);
    return scale < std::numeric_limits<float>::min() ? 1.0f : scale;
}

/// One scale a row of @p weights (out x in: a row is an output channel). Panics unless there are as many scales as
/// rows and all weights are finite or NaN.
template <quantized T = std::int8_t>
constexpr void channel_scales(matrix_view<const float> weights, std::span<float> scales) {
    require(scales.size() == weights.rows(), panic_code::bad_shape, "channel_scales needs one scale for each row",
            static_cast<long long>(scales.size()), static_cast<long long>(weights.rows()));
    for (std::size_t r = 0; r < weights.rows(); ++r) scales[r] = scale_for<T>(max_abs(weights.row(r)));
}

/// The one scale of all of @p weights.
template <quantized T = std::int8_t>
[[nodiscard]] constexpr float tensor_scale(matrix_view<const float> weights) {
    float most = 0;
    for (std::size_t r = 0; r < weights.rows(); ++r) {
        const float row = max_abs(weights.row(r));
        most = row > most ? row : most;
    }
    return scale_for<T>(most);
}

/// Quantises row by row; @p scales holds one scale a row, or a single one for the whole tensor.
/// Panics when shapes differ.
template <quantized T>
constexpr void quantize_rows(matrix_view<const float> weights, std::span<const float> scales, matrix_view<T> out) {
    require(out.rows() == weights.rows() && out.cols() == weights.cols(), panic_code::bad_shape,
            "quantize_rows needs an output of the shape of the weights", static_cast<long long>(out.rows()),
            static_cast<long long>(weights.rows()));
    require(scales.size() == weights.rows() || scales.size() == 1, panic_code::bad_shape,
            "quantize_rows needs one scale for each row, or one in all", static_cast<long long>(scales.size()),
            static_cast<long long>(weights.rows()));
    for (std::size_t r = 0; r < weights.rows(); ++r)
        detail::quantize_span<T>(weights.row(r), scales[scales.size() == 1 ? 0 : r], out.row(r));
}

} // namespace lutra
