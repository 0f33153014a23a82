// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/random.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace bench {

/// A product of M x K and K x N.
struct gemm_shape {
    std::size_t m, n, k;

    [[nodiscard]] double products() const { return static_cast<double>(m * n * k); }
    [[nodiscard]] std::string name() const { return std::to_string(m) + 'x' + std::to_string(n) + 'x' + std::to_string(k); }
};

/// Two cubes, and the layers and attention products of a ViT-S/16 image.
inline constexpr std::array<gemm_shape, 7> gemm_shapes{{{512, 512, 512},
                                                        {1024, 1024, 1024},
                                                        {197, 1536, 384},
                                                        {197, 384, 1536},
                                                        {197, 384, 384},
                                                        {197, 197, 64},
                                                        {197, 64, 197}}};
/// The layer that look-ups are measured on.
inline constexpr gemm_shape layer_shape = gemm_shapes[2];

/// Random values: integers of the whole range of T, but no -128, which no quantiser makes; floats in [-1, 1).
template <class T>
[[nodiscard]] std::vector<T> random_values(std::size_t count, std::uint64_t seed) {
    lutra::random_generator random{seed};
    std::vector<T> values(count);
    for (T& x : values) {
        if constexpr (std::integral<T>)
            x = static_cast<T>(
                random.between(std::is_signed_v<T> ? -std::numeric_limits<T>::max() : 0, std::numeric_limits<T>::max()));
        else
            x = static_cast<T>(2 * random.unit() - 1);
    }
    return values;
}

} // namespace bench
