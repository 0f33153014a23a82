// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/prune/token_pruning.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

/// What token_pruning does to the tokens of one image, as one would write it down.
namespace token_reference {

using matrix = std::vector<std::vector<double>>; // rows

/// The tokens of one image, and how many each stands for.
struct tokens {
    matrix rows;
    std::vector<double> sizes = std::vector<double>(rows.size(), 1.0);
};

/// @p paid: the sum over heads of the class token's probabilities, in which 1 in all heads is @p one; @p keys: a row a
/// token, summed over the heads.
inline void drop(const lutra::token_pruning& p, std::size_t prefix, const std::vector<double>& paid, double one,
                 const matrix& keys, tokens& t) {
    using lutra::token_rule;
    const std::size_t count = t.rows.size(), patches = count - prefix;
    std::vector<std::size_t> order;
    for (std::size_t i = prefix; i < count; ++i) order.push_back(i);
    std::vector<bool> stays(count, true);
    const auto by_attention = [&](std::size_t a, std::size_t b) {
        return paid[a] > paid[b] || (paid[a] == paid[b] && a < b);
    };
    if (p.rule == token_rule::none) return;
    if (p.rule == token_rule::keep_prefix)
        std::fill(stays.begin() + static_cast<std::ptrdiff_t>(prefix), stays.end(), false);
    if (p.rule == token_rule::keep_top) {
        std::sort(order.begin(), order.end(), by_attention);
        const double exact = static_cast<double>(p.share) * static_cast<double>(patches);
        const auto keep = static_cast<std::size_t>(std::max(1.0, std::ceil(exact - 1e-6)));
        for (std::size_t i = keep; i < patches; ++i) stays[order[i]] = false;
    }
    if (p.rule == token_rule::keep_above) {
        for (const std::size_t i : order)
            stays[i] = paid[i] > static_cast<double>(p.theta) * one / static_cast<double>(count);
        if (std::none_of(order.begin(), order.end(), [&](std::size_t i) { return stays[i]; }))
            stays[*std::min_element(order.begin(), order.end(), by_attention)] = true;
    }
    tokens out{{}, {}};
    if (p.rule == token_rule::merge_similar) {
        struct edge {
            double similarity;
            std::size_t from, to;
        };
        std::vector<edge> edges;
        const auto dot = [&](std::size_t a, std::size_t b) {
            double sum = 0;
            for (std::size_t j = 0; j < keys[a].size(); ++j) sum += keys[a][j] * keys[b][j];
            return sum;
        };
        for (std::size_t a = prefix + 1; a < count; a += 2) {
            edge best{-2, a, 0};
            for (std::size_t b = prefix; b < count; b += 2) {
                const double cosine = dot(a, b) / std::sqrt(dot(a, a) * dot(b, b));
                if (cosine > best.similarity + 1e-12) best = {cosine, a, b};
            }
            edges.push_back(best);
        }
        std::sort(edges.begin(), edges.end(), [](const edge& x, const edge& y) {
            const double more = x.similarity - y.similarity;
            return more > 1e-12 || (more >= -1e-12 && x.from < y.from);
        });
        edges.resize(std::min<std::size_t>(p.pairs, patches / 2));
        matrix sums = t.rows;
        std::vector<double> sizes = t.sizes;
        for (std::size_t i = 0; i < count; ++i)
            for (double& x : sums[i]) x *= t.sizes[i];
        for (const edge& e : edges) {
            stays[e.from] = false;
            sizes[e.to] += t.sizes[e.from];
            for (std::size_t j = 0; j < sums[e.to].size(); ++j) sums[e.to][j] += sums[e.from][j];
        }
        for (std::size_t i = 0; i < count; ++i) {
            if (!stays[i]) continue;
            for (double& x : sums[i]) x /= sizes[i];
            out.rows.push_back(sums[i]);
            out.sizes.push_back(sizes[i]);
        }
        t = out;
        return;
    }
    std::vector<double> fused(t.rows[0].size());
    double total = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (stays[i]) {
            out.rows.push_back(t.rows[i]);
            out.sizes.push_back(t.sizes[i]);
            continue;
        }
        total += paid[i] / one;
        for (std::size_t j = 0; j < fused.size(); ++j) fused[j] += paid[i] / one * t.rows[i][j];
    }
    const bool any = out.rows.size() < count;
    if (any && p.rule != token_rule::keep_prefix && p.rest != lutra::rest_tokens::drop) {
        if (p.rest == lutra::rest_tokens::mean)
            for (double& x : fused) x /= total;
        out.rows.push_back(fused);
        out.sizes.push_back(1);
    }
    t = out;
}

} // namespace token_reference
