// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <lutra/multiplier/builtin_multipliers.hpp>
#include <lutra/multiplier/lowering.hpp>

#include "pairs.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>

using lutra::factor_width;
using lutra::isa;
using lutra::plan_kind;
using lutra::signedness;

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
/// Activations 0 to 255, weights signed; wrong where the weight is -128.
struct mixed {
    using lhs = std::uint8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "mixed";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b - (b == -128 ? 1 : 0); }
};
struct narrow {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr int lhs_bits = 7, rhs_bits = 4;
    static constexpr std::string_view name = "narrow";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b; }
};
struct liar : lutra::exact {
    static constexpr std::string_view name = "liar";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b - (a == -3 && b == 7 ? 1 : 0); }
};
struct counted {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "counted";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a + b; }
};

template <class T>
concept lowers = requires(T&& t) {
    lutra::lower(static_cast<T&&>(t));
};

/// The product as the kernels of the lowered plan make it, not from the table of products unless that is the plan.
std::int32_t by_maps(const lutra::lowered_multiplier& l, std::int8_t a, std::int8_t b) {
    const auto x = static_cast<std::uint8_t>(a), y = static_cast<std::uint8_t>(b);
    if (l.kind == plan_kind::table) return l.products32[256 * x + y];
    std::int32_t sum = l.lhs_factors == nullptr ? a * b : 0;
    if (l.lhs_factors != nullptr)
        for (std::size_t i = 0; i < l.rank; ++i)
            sum += l.lhs_factors[256 * i + x] * (l.rhs_factors[256 * i + y] * (1 << l.shifts[i]));
    if (l.kind == plan_kind::error_plane) sum += l.errors[256 * x + y] * (1 << l.error_shift);
    return sum;
}

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
        CHECK((l.kind == plan_kind::exact) == std::is_same_v<M, lutra::exact>);
        CHECK((l.products32 == nullptr) == (l.kind == plan_kind::exact));
        CHECK((l.products16 == nullptr) == (l.kind == plan_kind::exact));
        CHECK((l.products16_by_weight == nullptr) == (l.kind == plan_kind::exact));
    });
}

TEST_CASE("what is exact lowers to the exact plan") {
    const auto l = lutra::lower(exact_in_disguise{});
    CHECK(l.kind == plan_kind::exact);
    CHECK(l.products32 == nullptr);
    CHECK(l.name == "exact_in_disguise");
    CHECK(l.cost == exact_in_disguise::cost);
    CHECK(contains(l.explain().view(), "exact plan"));
    CHECK(contains(l.explain().view(), "200% of the exact power"));
    const auto table = lutra::make_table<lutra::exact>();
    CHECK(lutra::lower(*table).kind == plan_kind::exact);
    CHECK(lutra::lower(*table).max_product == 16384);
    CHECK(lutra::lowered_multiplier{}.multiply(-128, -128) == 16384);
}

TEST_CASE("the built-in multipliers' plans") {
    struct expected {
        std::string_view name;
        plan_kind on_avx512bw, on_avx512vnni;
        int rank;
        factor_width factors;
    };
    constexpr auto exact = plan_kind::exact, separable = plan_kind::separable, table = plan_kind::table;
    constexpr auto plane = plan_kind::error_plane;
    constexpr auto bits8 = factor_width::bits8, but_128 = factor_width::bits8_but_128;
    constexpr expected all[]{{"exact", exact, exact, 1, bits8},
                             {"operand_truncated1_1", separable, separable, 1, bits8},
                             {"operand_truncated2_2", separable, separable, 1, bits8},
                             {"operand_truncated3_3", separable, separable, 1, bits8},
                             {"drum6", separable, separable, 1, but_128},
                             {"drum5", separable, separable, 1, but_128},
                             {"drum4", separable, separable, 1, but_128},
                             {"drum3", separable, separable, 1, but_128},
                             {"perforated0_2", separable, separable, 1, bits8},
                             {"perforated1_2", separable, separable, 1, bits8},
                             {"broken_array0_4", plane, separable, 5, bits8},
                             {"broken_array0_6", table, separable, 7, bits8},
                             {"broken_array2_6", table, separable, 5, bits8},
                             {"mitchell", table, table, 0, bits8},
                             {"roba", separable, separable, 2, bits8},
                             {"kulkarni", separable, separable, 2, bits8},
                             {"dsm5", separable, separable, 1, bits8},
                             {"ssm5", separable, separable, 1, bits8},
                             {"etm", table, table, 0, bits8},
                             {"ilm1", separable, separable, 3, bits8}, // of 8-bit digits; 2 of 16 bits
                             {"mitchell_truncated4", table, table, 0, bits8},
                             {"alm_soa4", table, table, 0, bits8},
                             {"mbm", table, table, 0, bits8},
                             {"realm4", table, table, 0, bits8},
                             {"loa_accumulated7", plane, plane, 0, bits8},
                             {"compressor_venkatachalam7", plane, plane, 0, bits8}};
    STATIC_REQUIRE(std::size(all) == lutra::builtin_multipliers::size);
    lutra::for_each_builtin([&]<lutra::multiplier M>(M) {
        const auto found = std::find_if(std::begin(all), std::end(all), [](const expected& e) { return e.name == M::name; });
        INFO(M::name);
        REQUIRE(found != std::end(all));
        const auto circuit = lutra::make_table<M>();
        CHECK(lutra::lower(*circuit, isa::avx512bw).kind == found->on_avx512bw);
        const auto l = lutra::lower(*circuit, isa::avx512vnni);
        CHECK(l.kind == found->on_avx512vnni);
        if (l.kind == exact) return;
        CHECK(l.terms.rank == found->rank);
        CHECK(l.terms.factors == found->factors);
        CHECK(l.lowered_for == isa::avx512vnni);
    });
}

