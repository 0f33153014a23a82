// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/prune/keep_tokens.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// Scratch of merge_similar.
struct merge_scratch {
    std::span<double> products, squares, similarity;
    std::span<std::uint32_t> partner, chosen, order;

    /// For up to @p tokens tokens.
    [[nodiscard]] static constexpr merge_scratch take(std::size_t tokens, arena& memory) {
        const auto doubles = [&] { return memory.take<double>(tokens); };
        const auto indices = [&] { return memory.take<std::uint32_t>(tokens); };
        return {doubles(), doubles(), doubles(), indices(), indices(), indices()};
    }
};

/// Merges the @p pairs most similar pairs of tokens (at most half of the tokens): every second token, from the second on,
/// may go to the most similar of the others, and those with the most similar partners do (bipartite soft matching of ToMe,
/// Bolya et al., 2023). Similarity is the cosine of the keys, 0 to a key of length 0, and with a NaN below every number; of
/// equal ones the lower index comes first. Tokens that stay keep their order. Writes the places to @p to, one a token; those
/// that are merged share one. Returns how many stay.
/// @param keys keys as columns, key size x tokens; of integers the choice is the same on every machine
template <class T>
std::size_t merge_similar(matrix_view<const T> keys, std::size_t pairs, std::span<std::uint32_t> to,
                          const merge_scratch& scratch) {
    const std::size_t count = keys.cols(), sources = count / 2;
    require(to.size() == count, panic_code::bad_shape, "merge_similar needs one place a token",
            static_cast<long long>(to.size()), static_cast<long long>(count));
    pairs = std::min(pairs, sources);
    const std::span<double> products = scratch.products.first(count), squares = scratch.squares.first(count);
    const auto multiply = [&](std::size_t token, std::size_t j) { // sums of integers are exact
        const auto by = static_cast<double>(keys(j, token));
        for (std::size_t t = 0; t < count; ++t) products[t] += by * static_cast<double>(keys(j, t));
    };
    std::fill(squares.begin(), squares.end(), 0.0);
    for (std::size_t j = 0; j < keys.rows(); ++j)
        for (std::size_t t = 0; t < count; ++t)
            squares[t] += static_cast<double>(keys(j, t)) * static_cast<double>(keys(j, t));
    for (double& x : squares) x = x == 0 ? 1 : x;
    for (std::size_t s = 0; s < sources; ++s) {
        std::fill(products.begin(), products.end(), 0.0);
        for (std::size_t j = 0; j < keys.rows(); ++j) multiply(2 * s + 1, j);
        std::size_t best = 0;
        double greatest = 0;
        for (std::size_t t = 0; t < count; t += 2) {
            // The cosine's square with its sign: a root less, and equal fractions of integers are equal.
            const double here = products[t] * std::abs(products[t]) / (squares[2 * s + 1] * squares[t]);
            if (t > 0 && !detail::ranks_above(here, greatest)) continue;
            best = t;
            greatest = here;
        }
        scratch.partner[s] = static_cast<std::uint32_t>(best);
        scratch.similarity[s] = greatest;
    }
    const std::span<std::uint32_t> chosen = scratch.chosen.first(sources);
    keep_top(std::span<const double>{scratch.similarity.first(sources)}, pairs, chosen, scratch.order.first(sources));
    std::uint32_t place = 0;
    for (std::size_t t = 0; t < count; ++t) to[t] = t % 2 == 1 && chosen[t / 2] != no_token ? no_token : place++;
    for (std::size_t s = 0; s < sources; ++s)
        if (chosen[s] != no_token) to[2 * s + 1] = to[scratch.partner[s]];
    return place;
}

} // namespace lutra
