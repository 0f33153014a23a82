// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/random.hpp>
#include <lutra/prune/activation_pruning.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace {
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
} // namespace

TEST_CASE("threshold: floats of magnitude up to tau become zero, whatever the length and the place") {
    lutra::random_generator random{1};
    for (std::size_t size = 0; size < 70; ++size)
        for (const float tau : {0.0f, 0.25f, 1.0f, 2.0f, infinity}) {
            std::vector<float> x(size + 2);
            for (float& v : x) v = static_cast<float>(random.between(-8, 8)) / 4; // many are tau exactly
            if (size > 3) x[1] = not_a_number, x[2] = -0.0f, x[3] = -infinity;
            std::vector<float> expected = x;
            std::size_t zeros = 0;
            for (std::size_t i = 1; i <= size; ++i) {
                if (std::abs(x[i]) <= tau) expected[i] = 0;
                zeros += expected[i] == 0;
            }
            CHECK(lutra::prune_threshold(std::span{x}.subspan(1, size), tau) == zeros);
            for (std::size_t i = 0; i < x.size(); ++i)
                CHECK((x[i] == expected[i] || (std::isnan(x[i]) && std::isnan(expected[i]))));
        }
    std::vector<float> none;
    REQUIRE_PANIC(lutra::prune_threshold(none, -0.5f), bad_argument);
    REQUIRE_PANIC(lutra::prune_threshold(none, not_a_number), bad_argument);
}

TEST_CASE("threshold: int8, every value under every threshold") {
    for (int threshold = 0; threshold <= 130; ++threshold)
        for (const std::size_t size : {0u, 1u, 63u, 64u, 65u, 256u, 300u}) {
            std::vector<std::int8_t> x(size);
            std::size_t zeros = 0;
            for (std::size_t i = 0; i < size; ++i) {
                x[i] = static_cast<std::int8_t>(i);
                zeros += std::abs(int{x[i]}) <= threshold;
            }
            CHECK(lutra::prune_threshold(x, threshold) == zeros);
            bool same = true;
            for (std::size_t i = 0; i < size; ++i) {
                const auto was = static_cast<std::int8_t>(i);
                same = same && x[i] == (std::abs(int{was}) <= threshold ? 0 : was);
            }
            CHECK(same);
        }
    std::vector<std::int8_t> none;
    REQUIRE_PANIC(lutra::prune_threshold(none, -1), bad_argument);
}

TEST_CASE("threshold: an integer threshold takes exactly the integers whose real magnitude is at most tau") {
    lutra::random_generator random{2};
    for (int trial = 0; trial < 2000; ++trial) {
        const auto scale = static_cast<float>(0.001 + random.unit());
        // Half of them a product of the scale, rounded, or its neighbour.
        auto tau = static_cast<float>(130 * random.unit()) * scale;
        if (trial % 2 == 0)
            tau = std::nextafter(static_cast<float>(random.between(0, 128)) * scale, trial % 4 == 0 ? 0.0f : tau);
        const int threshold = lutra::integer_threshold(tau, scale);
        for (const int q : {threshold, threshold + 1})
            if (q <= 128) CHECK((double{scale} * q <= double{tau}) == (q <= threshold));
    }
    CHECK(lutra::integer_threshold(infinity, 1) == 128);
    CHECK(lutra::integer_threshold(0, 1e-30f) == 0);
    REQUIRE_PANIC(lutra::integer_threshold(-1, 1), bad_argument);
    REQUIRE_PANIC(lutra::integer_threshold(1, 0), bad_argument);
    REQUIRE_PANIC(lutra::integer_threshold(1, not_a_number), bad_argument);
}

TEST_CASE("threshold: the run-time rule applies to rows of a strided matrix, in either precision") {
    using enum lutra::activation_pruning_kind;
    std::vector<float> x{1, -2, 3, 9, 0.5f, 4, -1, 9};
    std::vector<std::int8_t> q{1, -2, 3, 9, 0, 4, -1, 9};
    std::vector<std::uint32_t> scratch(3);
    const lutra::matrix_view<float> m{x.data(), 2, 3, 4};
    const lutra::matrix_view<std::int8_t> m8{q.data(), 2, 3, 4};
    CHECK(lutra::prune(m, {}, {}) == 0);
    CHECK(lutra::prune(m8, {}, 1.0f) == 0);
    CHECK(lutra::prune(m, {.kind = threshold, .tau = 1}, {}) == 3);
    CHECK(x == std::vector<float>{0, -2, 3, 9, 0, 4, 0, 9});
    CHECK(lutra::prune(m8, {.kind = threshold, .tau = 1}, 0.4f) == 4); // 2 at 0.4 is 0.8
    CHECK(q == std::vector<std::int8_t>{0, 0, 3, 9, 0, 4, 0, 9});
    CHECK(lutra::prune(m, {.kind = top_k, .share = 0.1}, scratch) == 4);
    CHECK(x == std::vector<float>{0, 0, 3, 9, 0, 4, 0, 9});
    CHECK(lutra::prune(m8, {.kind = top_k, .share = 0}, 1.0f) == 6);
    REQUIRE_PANIC(lutra::prune(m, {.kind = threshold, .tau = not_a_number}, {}), bad_argument);
    REQUIRE_PANIC(lutra::prune(m, {.kind = top_k, .share = 1.5}, scratch), bad_argument);
    CHECK(lutra::activation_pruning{.kind = top_k, .share = 0.7}.kept(10) == 7);
    CHECK(lutra::activation_pruning{.kind = top_k, .share = 0.7}.kept(11) == 8);
    CHECK(lutra::activation_pruning{.kind = top_k}.kept(1000) == 1000);
}
