// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/matrix_view.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <array>
#include <limits>
#include <numeric>
#include <type_traits>

using lutra::matrix_view;

static_assert(std::is_convertible_v<matrix_view<int>, matrix_view<const int>>);
static_assert(!std::is_convertible_v<matrix_view<const int>, matrix_view<int>>);
static_assert(!std::is_convertible_v<matrix_view<short>, matrix_view<const int>>);
static_assert(std::is_trivially_copyable_v<matrix_view<float>>);
static_assert([] {
    std::array<int, 6> a{1, 2, 3, 4, 5, 6};
    const matrix_view m{a.data(), 2, 3};
    m(1, 2) = 60;
    return m.block(2, 3, 0, 0).empty() && m.row(1)[0] == 4 && a[5] == 60 && m.block(0, 1, 2, 2)(1, 1) == 60;
}());

TEST_CASE("elements, rows and blocks of every part of a strided matrix") {
    std::array<int, 5 * 7> memory{};
    std::iota(memory.begin(), memory.end(), 0);
    const matrix_view<const int> m{memory.data(), 5, 6, 7};
    int wrong = 0;
    for (std::size_t r = 0; r < 5; ++r)
        for (std::size_t c = 0; c < 6; ++c) wrong += m(r, c) != static_cast<int>(r * 7 + c) || m.row(r)[c] != m(r, c);
    for (std::size_t r = 0; r <= 5; ++r)
        for (std::size_t c = 0; c <= 6; ++c)
            for (std::size_t rows = 0; r + rows <= 5; ++rows)
                for (std::size_t cols = 0; c + cols <= 6; ++cols) {
                    const auto b = m.block(r, c, rows, cols);
                    wrong += b.rows() != rows || b.cols() != cols || b.empty() != (rows == 0 || cols == 0);
                    if (!b.empty()) wrong += b(0, 0) != m(r, c) || b(rows - 1, cols - 1) != m(r + rows - 1, c + cols - 1);
                }
    CHECK(wrong == 0);
    CHECK(m.row(0).size() == 6);
}

TEST_CASE("a view that cannot be is refused") {
    std::array<int, 12> a{};
    constexpr auto huge = std::numeric_limits<std::size_t>::max();
    REQUIRE_PANIC((matrix_view{a.data(), 3, 4, 3}), bad_shape);
    REQUIRE_PANIC((matrix_view<int>{nullptr, 3, 4}), null_view);
    CHECK(matrix_view<int>{nullptr, 3, 0}.empty());
    CHECK(matrix_view<int>{}.empty());
    CHECK(matrix_view{a.data(), 1, 12, 1}.row(0).size() == 12);
    const matrix_view m{a.data(), 3, 4};
    REQUIRE_PANIC(m.row(3), out_of_range);
    REQUIRE_PANIC(m.block(0, 0, 4, 1), out_of_range);
    REQUIRE_PANIC(m.block(1, 1, 1, 4), out_of_range);
    REQUIRE_PANIC(m.block(huge, 0, 2, 1), out_of_range);
    REQUIRE_PANIC(m.block(1, 0, huge, 1), out_of_range);
}
