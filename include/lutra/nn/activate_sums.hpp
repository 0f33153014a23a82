// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/gemm/epilogue.hpp>
#include <lutra/nonlinear/quantized_functions.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {
inline namespace LUTRA_ISA {

/// An epilogue of an integer product: out = quantize(Activation(sum * s + bias), scale), int8 for the next product, by way
/// of float but without a matrix of floats. One s (what a sum of 1 is worth) and one bias a column; an empty bias is none.
///
/// @tparam Activation such as gelu
template <class Activation>
struct activate_sums {
    matrix_view<std::int8_t> out; ///< M x N
    std::span<const float> sum_scale, bias;
    float scale; ///< of the output

    void operator()(std::size_t row, std::size_t first, std::span<const std::int32_t> sums) const {
        block(row, first, lutra::detail::as_block(sums));
    }
    /// The same for a block of sums.
    void block(std::size_t row, std::size_t first, matrix_view<const std::int32_t> sums) const {
        constexpr std::size_t most = 1024, widest = 64;
        alignas(64) float real[most];
        const matrix_view<std::int8_t> to = out.block(row, first, sums.rows(), sums.cols());
        lutra::detail::require_columns(sum_scale.size(), first + sums.cols());
        if (!bias.empty()) lutra::detail::require_columns(bias.size(), first + sums.cols());
        lutra::detail::require_scale(scale);
        const scale_batch by{scale};
        for (std::size_t j = 0; j < sums.cols(); j += widest) {
            const std::size_t n = std::min(sums.cols() - j, widest), together = most / n;
            const auto add = bias.empty() ? bias : bias.subspan(first + j, n);
            for (std::size_t r = 0; r < sums.rows(); r += together) {
                const std::size_t rows = std::min(sums.rows() - r, together);
                dequantize_sums{{real, rows, n}, sum_scale.subspan(first + j, n), add}.block(0, 0,
                                                                                             sums.block(r, j, rows, n));
                for (std::size_t i = 0; i < rows; ++i)
                    for_each_register(n, [&, x = real + i * n, y = &to(r + i, j)](std::size_t k, std::size_t some) {
                        store_quantized(y + k, Activation::value(load_some(x + k, some)), by, some);
                    });
            }
        }
    }
};

} // namespace LUTRA_ISA
} // namespace lutra
