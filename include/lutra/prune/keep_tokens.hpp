// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/prune/token_pruning.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

/// @file
/// Which patch tokens of one image stay, by their class attention: on plain arrays, floats or integers. A NaN ranks below
/// every number. Each rule writes, for every token, its place among those that stay, or no_token.

namespace lutra {

/// The place of a token that does not stay.
inline constexpr std::uint32_t no_token = std::numeric_limits<std::uint32_t>::max();

namespace detail {
/// a > b in a total order in which NaN comes last.
template <class T>
[[nodiscard]] constexpr bool ranks_above(T a, T b) noexcept {
    return a > b || (b != b && a == a);
}
} // namespace detail

/// The @p keep greatest of @p attention stay (all where there are not as many); of equal ones those of lower index. Writes
/// the places to @p to; @p order is scratch; both have as many elements as @p attention. Returns how many stay. Source: the
/// choice of EViT (Liang et al., 2022).
template <class T>
constexpr std::size_t keep_top(std::span<const T> attention, std::size_t keep, std::span<std::uint32_t> to,
                               std::span<std::uint32_t> order) {
    const std::size_t count = attention.size();
    require(to.size() == count && order.size() == count, panic_code::bad_shape, "keep_top needs one place a token",
            static_cast<long long>(to.size()), static_cast<long long>(count));
    keep = std::min(keep, count);
    for (std::size_t i = 0; i < count; ++i) order[i] = static_cast<std::uint32_t>(i);
    if (keep > 0 && keep < count)
        std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(keep - 1), order.end(),
                         [&](std::uint32_t a, std::uint32_t b) {
                             if (detail::ranks_above(attention[a], attention[b])) return true;
                             return a < b && !detail::ranks_above(attention[b], attention[a]);
                         });
    std::fill(to.begin(), to.end(), no_token);
    for (std::size_t i = 0; i < keep; ++i) to[order[i]] = 0;
    std::uint32_t place = 0;
    for (std::uint32_t& t : to)
        if (t != no_token) t = place++;
    return keep;
}

/// Those of @p attention above @p threshold stay, without sorting, as a token-pruning accelerator decides (arXiv
/// 2510.14393); where there is none, the first of the greatest. Writes the places to @p to, one a token. Returns how many
/// stay.
template <class T>
constexpr std::size_t keep_above(std::span<const T> attention, double threshold, std::span<std::uint32_t> to) {
    require(to.size() == attention.size(), panic_code::bad_shape, "keep_above needs one place a token",
            static_cast<long long>(to.size()), static_cast<long long>(attention.size()));
    if (attention.empty()) return 0;
    std::uint32_t place = 0;
    std::size_t greatest = 0;
    for (std::size_t i = 0; i < attention.size(); ++i) {
        if (detail::ranks_above(attention[i], attention[greatest])) greatest = i;
        to[i] = static_cast<double>(attention[i]) > threshold ? place++ : no_token;
    }
    if (place == 0) to[greatest] = place++;
    return place;
}

/// Sends the tokens without a place to @p fused, one token behind those that stay, and says with which weight each token
/// enters its place: 1 where it has one alone; of the others attention * @p unit, for rest_tokens::mean divided by the sum
/// of these (all alike where that is not positive). rest_tokens::drop leaves them without a place, weight 0. Returns whether
/// there is a fused token.
template <class T>
constexpr bool fuse_rest(std::span<const T> attention, rest_tokens rest, float unit, std::uint32_t fused,
                         std::span<std::uint32_t> to, std::span<float> weight) {
    require(to.size() == attention.size() && weight.size() == attention.size(), panic_code::bad_shape,
            "fuse_rest needs one place and one weight a token", static_cast<long long>(to.size()),
            static_cast<long long>(attention.size()));
    float sum = 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < to.size(); ++i) {
        if (to[i] != no_token) {
            weight[i] = 1;
            continue;
        }
        weight[i] = rest == rest_tokens::drop ? 0.0f : static_cast<float>(attention[i]) * unit;
        sum += weight[i];
        ++count;
    }
    if (rest == rest_tokens::drop || count == 0) return false;
    for (std::size_t i = 0; i < to.size(); ++i) {
        if (to[i] != no_token) continue;
        to[i] = fused;
        if (rest == rest_tokens::mean) weight[i] = sum > 0 ? weight[i] / sum : 1.0f / static_cast<float>(count);
    }
    return true;
}

} // namespace lutra
