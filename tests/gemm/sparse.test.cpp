// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/threads.hpp>
#include <lutra/gemm/sparse/parallel.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/exact.hpp>
#include <lutra/multiplier/lowering.hpp>
#include <lutra/multiplier/mitchell.hpp>
#include <lutra/prune/block.hpp>
#include <lutra/prune/mask.hpp>

#include "plans.hpp"
#include "sparse.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <string>

namespace {

using lutra::gemm_operand;
using lutra::isa;
using lutra::matrix_view;
using lutra::n_m;

const lutra::lowered_multiplier exact = lutra::lower(lutra::exact{});

/// Operands whose layouts and contents vary with the seed.
struct operands {
    byte_source source;
    test_operand<std::int8_t> a, b;

    operands(std::size_t rows, std::size_t k, std::size_t n, std::uint64_t seed)
        : source{lutra::random_generator{seed}, seed % 5 == 0   ? byte_source::only_lowest
                                                : seed % 5 == 1 ? byte_source::extremes
                                                                : byte_source::any},
          a{rows, k, layouts[seed % 4], [this] { return source(); }},
          b{k, n, layouts[seed / 4 % 4], [this] { return source(); }} {}
};

std::string text(const lutra::lowered_multiplier& m, std::size_t rows, std::size_t k, std::size_t n, isa i) {
    return std::string{m.name} + ' ' + std::to_string(rows) + 'x' + std::to_string(k) + 'x' + std::to_string(n) + ' ' +
           std::string{to_string(i)};
}

void check_n_m(const lutra::lowered_multiplier& m, n_m pattern, std::size_t rows, std::size_t k, std::size_t n,
               std::uint64_t seed) {
    const operands x{rows, k, n, seed};
    const test_mask mask = random_n_m(k, n, pattern, seed);
    const auto expected = masked_product(m, x.a, x.b, mask);
    for (const isa i : usable_isas()) {
        const lutra::arena_memory packed{lutra::packed_n_m_bytes(m, pattern, k, n, i)};
        const auto b = lutra::pack_n_m(x.b, mask, pattern, m, packed.bytes(), i);
        if (sparse_product(x.a, b, lutra::n_m_gemm_scratch_bytes(m, rows, k, i)) != expected)
            FAIL(text(m, rows, k, n, i) << ' ' << int{pattern.n} << ':' << int{pattern.m} << ", seed " << seed);
    }
}

void check_shared(const lutra::lowered_multiplier& m, std::size_t columns, std::size_t rows, std::size_t k, std::size_t n,
                  std::uint64_t seed) {
    const operands x{rows, k, n, seed};
    const test_mask mask = random_shared(k, n, columns, seed % 3 == 0 ? 0.2 : 0.5, seed);
    const auto expected = masked_product(m, x.a, x.b, mask);
    for (const isa i : usable_isas()) {
        const lutra::arena_memory packed{lutra::packed_shared_bytes(mask, columns, m, i)};
        const auto b = lutra::pack_shared(x.b, mask, columns, m, packed.bytes(), i);
        if (sparse_product(x.a, b, lutra::shared_gemm_scratch_bytes(m, rows, k, i)) != expected)
            FAIL(text(m, rows, k, n, i) << " in groups of " << columns << ", seed " << seed);
    }
}

constexpr std::size_t depths[]{0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 63, 64, 65, 100};

} // namespace

TEST_CASE("N:M products equal the reference for every pattern") {
    std::uint64_t seed = 1;
    for (std::uint8_t m = 1; m <= 16; ++m)
        for (std::uint8_t n = 1; n <= m; ++n)
            for (int shape = 0; shape < 4; ++shape, ++seed)
                check_n_m(exact, {n, m}, 1 + seed % 14, depths[seed % 17], seed % 36, seed);
    SUCCEED();
}

TEST_CASE("N:M products equal the reference for every kind of separable plan") {
    std::uint64_t seed = 1;
    for (const auto& m : made_plans())
        for (const n_m pattern : {n_m{2, 4}, n_m{1, 4}, n_m{3, 5}, n_m{3, 16}})
            for (const std::size_t k : depths) check_n_m(m, pattern, 1 + seed % 26, k, seed % 50, seed), ++seed;
    check_n_m(lutra::lower(lutra::drum<4>{}), {2, 4}, 29, 130, 50, 7);
    check_n_m(exact, {2, 4}, 197, 384, 70, 3);
    check_n_m(exact, {2, 4}, 200, 1536, 17, 2); // blocks of rows
    SUCCEED();
}

TEST_CASE("products whose columns share rows equal the reference") {
    std::uint64_t seed = 1;
    for (const auto& m : made_plans())
        for (const std::size_t columns : {1u, 5u, 16u, 32u, 48u, 200u})
            for (std::size_t shape = 0; shape < 6; ++shape, ++seed)
                check_shared(m, columns, 1 + seed % 26, depths[seed % 17], seed % 100, seed);
    for (const std::size_t k : depths) check_shared(exact, 16, 13, k, 50, k + 2);
    check_shared(lutra::lower(lutra::drum<4>{}), 32, 29, 130, 70, 7);
    check_shared(exact, 32, 197, 384, 130, 3);
    check_shared(exact, 32, 200, 1536, 70, 2); // blocks of rows
    SUCCEED();
}

