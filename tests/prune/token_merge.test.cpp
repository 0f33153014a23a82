// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/arena_memory.hpp>
#include <lutra/core/random.hpp>
#include <lutra/prune/merge_tokens.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

using places = std::vector<std::uint32_t>;

/// Keys given token by token.
template <class T>
places merged(const std::vector<std::vector<T>>& tokens, std::size_t pairs) {
    const std::size_t count = tokens.size(), width = count == 0 ? 0 : tokens[0].size();
    std::vector<T> keys(width * count);
    for (std::size_t t = 0; t < count; ++t)
        for (std::size_t j = 0; j < width; ++j) keys[j * count + t] = tokens[t][j];
    lutra::arena counted = lutra::arena::counting();
    static_cast<void>(lutra::merge_scratch::take(count, counted));
    const lutra::arena_memory memory{counted.used()};
    lutra::arena a{memory.bytes()};
    places to(count);
    const std::size_t kept = lutra::merge_similar(lutra::matrix_view<const T>{keys.data(), width, count}, pairs, to,
                                                  lutra::merge_scratch::take(count, a));
    CHECK(kept == count - std::min(pairs, count / 2));
    return to;
}

/// The same as one would write it down.
places plain(const std::vector<std::vector<int>>& tokens, std::size_t pairs) {
    struct edge {
        double similarity;
        std::size_t from, to;
    };
    std::vector<edge> edges;
    const auto dot = [&](std::size_t a, std::size_t b) {
        double sum = 0;
        for (std::size_t j = 0; j < tokens[a].size(); ++j) sum += tokens[a][j] * tokens[b][j];
        return sum;
    };
    for (std::size_t a = 1; a < tokens.size(); a += 2) {
        edge best{-2, a, 0};
        for (std::size_t b = 0; b < tokens.size(); b += 2) {
            const double lengths = dot(a, a) * dot(b, b), cosine = lengths == 0 ? 0 : dot(a, b) / std::sqrt(lengths);
            if (cosine > best.similarity + 1e-12) best = {cosine, a, b};
        }
        edges.push_back(best);
    }
    std::sort(edges.begin(), edges.end(), [](const edge& x, const edge& y) {
        const double more = x.similarity - y.similarity;
        return more > 1e-12 || (more >= -1e-12 && x.from < y.from);
    });
    places to(tokens.size(), 0);
    for (std::size_t i = 0; i < pairs; ++i) to[edges[i].from] = lutra::no_token;
    std::uint32_t place = 0;
    for (auto& t : to)
        if (t != lutra::no_token) t = place++;
    for (std::size_t i = 0; i < pairs; ++i) to[edges[i].from] = to[edges[i].to];
    return to;
}

} // namespace

TEST_CASE("merge_similar: equals the definition on random integer keys") {
    lutra::random_generator random{1};
    for (int round = 0; round < 300; ++round) {
        std::vector<std::vector<int>> tokens(1 + random.below(12), std::vector<int>(1 + random.below(4)));
        for (auto& t : tokens)
            for (int& x : t) x = static_cast<int>(random.below(5)) - 2;
        for (std::size_t pairs = 0; pairs <= tokens.size() / 2; ++pairs)
            REQUIRE(merged(tokens, pairs) == plain(tokens, pairs));
    }
}

TEST_CASE("merge_similar: all equal, too many pairs, one token, none") {
    const std::vector<std::vector<float>> equal(5, {1, 2});
    CHECK(merged(equal, 1) == places{0, 0, 1, 2, 3});
    CHECK(merged(equal, 2) == places{0, 0, 1, 0, 2});
    CHECK(merged(equal, 9) == places{0, 0, 1, 0, 2});
    CHECK(merged<float>({{1, 2}}, 1) == places{0});
    CHECK(merged<float>({}, 1).empty());
}

TEST_CASE("merge_similar: zero and NaN keys go last") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    CHECK(merged<float>({{1, 0}, {nan, 1}, {0, 1}, {0, 2}}, 1) == places{0, 1, 2, 2});
    CHECK(merged<float>({{1, 0}, {0, 0}, {-1, 0}, {0, 1}}, 1) == places{0, 0, 1, 2}); // cosine 0 is a tie
    CHECK(merged<float>({{nan, 0}, {1, 1}, {1, 0}, {nan, nan}}, 1) == places{0, 1, 1, 2});
    CHECK(merged(std::vector<std::vector<float>>(4, {nan, nan}), 2) == places{0, 0, 1, 0});
}

TEST_CASE("merge_similar: refuses places of another number") {
    const std::vector<float> keys(6);
    places to(2);
    REQUIRE_PANIC(lutra::merge_similar(lutra::matrix_view<const float>{keys.data(), 2, 3}, 1, to, {}), bad_shape);
}
