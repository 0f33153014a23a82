// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

/// @file
/// Pruning to the k greatest magnitudes of a row: the baseline that DynaTran was compared with. It holds the sparsity of
/// each row whatever its values, for the price of a selection a row.

namespace lutra {

/// Keeps the @p k greatest magnitudes of @p row and replaces the others by 0; of equal magnitudes those of lower index stay,
/// so that exactly min(k, size) elements do (zeros among them, where the row has too few others). A NaN counts as greater
/// than any number. Returns how many elements are zero then. Linear time on average, by selection in @p scratch; panics
/// (bad_shape) where that has fewer elements than the row.
constexpr std::size_t prune_top_k(std::span<float> row, std::size_t k, std::span<std::uint32_t> scratch) {
    require(scratch.size() >= row.size(), panic_code::bad_shape, "prune_top_k needs scratch for one integer an element",
            static_cast<long long>(scratch.size()), static_cast<long long>(row.size()));
    // The bits of magnitudes order as the magnitudes do, NaN above all.
    const auto magnitude = [](float x) { return std::bit_cast<std::uint32_t>(x) & 0x7fffffffu; };
    std::size_t ties = 0;
    std::uint32_t least = 0x80000000u; // above all
    if (k != 0 && k < row.size()) {
        const auto kept = scratch.begin() + static_cast<std::ptrdiff_t>(k);
        for (std::size_t i = 0; i < row.size(); ++i) scratch[i] = magnitude(row[i]);
        std::nth_element(scratch.begin(), kept - 1, scratch.begin() + static_cast<std::ptrdiff_t>(row.size()),
                         [](std::uint32_t a, std::uint32_t b) { return a > b; });
        least = *(kept - 1);
        ties = static_cast<std::size_t>(std::count(scratch.begin(), kept, least));
    }
    std::size_t zeros = 0;
    for (float& x : row) {
        const std::uint32_t m = magnitude(x);
        const bool tie = m == least && ties != 0;
        ties -= tie;
        if (k < row.size() && m <= least && !tie) x = 0;
        if (k == 0) x = 0;
        zeros += x == 0;
    }
    return zeros;
}

/// The same for int8, by counting the 129 magnitudes that there are: no scratch.
constexpr std::size_t prune_top_k(std::span<std::int8_t> row, std::size_t k) noexcept {
    const auto magnitude = [](std::int8_t x) { return static_cast<std::size_t>(x < 0 ? -x : x); };
    std::size_t least = 0, left = row.size(); // how many of magnitude `least` stay, once it is found
    if (k < row.size()) {
        std::array<std::size_t, 129> count{};
        for (const std::int8_t x : row) ++count[magnitude(x)];
        for (least = 128, left = k; least > 0 && count[least] <= left; --least) left -= count[least];
    }
    std::size_t zeros = 0;
    for (std::int8_t& x : row) {
        const std::size_t m = magnitude(x);
        const bool tie = m == least && left != 0;
        left -= tie;
        if (m <= least && !tie) x = 0;
        zeros += x == 0;
    }
    return zeros;
}

} // namespace lutra
