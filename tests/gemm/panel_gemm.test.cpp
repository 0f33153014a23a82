// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tiles of every instruction set that this machine can run, on separable plans made by hand.
#include <lutra/gemm/int8_gemm.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/lowering.hpp>

#include "operands.hpp"
#include "plans.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <utility>
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

TEST_CASE("operands of -128, from none to all, in either operand or both") {
    const std::pair<double, double> shares[]{{0, 0},        {1. / 256, 0}, {0, 1. / 256}, {1. / 256, 1. / 256},
                                             {0.02, 0.005}, {0.005, 0.05}, {0.3, 0.01},   {0, 0.3},
                                             {1, 0},        {0, 1},        {1, 1. / 256}, {1, 1}};
    struct shape {
        std::size_t rows, k, n;
    };
    std::uint64_t seed = 1;
    for (const auto& m : made_plans())
        for (const auto& [in_a, in_b] : shares)
            for (const auto& [rows, k, n] : {shape{1, 3, 17}, {29, 64, 33}, {14, 65, 16}, {9, 200, 70}, {3, 1030, 5}}) {
                lowest_source left{lutra::random_generator{seed}, in_a}, right{lutra::random_generator{seed + 1000}, in_b};
                const test_operand<std::int8_t> a{rows, k, layouts[seed % 4], [&] { return left(); }};
                const test_operand<std::int8_t> b{k, n, layouts[seed / 4 % 4], [&] { return right(); }};
                const auto expected = reference_product(m, a, b);
                for (const lutra::isa i : usable_isas()) {
                    INFO(m.name << ' ' << rows << 'x' << k << 'x' << n << ' ' << to_string(i) << ", seed " << seed);
                    CHECK(packed_product(m, a, b, i) == expected);
                    CHECK(stored_product(m, a, b, i) == expected);
                }
                ++seed;
            }
}

TEST_CASE("weights of -128 leave 8-bit lanes where they lose and are many, or nothing picks for them") {
    constexpr std::size_t k = 384, n = 48;
    std::vector<std::int8_t> few(k * n, 5), many(k * n, 5);
    for (std::size_t i = 0; i < k * n; i += 256) few[i] = -128;
    for (std::size_t i = 0; i < k * n; i += 2) many[i] = -128;
    for (const auto& m : made_plans())
        for (const lutra::isa i : usable_isas()) {
            const auto narrow = [&](const std::vector<std::int8_t>& weights) {
                const lutra::arena_memory memory{lutra::packed_b_bytes(m, k, n, i)};
                return lutra::pack_b(lutra::matrix_view{weights.data(), k, n}, m, memory.bytes(), i).narrow;
            };
            if (m.factors != lutra::factor_width::bits8_but_128) continue;
            const bool bytes = i == lutra::isa::avx_vnni || i == lutra::isa::avx512vnni || i == lutra::isa::avx512vbmi ||
                               i == lutra::isa::neon_dot;
            const bool whole = m.name == "wide activation at -128"; // weights lose nothing
            const bool beyond = m.name == "far weight at -128" || m.name == "a weight like that of -128";
            INFO(m.name << ' ' << to_string(i));
            CHECK(narrow(few) == (bytes && (whole || (i == lutra::isa::avx512vbmi && !beyond))));
            CHECK(narrow(many) == (bytes && whole));
        }
}

TEST_CASE("operands that are larger than the caches' parts for them") {
    for (const auto& m : made_plans()) {
        check(m, 5, 2100, 140, 7);  // several groups of panels
        check(m, 131, 2100, 18, 7); // several blocks of rows, several terms
    }
    check(lutra::lower(lutra::drum<4>{}), 15, 20011, 17, 3);
}
