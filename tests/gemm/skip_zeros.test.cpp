// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "gemm/operands.hpp"
#include "gemm/plans.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/gemm/sparse/skip_zeros.hpp>
#include <lutra/gemm/sparse/skip_zeros_int8.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace {

struct shape {
    std::size_t m, k, n;
};
// Empty, one, tails on every side, odd counts, more than one group of columns and more than one block of rows.
constexpr shape shapes[]{{1, 1, 1}, {2, 0, 5}, {3, 7, 10}, {5, 33, 31}, {9, 65, 130}, {17, 40, 290}, {300, 18, 33}};

bool is_one_term(const lutra::lowered_multiplier& m) {
    return m.kind == lutra::plan_kind::exact || (m.kind == lutra::plan_kind::separable && m.rank == 1);
}
bool is_neutral(const lutra::lowered_multiplier& m) {
    for (int w = -128; w < 128; ++w)
        if (m.multiply(0, static_cast<std::int8_t>(w)) != 0) return false;
    return true;
}

/// The plans of the other tests, and one of one term where zero is not neutral.
std::vector<lutra::lowered_multiplier> plans() {
    static const made_plan shifted{
        "one term, 5 at zero",
        lutra::factor_width::bits8,
        {{[](std::int8_t a) { return a == 3 ? 0 : a / 2 + 5; }, [](std::int8_t w) { return std::int32_t{w}; }, 3}}};
    auto all = made_plans();
    all.push_back(shifted.plan());
    return all;
}

/// Activations, a row longer than k apart, of which `share` percent are zero and some -128.
struct activations {
    std::size_t stride;
    std::vector<std::int8_t> values;
    activations(const shape& s, int share, std::uint64_t seed) : stride{s.k + 3}, values(s.m * stride) {
        lutra::random_generator random{seed};
        for (auto& v : values)
            v = random.between(0, 99) < share ? std::int8_t{0}
                : random.between(0, 9) == 0   ? std::int8_t{-128}
                                              : static_cast<std::int8_t>(random.between(-128, 127));
    }
    [[nodiscard]] lutra::matrix_view<const std::int8_t> view(const shape& s) const {
        return {values.data(), s.m, s.k, stride};
    }
};

std::vector<std::int32_t> reference(const lutra::lowered_multiplier& m, lutra::matrix_view<const std::int8_t> a,
                                    lutra::gemm_operand<std::int8_t> b) {
    std::vector<std::int32_t> sums(a.rows() * b.cols);
    for (std::size_t i = 0; i < a.rows(); ++i)
        for (std::size_t k = 0; k < a.cols(); ++k)
            for (std::size_t j = 0; j < b.cols && a(i, k) != 0; ++j) sums[i * b.cols + j] += m.multiply(a(i, k), b(k, j));
    return sums;
}

} // namespace

