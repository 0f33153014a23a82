// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/matrix_view.hpp>
#include <lutra/numeric/requantize.hpp>
#include <lutra/numeric/saturate.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

/// @file
/// What becomes of the int32 sums of an integer product: objects to pass as `use` to gemm().

namespace lutra {

/// Keeps the sums.
struct store_sums {
    matrix_view<std::int32_t> out;

    constexpr void operator()(std::size_t row, std::size_t first, std::span<const std::int32_t> sums) const noexcept {
        for (std::size_t j = 0; j < sums.size(); ++j) out(row, first + j) = sums[j];
    }
};

/// out = sum * scale (+ bias) (+ out): back to float. One scale and one bias a column; an empty bias is none.
struct dequantize_sums {
    matrix_view<float> out;
    std::span<const float> scale, bias;
    bool accumulate = false;

    constexpr void operator()(std::size_t row, std::size_t first, std::span<const std::int32_t> sums) const noexcept {
        float* to = out.data() + row * out.stride() + first;
        const float *s = scale.data() + first, *b = bias.empty() ? nullptr : bias.data() + first;
        for (std::size_t j = 0; j < sums.size(); ++j) {
            float value = static_cast<float>(sums[j]) * s[j];
            if (b != nullptr) value += b[j];
            to[j] = accumulate ? to[j] + value : value;
        }
    }
};

/// out = requantize(sum + bias): int8 for the next integer product. One requantizer and one bias a column; an empty bias is none.
struct requantize_sums {
    matrix_view<std::int8_t> out;
    std::span<const requantizer> by;
    std::span<const std::int32_t> bias;

    constexpr void operator()(std::size_t row, std::size_t first, std::span<const std::int32_t> sums) const noexcept {
        for (std::size_t j = 0; j < sums.size(); ++j) {
            const std::int64_t sum = std::int64_t{sums[j]} + (bias.empty() ? 0 : bias[first + j]);
            out(row, first + j) = requantize(saturate<std::int32_t>(sum), by[first + j]);
        }
    }
};

} // namespace lutra
