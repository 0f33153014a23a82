// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/gemm/float_gemm.hpp>
#include <lutra/gemm/reference.hpp>

#include "operands.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <cmath>
#include <limits>
#include <vector>

namespace {

struct float_source {
    lutra::random_generator random;
    float operator()() { return static_cast<float>(2 * random.unit() - 1); }
};

/// A product and what it may be off by, with C's padding guarded.
struct float_case {
    std::size_t m, k, n;
    float_source source;
    test_operand<float> a, b;
    std::vector<float> bias;

    float_case(std::size_t m_, std::size_t k_, std::size_t n_, layout la, layout lb, std::uint64_t seed)
        : m{m_},
          k{k_},
          n{n_},
          source{lutra::random_generator{seed}},
          a{m, k, la, [this] { return source(); }},
          b{k, n, lb, [this] { return source(); }},
          bias(n) {
        for (float& x : bias) x = source();
    }

    /// Whether both the packed and the unpacked product are within (K + 4) epsilon of the sum of the magnitudes.
    bool holds(lutra::float_epilogue e) const {
        std::vector<float> packed(lutra::packed_b_floats(k, n));
        const lutra::packed_float_b ready = lutra::pack_b(b, packed);
        return within(e, [&](lutra::matrix_view<float> c) { lutra::gemm(a, b, c, e); }) &&
               within(e, [&](lutra::matrix_view<float> c) { lutra::gemm(a, ready, c, e); });
    }

private:
    template <class F>
    bool within(lutra::float_epilogue e, F run) const {
        constexpr float old = 0.75f;
        const std::size_t stride = n + 5;
        std::vector<float> out(m == 0 ? 0 : (m - 1) * stride + n, old);
        run(lutra::matrix_view<float>{out.data(), m, n, stride});
        const lutra::gemm_operand<float> left = a, right = b;
        for (std::size_t i = 0; i < m; ++i)
            for (std::size_t j = 0; j < stride && i * stride + j < out.size(); ++j) {
                const float got = out[i * stride + j];
                if (j >= n) {
                    if (got != old) return false;
                    continue;
                }
                double sum = 0, magnitude = 0;
                for (std::size_t l = 0; l < k; ++l) {
                    const double p = double{left(i, l)} * double{right(l, j)};
                    sum += p;
                    magnitude += std::fabs(p);
                }
                double expected = double{e.scale} * sum, bound = std::fabs(double{e.scale}) * magnitude;
                if (e.bias != nullptr) expected += double{e.bias[j]}, bound += std::fabs(double{e.bias[j]});
                if (e.accumulate) expected += double{old}, bound += double{old};
                // the last bound: the sums begin and end in memory, so a K of 0 or 1 without a scale is nearly exact
                bound *= static_cast<double>(k + 4) * double{std::numeric_limits<float>::epsilon()} / 2;
                if (!(std::fabs(double{got} - expected) <= bound)) return false;
            }
        return true;
    }
};

} // namespace

TEST_CASE("a float product is within its error bound, whatever the shape") {
    constexpr std::size_t sizes[]{0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 47, 48, 49, 64, 95, 97, 127, 128, 129, 130};
    std::size_t which = 0, done = 0;
    for (const std::size_t m : sizes)
        for (const std::size_t k : sizes)
            for (const std::size_t n : sizes) {
                if (which++ % 29 != 0) continue;
                ++done;
                const float_case c{m, k, n, layouts[which % 4], layouts[which / 4 % 4], which};
                INFO(m << " x " << k << " x " << n << ", layouts " << which % 16);
                REQUIRE(c.holds({}));
            }
    CHECK(done > 300);
}

TEST_CASE("a float product in every layout, with every epilogue") {
    for (const layout la : layouts)
        for (const layout lb : layouts) {
            const float_case c{13, 300, 53, la, lb, 11}; // three blocks of K, a tail in each dimension
            for (const float scale : {1.0f, -0.375f})
                for (const bool accumulate : {false, true}) {
                    REQUIRE(c.holds({.scale = scale, .accumulate = accumulate}));
                    REQUIRE(c.holds({.bias = c.bias.data(), .scale = scale, .accumulate = accumulate}));
                }
        }
}

TEST_CASE("a float product of K = 0 is its bias") {
    for (const bool accumulate : {false, true}) {
        const float_case c{5, 0, 19, layout::dense, layout::dense, 3};
        CHECK(c.holds({.scale = 2, .accumulate = accumulate}));
        CHECK(c.holds({.bias = c.bias.data(), .scale = 2, .accumulate = accumulate}));
    }
}

TEST_CASE("small integers are multiplied exactly") {
    std::vector<float> a(20 * 140), b(140 * 50), c(20 * 50), expected(20 * 50);
    lutra::random_generator random{1};
    for (float& x : a) x = static_cast<float>(random.between(-50, 50));
    for (float& x : b) x = static_cast<float>(random.between(-50, 50));
    const lutra::matrix_view va{a.data(), 20, 140}, vb{b.data(), 140, 50};
    lutra::gemm(va, vb, lutra::matrix_view{c.data(), 20, 50});
    lutra::gemm_reference(va, vb, lutra::matrix_view{expected.data(), 20, 50});
    CHECK(c == expected);
}

TEST_CASE("a float product checks its shapes and its memory") {
    std::vector<float> x(64), y(64), z(64);
    const auto run = [&](std::size_t m, std::size_t k, std::size_t k2, std::size_t n, bool pack) {
        const lutra::matrix_view a{x.data(), m, k}, b{y.data(), k2, n};
        const lutra::matrix_view c{z.data(), 2, 3};
        std::vector<float> memory(lutra::packed_b_floats(k2, n));
        if (pack)
            lutra::gemm(a, lutra::pack_b(b, memory), c);
        else
            lutra::gemm(a, b, c);
    };
    for (const bool pack : {false, true}) {
        run(2, 4, 4, 3, pack);
        REQUIRE_PANIC(run(2, 4, 5, 3, pack), bad_shape);
        REQUIRE_PANIC(run(1, 4, 4, 3, pack), bad_shape);
        REQUIRE_PANIC(run(2, 4, 4, 4, pack), bad_shape);
    }
    std::vector<float> memory(lutra::packed_b_floats(4, 5) - 1);
    REQUIRE_PANIC(lutra::pack_b(lutra::matrix_view{y.data(), 4, 5}, memory), arena_too_small);
    const lutra::matrix_view a{x.data(), 2, 4, 16}, b{y.data(), 4, 3};
    const lutra::matrix_view beside{x.data() + 4, 2, 3, 16}, over{x.data() + 3, 2, 3, 16}, in_b{y.data() + 11, 2, 3};
    lutra::gemm(a, b, beside); // columns of one matrix, side by side
    REQUIRE_PANIC(lutra::gemm(a, b, over), bad_argument);
    REQUIRE_PANIC(lutra::gemm(a, b, in_b), bad_argument);
    REQUIRE_PANIC(lutra::gemm({nullptr, 2, 4, 4, 1}, b, beside), null_view);
}