TEST_CASE("skip_zeros: int8 sums are those over what is not zero, on every instruction set, by either path and use") {
    for (const auto& m : plans()) {
        if (!is_one_term(m) && !is_neutral(m)) continue;
        for (const shape& s : shapes) {
            byte_source bytes{lutra::random_generator{5}};
            const test_operand<std::int8_t> b{s.k, s.n, layout::transposed, bytes};
            for (const int share : {0, 45, 80, 100}) {
                const activations a{s, share, s.n};
                const auto expected = reference(m, a.view(s), b);
                for (const lutra::isa i : usable_isas()) {
                    INFO(m.name << " " << s.m << "x" << s.k << "x" << s.n << " " << share << " % " << to_string(i));
                    const lutra::arena_memory memory{lutra::skipping_b_bytes(m, s.k, s.n, i)},
                        room{lutra::skip_zeros_scratch_bytes(m, s.m, s.k, s.n, i)};
                    lutra::arena scratch{room.bytes()};
                    const auto packed = lutra::pack_skipping_b(b, m, memory.bytes(), i);
                    for (const auto how : {lutra::skip_path::best, lutra::skip_path::lists, lutra::skip_path::dense}) {
                        if (how == lutra::skip_path::lists && !is_one_term(m)) continue;
                        if (how == lutra::skip_path::dense && !is_neutral(m)) continue;
                        std::vector<std::int32_t> stored(s.m * (s.n + 1), -1), given(s.m * s.n, -1);
                        const auto keep = [&](std::size_t row, std::size_t first, std::span<const std::int32_t> sums) {
                            std::copy(sums.begin(), sums.end(),
                                      given.begin() + static_cast<std::ptrdiff_t>(row * s.n + first));
                        };
                        const auto counted = lutra::gemm_skip_zeros(
                            a.view(s), packed, scratch, lutra::store_sums{{stored.data(), s.m, s.n, s.n + 1}}, how);
                        CHECK(lutra::gemm_skip_zeros(a.view(s), packed, scratch, keep, how) == counted);
                        CHECK(given == expected);
                        bool same = scratch.used() == 0;
                        for (std::size_t r = 0; r < s.m; ++r)
                            for (std::size_t j = 0; j <= s.n; ++j)
                                same = same && stored[r * (s.n + 1) + j] == (j < s.n ? expected[r * s.n + j] : -1);
                        CHECK(same);
                        CHECK(counted.elements == s.m * s.k);
                        if (share == 100) CHECK(counted.zeros == s.m * s.k);
                        if (how != lutra::skip_path::best) CHECK(counted.skipped == (how == lutra::skip_path::lists));
                        if (how == lutra::skip_path::best && is_one_term(m) && !is_neutral(m)) CHECK(counted.skipped);
                    }
                }
            }
        }
    }
}

TEST_CASE("skip_zeros: sums of many greatest products stay exact") {
    constexpr std::size_t k = 8192;
    const std::vector<std::int8_t> a(k, -128), b(k * 3, -128);
    for (const lutra::isa i : usable_isas()) {
        const lutra::lowered_multiplier m{};
        const lutra::arena_memory memory{lutra::skipping_b_bytes(m, k, 3, i)},
            room{lutra::skip_zeros_scratch_bytes(m, 1, k, 3, i)};
        lutra::arena scratch{room.bytes()};
        std::vector<std::int32_t> sums(3);
        const auto packed = lutra::pack_skipping_b(lutra::matrix_view{b.data(), k, 3}, m, memory.bytes(), i);
        lutra::gemm_skip_zeros({a.data(), 1, k}, packed, scratch, lutra::store_sums{{sums.data(), 1, 3}},
                               lutra::skip_path::lists);
        CHECK(sums == std::vector<std::int32_t>(3, 8192 * 16384));
    }
}

namespace {
/// Bytes that an arena takes for a packed K x N operand.
std::size_t packed_bytes(std::size_t k, std::size_t n) {
    lutra::arena a = lutra::arena::counting();
    a.take<float>(lutra::packed_b_floats(k, n));
    return a.used();
}
} // namespace

