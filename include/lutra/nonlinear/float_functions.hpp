// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/nonlinear/activations.hpp>
#include <lutra/numeric/float_batch.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <span>

/// @file
/// softmax and layer_norm of a float network, on a row. Inputs are finite; from those that are not come numbers without
/// meaning, or NaN. Results agree between instruction sets within the stated errors, not bit for bit.

namespace lutra {
inline namespace LUTRA_ISA {

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

/// softmax of each row of @p x into @p y, of the same shape, which may be @p x and else lies apart; @p x is overwritten.
/// @p padded: all of the last register of each row of @p x may be written. The bits of the softmax of one row.
inline void softmax(matrix_view<float> x, matrix_view<float> y, bool padded = false) {
    kernel::require_length(y.rows(), x.rows(), "softmax writes one row for each that it reads");
    kernel::require_length(y.cols(), x.cols(), "softmax writes one element for each that it reads");
    if (x.empty()) return;
    constexpr std::size_t together = 4; // a row alone would wait for its own sums
    const auto rows = [&]<std::size_t Rows>(std::size_t first) {
        std::array<float*, Rows> in;
        for (std::size_t r = 0; r < Rows; ++r) in[r] = x.data() + (first + r) * x.stride();
        const std::array<float, Rows> sums = kernel::exponentials<Rows>(in, in, x.cols(), padded);
        for (std::size_t r = 0; r < Rows; ++r) {
            const float_batch factor = broadcast(1.0f / sums[r]);
            // What lies behind a row is e^-87: its product would be subnormal, and slow.
            for_each_register(x.cols(), [&, out = y.data() + (first + r) * y.stride()](std::size_t i, std::size_t n) {
                store_some(out + i, load_some(in[r] + i, n) * factor, n);
            });
        }
    };
    std::size_t r = 0;
    for (; r + together <= x.rows(); r += together) rows.template operator()<together>(r);
    for (; r < x.rows(); ++r) rows.template operator()<1>(r);
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
