// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/prune/keep_tokens.hpp>

#include <algorithm>
#include <limits>
#include <vector>

namespace {

using places = std::vector<std::uint32_t>;
constexpr auto gone = lutra::no_token;

template <class T>
places top(const std::vector<T>& attention, std::size_t keep) {
    places to(attention.size()), order(attention.size());
    const std::size_t kept = lutra::keep_top(std::span<const T>{attention}, keep, to, order);
    CHECK(kept == std::min(keep, attention.size()));
    return to;
}
template <class T>
places above(const std::vector<T>& attention, double threshold) {
    places to(attention.size());
    const std::size_t kept = lutra::keep_above(std::span<const T>{attention}, threshold, to);
    CHECK(kept == to.size() - static_cast<std::size_t>(std::count(to.begin(), to.end(), gone)));
    return to;
}

/// The places of the k that come first when sorted stably by falling attention.
places sorted_top(const std::vector<int>& attention, std::size_t keep) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < attention.size(); ++i) order.push_back(i);
    std::sort(order.begin(), order.end(),
              [&](auto a, auto b) { return attention[a] > attention[b] || (attention[a] == attention[b] && a < b); });
    places to(attention.size(), gone);
    for (std::size_t i = 0; i < keep; ++i) to[order[i]] = 1;
    std::uint32_t place = 0;
    for (auto& t : to)
        if (t != gone) t = place++;
    return to;
}

} // namespace

TEST_CASE("keep_top: equals a stable sort for every array of five values below four, every count") {
    for (int code = 0; code < 1024; ++code) {
        std::vector<int> attention;
        for (int i = 0; i < 5; ++i) attention.push_back(code >> (2 * i) & 3);
        const std::vector<float> floats(attention.begin(), attention.end());
        for (std::size_t keep = 0; keep <= 5; ++keep) {
            const places expected = sorted_top(attention, keep);
            REQUIRE(top(attention, keep) == expected);
            REQUIRE(top(floats, keep) == expected);
        }
    }
}

TEST_CASE("keep_top: NaN ranks below every number, by index among its like") {
    const float nan = std::numeric_limits<float>::quiet_NaN(), low = -std::numeric_limits<float>::infinity();
    const std::vector attention{nan, 1.0f, nan, low, nan};
    CHECK(top(attention, 2) == places{gone, 0, gone, 1, gone});
    CHECK(top(attention, 4) == places{0, 1, 2, 3, gone});
    CHECK(top(attention, 9) == places{0, 1, 2, 3, 4});
    CHECK(top(std::vector<float>{}, 3).empty());
}

TEST_CASE("keep_above: strictly above, in order, and never none") {
    CHECK(above<int>({3, 1, 2, 5}, 2) == places{0, gone, gone, 1});
    CHECK(above<float>({0.5f, 0.25f, 0.25f}, 0.25) == places{0, gone, gone});
    CHECK(above<int>({1, 4, 4, 0}, 9) == places{gone, 0, gone, gone}); // the first of the greatest
    CHECK(above<int>({2, 2, 2}, 2) == places{0, gone, gone});
    CHECK(above<int>({2, 2, 2}, 1.5) == places{0, 1, 2});
    const float nan = std::numeric_limits<float>::quiet_NaN();
    CHECK(above<float>({nan, nan, 0.125f}, 0.25) == places{gone, gone, 0});
    CHECK(above<float>({nan, nan}, 0.25) == places{0, gone});
    CHECK(above<float>({0.5f, 0.75f}, static_cast<double>(nan)) == places{gone, 0});
    CHECK(above<int>({}, 0).empty());
}

TEST_CASE("fuse_rest: weights of the sum, of the mean and of nothing") {
    const std::vector<int> attention{4, 1, 0, 3};
    const auto fuse = [&](lutra::rest_tokens rest, places to) {
        std::vector<float> weight(4);
        const bool fused = lutra::fuse_rest(std::span<const int>{attention}, rest, 0.25f, 1, to, weight);
        return std::tuple{fused, to, weight};
    };
    const places kept{0, gone, gone, gone};
    using floats = std::vector<float>;
    CHECK(fuse(lutra::rest_tokens::sum, kept) == std::tuple{true, places{0, 1, 1, 1}, floats{1, 0.25f, 0, 0.75f}});
    CHECK(fuse(lutra::rest_tokens::mean, kept) == std::tuple{true, places{0, 1, 1, 1}, floats{1, 0.25f, 0, 0.75f}});
    CHECK(fuse(lutra::rest_tokens::mean, {gone, 0, gone, 1}) == std::tuple{true, places{1, 0, 1, 1}, floats{1, 1, 0, 1}});
    CHECK(fuse(lutra::rest_tokens::mean, {0, 1, gone, 2}) == std::tuple{true, places{0, 1, 1, 2}, floats{1, 1, 1, 1}});
    CHECK(fuse(lutra::rest_tokens::drop, kept) == std::tuple{false, kept, floats{1, 0, 0, 0}});
    CHECK(fuse(lutra::rest_tokens::sum, {0, 1, 2, 3}) == std::tuple{false, places{0, 1, 2, 3}, floats{1, 1, 1, 1}});
}

TEST_CASE("keep_tokens: refuses places of another number") {
    const std::vector<int> attention{1, 2, 3};
    places two(2), three(3);
    const std::span<const int> a{attention};
    REQUIRE_PANIC(lutra::keep_top(a, 1, two, three), bad_shape);
    REQUIRE_PANIC(lutra::keep_above(a, 1, two), bad_shape);
    std::vector<float> weight(2);
    REQUIRE_PANIC(lutra::fuse_rest(a, lutra::rest_tokens::sum, 1, 0, three, weight), bad_shape);
}
