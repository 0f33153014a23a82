// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/table.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

/// The rank of the 256 x 256 products, by elimination modulo the prime 2^31 - 1: the rank over the integers, unless the
/// prime happens to divide a minor, when it is smaller. So many exact matrix products make one under this multiplier.
[[nodiscard]] inline int rank_of(const lutra::table_multiplier& table) {
    constexpr std::int64_t prime = 2147483647;
    const auto modulo = [](std::int64_t x) { return x % prime < 0 ? x % prime + prime : x % prime; };
    const auto inverse = [&](std::int64_t x) { // x^(prime - 2)
        std::int64_t result = 1;
        for (std::int64_t e = prime - 2; e > 0; e /= 2, x = modulo(x * x))
            if (e % 2 != 0) result = modulo(result * x);
        return result;
    };
    std::vector<std::vector<std::int64_t>> rows(256, std::vector<std::int64_t>(256));
    for (std::size_t i = 0; i < lutra::table_multiplier::entries; ++i) rows[i / 256][i % 256] = modulo(table.products()[i]);
    std::size_t rank = 0;
    for (std::size_t column = 0; column < 256; ++column) {
        std::size_t pivot = rank;
        while (pivot < 256 && rows[pivot][column] == 0) ++pivot;
        if (pivot == 256) continue;
        std::swap(rows[pivot], rows[rank]);
        const std::int64_t scale = inverse(rows[rank][column]);
        for (std::size_t i = rank + 1; i < 256; ++i) {
            if (rows[i][column] == 0) continue;
            const std::int64_t factor = modulo(rows[i][column] * scale);
            for (std::size_t j = column; j < 256; ++j) rows[i][j] = modulo(rows[i][j] - modulo(factor * rows[rank][j]));
        }
        ++rank;
    }
    return static_cast<int>(rank);
}
