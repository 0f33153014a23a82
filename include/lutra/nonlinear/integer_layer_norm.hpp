// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/nonlinear/pwl_unit.hpp>
#include <lutra/nonlinear/reduced_tables.hpp>
#include <lutra/numeric/quantize.hpp>
#include <lutra/numeric/rounding.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace lutra {

/// The integers of a layer norm of rows of int16: what pwl_layer_norm prepares from floats, or reads where it lies. It owns
/// nothing.
struct layer_norm_integers {
    std::span<const std::int16_t> weight; ///< in steps of the output, times 2^(shift - fraction)
    std::span<const std::int32_t> bias;   ///< likewise, times 2^shift; as many as weights
    std::int64_t epsilon = 0;             ///< n^2 epsilon in units of the input squared
    int fraction = 0;                     ///< bits of a normalised element, 0 to 15
    int shift = 1;                        ///< from the sum to the output, fraction to 29
};

/// Layer normalisation (Ba, Kiros and Hinton, 2016) of a row of int16 into int8, in integers, with a table of N entries for
/// 1 / sqrt(x). Weights, biases, the output's scale and epsilon are prepared as integers once.
///
/// Of a row of n elements with sum S and sum of squares Q, D = n x - S is n times a deviation from the mean and
/// V = n Q - S^2 + n^2 epsilon is n^2 times the variance, both exact but for epsilon's rounding. With V = 4^k v, v in [1,
/// 4), the table gives 1 / sqrt(v) at v cut to 14 fraction bits, and D / sqrt(V) follows with `fraction` bits: D 2^(fraction
/// - k), rounded half up, times the table's value, rounded half up. The output is that times a weight plus a bias, rounded
/// half up and clamped to +-127. With w a weight in steps of the output and z the exact (x - mean) / deviation, the output
/// is off by less than 0.51 + |w| (0.0007 |z| + 1.6 / 2^fraction) steps at 16 entries; at 8, 0.0025 takes the place of
/// 0.0007. `fraction` is 15 less half the binary logarithm of n, rounded up.
///
/// @code
/// const auto norm = lutra::pwl_layer_norm<16>::make(weight, bias, epsilon, residual_scale, output_scale, memory);
/// norm(residual.row(r), normed.row(r));
/// @endcode
///
/// @tparam N 8 or 16
template <int N>
class pwl_layer_norm {
public:
    static constexpr std::string_view name = "pwl_layer_norm";
    static constexpr int entries = N;
    static constexpr std::size_t most_columns = std::size_t{1} << 14; ///< so that deviations fit 32 bits

    /// 1 / sqrt(x), both in steps of 2^-14.
    static constexpr pwl_unit<N> rsqrt{reduced_tables<N>::rsqrt, {17, 14}, {16, 14}};

    constexpr pwl_layer_norm() = default;
    /// The one of which `integers` are these. Panics unless there are as many weights as biases, 1 to most_columns, and the
    /// bits of fraction and shift are in their ranges.
    explicit constexpr pwl_layer_norm(const layer_norm_integers& integers) : integers_{integers} {
        const layer_norm_integers& l = integers;
        require(!l.weight.empty() && l.weight.size() <= most_columns && l.bias.size() == l.weight.size(),
                panic_code::bad_shape, "an integer layer norm has 1 to 2^14 weights and as many biases",
                static_cast<long long>(l.weight.size()), static_cast<long long>(l.bias.size()));
        require(l.fraction >= 0 && l.fraction <= 15 && l.shift >= l.fraction && l.shift <= 29, panic_code::bad_argument,
                "an integer layer norm has 0 to 15 fraction bits and a shift from there to 29", l.fraction, l.shift);
    }
    /// What it holds, which outlives it no longer than the memory given to `make`.
    [[nodiscard]] constexpr const layer_norm_integers& integers() const noexcept { return integers_; }

    /// Takes `bytes` of @p memory. @p input_scale and @p output_scale: what 1 of the input and of the output is worth.
    /// Panics unless there are as many weights as biases, 1 to most_columns, the scales are positive and finite, epsilon is
    /// not negative, and no weight is 2^14 output steps or more.
    [[nodiscard]] static pwl_layer_norm make(std::span<const float> weight, std::span<const float> bias, float epsilon,
                                             float input_scale, float output_scale, arena& memory) {
        const std::size_t n = weight.size();
        require(n > 0, panic_code::empty, "layer_norm needs a row of at least one element");
        require(n <= most_columns, panic_code::bad_shape, "an integer layer norm has at most 2^14 columns",
                static_cast<long long>(n), static_cast<long long>(most_columns));
        require(bias.size() == n, panic_code::bad_shape, "layer_norm needs one bias a weight",
                static_cast<long long>(bias.size()), static_cast<long long>(n));
        detail::require_scale(input_scale);
        detail::require_scale(output_scale);
        require(epsilon >= 0, panic_code::bad_argument, "the epsilon of a layer norm must not be negative");
        layer_norm_integers norm;
        const int width = static_cast<int>(std::bit_width(n - 1)); // n <= 2^width
        norm.fraction = 15 - (width + 1) / 2;                      // normalised elements are below sqrt(n)
        const double scale = static_cast<double>(output_scale), most_weight = static_cast<double>(max_abs(weight)) / scale,
                     most_bias = static_cast<double>(max_abs(bias)) / scale;
        require(most_weight < 0x1p14 && most_bias < 0x1p28, panic_code::bad_argument,
                "a weight of an integer layer norm is 2^14 steps of the output or more, or a bias 2^28");
        double unit = 1; // 2^weight_fraction, with weights below 2^15 and biases below 2^28
        int weight_fraction = 0;
        while (norm.fraction + weight_fraction < 29 && most_weight * unit * 2 < 0x1.fffcp14 &&
               most_bias * unit * 2 * static_cast<double>(1 << norm.fraction) < 0x1p28)
            unit *= 2, ++weight_fraction;
        norm.shift = norm.fraction + weight_fraction;
        const double bias_unit = unit * static_cast<double>(1 << norm.fraction);
        const auto weights = memory.take<std::int16_t>(n);
        const auto biases = memory.take<std::int32_t>(n);
        constexpr std::int32_t most = 1 << 28;
        for (std::size_t i = 0; i < n; ++i) {
            const double w = static_cast<double>(weight[i]) / scale * unit,
                         b = static_cast<double>(bias[i]) / scale * bias_unit;
            weights[i] = static_cast<std::int16_t>(round_clipped<rounding::half_even>(w, -32767, 32767));
            biases[i] = round_clipped<rounding::half_even>(b, -most, most);
        }
        const double ratio = static_cast<double>(n) / static_cast<double>(input_scale);
        const double e = ratio * ratio * static_cast<double>(epsilon);
        norm.epsilon = e < 0x1p60 ? static_cast<std::int64_t>(e + 0.5) : std::int64_t{1} << 60;
        norm.weight = weights;
        norm.bias = biases;
        return pwl_layer_norm{norm};
    }
    /// Bytes that `make` takes for @p n columns.
    [[nodiscard]] static constexpr std::size_t bytes(std::size_t n) {
        arena a = arena::counting();
        a.take<std::int16_t>(n);
        a.take<std::int32_t>(n);
        return a.used();
    }

