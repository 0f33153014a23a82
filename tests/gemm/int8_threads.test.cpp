// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/threads.hpp>
#include <lutra/gemm/epilogue.hpp>
#include <lutra/gemm/int8_gemm_batch.hpp>
#include <lutra/gemm/reference.hpp>

#include "operands.hpp"
#include "plans.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <cstdint>
#include <vector>

TEST_CASE("any number of workers gives the same sums") {
    constexpr std::size_t k = 19, n = 37;
    for (const auto& m : made_plans())
        for (const std::size_t rows : {0u, 1u, 2u, 30u, 61u}) {
            byte_source source{lutra::random_generator{rows}};
            const test_operand<std::int8_t> a{rows, k, layout::strided, [&] { return source(); }};
            const test_operand<std::int8_t> b{k, n, layout::dense, [&] { return source(); }};
            const auto expected = packed_product(m, a, b, lutra::best_isa());
            const lutra::arena_memory packed{lutra::packed_b_bytes(m, k, n)};
            const auto ready = lutra::pack_b(b, m, packed.bytes());
            for (const std::size_t workers : {1u, 3u}) {
                lutra::thread_executor ex{workers};
                const lutra::arena_memory memory{workers * lutra::int8_gemm_scratch_bytes(m, rows, k, n)};
                lutra::arena scratch{memory.bytes()};
                std::vector<std::int32_t> c(rows * n);
                lutra::gemm(ex, a, ready, scratch, lutra::store_sums{lutra::matrix_view{c.data(), rows, n}});
                CHECK(c == expected);
                CHECK(scratch.used() == 0);
            }
        }
}

TEST_CASE("an output that shares memory with an operand is refused") {
    constexpr lutra::lowered_multiplier exact{};
    alignas(64) std::int8_t a[2 * 16] = {};
    const lutra::matrix_view x{a, 2, 4, 16};
    std::vector<std::int8_t> weights(4 * 4, 1);
    const lutra::arena_memory packed{lutra::packed_b_bytes(exact, 4, 4)};
    const auto b = lutra::pack_b(lutra::matrix_view{weights.data(), 4, 4}, exact, packed.bytes());
    const lutra::arena_memory memory{lutra::int8_gemm_scratch_bytes(exact, 2, 4, 4)};
    lutra::arena scratch{memory.bytes()};
    const std::vector<lutra::requantizer> by(4, lutra::requantizer::from_ratio(1));
    const auto run = [&](std::int8_t* out) {
        lutra::gemm(x, b, scratch, lutra::requantize_sums{lutra::matrix_view{out, 2, 4, 16}, by, {}});
    };
    REQUIRE_PANIC(run(a), bad_argument);
    REQUIRE_PANIC(run(a + 3), bad_argument);
    REQUIRE_PANIC(run(a + 13), bad_argument); // its first row ends in the second row of A
    run(a + 4);                               // columns beside those of A
    run(a + 12);
    auto* inside = reinterpret_cast<std::int32_t*>(packed.bytes().data());
    REQUIRE_PANIC(lutra::gemm(x, b, scratch, lutra::store_sums{lutra::matrix_view{inside, 2, 4}}), bad_argument);
    lutra::thread_executor ex{2};
    const lutra::arena_memory two{2 * lutra::int8_gemm_scratch_bytes(exact, 2, 4, 4)};
    lutra::arena twice{two.bytes()};
    REQUIRE_PANIC(lutra::gemm(ex, x, b, twice, lutra::store_sums{lutra::matrix_view{inside, 2, 4}}), bad_argument);
}

TEST_CASE("a batch of attention products equals the reference") {
    constexpr std::size_t heads = 5, tokens = 21, width = 9;
    byte_source source{lutra::random_generator{3}};
    std::vector<std::int8_t> qk(tokens * heads * 2 * width);
    for (auto& x : qk) x = source();
    const lutra::matrix_view<const std::int8_t> all{qk.data(), tokens, heads * 2 * width};
    const auto query = [&](std::size_t h) { return all.block(0, h * width, tokens, width); };
    const auto key = [&](std::size_t h) { return all.block(0, (heads + h) * width, tokens, width); };
    for (const auto& m : made_plans()) {
        const std::size_t bytes = lutra::unpacked_scratch_bytes(m, tokens, width, tokens);
        for (const std::size_t workers : {1u, 2u}) {
            std::vector<std::int32_t> scores(heads * tokens * tokens), expected(scores.size());
            const auto head = [&](std::vector<std::int32_t>& of, std::size_t h) {
                return lutra::matrix_view{of.data() + h * tokens * tokens, tokens, tokens};
            };
            for (std::size_t h = 0; h < heads; ++h)
                lutra::gemm_reference(m, query(h), transposed(key(h)), head(expected, h));
            lutra::thread_executor ex{workers};
            const lutra::arena_memory memory{workers * bytes};
            lutra::arena scratch{memory.bytes()};
            lutra::gemm_batch(ex, heads, m, bytes, scratch, [&](std::size_t h) {
                return lutra::int8_product{query(h), transposed(key(h)), lutra::store_sums{head(scores, h)}};
            });
            CHECK(scores == expected);
            CHECK(scratch.used() == 0);
        }
    }
    alignas(64) std::int8_t both[64] = {};
    const lutra::arena_memory memory{lutra::unpacked_scratch_bytes({}, 4, 4, 4)};
    lutra::arena scratch{memory.bytes()};
    const std::vector<lutra::requantizer> by(4, lutra::requantizer::from_ratio(1));
    const lutra::matrix_view x{both, 4, 4}, y{both + 16, 4, 4};
    REQUIRE_PANIC(lutra::gemm(x, y, {}, scratch, lutra::requantize_sums{y, by, {}}), bad_argument);
}
