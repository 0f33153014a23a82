// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/gemm/epilogue.hpp>
#include <lutra/gemm/int8_gemm.hpp>
#include <lutra/gemm/reference.hpp>

#include "operands.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

constexpr lutra::lowered_multiplier exact{};
const std::array<std::int16_t, 65536> zeros16{};
const std::array<std::int32_t, 65536> zeros32{};

/// A table of zeros that claims products within +-@p most.
lutra::lowered_multiplier table(std::int32_t most, bool narrow) {
    return {.kind = lutra::plan_kind::table,
            .rank = 0,
            .products16 = narrow ? zeros16.data() : nullptr,
            .products32 = zeros32.data(),
            .min_product = -most,
            .max_product = most};
}
lutra::gemm_operand<std::int8_t> constant(std::size_t rows, std::size_t cols) {
    static constexpr std::int8_t value = 1;
    return {&value, rows, cols, 0, 0};
}
void pack(const lutra::lowered_multiplier& m, std::size_t k, std::size_t n) {
    std::vector<std::byte> memory(lutra::packed_b_bytes(m, k, n));
    static_cast<void>(lutra::pack_b(constant(k, n), m, memory));
}

constexpr auto ignore = [](std::size_t, std::size_t, std::span<const std::int32_t>) {};

static_assert(lutra::packed_b_bytes(exact, 3, 17, lutra::isa::scalar) == 4 * 32 * 2);
static_assert(lutra::packed_b_bytes({.kind = lutra::plan_kind::table, .rank = 0}, 3, 33, lutra::isa::scalar) == 3 * 64);
static_assert(lutra::int8_gemm_scratch_bytes(exact, 1, 2, 16, lutra::isa::scalar) == 64 + 64);

} // namespace

TEST_CASE("pack_b needs its memory") {
    for (const auto& m : {exact, table(1, true)}) {
        const std::size_t bytes = lutra::packed_b_bytes(m, 5, 7);
        alignas(64) std::array<std::byte, 1024> memory{};
        const auto b = lutra::pack_b(constant(5, 7), m, std::span{memory}.first(bytes));
        CHECK(b.k == 5);
        CHECK(b.n == 7);
        CHECK(b.data == memory.data());
        REQUIRE_PANIC(lutra::pack_b(constant(5, 7), m, std::span{memory}.first(bytes - 1)), arena_too_small);
    }
    alignas(64) std::array<std::byte, 1024> memory{};
    REQUIRE_PANIC(lutra::pack_b(constant(5, 7), exact, std::span{memory}.subspan(2)), misaligned);
    REQUIRE_PANIC(lutra::pack_b({nullptr, 5, 7, 7, 1}, exact, memory), null_view);
    for (const lutra::isa i : lutra::all_isas)
        if (!lutra::has_isa(i)) REQUIRE_PANIC(lutra::pack_b(constant(5, 7), exact, memory, i), unsupported);
}

TEST_CASE("pack_b refuses a K whose sums could leave int32") {
    pack(exact, 131071, 1);
    REQUIRE_PANIC(pack(exact, 131072, 1), overflow);
    pack(table(32768, true), 65535, 1);
    REQUIRE_PANIC(pack(table(32768, true), 65536, 1), overflow);
    constexpr std::int32_t most = std::numeric_limits<std::int32_t>::max();
    pack(table(most, false), 1, 1);
    REQUIRE_PANIC(pack(table(most, false), 2, 1), overflow);
    auto lowest = table(0, false);
    lowest.min_product = std::numeric_limits<std::int32_t>::min();
    pack(lowest, 0, 1);
    REQUIRE_PANIC(pack(lowest, 1, 1), overflow);
    pack(table(0, true), 200000, 1); // zeros never overflow
}

TEST_CASE("gemm checks its shapes and its scratch") {
    for (const auto& m : {exact, table(1, true), table(1, false)}) {
        const lutra::arena_memory packed{lutra::packed_b_bytes(m, 5, 40)};
        const auto b = lutra::pack_b(constant(5, 40), m, packed.bytes());
        const std::size_t bytes = lutra::int8_gemm_scratch_bytes(m, 3, 5, 40);
        const lutra::arena_memory memory{bytes};
        lutra::arena enough{memory.bytes()}, little{memory.bytes().first(bytes - 64)};
        lutra::gemm(constant(3, 5), b, enough, ignore);
        CHECK(enough.used() == 0);
        REQUIRE_PANIC(lutra::gemm(constant(3, 4), b, enough, ignore), bad_shape);
        REQUIRE_PANIC(lutra::gemm(constant(3, 6), b, enough, ignore), bad_shape);
        REQUIRE_PANIC(lutra::gemm(constant(3, 5), b, little, ignore), arena_too_small);
        REQUIRE_PANIC(lutra::gemm({nullptr, 3, 5, 5, 1}, b, enough, ignore), null_view);
    }
}

TEST_CASE("the scratch for many rows suffices for fewer") {
    for (const auto& m : {exact, table(1, true), table(1, false)})
        for (const std::size_t n : {1u, 100u, 70000u})
            for (std::size_t last = 0; const std::size_t rows : {0u, 1u, 127u, 128u, 1000u}) {
                const std::size_t bytes = lutra::int8_gemm_scratch_bytes(m, rows, 3, n);
                CHECK(bytes >= last);
                last = bytes;
            }
    const auto m = table(1, true); // blocks of rows take all of it
    const lutra::arena_memory packed{lutra::packed_b_bytes(m, 5, 2000)};
    const auto b = lutra::pack_b(constant(5, 2000), m, packed.bytes());
    const std::size_t bytes = lutra::int8_gemm_scratch_bytes(m, 128, 5, 2000);
    const lutra::arena_memory memory{bytes};
    lutra::arena enough{memory.bytes()}, little{memory.bytes().first(bytes - 64)};
    lutra::gemm(constant(128, 5), b, enough, ignore);
    REQUIRE_PANIC(lutra::gemm(constant(128, 5), b, little, ignore), arena_too_small);
}

TEST_CASE("the reference checks its shapes") {
    std::vector<std::int32_t> c(6);
    const auto run = [&](std::size_t m, std::size_t k, std::size_t k2, std::size_t n) {
        lutra::gemm_reference(exact, constant(m, k), constant(k2, n), lutra::matrix_view{c.data(), 2, 3});
    };
    run(2, 4, 4, 3);
    CHECK(c == std::vector<std::int32_t>(6, 4));
    REQUIRE_PANIC(run(2, 4, 5, 3), bad_shape);
    REQUIRE_PANIC(run(3, 4, 4, 3), bad_shape);
    REQUIRE_PANIC(run(2, 4, 4, 2), bad_shape);
}

TEST_CASE("an instruction set has a name") {
    CHECK(to_string(lutra::isa::scalar) == "scalar");
    CHECK(to_string(lutra::isa::avx2) == "avx2");
    CHECK(to_string(lutra::isa::avx512bw) == "avx512bw");
    CHECK(to_string(lutra::isa::neon_dot) == "neon_dot");
#if defined(__AVX2__)
    CHECK(lutra::best_isa() != lutra::isa::scalar);
#endif
}
