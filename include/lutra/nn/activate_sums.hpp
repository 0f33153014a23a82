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
        constexpr std::size_t most = 64;
        float real[most];
        while (!sums.empty()) {
            const std::size_t n = std::min(sums.size(), most);
            lutra::detail::require_columns(sum_scale.size(), first + n);
            if (!bias.empty()) lutra::detail::require_columns(bias.size(), first + n);
            const auto add = bias.empty() ? bias : bias.subspan(first, n);
            dequantize_sums{{real, 1, n}, sum_scale.subspan(first, n), add}(0, 0, sums.first(n));
            apply_quantized<Activation>(std::span{real, n}, scale, out.row(row).subspan(first, n));
            sums = sums.subspan(n);
            first += n;
        }
    }
};

} // namespace LUTRA_ISA
} // namespace lutra
