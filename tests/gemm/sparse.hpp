// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/random.hpp>
#include <lutra/gemm/sparse/n_m_gemm.hpp>
#include <lutra/gemm/sparse/reference.hpp>
#include <lutra/gemm/sparse/shared_gemm.hpp>

#include "operands.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// A K x N mask, stored as it is or, as masks of weights are, outputs x inputs.
class test_mask {
public:
    test_mask(std::size_t k, std::size_t n, bool turned) : turned_{turned}, k_{k}, n_{n}, bytes_(k * n) {}

    std::uint8_t& at(std::size_t k, std::size_t j) { return bytes_[turned_ ? j * k_ + k : k * n_ + j]; }
    operator lutra::gemm_operand<std::uint8_t>() const {
        if (turned_) return transposed(lutra::matrix_view<const std::uint8_t>{bytes_.data(), n_, k_});
        return lutra::matrix_view<const std::uint8_t>{bytes_.data(), k_, n_};
    }

private:
    bool turned_;
    std::size_t k_, n_;
    std::vector<std::uint8_t> bytes_;
};

/// Columns that keep up to N of M rows, most of them N, each its own.
inline test_mask random_n_m(std::size_t k, std::size_t n, lutra::n_m pattern, std::uint64_t seed) {
    test_mask mask{k, n, seed % 2 == 0};
    lutra::random_generator random{seed};
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t k0 = 0; k0 < k; k0 += pattern.m) {
            const std::size_t group = std::min<std::size_t>(pattern.m, k - k0);
            const bool fewer = random.below(8) == 0;
            std::size_t left = std::min<std::size_t>(pattern.n, group);
            if (fewer) left = random.below(left + 1);
            while (left > 0)
                if (auto& x = mask.at(k0 + random.below(group), j); x == 0) {
                    x = static_cast<std::uint8_t>(1 + random.below(255)); // any but 0 keeps
                    --left;
                }
        }
    return mask;
}

/// Groups of columns that keep the same rows, each with the chance @p share; the first group keeps none, the second all.
inline test_mask random_shared(std::size_t k, std::size_t n, std::size_t columns, double share, std::uint64_t seed) {
    test_mask mask{k, n, seed % 2 == 0};
    lutra::random_generator random{seed};
    for (std::size_t j0 = 0; j0 < n; j0 += columns)
        for (std::size_t i = 0; i < k; ++i) {
            const double chance = j0 == 0 ? 0 : j0 == columns ? 1 : share;
            const bool kept = random.unit() < chance;
            for (std::size_t j = j0; j < std::min(j0 + columns, n); ++j) mask.at(i, j) = kept;
        }
    return mask;
}

inline std::vector<std::int32_t> masked_product(const lutra::lowered_multiplier& m, lutra::gemm_operand<std::int8_t> a,
                                                lutra::gemm_operand<std::int8_t> b, lutra::gemm_operand<std::uint8_t> kept) {
    std::vector<std::int32_t> c(a.rows * b.cols);
    lutra::gemm_reference(m, a, b, kept, lutra::matrix_view{c.data(), a.rows, b.cols});
    return c;
}

/// All sums of a packed sparse product, by blocks of rows and again by store_sums into a wider matrix, with scratch of
/// exactly the stated size; a sum that comes not once, or not to its place, is `bad_count`.
template <class Packed>
std::vector<std::int32_t> sparse_product(lutra::gemm_operand<std::int8_t> a, const Packed& b, std::size_t scratch_bytes) {
    const lutra::arena_memory memory{scratch_bytes};
    lutra::arena scratch{memory.bytes()};
    std::vector<std::int32_t> c(a.rows * b.n), count(c.size());
    lutra::gemm(a, b, scratch, [&](std::size_t row, std::size_t first, std::span<const std::int32_t> sums) {
        for (std::size_t j = 0; j < sums.size(); ++j) {
            c.at(row * b.n + first + j) = sums[j];
            ++count.at(row * b.n + first + j);
        }
    });
    const std::size_t stride = b.n + 3;
    std::vector<std::int32_t> wide(a.rows * stride, bad_count);
    lutra::gemm(a, b, scratch, lutra::store_sums{lutra::matrix_view{wide.data(), a.rows, b.n, stride}});
    for (std::size_t i = 0; i < c.size(); ++i)
        if (count[i] != 1 || wide[i / b.n * stride + i % b.n] != c[i]) c[i] = bad_count;
    for (std::size_t i = 0; i < wide.size(); ++i)
        if (i % stride >= b.n && wide[i] != bad_count) c.push_back(bad_count);
    if (scratch.used() != 0) c.push_back(bad_count);
    return c;
}
