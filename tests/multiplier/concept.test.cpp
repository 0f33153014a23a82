// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <lutra/multiplier/concept.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <string_view>

namespace concept_test {

struct good {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr int lhs_bits = 7;
    static constexpr std::string_view name = "good";
    static constexpr lutra::hardware_cost cost{.power = 0.87, .area = 0.89, .delay = 0.93};
    static constexpr product multiply(lhs a, rhs b) noexcept { return (a & ~1) * b; }
};
struct unsigned_good {
    using lhs = std::uint8_t;
    using rhs = std::uint8_t;
    using product = std::uint16_t;
    static constexpr const char* name = "unsigned_good";
    static constexpr product multiply(lhs a, rhs b) noexcept { return static_cast<product>(a * b); }
};
struct mixed_good {
    using lhs = std::uint8_t;
    using rhs = std::int16_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "mixed_good";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b; }
};

// Each of these differs from a good one in one clause.
struct no_lhs {
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "no_lhs";
    static constexpr product multiply(std::int8_t a, rhs b) noexcept { return a * b; }
};
struct float_rhs {
    using lhs = std::int8_t;
    using rhs = float;
    using product = std::int32_t;
    static constexpr std::string_view name = "float_rhs";
    static constexpr product multiply(lhs a, rhs) noexcept { return a; }
};
struct bool_product {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = bool;
    static constexpr std::string_view name = "bool_product";
    static constexpr product multiply(lhs, rhs) noexcept { return true; }
};
struct no_name {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b; }
};
struct no_multiply {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "no_multiply";
};
struct member_multiply : no_multiply {
    constexpr product multiply(lhs a, rhs b) const noexcept { return a * b; }
};
struct other_result : no_multiply {
    static constexpr std::int64_t multiply(lhs a, rhs b) noexcept { return a * b; }
};
struct may_throw : no_multiply {
    static constexpr product multiply(lhs a, rhs b) { return a * b; }
};
struct run_time_only : no_multiply {
    static product multiply(lhs a, rhs b) noexcept { return a * b; }
};
struct with_state : good {
    int state = 0;
};
struct with_virtual : good {
    virtual ~with_virtual() = default;
};
struct too_wide : good {
    static constexpr int rhs_bits = 9;
};
struct no_bits : good {
    static constexpr int lhs_bits = 0;
};
struct number_as_cost : good {
    static constexpr double cost = 0.5;
};
struct negative_cost : good {
    static constexpr lutra::hardware_cost cost{.power = -1, .area = 1, .delay = 1};
};

struct separable : good {
    static constexpr int rank = 1;
    template <int>
    static constexpr int term_scale = 2;
    template <int>
    static constexpr int lhs_term(lhs a) noexcept { return a >> 1; }
    template <int>
    static constexpr int rhs_term(rhs b) noexcept { return b; }
};
struct a_term_short : separable {
    static constexpr int rank = 2;
    template <int I>
        requires(I == 0)
    static constexpr int lhs_term(lhs a) noexcept { return a >> 1; }
};

} // namespace concept_test
using namespace concept_test;

TEST_CASE("types that are multipliers") {
    STATIC_REQUIRE(lutra::check_multiplier<good>());
    STATIC_REQUIRE(lutra::check_multiplier<unsigned_good>());
    STATIC_REQUIRE(lutra::check_multiplier<mixed_good>());
    STATIC_REQUIRE(lutra::lhs_bits_v<good> == 7);
    STATIC_REQUIRE(lutra::rhs_bits_v<good> == 8);
    STATIC_REQUIRE(lutra::lhs_bits_v<mixed_good> == 8);
    STATIC_REQUIRE(lutra::rhs_bits_v<mixed_good> == 16);
}

TEST_CASE("types that are not") {
    STATIC_REQUIRE_FALSE(lutra::multiplier<int>);
    STATIC_REQUIRE_FALSE(lutra::multiplier<no_lhs>);
    STATIC_REQUIRE_FALSE(lutra::multiplier<float_rhs>);
    STATIC_REQUIRE_FALSE(lutra::multiplier<bool_product>);
    STATIC_REQUIRE_FALSE(lutra::multiplier<no_name>);
    STATIC_REQUIRE_FALSE(lutra::multiplier<no_multiply>);
    STATIC_REQUIRE_FALSE(lutra::multiplier<member_multiply>);
    STATIC_REQUIRE_FALSE(lutra::multiplier<other_result>);
    STATIC_REQUIRE_FALSE(lutra::multiplier<may_throw>);
    STATIC_REQUIRE_FALSE(lutra::multiplier<run_time_only>);
    STATIC_REQUIRE_FALSE(lutra::multiplier<with_state>);
    STATIC_REQUIRE_FALSE(lutra::multiplier<with_virtual>);
    STATIC_REQUIRE_FALSE(lutra::multiplier<too_wide>);
    STATIC_REQUIRE_FALSE(lutra::multiplier<no_bits>);
    STATIC_REQUIRE_FALSE(lutra::multiplier<number_as_cost>);
    STATIC_REQUIRE_FALSE(lutra::multiplier<negative_cost>);
}

TEST_CASE("the separable refinement") {
    STATIC_REQUIRE(lutra::separable_multiplier<separable>);
    STATIC_REQUIRE_FALSE(lutra::separable_multiplier<good>);
    STATIC_REQUIRE_FALSE(lutra::separable_multiplier<a_term_short>);
    CHECK(lutra::separable_product<separable>(7, 5) == good::multiply(7, 5));
}
