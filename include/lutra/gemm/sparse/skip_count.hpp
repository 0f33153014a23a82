// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/numeric/float_batch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// How a product treats the zeros of A.
enum class skip_path : std::uint8_t {
    best,  ///< lists or dense, by the share of zeros
    lists, ///< lists what is not zero and makes those products only
    dense, ///< makes all products
};

/// What a product that may skip zeros found in A, and whether it did skip them.
struct skip_count {
    std::size_t elements = 0, zeros = 0; ///< of A
    bool skipped = false;

    /// The share of zeros, in [0, 1].
    [[nodiscard]] constexpr double share() const noexcept {
        return elements == 0 ? 0 : static_cast<double>(zeros) / static_cast<double>(elements);
    }
    friend constexpr bool operator==(const skip_count&, const skip_count&) = default;
};

inline namespace LUTRA_ISA {

/// The share of zeros from which on an int8 product by lists is faster than the dense one. Measured with AVX-512BW; the
/// others are estimates from the numbers of operations (an 8-bit dot product makes the dense one up to four times as fast).
[[nodiscard]] constexpr double least_zeros_to_skip(isa instructions) noexcept {
    switch (instructions) {
    case isa::avx512vnni:
    case isa::avx512vbmi:
    case isa::avx_vnni:
    case isa::neon_dot: return 0.85;
    case isa::scalar: return 0.3;
    default: return 0.55;
    }
}
/// The same of a float product, whose weights are twice as wide.
inline constexpr double least_zeros_to_skip_floats = 0.75;

/// How many elements of @p x are 0.
[[nodiscard]] inline std::size_t count_zeros(std::span<const std::int8_t> x) noexcept {
    constexpr std::size_t block = 64; // a loop of fixed length becomes vectors whatever the flags
    std::size_t zeros = 0, i = 0;
    for (; i + block <= x.size(); i += block) {
        const std::int8_t* const p = x.data() + i;
        std::uint8_t seen = 0;
        for (std::size_t j = 0; j < block; ++j) seen = static_cast<std::uint8_t>(seen + (p[j] == 0));
        zeros += seen;
    }
    return zeros + static_cast<std::size_t>(std::count(x.begin() + static_cast<std::ptrdiff_t>(i), x.end(), std::int8_t{0}));
}
[[nodiscard]] inline std::size_t count_zeros(std::span<const float> x) noexcept {
    std::size_t zeros = 0, i = 0;
    while (x.size() - i >= float_lanes) {
        constexpr std::size_t chunk = float_lanes << 20; // a lane of float counts up to 2^24 exactly
        float_batch seen = broadcast(0.0f);
        const std::size_t end = i + std::min(chunk, (x.size() - i) / float_lanes * float_lanes);
        for (; i < end; i += float_lanes) seen = seen + one_where_zero(load(x.data() + i));
        zeros += static_cast<std::size_t>(sum_of(seen));
    }
    return zeros + static_cast<std::size_t>(std::count(x.begin() + static_cast<std::ptrdiff_t>(i), x.end(), 0.0f));
}

} // namespace LUTRA_ISA
} // namespace lutra