TEST_CASE("skip_zeros: float results are those of the dense product, without a weight that meets zeros only") {
    for (const shape& s : {shape{1, 1, 1}, shape{2, 0, 5}, shape{3, 7, 10}, shape{70, 50, 96}, shape{5, 1000, 33},
                           shape{9, 65, 130}, shape{4, 20, 290}})
        for (const int share : {0, 45, 80, 100})
            for (const bool accumulate : {false, true}) {
                INFO(s.m << "x" << s.k << "x" << s.n << " " << share << " % " << accumulate);
                lutra::random_generator random{s.n};
                const auto real = [&] { return static_cast<float>(random.unit() - 0.5); };
                const test_operand<float> b{s.k, s.n, layout::transposed, real};
                const std::size_t stride = s.k + 2;
                std::vector<float> a(s.m * stride), bias(s.n), dense(s.m * s.n);
                for (float& v : a) v = random.between(0, 99) < share ? 0.0f : real();
                for (float& v : bias) v = real();
                for (float& v : dense) v = real();
                auto lists = dense, best = dense;
                const lutra::arena_memory memory{packed_bytes(s.k, s.n)},
                    room{lutra::skip_zeros_scratch_bytes(s.m, s.k)};
                lutra::arena weights{memory.bytes()}, scratch{room.bytes()};
                const auto packed = lutra::pack_b(b, weights.take<float>(lutra::packed_b_floats(s.k, s.n)));
                const lutra::float_epilogue e{.bias = bias.data(), .scale = 0.5f, .accumulate = accumulate};
                const lutra::matrix_view<const float> rows{a.data(), s.m, s.k, stride};
                lutra::gemm(rows, packed, {dense.data(), s.m, s.n}, e);
                const auto by_lists =
                    lutra::gemm_skip_zeros(rows, packed, {lists.data(), s.m, s.n}, scratch, e, lutra::skip_path::lists);
                lutra::gemm_skip_zeros(rows, packed, {best.data(), s.m, s.n}, scratch, e);
                CHECK(by_lists.skipped == (s.k != 0));
                CHECK(lists == dense);
                CHECK(best == dense);
                CHECK(scratch.used() == 0);
            }
    // A NaN in B that meets zeros only is not read; one in A is no zero.
    constexpr float nothing = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> b{nothing, 1, 2, 3}, a{0, 1, 2, 3, 0, nothing, 0, 0};
    std::vector<float> c(2);
    const lutra::arena_memory memory{packed_bytes(4, 1)},
        room{lutra::skip_zeros_scratch_bytes(2, 4)};
    lutra::arena weights{memory.bytes()}, scratch{room.bytes()};
    const auto packed = lutra::pack_b(lutra::matrix_view{b.data(), 4, 1}, weights.take<float>(lutra::packed_b_floats(4, 1)));
    const auto counted =
        lutra::gemm_skip_zeros({a.data(), 2, 4}, packed, {c.data(), 2, 1}, scratch, {}, lutra::skip_path::lists);
    CHECK(counted == lutra::skip_count{.elements = 8, .zeros = 4, .skipped = true});
    CHECK(c[0] == 1 * 1 + 2 * 2 + 3 * 3);
    CHECK(std::isnan(c[1]));
}

TEST_CASE("skip_zeros: what cannot be is refused") {
    std::vector<std::int8_t> a(6), b(6);
    std::vector<std::int32_t> sums(4);
    for (const auto& m : plans()) {
        const lutra::arena_memory memory{lutra::skipping_b_bytes(m, 3, 2)},
            room{lutra::skip_zeros_scratch_bytes(m, 2, 3, 2)};
        lutra::arena scratch{room.bytes()};
        const lutra::matrix_view<const std::int8_t> weights{b.data(), 3, 2}, rows{a.data(), 2, 3};
        if (!is_one_term(m) && !is_neutral(m)) {
            REQUIRE_PANIC(lutra::pack_skipping_b(weights, m, memory.bytes()), unsupported);
            continue;
        }
        REQUIRE_PANIC(lutra::pack_skipping_b(weights, m, memory.bytes().first(memory.bytes().size() - 1)), arena_too_small);
        const auto packed = lutra::pack_skipping_b(weights, m, memory.bytes());
        const lutra::store_sums keep{{sums.data(), 2, 2}};
        if (!is_one_term(m))
            REQUIRE_PANIC(lutra::gemm_skip_zeros(rows, packed, scratch, keep, lutra::skip_path::lists), unsupported);
        if (!is_neutral(m))
            REQUIRE_PANIC(lutra::gemm_skip_zeros(rows, packed, scratch, keep, lutra::skip_path::dense), unsupported);
        REQUIRE_PANIC(lutra::gemm_skip_zeros(rows.block(0, 0, 2, 2), packed, scratch, keep), bad_shape);
    }
}
