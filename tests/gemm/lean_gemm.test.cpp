// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/arena_memory.hpp>
#include <lutra/core/random.hpp>
#include <lutra/gemm/lean_gemm.hpp>
#include <lutra/gemm/reference.hpp>
#include <lutra/multiplier/broken_array.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/exact.hpp>
#include <lutra/multiplier/lowering.hpp>
#include <lutra/multiplier/mitchell.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace {

struct left_only {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "left_only";
    static constexpr product multiply(lhs a, rhs b) noexcept { return (a & ~7) * b; }
};

/// Whose errors are multiples of four.
struct wrong_by_fours {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "wrong_by_fours";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b + 4 * ((a ^ (3 * b)) & 63); }
};

struct operands {
    std::size_t m, k, n;
    std::vector<std::int8_t> a = std::vector<std::int8_t>(m * k), b = std::vector<std::int8_t>(n * k);

    operands(std::size_t rows, std::size_t inner, std::size_t cols) : m{rows}, k{inner}, n{cols} {
        lutra::random_generator random{rows * 1000 + inner * 10 + cols};
        for (auto* v : {&a, &b})
            for (std::int8_t& x : *v) x = static_cast<std::int8_t>(random.below(8) == 0 ? -128 : random.between(-128, 127));
    }
    /// B lies as weights do, N x K.
    lutra::gemm_operand<std::int8_t> right() const {
        return lutra::transposed(lutra::matrix_view<const std::int8_t>{b.data(), n, k});
    }
    lutra::matrix_view<const std::int8_t> left() const { return {a.data(), m, k}; }
};

std::vector<std::int32_t> lean(const lutra::gemm_operand<std::int8_t>& a, const lutra::gemm_operand<std::int8_t>& b,
                               const lutra::lowered_multiplier& m, std::size_t spare = 0) {
    std::vector<std::int32_t> out(a.rows * b.cols, 77);
    const lutra::arena_memory memory{lutra::lean_scratch_bytes(m, b.rows) - spare};
    lutra::arena scratch{memory.bytes()};
    lutra::lean_gemm(a, b, m, scratch, lutra::store_sums{{out.data(), a.rows, b.cols}});
    CHECK(scratch.used() == 0);
    return out;
}
std::vector<std::int32_t> reference(const lutra::gemm_operand<std::int8_t>& a, const lutra::gemm_operand<std::int8_t>& b,
                                    const lutra::lowered_multiplier& m) {
    std::vector<std::int32_t> out(a.rows * b.cols);
    lutra::gemm_reference(m, a, b, {out.data(), a.rows, b.cols});
    return out;
}

} // namespace

TEST_CASE("lean_gemm: every plan and shape equals the reference, in exactly the scratch that it asks for") {
    REQUIRE(lutra::lower(wrong_by_fours{}).with_plan(lutra::plan_kind::error_plane).error_shift == 2);
    for (const lutra::lowered_multiplier& m :
         {lutra::lower(lutra::exact{}), lutra::lower(lutra::drum<4>{}), lutra::lower(lutra::broken_array<2, 6>{}),
          lutra::lower(lutra::mitchell{}), lutra::lower(wrong_by_fours{})})
        for (const lutra::plan_kind kind : lutra::all_plans) {
            if (!m.admits(kind)) continue;
            lutra::lowered_multiplier plan = m.with_plan(kind);
            INFO(std::string{plan.explain().view()});
            for (const auto& [rows, inner, cols] : {std::array<std::size_t, 3>{1, 1, 1},
                                                    {0, 5, 3},
                                                    {3, 0, 2},
                                                    {3, 5, 0},
                                                    {16, 7, 4},
                                                    {17, 33, 9},
                                                    {50, 150, 11}}) {
                const operands o{rows, inner, cols};
                CHECK(lean(o.left(), o.right(), plan) == reference(o.left(), o.right(), m));
            }
            if (kind == lutra::plan_kind::error_plane) { // what a header holds of it
                const operands o{5, 9, 6};
                const auto expected = reference(o.left(), o.right(), m);
                plan.products16 = nullptr;
                plan.products32 = nullptr;
                CHECK(lean(o.left(), o.right(), plan) == expected);
                CHECK(reference(o.left(), o.right(), plan) == expected);
            }
            if (plan.products16 != nullptr && kind == lutra::plan_kind::table) { // likewise
                const operands o{5, 9, 6};
                const auto expected = reference(o.left(), o.right(), m);
                plan.products32 = nullptr;
                CHECK(lean(o.left(), o.right(), plan) == expected);
                CHECK(reference(o.left(), o.right(), plan) == expected);
                plan.products32 = m.products32;
                plan.products16 = nullptr;
                CHECK(lean(o.left(), o.right(), plan) == expected);
            }
        }
}

TEST_CASE("lean_gemm: operands in strides, and multipliers that do not commute") {
    const lutra::lowered_multiplier m = lutra::lower(left_only{});
    const operands o{6, 12, 6};
    const lutra::matrix_view<const std::int8_t> a{o.a.data(), 4, 5, 12}, b{o.b.data() + 3, 5, 6, 12};
    CHECK(lean(a, b, m) == reference(a, b, m));
    const lutra::gemm_operand<std::int8_t> right = lutra::transposed(a), left = lutra::transposed(b);
    CHECK(lean(left, right, m) == reference(left, right, m));
    CHECK(lean(left, right, m) != reference(left, right, lutra::lower(lutra::exact{})));
}

TEST_CASE("lean_gemm: what does not fit") {
    const operands o{4, 6, 5};
    const lutra::lowered_multiplier exact{};
    REQUIRE_PANIC(lean(o.left(), o.right(), exact, 64), arena_too_small);
    const operands other{4, 7, 5};
    REQUIRE_PANIC(lean(o.left(), other.right(), exact), bad_shape);
    for (const auto plan : {lutra::plan_kind::separable, lutra::plan_kind::error_plane, lutra::plan_kind::table}) {
        lutra::lowered_multiplier without_tables = exact;
        without_tables.kind = plan;
        REQUIRE_PANIC(lean(o.left(), o.right(), without_tables), missing_table);
    }
    const operands deep{1, 140'000, 1};
    REQUIRE_PANIC(lean(deep.left(), deep.right(), exact), overflow);
}
