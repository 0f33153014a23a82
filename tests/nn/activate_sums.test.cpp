// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/random.hpp>
#include <lutra/nn/activate_sums.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

TEST_CASE("activate_sums is dequantise, activate, quantise, in pieces of any length") {
    constexpr std::size_t n = 197, stride = 200;
    lutra::random_generator random{1};
    std::vector<std::int32_t> sums(n);
    std::vector<float> sum_scale(n), bias(n), real(n);
    for (std::size_t j = 0; j < n; ++j) {
        sums[j] = static_cast<std::int32_t>(random.between(-4000, 4000));
        sum_scale[j] = static_cast<float>(1e-3 * random.unit());
        bias[j] = static_cast<float>(random.unit() - 0.5);
    }
    for (const bool with_bias : {false, true}) {
        const std::span<const float> add = with_bias ? std::span<const float>{bias} : std::span<const float>{};
        lutra::dequantize_sums{{real.data(), 1, n}, sum_scale, add}(0, 0, sums);
        lutra::apply<lutra::gelu>(real);
        std::vector<std::int8_t> expected(n);
        lutra::quantize(real, 0.02f, expected);
        for (const std::size_t piece : {1u, 7u, 32u, 64u, 100u, 197u}) {
            std::vector<std::int8_t> out(2 * stride, 99);
            const lutra::activate_sums<lutra::gelu> use{{out.data(), 2, n, stride}, sum_scale, add, 0.02f};
            for (std::size_t first = 0; first < n; first += piece)
                use(1, first, std::span{sums}.subspan(first, std::min(piece, n - first)));
            std::size_t wrong = 0;
            for (std::size_t j = 0; j < stride; ++j) wrong += out[stride + j] != (j < n ? expected[j] : std::int8_t{99});
            CHECK(wrong == 0);
            CHECK(out[0] == 99);
        }
    }
    std::vector<std::int8_t> out(n);
    const std::span<const float> scales = sum_scale;
    const lutra::matrix_view<std::int8_t> row{out.data(), 1, n};
    REQUIRE_PANIC((lutra::activate_sums<lutra::gelu>{row, scales.first(n - 1), {}, 1}(0, 0, sums)), bad_shape);
    REQUIRE_PANIC((lutra::activate_sums<lutra::gelu>{row, scales, scales.first(n - 1), 1}(0, 0, sums)), bad_shape);
    REQUIRE_PANIC((lutra::activate_sums<lutra::gelu>{row, scales, {}, 0}(0, 0, sums)), bad_argument);
    REQUIRE_PANIC((lutra::activate_sums<lutra::gelu>{row, scales, {}, 1}(1, 0, sums)), out_of_range);
}
