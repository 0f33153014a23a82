// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/nonlinear/float_functions.hpp>
#include <lutra/numeric/float_batch.hpp>
#include <lutra/numeric/quantize.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

/// @file
/// The non-linear functions of an int8 network whose arithmetic is float: each gives, bit for bit, what the float function
/// followed by quantize() does, without writing the floats down. All panic unless the scale is positive and finite.

namespace lutra {
inline namespace LUTRA_ISA {

/// out = quantize(Function(x), scale). Panics unless both have one length.
///
/// @code
/// lutra::apply_quantized<lutra::gelu>(hidden.row(r), scale, hidden8.row(r));
/// @endcode
template <class Function>
inline void apply_quantized(std::span<const float> x, float scale, std::span<std::int8_t> out) {
    lutra::detail::require_scale(scale);
    kernel::require_length(out.size(), x.size(), "apply_quantized writes one element for each that it reads");
    const scale_batch by{scale};
    for_each_register(x.size(), [&](std::size_t i, std::size_t n) {
        store_quantized(out.data() + i, Function::value(load_some(x.data() + i, n)), by, n);
    });
}

namespace kernel {
/// `Rows` rows at once, so that one's sums need not wait for the other's.
template <std::size_t Rows>
void softmax_quantized(const std::array<float*, Rows>& x, std::size_t count, float scale,
                       const std::array<std::int8_t*, Rows>& out) noexcept {
    constexpr std::size_t room = 256;
    alignas(64) float here[Rows][room];
    const bool padded = count <= room;
    std::array<float*, Rows> e = x;
    for (std::size_t r = 0; r < Rows && padded; ++r) e[r] = here[r];
    const std::array<float, Rows> sums = exponentials<Rows>(x, e, count, padded);
    std::array<float_batch, Rows> factor;
    for (std::size_t r = 0; r < Rows; ++r) factor[r] = broadcast(1.0f / sums[r]);
    const scale_batch by{scale};
    for_each_register(count, [&](std::size_t i, std::size_t n) {
        for (std::size_t r = 0; r < Rows; ++r) store_quantized(out[r] + i, load_some(e[r] + i, n) * factor[r], by, n);
    });
}
} // namespace kernel

/// out = quantize(softmax(x), scale), row by row; long rows of @p x are left changed. Panics unless both have one shape.
inline void softmax_quantized(matrix_view<float> x, float scale, matrix_view<std::int8_t> out) {
    lutra::detail::require_scale(scale);
    kernel::require_length(out.rows(), x.rows(), "softmax_quantized writes one row for each that it reads");
    kernel::require_length(out.cols(), x.cols(), "softmax_quantized writes one element for each that it reads");
    if (x.empty()) return;
    constexpr std::size_t together = 4;
    std::size_t r = 0;
    for (; r + together <= x.rows(); r += together)
        kernel::softmax_quantized<together>({&x(r, 0), &x(r + 1, 0), &x(r + 2, 0), &x(r + 3, 0)}, x.cols(), scale,
                                            {&out(r, 0), &out(r + 1, 0), &out(r + 2, 0), &out(r + 3, 0)});
    for (; r < x.rows(); ++r) kernel::softmax_quantized<1>({&x(r, 0)}, x.cols(), scale, {&out(r, 0)});
}

/// out = quantize(layer_norm(x), scale). Panics as layer_norm does.
inline void layer_norm_quantized(std::span<const float> x, std::span<const float> weight, std::span<const float> bias,
                                 float epsilon, float scale, std::span<std::int8_t> out) {
    lutra::detail::require_scale(scale);
    kernel::require_length(out.size(), x.size(), "layer_norm_quantized writes one element for each that it reads");
    const row_statistics found = kernel::statistics(x, weight, bias, epsilon);
    const scale_batch by{scale};
    for_each_register(x.size(), [&](std::size_t i, std::size_t n) {
        store_quantized(out.data() + i, kernel::normalized(found, x, weight, bias, i, n), by, n);
    });
}

} // namespace LUTRA_ISA
} // namespace lutra
