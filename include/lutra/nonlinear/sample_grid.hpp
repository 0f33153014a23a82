// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/nonlinear/activations.hpp>
#include <lutra/nonlinear/functions.hpp>

#include <algorithm>
#include <cstdint>

namespace lutra {

/// The arguments that a table is fitted on: x_i = (first + i) / per_unit for i in [0, count). Dividing rounds once, so that
/// a grid has the same bits everywhere.
struct sample_grid {
    std::int32_t first, count, per_unit;

    [[nodiscard]] constexpr bool valid() const noexcept {
        return count >= 1 && per_unit >= 1 && std::int64_t{first} + count <= INT32_MAX;
    }
    /// x_i; also past either end.
    [[nodiscard]] constexpr double at(int i) const noexcept {
        return static_cast<double>(std::int64_t{first} + i) / per_unit;
    }

    /// All 256 inputs of a table unit whose input scale is 2^-@p fraction_bits. Panics unless that is in [0, 30].
    [[nodiscard]] static constexpr sample_grid int8_grid(int fraction_bits) {
        require(fraction_bits >= 0 && fraction_bits <= 30, panic_code::bad_argument,
                "the fraction bits of an int8 grid must be in [0, 30]", fraction_bits, 30);
        return {-128, 256, std::int32_t{1} << fraction_bits};
    }
    /// Those of them that are in the closed interval [@p low, @p high]. Panics (`empty`) if none is.
    [[nodiscard]] static constexpr sample_grid int8_grid(int fraction_bits, double low, double high) {
        const sample_grid all = int8_grid(fraction_bits);
        std::int32_t first = -128, last = 127;
        while (first <= last && !(all.at(first + 128) >= low)) ++first;
        while (first <= last && !(all.at(last + 128) <= high)) --last;
        require(first <= last, panic_code::empty, "no int8 input of this scale is in the interval; its fraction bits follow",
                fraction_bits);
        return {first, last - first + 1, all.per_unit};
    }
    friend constexpr bool operator==(const sample_grid&, const sample_grid&) = default;
};

/// The grid on which GQA-LUT (Dong and others, arXiv 2403.19591, 2024) judges a function's tables; declared for gelu,
/// hswish, natural_exponential, reciprocal and reciprocal_sqrt.
template <real_function F>
inline constexpr sample_grid published_grid = [] {
    static_assert(sizeof(F) == 0, "this function has no published grid: write one as sample_grid{first, count, per_unit}");
    return sample_grid{};
}();
template <>
inline constexpr sample_grid published_grid<gelu>{-400, 800, 100};
template <>
inline constexpr sample_grid published_grid<hswish>{-400, 800, 100};
template <>
inline constexpr sample_grid published_grid<natural_exponential>{-800, 800, 100};
template <>
inline constexpr sample_grid published_grid<reciprocal>{50, 350, 100};
template <>
inline constexpr sample_grid published_grid<reciprocal_sqrt>{25, 375, 100};

} // namespace lutra
