// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/isa.hpp>

#include "gemm/shapes.hpp"

#if defined(__x86_64__)
    #include <immintrin.h>
#endif

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// @file
/// How emulators multiply: one load from a table of 65,536 products, [activation][weight], for each product.

namespace bench {

/// Operands and products in the layout of the emulators: A by rows, B by columns for the scalar loop, by rows for gathers.
struct table_operands {
    gemm_shape shape;
    std::vector<std::int16_t> table; ///< one entry more than products: a gather reads 32 bits
    std::vector<std::uint8_t> a, b;
    std::vector<std::int32_t> c;

    /// @p products: 65,536 of them; @p seeds as those of own_int8, so that the results can be compared.
    table_operands(gemm_shape s, const std::int16_t* products, bool b_by_columns)
        : shape{s}, table(products, products + 65536), c(s.m * s.n) {
        table.push_back(0);
        for (const std::int8_t x : random_values<std::int8_t>(s.m * s.k, 1)) a.push_back(static_cast<std::uint8_t>(x));
        const auto by_rows = random_values<std::int8_t>(s.k * s.n, 2);
        b.resize(by_rows.size());
        for (std::size_t k = 0; k < s.k; ++k)
            for (std::size_t j = 0; j < s.n; ++j)
                b[b_by_columns ? j * s.k + k : k * s.n + j] = static_cast<std::uint8_t>(by_rows[k * s.n + j]);
    }
};

/// The scalar loop; a call is one product of matrices.
class table_loop {
public:
    table_loop(gemm_shape s, const std::int16_t* products) : x_{s, products, true} {}

    void operator()() {
        const auto [m, n, k] = x_.shape;
        for (std::size_t i = 0; i < m; ++i)
            for (std::size_t j = 0; j < n; ++j) {
                std::int32_t sum = 0;
                for (std::size_t l = 0; l < k; ++l) sum += x_.table[std::size_t{x_.a[i * k + l]} << 8 | x_.b[j * k + l]];
                x_.c[i * n + j] = sum;
            }
    }
    [[nodiscard]] std::span<const std::int32_t> result() const { return x_.c; }

private:
    table_operands x_;
};

/// The scalar loop in an order that stays in one row of the table: better than the emulators'.
class table_row_loop {
public:
    table_row_loop(gemm_shape s, const std::int16_t* products) : x_{s, products, false} {}

    void operator()() {
        const auto [m, n, k] = x_.shape;
        for (std::size_t i = 0; i < m; ++i) {
            std::int32_t* sums = x_.c.data() + i * n;
            for (std::size_t j = 0; j < n; ++j) sums[j] = 0;
            for (std::size_t l = 0; l < k; ++l) {
                const std::int16_t* row = x_.table.data() + (std::size_t{x_.a[i * k + l]} << 8);
                const std::uint8_t* weights = x_.b.data() + l * n;
                for (std::size_t j = 0; j < n; ++j) sums[j] += row[weights[j]];
            }
        }
    }
    [[nodiscard]] std::span<const std::int32_t> result() const { return x_.c; }

private:
    table_operands x_;
};

#if defined(__x86_64__)
/// The same with vector gathers, in 512 or 256 bits; needs AVX2.
class gather_loop {
public:
    gather_loop(gemm_shape s, const std::int16_t* products) : x_{s, products, false} {}

    void operator()() {
        if (lutra::has_isa(lutra::isa::avx512bw))
            rows_of_16();
        else
            rows_of_8();
    }
    [[nodiscard]] std::span<const std::int32_t> result() const { return x_.c; }

private:
    [[gnu::target("avx512f")]] void rows_of_16() {
        const std::size_t n = x_.shape.n;
        for (std::size_t i = 0; i < x_.shape.m; ++i) {
            std::size_t j = 0;
            for (; j + 16 <= n; j += 16) {
                __m512i sum = _mm512_setzero_si512();
                for (std::size_t l = 0; l < x_.shape.k; ++l) {
                    const auto* bytes = reinterpret_cast<const __m128i*>(&x_.b[l * n + j]);
                    const __m512i index = _mm512_cvtepu8_epi32(_mm_loadu_si128(bytes));
                    const __m512i pair = _mm512_i32gather_epi32(index, row(i, l), 2);
                    sum = _mm512_add_epi32(sum, _mm512_srai_epi32(_mm512_slli_epi32(pair, 16), 16));
                }
                _mm512_storeu_si512(&x_.c[i * n + j], sum);
            }
            rest(i, j);
        }
    }
    [[gnu::target("avx2")]] void rows_of_8() {
        const std::size_t n = x_.shape.n;
        for (std::size_t i = 0; i < x_.shape.m; ++i) {
            std::size_t j = 0;
            for (; j + 8 <= n; j += 8) {
                __m256i sum = _mm256_setzero_si256();
                for (std::size_t l = 0; l < x_.shape.k; ++l) {
                    const auto* bytes = reinterpret_cast<const __m128i*>(&x_.b[l * n + j]);
                    const __m256i index = _mm256_cvtepu8_epi32(_mm_loadl_epi64(bytes));
                    const __m256i pair = _mm256_i32gather_epi32(reinterpret_cast<const int*>(row(i, l)), index, 2);
                    sum = _mm256_add_epi32(sum, _mm256_srai_epi32(_mm256_slli_epi32(pair, 16), 16));
                }
                _mm256_storeu_si256(reinterpret_cast<__m256i*>(&x_.c[i * n + j]), sum);
            }
            rest(i, j);
        }
    }
    const std::int16_t* row(std::size_t i, std::size_t l) const {
        return &x_.table[std::size_t{x_.a[i * x_.shape.k + l]} << 8];
    }
    void rest(std::size_t i, std::size_t j) {
        for (; j < x_.shape.n; ++j) {
            std::int32_t sum = 0;
            for (std::size_t l = 0; l < x_.shape.k; ++l) sum += row(i, l)[x_.b[l * x_.shape.n + j]];
            x_.c[i * x_.shape.n + j] = sum;
        }
    }

    table_operands x_;
};
#endif

} // namespace bench