TEST_CASE("every plan that a multiplier admits gives its products") {
    const auto check = [](const auto& multiplier, std::initializer_list<plan_kind> admitted) {
        for (const plan_kind kind : lutra::all_plans) {
            INFO(to_string(kind));
            if (std::find(admitted.begin(), admitted.end(), kind) == admitted.end()) {
                REQUIRE_PANIC(lutra::lower(multiplier, kind), unsupported);
                continue;
            }
            const auto l = lutra::lower(multiplier, kind);
            CHECK(l.kind == kind);
            CHECK(l.admits(kind));
            CHECK(failures([&](std::int8_t a, std::int8_t b) { return by_maps(l, a, b) == l.multiply(a, b); }) == 0);
            for (const plan_kind other : admitted)
                if (other != plan_kind::exact && kind != plan_kind::exact) CHECK(l.with_plan(other).kind == other);
        }
    };
    constexpr auto exact = plan_kind::exact, separable = plan_kind::separable, table = plan_kind::table;
    constexpr auto plane = plan_kind::error_plane;
    check(lutra::exact{}, {exact, separable, plane, table});
    check(lutra::broken_array<0, 4>{}, {separable, plane, table});
    check(lutra::drum<4>{}, {separable, table});
    check(lutra::mitchell{}, {table});
    check(unsigned_exact{}, {separable, plane, table});
    check(mixed{}, {separable, plane, table});
    check(narrow{}, {separable, table});
    check(nonzero_at_zero{}, {separable, table});
    check(*lutra::make_table<lutra::kulkarni>(), {separable, table});
    REQUIRE_PANIC(lutra::lower(lutra::exact{}).with_plan(plan_kind::table), unsupported);
    const auto circuit = lutra::make_table<lutra::kulkarni>();
    CHECK(lutra::admits(*circuit, plan_kind::separable));
    CHECK_FALSE(lutra::admits(*circuit, plan_kind::exact));
    CHECK_FALSE(lutra::admits(lutra::lower(*circuit), plan_kind::error_plane));
}

TEST_CASE("declared terms are checked") {
    REQUIRE_PANIC(lutra::lower(liar{}), verification);
    try {
        static_cast<void>(lutra::lower(liar{}));
    } catch (const panicked& p) {
        CHECK(std::string_view{p.info.message} ==
              "the terms that the multiplier liar declares do not sum up to its product of -3 and 7");
        CHECK(p.info.actual == -21);
        CHECK(p.info.expected == -22);
    }
    const auto l = lutra::lower(lutra::roba{}, plan_kind::separable);
    CHECK(l.lhs_factors[256 + 3] * l.rhs_factors[256 + 3] == -1); // the declared ones, not found ones
}

TEST_CASE("operands that are not both signed") {
    const auto l = lutra::lower(unsigned_exact{});
    CHECK(l.lhs_operands == signedness::is_unsigned);
    CHECK(l.multiply(-1, -1) == 65025);
    CHECK(l.products16 == nullptr);
    CHECK(contains(l.explain().view(), "unsigned operands"));
    const auto table = lutra::make_table<unsigned_exact>();
    CHECK(lutra::lower(*table, isa::avx512bw).factors == factor_width::bits16);
    const auto vnni = lutra::lower(*table, isa::avx512vnni); // one 16-bit term costs less than four of 8-bit digits
    CHECK(vnni.kind == plan_kind::separable);
    CHECK(vnni.rank == 1);

    const auto m = lutra::lower(mixed{});
    CHECK(m.lhs_operands == signedness::is_unsigned);
    CHECK(m.rhs_operands == signedness::is_signed);
    CHECK_FALSE(m.signed_operands());
    CHECK(m.multiply(-1, -128) == 255 * -128 - 1);
    CHECK(contains(m.explain().view(), "unsigned activations"));
}

TEST_CASE("a plan in words") {
    const auto words = [](const auto& l) { return std::string{l.explain().view()}; };
    const auto kulkarni = lutra::make_table<lutra::kulkarni>();
    CHECK(words(lutra::lower(*kulkarni, isa::avx512bw)) ==
          "kulkarni: separable plan, rank 2, 8-bit factors << 1 0; 2.0 x the exact time on avx512bw; products in "
          "[-16256, 16384]; 98% of the exact power");
    const auto drum = lutra::make_table<lutra::drum<4>>();
    CHECK(contains(words(lutra::lower(*drum, isa::avx2)), "rank 1, 8-bit factors but at 0x80; 1.0 x"));
    const auto broken = lutra::make_table<lutra::broken_array<0, 4>>();
    const auto all = lutra::lower(*broken, isa::avx2);
    CHECK(contains(words(all.with_plan(plan_kind::error_plane)), "error plane plan, 8-bit errors (separable: rank 5)"));
    CHECK(contains(words(all.with_plan(plan_kind::table)), "table plan, 16-bit products (separable: rank 5); 4.0 x"));
    const auto mitchell = lutra::make_table<lutra::mitchell>();
    CHECK(contains(words(lutra::lower(*mitchell, isa::avx2)), "table plan, 16-bit products (no separable plan); 4.0 x"));
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
