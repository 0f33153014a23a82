// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <lutra/multiplier/builtin_multipliers.hpp>
#include <lutra/multiplier/lowering.hpp>

#include "pairs.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <thread>
#include <type_traits>

namespace {

struct exact_in_disguise {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "exact_in_disguise";
    static constexpr lutra::hardware_cost cost{.power = 2, .area = 3, .delay = 4};
    static constexpr product multiply(lhs a, rhs b) noexcept { return ((a * 2) * b) / 2; }
};
struct unsigned_exact {
    using lhs = std::uint8_t;
    using rhs = std::uint8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "unsigned_exact";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b; }
};
struct nonzero_at_zero {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "nonzero_at_zero";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b + 100000; }
};
struct counted {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "counted";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a + b; }
};

template <class T>
concept lowers = requires(T&& t) { lutra::lower(static_cast<T&&>(t)); };

bool contains(std::string_view s, std::string_view part) { return s.find(part) != std::string_view::npos; }

} // namespace

TEST_CASE("the lowered multiplier equals its type on every pair") {
    lutra::for_each_builtin([]<lutra::multiplier M>(M m) {
        INFO(M::name);
        const lutra::lowered_multiplier l = lutra::lower(m);
        int least = 1 << 30, most = -(1 << 30);
        CHECK(failures([&](std::int8_t a, std::int8_t b) {
            const int p = M::multiply(a, b);
            least = std::min(least, p);
            most = std::max(most, p);
            const auto i = static_cast<std::size_t>(static_cast<std::uint8_t>(a)) * 256 + static_cast<std::uint8_t>(b);
            return l.multiply(a, b) == p && (l.products32 == nullptr || l.products32[i] == p) &&
                   (l.products16 == nullptr || l.products16[i] == p);
        }) == 0);
        CHECK(l.min_product == least);
        CHECK(l.max_product == most);
        CHECK(l.name == M::name);
        CHECK(l.cost == lutra::cost_of<M>());
        CHECK((l.kind == lutra::plan_kind::exact) == std::is_same_v<M, lutra::exact>);
        CHECK((l.products32 != nullptr) == (l.kind == lutra::plan_kind::table));
        CHECK((l.products16 != nullptr) == (l.kind == lutra::plan_kind::table));
    });
}

TEST_CASE("what is exact lowers to the exact plan") {
    const auto l = lutra::lower(exact_in_disguise{});
    CHECK(l.kind == lutra::plan_kind::exact);
    CHECK(l.products32 == nullptr);
    CHECK(l.name == "exact_in_disguise");
    CHECK(l.cost == exact_in_disguise::cost);
    CHECK(contains(l.explain().view(), "exact plan"));
    CHECK(contains(l.explain().view(), "200% of the exact power"));
    const auto table = lutra::make_table<lutra::exact>();
    CHECK(lutra::lower(*table).kind == lutra::plan_kind::exact);
    CHECK(lutra::lower(*table).max_product == 16384);
    CHECK(lutra::lowered_multiplier{}.multiply(-128, -128) == 16384);
}

TEST_CASE("unsigned operands stay a table, whatever their products") {
    const auto l = lutra::lower(unsigned_exact{});
    CHECK(l.kind == lutra::plan_kind::table);
    CHECK(l.lhs_operands == lutra::signedness::is_unsigned);
    CHECK(l.multiply(-1, -1) == 65025);
    CHECK(l.products16 == nullptr);
    CHECK(contains(l.explain().view(), "32-bit products"));
    CHECK(contains(l.explain().view(), "unsigned operands"));
}

TEST_CASE("wide products have no 16-bit table") {
    const auto l = lutra::lower(nonzero_at_zero{});
    CHECK(l.products16 == nullptr);
    CHECK(l.multiply(0, 0) == 100000);
    CHECK(l.min_product == 100000 - 16256);
}

TEST_CASE("a lowered table points into the table") {
    const auto table = lutra::make_table<lutra::kulkarni>();
    const auto l = lutra::lower(*table);
    CHECK(l.products32 == table->products().data());
    CHECK(l.products16 == table->products16());
    CHECK(l.name == "kulkarni");
    CHECK(l.explain().view() ==
          "kulkarni: table plan, 16-bit products; products in [-16256, 16384]; 98% of the exact power");
    // A temporary would leave the value dangling.
    STATIC_REQUIRE_FALSE(lowers<lutra::table_multiplier>);
    STATIC_REQUIRE(lowers<const lutra::table_multiplier&>);
}

TEST_CASE("a type is lowered once, from any thread") {
    lutra::lowered_multiplier first, second;
    std::thread other{[&] { first = lutra::lower(counted{}); }};
    second = lutra::lower(counted{});
    other.join();
    CHECK(first.products32 == second.products32);
    CHECK(first.products32 == lutra::lower(counted{}).products32);
}
