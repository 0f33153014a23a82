// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/search/objectives.hpp>
#include <lutra/search/rewards.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace lutra {

namespace detail {

/// The digits of @p index in @p base, mirrored behind the point (van der Corput, 1935): one division, so one rounding.
[[nodiscard]] constexpr double radical_inverse(std::uint64_t index, std::uint64_t base) noexcept {
    std::uint64_t mirrored = 0, power = 1;
    for (; index != 0; index /= base, power *= base) mirrored = mirrored * base + index % base;
    return static_cast<double>(mirrored) / static_cast<double>(power);
}

} // namespace detail

/// @p Count rows of N weights, each of sum 1, spread over all there are; the same on every machine. The first N weigh one
/// objective each, the others lie evenly in between: gaps between N - 1 sorted numbers of a Hammersley sequence (1960) and
/// the ends of [0, 1]. A single row weighs all objectives alike.
///
/// @code
/// constexpr auto weights = lutra::spread_weights<2, 5>(); // (1, 0), (0, 1), (1/4, 3/4), (1/2, 1/2), (3/4, 1/4)
/// @endcode
template <std::size_t N, std::size_t Count>
requires(N >= 1 && N <= 7 && Count >= 1) [[nodiscard]] constexpr std::array<objectives<N>, Count> spread_weights() noexcept {
    constexpr std::array<std::uint64_t, 5> primes{2, 3, 5, 7, 11};
    std::array<objectives<N>, Count> rows{};
    if constexpr (Count == 1) {
        rows[0].fill(1.0 / static_cast<double>(N));
        return rows;
    }
    for (std::size_t r = 0; r < Count; ++r) {
        if (r < N) {
            rows[r][r] = 1;
            continue;
        }
        std::array<double, N> cut{};
        for (std::size_t i = 0; i + 1 < N; ++i)
            cut[i] = i == 0 ? static_cast<double>(r - N + 1) / static_cast<double>(Count - N + 1)
                            : detail::radical_inverse(r - N + 1, primes[i - 1]);
        cut[N - 1] = 1;
        std::sort(cut.begin(), cut.end());
        for (std::size_t i = 0; i < N; ++i) rows[r][i] = cut[i] - (i == 0 ? 0 : cut[i - 1]);
    }
    return rows;
}

/// A reward for each row of weights, made by @p make(weights): such as all chains of an annealing.
///
/// @code
/// const auto rewards = lutra::rewards_of(lutra::spread_weights<2, 16>(),
///                                        [](const auto& w) { return lutra::weighted_reward<2>{w, best, worst}; });
/// @endcode
template <std::size_t N, std::size_t Count, class Make>
[[nodiscard]] constexpr auto rewards_of(const std::array<objectives<N>, Count>& weights, Make make) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<std::invoke_result_t<Make&, const objectives<N>&>, Count>{make(weights[I])...};
    }
    (std::make_index_sequence<Count>{});
}

/// Rewards by the range of the costs so far, of spread weights.
template <std::size_t N, std::size_t Count>
[[nodiscard]] constexpr std::array<ranged_reward<N>, Count> spread_rewards() {
    return rewards_of(spread_weights<N, Count>(), [](const objectives<N>& w) { return ranged_reward<N>{w}; });
}

} // namespace lutra
