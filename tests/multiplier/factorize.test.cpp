// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <lutra/core/random.hpp>
#include <lutra/multiplier/factorize.hpp>
#include <lutra/multiplier/plan_cost.hpp>

#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

using lutra::factor_width;

namespace {

using map = std::array<std::int32_t, 256>;
using products = std::vector<std::int32_t>;

template <class F>
products table(F f) {
    products out(65536);
    for (std::size_t i = 0; i < 65536; ++i)
        out[i] = static_cast<std::int32_t>(f(static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i & 255)));
    return out;
}
auto factorize(const products& p) { return lutra::factorize(std::span<const std::int32_t, 65536>{p}); }
std::size_t rank(const products& p) {
    return lutra::detail::mul::rank_modulo_prime(std::span<const std::int32_t, 65536>{p});
}

bool holds(const lutra::separable_maps<>& maps, const products& p) {
    const auto terms = maps.view();
    int wrong = 0;
    for (std::size_t i = 0; i < 65536; ++i)
        wrong += terms.product(static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i & 255)) != p[i];
    for (std::size_t i = 0; i < maps.rank; ++i) {
        wrong += i > 0 && maps.shifts[i] > maps.shifts[i - 1];
        for (std::size_t b = 0; b < 256; ++b) wrong += std::abs(maps.rhs[256 * i + b] * (1 << maps.shifts[i])) > 32768;
    }
    return wrong == 0;
}
map random_map(lutra::random_generator& random, int low, int high) {
    map m;
    for (auto& x : m) x = static_cast<std::int32_t>(random.between(low, high));
    return m;
}

} // namespace

TEST_CASE("sums of random products of 8-bit maps are found again") {
    lutra::random_generator random{1};
    for (std::size_t terms = 1; terms <= lutra::max_rank; ++terms) {
        products p(65536);
        for (std::size_t t = 0; t < terms; ++t) {
            const map l = random_map(random, -128, 127), r = random_map(random, -128, 127);
            for (std::size_t i = 0; i < 65536; ++i) p[i] += l[i >> 8] * r[i & 255];
        }
        const auto found = factorize(p);
        REQUIRE(found);
        CHECK(found->rank == terms);
        CHECK(found->factors == factor_width::bits8);
        CHECK(holds(*found, p));
        CHECK(rank(p) == terms);
    }
}

TEST_CASE("what has no small factors has no factors") {
    lutra::random_generator random{2};
    const auto full = table([&](int, int) { return random.between(-20000, 20000); });
    CHECK(rank(full) == lutra::max_rank + 1);
    CHECK_FALSE(factorize(full));
    CHECK(rank(table([](int a, int b) { return a < 9 && a == b ? 5 : 0; })) == 9);
    CHECK_FALSE(factorize(table([](int a, int b) { return a == b ? 1 : 0; })));
    // Rank 1, but the only factors are a prime above 2^15 and what it multiplies.
    CHECK_FALSE(factorize(table([](int a, int b) { return (a * b == 6 ? 1 : 0) * 65537; })));
    // A multiple of the prime: the rank modulo it is 0, and nothing wrong may come of that.
    const auto hidden = table([](int a, int b) { return a == b ? 2147483647 : 0; });
    CHECK(rank(hidden) == 0);
    CHECK_FALSE(factorize(hidden));
}

TEST_CASE("factors of many kinds") {
    const auto check = [](const products& p, std::size_t rank, factor_width factors) {
        const auto found = factorize(p);
        REQUIRE(found);
        CHECK(found->rank == rank);
        CHECK(found->factors == factors);
        CHECK(holds(*found, p));
        return *found;
    };
    check(products(65536), 1, factor_width::bits8); // all zero
    check(table([](int, int) { return 7; }), 1, factor_width::bits8);
    check(table([](int a, int b) { return (a == 128 ? 300 : a % 128) * (b % 100); }), 1, factor_width::bits8_but_128);
    check(table([](int a, int) { return a % 128; }), 1, factor_width::bits8); // of one operand only
    check(table([](int, int b) { return -(b % 129); }), 1, factor_width::bits8);
    check(table([](int a, int b) { return (a - 128) * (b - 128) - 96 * (a % 7) * (b % 5); }), 2, factor_width::bits8);

    // A power of two that leaves no room for the weight's factors goes to the activation's.
    const auto high = check(table([](int a, int b) { return ((a % 3) * (b % 120)) << 12; }), 1, factor_width::bits8);
    CHECK(high.shifts[0] == 8);
    CHECK(high.lhs[2] == 32);

    check(table([](int a, int b) { return (a % 2) * (b % 2) << 20; }), 1, factor_width::bits8);

    const auto wide = check(table([](int a, int b) { return a * b; }), 1, factor_width::bits16);
    const auto digits = lutra::split_into_digits(wide);
    REQUIRE(digits);
    CHECK(digits->rank == 4);
    CHECK(digits->factors == factor_width::bits8);
    CHECK(holds(*digits, table([](int a, int b) { return a * b; })));
    const auto one_sided = table([](int a, int b) { return a * 29 * (b % 100); });
    const auto two = lutra::split_into_digits(check(one_sided, 1, factor_width::bits16));
    REQUIRE(two);
    CHECK(two->rank <= 4);
    CHECK(holds(*two, one_sided));
}

TEST_CASE("the cost model") {
    using lutra::isa;
    using lutra::plan_kind;
    using lutra::plan_shape;
    for (const isa on : lutra::all_isas) {
        INFO(to_string(on));
        CHECK(lutra::predicted_time({}, on) == 1);
        CHECK(lutra::predicted_time({.kind = plan_kind::separable, .rank = 3}, on) == 3);
        const double narrow = lutra::predicted_time({.kind = plan_kind::table}, on);
        CHECK(narrow >= 1);
        CHECK(lutra::predicted_time({.kind = plan_kind::table, .products16 = false}, on) >= narrow);
        CHECK(lutra::predicted_time({.kind = plan_kind::error_plane}, on) <= 1 + narrow);
    }
    constexpr plan_shape wide{.kind = plan_kind::separable, .rank = 2, .factors = factor_width::bits16};
    STATIC_REQUIRE(lutra::predicted_time(wide, isa::avx512bw) == 2);
    STATIC_REQUIRE(lutra::predicted_time(wide, isa::avx512vnni) == 6);
    STATIC_REQUIRE(lutra::predicted_time(wide, isa::neon_dot) == 8);
}
