// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/arena_memory.hpp>
#include <lutra/core/random.hpp>
#include <lutra/prune/compressed.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using lutra::compressed_matrix;

TEST_CASE("compressed_matrix: what goes in comes out, and takes what it must") {
    const lutra::arena_memory memory{1 << 18};
    for (const std::size_t rows : {0u, 1u, 7u})
        for (const std::size_t cols : {0u, 1u, 63u, 64u, 65u, 200u})
            for (const int zeros : {0, 10, 50, 90, 100}) {
                INFO(rows << "x" << cols << " " << zeros << " %");
                lutra::random_generator random{rows + cols};
                const std::size_t stride = cols + 3;
                std::vector<float> x(rows * stride, 9);
                std::size_t kept = 0;
                for (std::size_t r = 0; r < rows; ++r)
                    for (std::size_t j = 0; j < cols; ++j) {
                        const bool zero = random.between(0, 99) < zeros;
                        x[r * stride + j] = zero ? 0 : static_cast<float>(random.between(1, 1000));
                        kept += !zero;
                    }
                const lutra::matrix_view<const float> in{x.data(), rows, cols, stride};
                lutra::arena arena{memory.bytes()}, counting = lutra::arena::counting();
                auto m = compressed_matrix::take(rows, cols, kept, arena);
                static_cast<void>(compressed_matrix::take(rows, cols, kept, counting));
                CHECK(arena.used() == counting.used());
                CHECK(!m.holds());
                CHECK(m.bytes() == 0);
                REQUIRE(m.assign(in));
                CHECK(m.holds());
                CHECK(m.kept() == kept);
                CHECK(m.capacity() == kept);
                CHECK(m.bytes() == rows * ((cols + 63) / 64) * 8 + (rows + 1) * 4 + kept * 4);
                std::vector<float> out(x.size(), 9);
                m.expand({out.data(), rows, cols, stride});
                CHECK(out == x);
                if (kept == 0) continue;
                auto small = compressed_matrix::take(rows, cols, kept - 1, arena);
                CHECK(!small.assign(in));
                CHECK(!small.holds());
                CHECK(small.bytes() == 0);
                REQUIRE_PANIC(small.expand({out.data(), rows, cols, stride}), empty);
            }
}

TEST_CASE("compressed_matrix: NaN stays bit for bit, -0 becomes 0, rows stand alone, and it is used again") {
    const lutra::arena_memory memory{4096};
    lutra::arena arena{memory.bytes()};
    const float nan = std::bit_cast<float>(0x7fc12345u), infinity = std::numeric_limits<float>::infinity();
    const std::vector<float> x{nan, -0.0f, 3, 0, -infinity, 1e-45f};
    auto m = compressed_matrix::take(2, 3, 4, arena);
    REQUIRE(m.assign({x.data(), 2, 3}));
    CHECK(m.kept() == 4);
    std::vector<float> row(3, 7);
    m.expand_row(1, row);
    CHECK(row == std::vector<float>{0, -infinity, 1e-45f});
    m.expand_row(0, row);
    CHECK(std::bit_cast<std::uint32_t>(row[0]) == 0x7fc12345u);
    CHECK(!std::signbit(row[1]));
    CHECK(row[2] == 3);
    const std::vector<float> all{1, 2, 3, 4, 5, 6}, few{0, 0, 0, 0, 8, 0};
    CHECK(!m.assign({all.data(), 2, 3}));
    REQUIRE(m.assign({few.data(), 2, 3}));
    CHECK(m.kept() == 1);
    m.expand_row(1, row);
    CHECK(row == std::vector<float>{0, 8, 0});
}

TEST_CASE("compressed_matrix: what cannot be is refused") {
    const lutra::arena_memory memory{1024};
    lutra::arena arena{memory.bytes()}, less{memory.bytes().first(64)};
    auto m = compressed_matrix::take(2, 3, 6, arena);
    std::vector<float> x(9);
    REQUIRE_PANIC(m.assign({x.data(), 3, 2}), bad_shape);
    REQUIRE(m.assign({x.data(), 2, 3}));
    REQUIRE_PANIC(m.expand({x.data(), 3, 3}), bad_shape);
    REQUIRE_PANIC(m.expand_row(2, std::span{x}.first(3)), out_of_range);
    REQUIRE_PANIC(m.expand_row(0, x), bad_shape);
    REQUIRE_PANIC(compressed_matrix::take(2, 3, std::size_t{1} << 32, arena), overflow);
    REQUIRE_PANIC(compressed_matrix::take(2, 3, 6, less), arena_too_small);
}
