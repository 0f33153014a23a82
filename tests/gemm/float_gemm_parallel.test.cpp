// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/threads.hpp>
#include <lutra/gemm/float_gemm_parallel.hpp>

#include "operands.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <cstring>
#include <vector>

namespace {

using lutra::matrix_view;

/// C, which starts as 0.5 everywhere and has a stride of its own, after `run`.
template <class F>
std::vector<float> product(std::size_t m, std::size_t n, F run) {
    std::vector<float> c(m * (n + 3), 0.5f);
    run(matrix_view<float>{c.data(), m, n, n + 3});
    return c;
}
bool same_bits(const std::vector<float>& x, const std::vector<float>& y) {
    return x.size() == y.size() && (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0);
}

} // namespace

TEST_CASE("packed, in place and on any number of workers a float product has the same bits") {
    struct shape {
        std::size_t m, k, n;
    };
    lutra::random_generator random{5};
    const auto fill = [&] { return static_cast<float>(2 * random.unit() - 1); };
    std::size_t which = 0;
    for (const shape s : {shape{1, 70, 64},
                          {7, 400, 96},
                          {12, 33, 130},
                          {13, 33, 16},
                          {150, 50, 20},
                          {61, 770, 200},
                          {40, 0, 30},
                          {0, 3, 4},
                          {3, 4, 0},
                          {6, 1, 1}}) {
        const test_operand<float> a{s.m, s.k, layouts[which % 4], fill}, b{s.k, s.n, layouts[which / 2 % 4], fill};
        ++which;
        std::vector<float> bias(s.n), packed(lutra::packed_b_floats(s.k, s.n));
        for (float& x : bias) x = fill();
        const lutra::packed_float_b ready = lutra::pack_b(b, packed);
        for (const bool accumulate : {false, true}) {
            INFO(s.m << " x " << s.k << " x " << s.n << (accumulate ? ", added" : ""));
            const lutra::float_epilogue e{.bias = bias.data(), .scale = 0.75f, .accumulate = accumulate};
            const auto expected = product(s.m, s.n, [&](auto c) { lutra::gemm(a, b, c, e); });
            CHECK(same_bits(expected, product(s.m, s.n, [&](auto c) { lutra::gemm(a, ready, c, e); })));
            for (const std::size_t workers : {1u, 2u, 3u, 5u}) {
                lutra::thread_executor pool{workers};
                CHECK(same_bits(expected, product(s.m, s.n, [&](auto c) { lutra::gemm(pool, a, b, c, e); })));
                CHECK(same_bits(expected, product(s.m, s.n, [&](auto c) { lutra::gemm(pool, a, ready, c, e); })));
            }
        }
    }
}

TEST_CASE("a batch of float products is the products one by one") {
    // the scores of three heads in rows of queries and keys, as attention has them
    constexpr std::size_t heads = 3, tokens = 29, width = 8, stride = 2 * heads * width;
    lutra::random_generator random{6};
    std::vector<float> qk(tokens * stride), batched(heads * tokens * tokens), single(batched);
    for (float& x : qk) x = static_cast<float>(random.unit());
    const auto score = [&](std::size_t head, std::vector<float>& out) {
        const matrix_view<const float> query{qk.data() + head * width, tokens, width, stride};
        const matrix_view<const float> key{qk.data() + (heads + head) * width, tokens, width, stride};
        return lutra::float_product{
            query, transposed(key), {out.data() + head * tokens * tokens, tokens, tokens}, {.scale = 2}};
    };
    lutra::thread_executor pool{2};
    lutra::gemm_batch(pool, heads, [&](std::size_t head) { return score(head, batched); });
    for (std::size_t head = 0; head < heads; ++head) {
        const lutra::float_product p = score(head, single);
        lutra::gemm(p.a, p.b, p.c, p.epilogue);
    }
    CHECK(same_bits(batched, single));
    CHECK(batched.back() > 0);
}

TEST_CASE("a float product on workers checks its shapes") {
    std::vector<float> x(64), c(6), memory(lutra::packed_b_floats(5, 3));
    const matrix_view<const float> a{x.data(), 2, 4}, wrong{x.data(), 5, 3};
    const lutra::packed_float_b packed = lutra::pack_b(wrong, memory);
    lutra::serial_executor ex;
    REQUIRE_PANIC(lutra::gemm(ex, a, wrong, matrix_view{c.data(), 2, 3}), bad_shape);
    REQUIRE_PANIC(lutra::gemm(ex, a, packed, matrix_view{c.data(), 2, 3}), bad_shape);
}