    /// out = layer_norm(x) / output scale, in loops for a compiler to vectorise. Panics unless both have as many elements as
    /// there are weights.
    void operator()(std::span<const std::int16_t> x, std::span<std::int8_t> out) const {
        require_shape(x, out);
        const std::size_t n = x.size();
        const std::int16_t* const from = x.data();
        std::int32_t sum = 0;
        std::int64_t squares = 0;
        for (std::size_t i = 0; i < n; ++i) sum += from[i];
        for (std::size_t i = 0; i < n; ++i) squares += std::int32_t{from[i]} * from[i];
        const scaling s = scaling_of(sum, squares);
        const auto count = static_cast<std::int32_t>(n);
        const std::int32_t half_down = s.shift > 0 ? (1 << s.shift) >> 1 : 0, half = (1 << integers_.shift) >> 1;
        const int down = std::max(s.shift, 0), up = std::max(-s.shift, 0), out_shift = integers_.shift;
        const std::int16_t* const weight = integers_.weight.data();
        const std::int32_t* const bias = integers_.bias.data();
        std::int8_t* const to = out.data();
        for (std::size_t i = 0; i < n; ++i) {
            const std::int32_t deviation = (((from[i] * count - sum) << up) + half_down) >> down;
            const std::int32_t normal = (deviation * s.factor + (1 << 13)) >> 14;
            const std::int32_t y = (normal * weight[i] + bias[i] + half) >> out_shift;
            to[i] = static_cast<std::int8_t>(y < -127 ? -127 : y > 127 ? 127 : y);
        }
    }
    /// The same as one would write it down.
    void reference(std::span<const std::int16_t> x, std::span<std::int8_t> out) const {
        require_shape(x, out);
        std::int64_t sum = 0, squares = 0;
        for (const std::int64_t v : x) {
            sum += v;
            squares += v * v;
        }
        const scaling s = scaling_of(sum, squares);
        for (std::size_t i = 0; i < x.size(); ++i) {
            std::int64_t d = static_cast<std::int64_t>(x.size()) * x[i] - sum;
            d = s.shift < 0 ? d * (std::int64_t{1} << -s.shift) : shift_right<rounding::half_up>(d, s.shift);
            d = shift_right<rounding::half_up>(d * s.factor, 14);
            d = shift_right<rounding::half_up>(d * integers_.weight[i] + integers_.bias[i], integers_.shift);
            out[i] = static_cast<std::int8_t>(std::clamp<std::int64_t>(d, -127, 127));
        }
    }

    [[nodiscard]] std::size_t columns() const noexcept { return integers_.weight.size(); }

private:
    struct scaling {
        std::int32_t factor; ///< 1 / sqrt(v), with 14 fraction bits
        int shift;           ///< of a deviation, downwards
    };
    /// Of a row of this sum and sum of squares.
    [[nodiscard]] scaling scaling_of(std::int64_t sum, std::int64_t squares) const noexcept {
        const std::int64_t exact =
            static_cast<std::int64_t>(integers_.weight.size()) * squares - sum * sum + integers_.epsilon;
        const auto variance = static_cast<std::uint64_t>(std::max<std::int64_t>(exact, 1)); // all deviations 0: any will do
        const int k = (static_cast<int>(std::bit_width(variance)) - 1) / 2;
        const auto v = static_cast<std::int32_t>(k <= 7 ? variance << (14 - 2 * k) : variance >> (2 * k - 14));
        return {rsqrt(v), k - integers_.fraction};
    }
    void require_shape(std::span<const std::int16_t> x, std::span<const std::int8_t> out) const {
        require(x.size() == integers_.weight.size() && out.size() == x.size(), panic_code::bad_shape,
                "layer_norm reads and writes one element a weight", static_cast<long long>(x.size()),
                static_cast<long long>(integers_.weight.size()));
    }

    layer_norm_integers integers_;
};

} // namespace lutra
