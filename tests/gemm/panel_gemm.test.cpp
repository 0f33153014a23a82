// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tiles of every instruction set that this machine can run, on separable plans made by hand.
#include <lutra/gemm/int8_gemm.hpp>

#include "operands.hpp"
#include "plans.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <vector>

namespace {

void check(const lutra::lowered_multiplier& m, std::size_t rows, std::size_t k, std::size_t n, std::uint64_t seed) {
    byte_source source{lutra::random_generator{seed}};
    source.kind = seed % 5 == 0 ? byte_source::only_lowest : seed % 5 == 1 ? byte_source::extremes : byte_source::any;
    const test_operand<std::int8_t> a{rows, k, layouts[seed % 4], [&] { return source(); }};
    const test_operand<std::int8_t> b{k, n, layouts[seed / 4 % 4], [&] { return source(); }};
    const auto expected = reference_product(m, a, b);
    for (const lutra::isa i : usable_isas()) {
        INFO(m.name << ' ' << rows << 'x' << k << 'x' << n << ' ' << to_string(i) << ", seed " << seed);
        CHECK(packed_product(m, a, b, i) == expected);
        CHECK(stored_product(m, a, b, i) == expected);
    }
}

} // namespace

TEST_CASE("separable plans equal their tables on every tile height and width") {
    for (const auto& m : made_plans())
        for (std::size_t rows = 1; rows < 28; ++rows) check(m, rows, 5 + rows % 3, 1 + rows * 7 % 50, 60 * rows + 11);
}

TEST_CASE("separable plans equal their tables where K is small or odd") {
    for (const auto& m : made_plans())
        for (const std::size_t k : {0u, 1u, 2u, 3u, 4u, 31u, 33u, 65u})
            for (std::uint64_t seed = 0; seed < 20; ++seed) check(m, 13, k, 35, seed);
}

TEST_CASE("a mapped block of A that is larger than its cache") {
    for (const auto& m : made_plans()) check(m, 150, 1100, 18, 7);
}

TEST_CASE("the operand -128 is found wherever it is") {
    constexpr std::size_t rows = 5, k = 9, n = 20;
    for (const auto& m : made_plans())
        for (const bool in_a : {true, false}) {
            std::vector<std::int8_t> a(rows * k, 3), b(k * n, -7);
            (in_a ? a : b)[(in_a ? rows * k : k * n) - 1] = -128;
            const lutra::matrix_view x{a.data(), rows, k}, y{b.data(), k, n};
            for (const lutra::isa i : usable_isas()) CHECK(packed_product(m, x, y, i) == reference_product(m, x, y));
        }
}
