// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/exact.hpp>
#include <lutra/multiplier/heap_table.hpp>
#include <lutra/multiplier/operand_truncated.hpp>

#include "pairs.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <cstdint>
#include <memory>
#include <string>

using lutra::signedness;
using lutra::table_multiplier;

// C models as circuit libraries declare them.
extern "C" {
static std::uint16_t signed_model(std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint16_t>(static_cast<std::int8_t>(a & 0xf8) * static_cast<std::int8_t>(b));
}
static std::uint16_t unsigned_model(std::uint8_t a, std::uint8_t b) { return static_cast<std::uint16_t>(a * (b & 0xfe)); }
static int value_model(std::int8_t a, std::int8_t b) { return 1000 * a + b; }
}

namespace {

struct four_bits {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int16_t;
    static constexpr int lhs_bits = 4, rhs_bits = 4;
    static constexpr std::string_view name = "four_bits";
    static constexpr product multiply(lhs a, rhs b) noexcept { return static_cast<product>(a * b); }
};
struct unsigned_exact {
    using lhs = std::uint8_t;
    using rhs = std::uint8_t;
    using product = std::uint16_t;
    static constexpr std::string_view name = "unsigned_exact";
    static constexpr product multiply(lhs a, rhs b) noexcept { return static_cast<product>(a * b); }
};
struct half_signed {
    using lhs = std::uint8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "half_signed";
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b; }
};

} // namespace

TEST_CASE("a table holds a type's products, name and cost") {
    const auto table = lutra::make_table<lutra::operand_truncated<3, 0>>();
    CHECK(failures([&](std::int8_t a, std::int8_t b) {
        return table->multiply(a, b) == lutra::operand_truncated<3, 0>::multiply(a, b);
    }) == 0);
    CHECK(table->name() == "operand_truncated3_0");
    CHECK(table->cost() == lutra::cost_of<lutra::operand_truncated<3, 0>>());
    CHECK(table->operands() == signedness::is_signed);
    CHECK_FALSE(table->is_exact());
    CHECK(table->at(0x0f, 0x02) == 16);
    CHECK(table->at(0x02, 0x0f) == 0); // the row is the activation
    CHECK(table->products()[0x0f * 256 + 0x02] == 16);
    CHECK(table->products16()[0x0f * 256 + 0x02] == 16);
    CHECK(table->min_product() == -128 * 127);
    CHECK(table->max_product() == 128 * 128);
}

TEST_CASE("an empty table is zero, an exact one exact") {
    auto table = std::make_unique<table_multiplier>();
    CHECK(table->max_product() == 0);
    CHECK_FALSE(table->is_exact());
    table->fill_from<lutra::exact>();
    CHECK(table->is_exact());
    table->fill_from<unsigned_exact>();
    CHECK(table->is_exact());
    CHECK(table->operands() == signedness::is_unsigned);
    CHECK(table->max_product() == 65025);
    CHECK(table->products16() == nullptr);
    CHECK(table->cost() == lutra::hardware_cost{});
}

TEST_CASE("C models on bit patterns, meant signed or unsigned") {
    const std::unique_ptr<table_multiplier> table{
        new table_multiplier{table_multiplier::from_bits(&signed_model, signedness::is_signed, "signed_model")}};
    CHECK(failures([&](std::int8_t a, std::int8_t b) { return table->multiply(a, b) == (a & ~7) * b; }) == 0);
    CHECK(table->name() == "signed_model");
    CHECK_FALSE(table->cost().has_value());

    table->fill_from_bits(&unsigned_model, signedness::is_unsigned);
    CHECK(failures([&](std::int8_t a, std::int8_t b) {
        return table->multiply(a, b) == static_cast<std::uint8_t>(a) * (static_cast<std::uint8_t>(b) & 0xfe);
    }) == 0);
    // The same bits, meant signed, are another circuit.
    table->fill_from_bits(&unsigned_model, signedness::is_signed);
    CHECK(table->at(255, 254) == static_cast<std::int16_t>(255 * 254));
    CHECK(table->operands() == signedness::is_signed);
}

TEST_CASE("C models and callables on values") {
    const std::unique_ptr<table_multiplier> table{
        new table_multiplier{table_multiplier::from_values(&value_model, "value_model")}};
    CHECK(failures([&](std::int8_t a, std::int8_t b) { return table->multiply(a, b) == 1000 * a + b; }) == 0);
    CHECK(table->products16() == nullptr); // -128128 does not fit 16 bits
    CHECK(table->min_product() == -128128);
    CHECK(table->max_product() == 127127);
    int calls = 0;
    table->fill_from_values([&calls](std::int8_t a, std::int8_t b) { return ++calls, a - b; });
    CHECK(calls == 65536);
    CHECK(table->multiply(-5, 7) == -12);
    REQUIRE_PANIC(table->fill_from_values([](std::int8_t, std::int8_t) { return std::int64_t{1} << 31; }), overflow);
}

TEST_CASE("operands of different signs") {
    using lutra::operand_signs;
    const operand_signs unsigned_signed{signedness::is_unsigned, signedness::is_signed};
    const auto table = lutra::make_table<half_signed>();
    CHECK(table->operands() == unsigned_signed);
    CHECK(table->is_exact());
    CHECK(table->at(255, 255) == -255);
    CHECK(table->min_product() == 255 * -128);
    CHECK(table->max_product() == 255 * 127);
    // The signature says it: of functions, of callables, or the caller.
    table->fill_from_values(&half_signed::multiply);
    CHECK(table->operands() == unsigned_signed);
    CHECK(table->is_exact());
    table->fill_from_values([](std::int8_t a, std::uint8_t b) { return a * b; });
    CHECK(table->operands() == operand_signs{signedness::is_signed, signedness::is_unsigned});
    CHECK(table->at(255, 255) == -255);
    CHECK(table->is_exact());
    table->fill_from_values([](auto a, auto b) { return a * b; });
    CHECK(table->operands() == signedness::is_signed);
    CHECK(table->operands().all_signed());
    table->fill_from_values([](int a, int b) { return a * b; });
    CHECK(table->is_exact());
    table->fill_from_values<std::uint8_t, std::uint8_t>([](int a, int b) { return a * b; });
    CHECK(table->operands() == signedness::is_unsigned);
    CHECK(table->at(255, 255) == 65025);
    // 16 bits of a product are signed if an operand is.
    table->fill_from_bits([](std::uint8_t a, std::uint8_t b) { return a * static_cast<std::int8_t>(b); }, unsigned_signed);
    CHECK(table->is_exact());
}

TEST_CASE("operands narrower than eight bits see the low bits") {
    const auto table = lutra::make_table<four_bits>();
    CHECK(table->multiply(7, -8) == -56);
    CHECK(table->multiply(8, 1) == -8);   // 1000
    CHECK(table->multiply(0x23, 2) == 6); // 0011
    CHECK_FALSE(table->is_exact());
}

TEST_CASE("a name is cut, not overrun") {
    auto table = std::make_unique<table_multiplier>();
    table->set_name(std::string(100, 'x'));
    CHECK(table->name() == std::string(64, 'x'));
    table->set_cost(lutra::hardware_cost{.power = 0.5, .area = 0.5, .delay = 1});
    CHECK(table->cost()->power == 0.5);
    table->fill_from_values(&value_model); // another circuit: the cost is forgotten
    CHECK_FALSE(table->cost().has_value());
}
