// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/gemm/epilogue.hpp>
#include <lutra/gemm/int8_gemm.hpp>
#include <lutra/gemm/reference.hpp>

#include "operands.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

/// M x K x N = 70 x 9 x 37 exact sums and the same through an epilogue.
struct product {
    static constexpr std::size_t m = 70, k = 9, n = 37, stride = 41;
    byte_source source{lutra::random_generator{5}};
    test_operand<std::int8_t> a{m, k, layout::dense, [this] { return source(); }};
    test_operand<std::int8_t> b{k, n, layout::dense, [this] { return source(); }};
    std::vector<std::int32_t> sums = std::vector<std::int32_t>(m * n);
    product() { lutra::gemm_reference({}, a, b, lutra::matrix_view{sums.data(), m, n}); }

    template <class Use>
    void through(const Use& use) const {
        const lutra::lowered_multiplier exact;
        const lutra::arena_memory packed{lutra::packed_b_bytes(exact, k, n)};
        const lutra::arena_memory memory{lutra::int8_gemm_scratch_bytes(exact, m, k, n)};
        lutra::arena scratch{memory.bytes()};
        lutra::gemm(a, lutra::pack_b(b, exact, packed.bytes()), scratch, use);
    }
    /// Whether out(i, j) == expected(sum, i, j) everywhere, and what lies between the rows is untouched.
    template <class T, class F>
    bool holds(const std::vector<T>& out, T untouched, F expected) const {
        for (std::size_t i = 0; i < m; ++i)
            for (std::size_t j = 0; j < stride; ++j) {
                const T x = out[i * stride + j];
                if (j < n ? !expected(x, sums[i * n + j], j) : x != untouched) return false;
            }
        return true;
    }
};

} // namespace

TEST_CASE("store_sums keeps the sums") {
    const product p;
    std::vector<std::int32_t> out(p.m * p.stride, -5);
    p.through(lutra::store_sums{{out.data(), p.m, p.n, p.stride}});
    CHECK(p.holds(out, -5, [](std::int32_t x, std::int32_t sum, std::size_t) { return x == sum; }));
}

TEST_CASE("dequantize_sums scales, adds a bias and accumulates") {
    const product p;
    std::vector<float> scale(p.n), bias(p.n);
    for (std::size_t j = 0; j < p.n; ++j) {
        scale[j] = 0.001f * static_cast<float>(j + 1);
        bias[j] = static_cast<float>(j) - 20.5f;
    }
    for (const bool with_bias : {false, true})
        for (const bool accumulate : {false, true}) {
            std::vector<float> out(p.m * p.stride, 3.25f);
            const std::span<const float> b = with_bias ? std::span<const float>{bias} : std::span<const float>{};
            p.through(lutra::dequantize_sums{{out.data(), p.m, p.n, p.stride}, scale, b, accumulate});
            CHECK(p.holds(out, 3.25f, [&](float x, std::int32_t sum, std::size_t j) {
                const double product = double{scale[j]} * sum, added = (with_bias ? double{bias[j]} : 0.0),
                             old = accumulate ? 3.25 : 0.0;
                const double error = std::fabs(static_cast<double>(x) - (product + added + old));
                return error <= 0x1p-23 * (std::fabs(product) + std::fabs(added) + old) * 1.5;
            }));
        }
}

TEST_CASE("requantize_sums is requantize of each sum with its bias") {
    const product p;
    std::vector<lutra::requantizer> by(p.n);
    std::vector<std::int32_t> bias(p.n);
    for (std::size_t j = 0; j < p.n; ++j) {
        by[j] = lutra::requantizer::from_ratio(0.0005 * static_cast<double>(j + 1));
        bias[j] = 1000 * static_cast<std::int32_t>(j) - 20000;
    }
    for (const bool with_bias : {false, true}) {
        std::vector<std::int8_t> out(p.m * p.stride, 99);
        const std::span<const std::int32_t> b =
            with_bias ? std::span<const std::int32_t>{bias} : std::span<const std::int32_t>{};
        p.through(lutra::requantize_sums{{out.data(), p.m, p.n, p.stride}, by, b});
        CHECK(p.holds(out, std::int8_t{99}, [&](std::int8_t x, std::int32_t sum, std::size_t j) {
            return x == lutra::requantize(sum + (with_bias ? bias[j] : 0), by[j]);
        }));
    }
}

TEST_CASE("a bias saturates instead of wrapping") {
    constexpr std::int32_t most = std::numeric_limits<std::int32_t>::max(), least = std::numeric_limits<std::int32_t>::min();
    const std::array<std::int32_t, 2> sums{most, least}, bias{most, least};
    constexpr auto small = lutra::requantizer::from_ratio(0x1p-28);
    constexpr std::array<lutra::requantizer, 2> by{small, small};
    std::array<std::int8_t, 2> out{};
    lutra::requantize_sums{{out.data(), 1, 2}, by, bias}(0, 0, sums);
    CHECK(int{out[0]} == 8);
    CHECK(int{out[1]} == -8);
}

TEST_CASE("an epilogue panics outside its output and its columns") {
    constexpr std::array<std::int32_t, 3> sums{1, 2, 3};
    std::array<std::int32_t, 6> kept{};
    const lutra::store_sums store{{kept.data(), 2, 3}};
    store(1, 0, sums);
    CHECK(kept == std::array<std::int32_t, 6>{0, 0, 0, 1, 2, 3});
    REQUIRE_PANIC(store(2, 0, sums), out_of_range);
    REQUIRE_PANIC(store(0, 1, sums), out_of_range);

    std::array<float, 3> floats{}, scale{1, 1, 1};
    const std::span<const float> two = std::span{scale}.first(2), three = scale;
    lutra::dequantize_sums{{floats.data(), 1, 3}, three, three}(0, 0, sums);
    CHECK(floats == std::array<float, 3>{2, 3, 4});
    REQUIRE_PANIC((lutra::dequantize_sums{{floats.data(), 1, 3}, two, {}}(0, 0, sums)), bad_shape);
    REQUIRE_PANIC((lutra::dequantize_sums{{floats.data(), 1, 3}, three, two}(0, 0, sums)), bad_shape);

    std::array<std::int8_t, 3> bytes{};
    const std::array<lutra::requantizer, 3> by{};
    const std::array<std::int32_t, 3> bias{};
    lutra::requantize_sums{{bytes.data(), 1, 3}, by, bias}(0, 0, sums);
    REQUIRE_PANIC((lutra::requantize_sums{{bytes.data(), 1, 3}, std::span{by}.first(2), {}}(0, 0, sums)), bad_shape);
    REQUIRE_PANIC((lutra::requantize_sums{{bytes.data(), 1, 3}, by, std::span{bias}.first(2)}(0, 0, sums)), bad_shape);
}
