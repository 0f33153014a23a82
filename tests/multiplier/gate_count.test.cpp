// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <lutra/multiplier/builtin_multipliers.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include "support/catch.hpp"

#include <cstdint>

namespace {

struct undescribed {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "undescribed";
    static constexpr product multiply(lhs a, rhs) noexcept { return a; }
};
struct measured : lutra::mitchell {
    static constexpr lutra::hardware_cost cost{.power = 0.5, .area = 0.25, .delay = 2};
};

template <class M>
constexpr double power = lutra::cost_of<M>().power;

} // namespace

TEST_CASE("the model is within 0.10 of synthesised relative powers") {
    using lutra::operand_truncated;
    constexpr double exact_mw = 0.425;
    CHECK(power<lutra::exact> == 1);
    CHECK(power<operand_truncated<1, 1>> == Approx(.301 / exact_mw).margin(0.10));
    CHECK(power<operand_truncated<2, 2>> == Approx(.200 / exact_mw).margin(0.10));
    CHECK(power<operand_truncated<3, 3>> == Approx(.126 / exact_mw).margin(0.10));
    CHECK(power<operand_truncated<1, 0>> == Approx(.369 / exact_mw).margin(0.10));
    CHECK(power<operand_truncated<3, 0>> == Approx(.237 / exact_mw).margin(0.10));
    CHECK(power<operand_truncated<6, 0>> == Approx(.052 / exact_mw).margin(0.10));
}

TEST_CASE("less hardware, less power") {
    using namespace lutra;
    CHECK(power<drum<2>> < power<drum<3>>);
    CHECK(power<drum<3>> < power<drum<4>>);
    CHECK(power<drum<4>> < power<drum<5>>);
    CHECK(power<drum<5>> < power<drum<6>>);
    CHECK(power<drum<6>> < 1);
    CHECK(power<broken_array<0, 6>> < power<broken_array<0, 4>>);
    CHECK(power<broken_array<2, 6>> < power<broken_array<0, 6>>);
    CHECK(power<broken_array<0, 4>> < 1);
    CHECK(power<perforated<0, 3>> < power<perforated<0, 2>>);
    CHECK(power<perforated<0, 2>> < power<perforated<0, 1>>);
    CHECK(power<perforated<0, 1>> < 1);
    CHECK(power<broken_array<2, 0>> == power<perforated<0, 2>>); // the same cells
    CHECK(power<operand_truncated<0, 2>> == power<perforated<0, 2>>);
    CHECK(power<mitchell> < 1);
    CHECK(power<kulkarni> < 1);
}

TEST_CASE("a heap of n bits that end as m takes n - m full adders") {
    constexpr auto count = [](int rows) {
        lutra::gate_circuit circuit;
        lutra::column_heap heap;
        for (int j = 0; j < rows; ++j)
            for (int i = 0; i < 8; ++i) heap.add(i + j, 0);
        heap.compress(circuit);
        return circuit;
    };
    STATIC_REQUIRE(count(1).area() == 0);
    STATIC_REQUIRE(count(1).depth() == 0);
    // 2 rows: a half adder at each end of a ripple of 6 full adders.
    STATIC_REQUIRE(count(2).area() == 2 * 3 + 6 * 7);
    STATIC_REQUIRE(count(2).depth() == 1 + 6 * 3 + 2);
    // 8 rows: 64 bits to 16, and whatever half adders.
    constexpr int rest = static_cast<int>(count(8).area()) - (64 - 16) * 7;
    STATIC_REQUIRE(rest > 0);
    STATIC_REQUIRE(rest % 3 == 0);
}

TEST_CASE("the energy of a gate") {
    constexpr auto energy = [](lutra::gate g, int skew) {
        lutra::gate_circuit circuit;
        circuit.add(g, 2, 100, skew);
        return circuit.energy();
    };
    STATIC_REQUIRE(energy(lutra::gates::and2, 0) == 1);
    STATIC_REQUIRE(energy(lutra::gates::mux2, 24) == 3); // masks: no glitches
    STATIC_REQUIRE(energy(lutra::gates::xor2, 0) == 4);
    STATIC_REQUIRE(energy(lutra::gates::full_adder, 0) == 14);
    STATIC_REQUIRE(energy(lutra::gates::full_adder, 24) == 28);
}

TEST_CASE("where a cost comes from") {
    CHECK(lutra::cost_of<measured>() == measured::cost);                          // measured beats the model,
    CHECK(lutra::cost_of<lutra::mitchell>() == lutra::relative_cost(lutra::mitchell::circuit())); // the model beats
    CHECK(lutra::cost_of<undescribed>() == lutra::hardware_cost{});               // no saving without a description
    STATIC_REQUIRE(lutra::structured_multiplier<lutra::roba>);
    STATIC_REQUIRE_FALSE(lutra::structured_multiplier<undescribed>);
}