TEST_CASE("any number of workers gives the same sums of sparse products") {
    constexpr std::size_t k = 43, n = 37;
    for (const std::size_t rows : {0u, 1u, 2u, 61u}) {
        const operands x{rows, k, n, rows + 2};
        const test_mask by_column = random_n_m(k, n, {2, 4}, 5), shared = random_shared(k, n, 16, 0.5, 5);
        const lutra::arena_memory memory{lutra::packed_n_m_bytes(exact, {2, 4}, k, n)};
        const lutra::arena_memory shared_memory{lutra::packed_shared_bytes(shared, 16, exact)};
        const auto check = [&](const auto& b, const test_mask& mask) {
            for (const std::size_t workers : {1u, 3u}) {
                lutra::thread_executor ex{workers};
                const lutra::arena_memory room{workers * lutra::sparse_gemm_scratch_bytes(b, rows)};
                lutra::arena scratch{room.bytes()};
                std::vector<std::int32_t> c(rows * n);
                lutra::gemm(ex, x.a, b, scratch, lutra::store_sums{matrix_view{c.data(), rows, n}});
                CHECK(c == masked_product(exact, x.a, x.b, mask));
                CHECK(scratch.used() == 0);
            }
        };
        check(lutra::pack_n_m(x.b, by_column, {2, 4}, exact, memory.bytes()), by_column);
        check(lutra::pack_shared(x.b, shared, 16, exact, shared_memory.bytes()), shared);
    }
}

TEST_CASE("blocks that were dropped are skipped") {
    for (const auto& [tile, share] : {std::pair{lutra::block_shape{32, 16}, 0.5},
                                      {lutra::block_shape{5, 3}, 0.7},
                                      {lutra::block_shape{100, 100}, 1.0},
                                      {lutra::block_shape{16, 64}, 0.0}}) {
        constexpr std::size_t rows = 25, k = 70, n = 85;
        byte_source source{lutra::random_generator{9}};
        std::vector<std::int8_t> weights(n * k), activations(rows * k);
        for (auto& x : weights) x = source();
        for (auto& x : activations) x = source();
        const matrix_view weight{weights.data(), n, k};
        std::vector<std::uint8_t> bytes(tile.rows(n) * tile.cols(k)), all(n * k);
        const matrix_view blocks{bytes.data(), tile.rows(n), tile.cols(k)}, kept{all.data(), n, k};
        const lutra::arena_memory memory{lutra::block_mask_scratch_bytes(n, k, tile)};
        lutra::arena scratch{memory.bytes()};
        lutra::block_mask(weight, tile, share, blocks, scratch);
        lutra::expand_block_mask(blocks, tile, kept);
        const matrix_view a{activations.data(), rows, k};
        const auto expected = masked_product(exact, a, transposed(weight), transposed(kept));
        for (const isa i : usable_isas()) {
            const lutra::arena_memory packed{lutra::packed_blocks_bytes(transposed(blocks), tile, k, n, exact, i)};
            const auto b = lutra::pack_blocks(transposed(weight), transposed(blocks), tile, exact, packed.bytes(), i);
            CHECK(sparse_product(a, b, lutra::shared_gemm_scratch_bytes(exact, rows, k, i)) == expected);
        }
        if (share == 1.0) CHECK(expected == std::vector<std::int32_t>(rows * n));
        // With f(x, 0) = 0, as in the exact multiplier, a dense product with zeros is the same.
        lutra::zero_dropped({all.data(), n, k}, weight);
        CHECK(reference_product(exact, a, transposed(weight)) == expected);
    }
}

TEST_CASE("products of dropped weights are not made, those of kept zeros are") {
    const made_plan plus_one{
        "a b + 1",
        lutra::factor_width::bits8,
        {{[](std::int8_t a) { return std::int32_t{a}; }, [](std::int8_t b) { return std::int32_t{b}; }, 0},
         {[](std::int8_t) { return 1; }, [](std::int8_t) { return 1; }, 0}}};
    const std::vector<std::int8_t> zeros(400);
    for (const std::size_t k : {4u, 13u, 20u}) {
        const matrix_view a{zeros.data(), 3, k}, b{zeros.data(), k, 18};
        const auto count = static_cast<std::int32_t>(k / 4 + (k % 4 != 0));
        test_mask mask{k, 18, false};
        for (std::size_t i = 0; i < k; i += 4)
            for (std::size_t j = 0; j < 18; ++j) mask.at(i, j) = 1;
        for (const isa i : usable_isas()) {
            const lutra::arena_memory packed{lutra::packed_n_m_bytes(plus_one.plan(), {1, 4}, k, 18, i)};
            const auto by_column = lutra::pack_n_m(b, mask, {1, 4}, plus_one.plan(), packed.bytes(), i);
            CHECK(sparse_product(a, by_column, lutra::n_m_gemm_scratch_bytes(plus_one.plan(), 3, k, i)) ==
                  std::vector<std::int32_t>(3 * 18, count));
            const lutra::arena_memory memory{lutra::packed_shared_bytes(mask, 18, plus_one.plan(), i)};
            const auto shared = lutra::pack_shared(b, mask, 18, plus_one.plan(), memory.bytes(), i);
            CHECK(sparse_product(a, shared, lutra::shared_gemm_scratch_bytes(plus_one.plan(), 3, k, i)) ==
                  std::vector<std::int32_t>(3 * 18, count));
        }
    }
}

