// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/gemm/epilogue.hpp>
#include <lutra/gemm/int8_gemm_batch.hpp>
#include <lutra/nn/float_block.hpp>
#include <lutra/nonlinear/integer_inverse.hpp>
#include <lutra/numeric/requantize.hpp>
#include <lutra/numeric/rounding.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace lutra {

/// Linear attention of one head in integers (see linear_attention): relu(K)^T V is int32, and int8 with a power of two of
/// its own for the product with relu(Q); the divisors are exact, their inverses from a table.
struct integer_linear_attention {
    static constexpr int fraction = 8; ///< bits of a quotient in units of the values' scale, before it is requantised
    static constexpr std::size_t most_tokens = std::size_t{1} << 17; ///< so that the sums of keys and divisors fit int32

    matrix_view<std::int32_t> key_value;           ///< head_dim x head_dim
    matrix_view<std::int8_t> key_value8;           ///< head_dim x head_dim
    std::span<std::int32_t> key_sum;               ///< head_dim
    std::span<integer_inverse<8>> inverse_divisor; ///< tokens

    [[nodiscard]] static constexpr integer_linear_attention take(std::size_t tokens, std::size_t width, arena& memory) {
        integer_linear_attention a;
        a.key_value = detail::take_matrix<std::int32_t>(memory, width, width);
        a.key_value8 = detail::take_matrix<std::int8_t>(memory, width, width);
        a.key_sum = memory.take<std::int32_t>(width);
        a.inverse_divisor = memory.take<integer_inverse<8>>(tokens);
        return a;
    }
    /// What turns a quotient into the context. Panics where the ratio of scales is 2^30 or more.
    [[nodiscard]] static constexpr requantizer context_by(double value_scale, double context_scale) {
        return requantizer::from_ratio(value_scale / (1 << fraction) / context_scale);
    }

    /// @p context from the three others, all tokens x head_dim; queries and keys are replaced by their relu. The keys and
    /// the queries are the left operands of @p m. Panics where there are more than most_tokens.
    void operator()(matrix_view<std::int8_t> query, matrix_view<std::int8_t> key, matrix_view<std::int8_t> value,
                    const lowered_multiplier& m, requantizer by, matrix_view<std::int8_t> context, arena& scratch) const {
        const std::size_t tokens = query.rows(), width = query.cols();
        require(tokens <= most_tokens / width, panic_code::bad_shape,
                "integer linear attention: tokens times channels of a head reach at most 2^17",
                static_cast<long long>(tokens), static_cast<long long>(most_tokens / width));
        std::fill(key_sum.begin(), key_sum.end(), 0);
        for (std::size_t t = 0; t < tokens; ++t)
            for (std::size_t j = 0; j < width; ++j) {
                query(t, j) = std::max(query(t, j), std::int8_t{0});
                key(t, j) = std::max(key(t, j), std::int8_t{0});
                key_sum[j] += key(t, j);
            }
        for (std::size_t t = 0; t < tokens; ++t) {
            std::uint32_t divisor = 0;
            for (std::size_t j = 0; j < width; ++j) divisor += static_cast<std::uint32_t>(query(t, j) * key_sum[j]);
            inverse_divisor[t] = integer_inverse<8>::of(divisor);
        }
        gemm(transposed(key), value, m, scratch, store_sums{key_value});
        std::uint32_t most = 0;
        for (const std::int32_t x : detail::elements_of(key_value))
            most = std::max(most, x < 0 ? 0u - static_cast<std::uint32_t>(x) : static_cast<std::uint32_t>(x));
        const int exponent = std::max(static_cast<int>(std::bit_width(most)) - 7, 0);
        for (std::size_t i = 0; i < width; ++i)
            for (std::size_t j = 0; j < width; ++j)
                key_value8(i, j) = static_cast<std::int8_t>(
                    std::clamp<std::int32_t>(shift_right<rounding::half_up>(key_value(i, j), exponent), -127, 127));
        gemm(query, key_value8, m, scratch, [&](std::size_t t, std::size_t first, std::span<const std::int32_t> sums) {
            const auto [inverse, down] = inverse_divisor[t];
            for (std::size_t j = 0; j < sums.size(); ++j)
                context(t, first + j) = requantize(quotient(sums[j], inverse, down - exponent - fraction), by);
        });
    }

private:
    /// sum x inverse / 2^shift, rounded half up, clipped to int32.
    static constexpr std::int32_t quotient(std::int32_t sum, std::int32_t inverse, int shift) noexcept {
        constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
        const std::int64_t product = std::int64_t{sum} * inverse;
        const std::int64_t q = shift >= 0 ? shift_right<rounding::half_up>(product, shift)
                                          : std::clamp(product, -most, most) * (std::int64_t{1} << -shift);
        return static_cast<std::int32_t>(std::clamp(q, -most, most));
    }
};

} // namespace lutra
