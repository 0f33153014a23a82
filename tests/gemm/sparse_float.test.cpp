// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/gemm/float_gemm.hpp>
#include <lutra/gemm/sparse/float_shared_gemm.hpp>

#include "sparse.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <cmath>
#include <limits>

namespace {

using lutra::matrix_view;

struct float_source {
    lutra::random_generator random;
    float operator()() { return static_cast<float>(2 * random.unit() - 1); }
};

/// C = scale A B + bias (+ C) over what a mask keeps is within (K + 4) epsilon of the sum of the magnitudes.
void check(std::size_t rows, std::size_t k, std::size_t n, std::size_t columns, std::uint64_t seed) {
    float_source source{lutra::random_generator{seed}};
    const test_operand<float> a{rows, k, layouts[seed % 4], [&] { return source(); }};
    const test_operand<float> b{k, n, layouts[seed / 4 % 4], [&] { return source(); }};
    const lutra::gemm_operand<float> x = a, y = b;
    const test_mask mask = random_shared(k, n, columns, 0.5, seed);
    const lutra::gemm_operand<std::uint8_t> kept = mask;
    const lutra::arena_memory packed{lutra::packed_shared_float_bytes(mask, columns)};
    const lutra::arena_memory memory{lutra::shared_float_scratch_bytes(k)};
    lutra::arena scratch{memory.bytes()};
    const auto right = lutra::pack_shared(b, mask, columns, packed.bytes());
    std::vector<float> bias(n), c(rows * n);
    for (float& v : bias) v = source();
    for (float& v : c) v = source();
    const std::vector<float> before = c;
    const bool add = seed % 2 == 0, biased = seed % 3 != 0;
    lutra::gemm(a, right, matrix_view{c.data(), rows, n}, scratch,
                {.bias = biased ? bias.data() : nullptr, .scale = 0.5f, .accumulate = add});
    CHECK(scratch.used() == 0);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < n; ++j) {
            double sum = 0, size = 1;
            for (std::size_t p = 0; p < k; ++p)
                if (kept(p, j) != 0) {
                    sum += static_cast<double>(x(i, p)) * static_cast<double>(y(p, j));
                    size += std::fabs(static_cast<double>(x(i, p)) * static_cast<double>(y(p, j)));
                }
            sum *= 0.5;
            if (biased) sum += static_cast<double>(bias[j]);
            if (add) sum += static_cast<double>(before[i * n + j]);
            const double off = std::fabs(static_cast<double>(c[i * n + j]) - sum);
            const double may_be = static_cast<double>(k + 4) * static_cast<double>(std::numeric_limits<float>::epsilon());
            if (!(off <= may_be * (size + 2)))
                FAIL(rows << 'x' << k << 'x' << n << " in groups of " << columns << ", seed " << seed << ": " << off);
        }
}

} // namespace

TEST_CASE("float products whose columns share rows are near the exact sums") {
    std::uint64_t seed = 1;
    for (const std::size_t k : {0u, 1u, 3u, 4u, 15u, 16u, 17u, 40u, 400u, 1000u})
        for (const std::size_t columns : {1u, 7u, 16u, 64u, 100u})
            for (const std::size_t rows : {1u, 5u, 49u}) check(rows, k, 1 + seed % 90, columns, seed), ++seed;
    SUCCEED();
}

TEST_CASE("float tiles that were dropped are skipped, those that are no number among them") {
    constexpr std::size_t rows = 9, k = 40, n = 48;
    constexpr lutra::block_shape tile{16, 8};
    float_source source{lutra::random_generator{5}};
    std::vector<float> weights(n * k), activations(rows * k), c(rows * n);
    std::vector<std::uint8_t> bytes(tile.rows(n) * tile.cols(k));
    for (float& x : weights) x = source();
    for (float& x : activations) x = source();
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = i % 2;
    const matrix_view<const std::uint8_t> blocks{bytes.data(), tile.rows(n), tile.cols(k)};
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t p = 0; p < k; ++p)
            if (blocks(j / 16, p / 8) == 0) weights[j * k + p] = std::numeric_limits<float>::quiet_NaN();
    const matrix_view weight{weights.data(), n, k};
    const lutra::arena_memory packed{lutra::packed_float_blocks_bytes(transposed(blocks), tile, k, n)};
    const lutra::arena_memory memory{lutra::shared_float_scratch_bytes(k)};
    lutra::arena scratch{memory.bytes()};
    lutra::gemm(matrix_view{activations.data(), rows, k},
                lutra::pack_blocks(transposed(weight), transposed(blocks), tile, packed.bytes()),
                matrix_view{c.data(), rows, n}, scratch);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < n; ++j) {
            double sum = 0;
            for (std::size_t p = 0; p < k; ++p)
                if (blocks(j / 16, p / 8) != 0)
                    sum += static_cast<double>(activations[i * k + p]) * static_cast<double>(weights[j * k + p]);
            CHECK(static_cast<double>(c[i * n + j]) == Approx(sum).margin(1e-5));
        }
}

TEST_CASE("sparse float products that cannot be panic") {
    std::vector<float> x(64);
    const matrix_view a{x.data(), 2, 8}, b{x.data() + 16, 8, 4}, c{x.data() + 48, 2, 4};
    const test_mask mask = random_shared(8, 4, 2, 0.5, 3);
    test_mask mixed{8, 4, true};
    mixed.at(0, 0) = 1;
    const lutra::arena_memory packed{4096}, memory{lutra::shared_float_scratch_bytes(8)};
    lutra::arena scratch{memory.bytes()}, none{std::span<std::byte>{}};
    const auto right = lutra::pack_shared(b, mask, 2, packed.bytes());
    REQUIRE_PANIC(lutra::pack_shared(b, mixed, 2, packed.bytes()), bad_argument);
    REQUIRE_PANIC(lutra::pack_shared(b, mask, 0, packed.bytes()), bad_argument);
    REQUIRE_PANIC(lutra::pack_shared(a, mask, 2, packed.bytes()), bad_shape);
    REQUIRE_PANIC(lutra::pack_shared(b, mask, 2, packed.bytes().first(64)), arena_too_small);
    REQUIRE_PANIC(lutra::gemm(a, right, c, none), arena_too_small);
    REQUIRE_PANIC(lutra::gemm(b, right, c, scratch), bad_shape);
    REQUIRE_PANIC(lutra::gemm(a, right, matrix_view{x.data(), 2, 4}, scratch), bad_argument);
}