TEST_CASE("sparse products that cannot be panic") {
    const std::vector<std::int8_t> bytes(64);
    std::vector<std::uint8_t> ones(64, 1);
    const matrix_view a{bytes.data(), 2, 8}, b{bytes.data(), 8, 4};
    const matrix_view<const std::uint8_t> all{ones.data(), 8, 4};
    test_mask mask = random_n_m(8, 4, {2, 4}, 3), shared = random_shared(8, 4, 2, 0.5, 3);
    const lutra::arena_memory memory{4096};
    lutra::arena scratch{memory.bytes()}, none{std::span<std::byte>{}};
    alignas(64) std::byte packed[4096];
    const auto table = lutra::lower(lutra::mitchell{}, lutra::plan_kind::table);
    const isa missing = lutra::has_isa(isa::neon) ? isa::avx2 : isa::neon;
    REQUIRE_PANIC(lutra::pack_n_m(b, all, {2, 4}, exact, packed), bad_argument);
    REQUIRE_PANIC(lutra::pack_n_m(b, mask, {2, 17}, exact, packed), bad_argument);
    REQUIRE_PANIC(lutra::pack_n_m(b, matrix_view{ones.data(), 4, 4}, {2, 4}, exact, packed), bad_shape);
    REQUIRE_PANIC(lutra::pack_n_m(b, matrix_view{ones.data(), 8, 3}, {2, 4}, exact, packed), bad_shape);
    REQUIRE_PANIC(lutra::pack_n_m(b, mask, {2, 4}, table, packed), unsupported);
    REQUIRE_PANIC(lutra::pack_n_m(b, mask, {2, 4}, exact, std::span{packed}.first(100)), arena_too_small);
    REQUIRE_PANIC(lutra::pack_n_m(b, mask, {2, 4}, exact, std::span{packed}.subspan(1)), misaligned);
    REQUIRE_PANIC(lutra::pack_n_m(b, mask, {2, 4}, exact, packed, missing), unsupported);
    REQUIRE_PANIC(lutra::pack_shared(b, mask, 4, exact, packed), bad_argument);
    REQUIRE_PANIC(lutra::pack_shared(b, shared, 0, exact, packed), bad_argument);
    REQUIRE_PANIC(lutra::pack_shared(b, matrix_view{ones.data(), 8, 3}, 2, exact, packed), bad_shape);
    REQUIRE_PANIC(lutra::pack_shared(b, shared, 2, table, packed), unsupported);
    REQUIRE_PANIC(lutra::pack_shared(b, shared, 2, exact, std::span{packed}.first(100)), arena_too_small);
    REQUIRE_PANIC(lutra::pack_blocks(b, matrix_view{ones.data(), 2, 2}, {4, 4}, exact, packed), bad_shape);
    REQUIRE_PANIC(lutra::pack_blocks(b, matrix_view{ones.data(), 1, 1}, {4, 4}, exact, packed), bad_shape);
    REQUIRE_PANIC(lutra::pack_blocks(b, matrix_view{ones.data(), 1, 1}, {0, 4}, exact, packed), bad_argument);

    alignas(64) std::byte other[4096];
    const auto n_m_b = lutra::pack_n_m(b, mask, {2, 4}, exact, packed);
    const auto shared_b = lutra::pack_shared(b, shared, 2, exact, other);
    std::vector<std::int32_t> sums(8);
    const lutra::store_sums keep{matrix_view{sums.data(), 2, 4}};
    REQUIRE_PANIC(lutra::gemm(matrix_view{bytes.data(), 2, 7}, n_m_b, scratch, keep), bad_shape);
    REQUIRE_PANIC(lutra::gemm(matrix_view{bytes.data(), 2, 7}, shared_b, scratch, keep), bad_shape);
    REQUIRE_PANIC(lutra::gemm(a, n_m_b, none, keep), arena_too_small);
    REQUIRE_PANIC(lutra::gemm(a, shared_b, none, keep), arena_too_small);
    const lutra::store_sums over_n_m{matrix_view{reinterpret_cast<std::int32_t*>(packed), 2, 4}};
    const lutra::store_sums over_shared{matrix_view{reinterpret_cast<std::int32_t*>(other), 2, 4}};
    REQUIRE_PANIC(lutra::gemm(a, n_m_b, scratch, over_n_m), bad_argument);
    REQUIRE_PANIC(lutra::gemm(a, shared_b, scratch, over_shared), bad_argument);
}
