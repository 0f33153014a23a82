// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <lutra/core/random.hpp>
#include <lutra/multiplier/heap_table.hpp>
#include <lutra/multiplier/operand_truncated.hpp>

#include "pairs.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using lutra::error_code;
using lutra::signedness;
using lutra::table_format;
using lutra::table_order;

namespace {

using circuit = lutra::operand_truncated<3, 1>; // does not commute
using bytes_t = std::vector<std::byte>;

void append(bytes_t& out, std::string_view s) {
    for (const char c : s) out.push_back(static_cast<std::byte>(c));
}
void append_integer(bytes_t& out, std::int64_t value, std::size_t size, bool big_endian = false) {
    for (std::size_t i = 0; i < size; ++i)
        out.push_back(static_cast<std::byte>(value >> (8 * (big_endian ? size - 1 - i : i)) & 255));
}

/// The products of `circuit` in an order, row by row or column by column.
bytes_t body(std::size_t size, table_order order = table_order::bit_pattern, bool big_endian = false, bool columns = false) {
    bytes_t out;
    const int flip = order == table_order::value ? 128 : 0;
    for (int i = 0; i < 256; ++i)
        for (int j = 0; j < 256; ++j) {
            const int row = columns ? j : i, column = columns ? i : j;
            const auto a = static_cast<std::int8_t>(row ^ flip), b = static_cast<std::int8_t>(column ^ flip);
            append_integer(out, circuit::multiply(a, b), size, big_endian);
        }
    return out;
}

bytes_t npy(std::string_view dictionary, const bytes_t& data, int version = 1) {
    bytes_t out;
    append(out, "\x93" "NUMPY");
    append_integer(out, version, 1);
    append_integer(out, 0, 1);
    append_integer(out, static_cast<std::int64_t>(dictionary.size()), version == 1 ? 2 : 4);
    append(out, dictionary);
    out.insert(out.end(), data.begin(), data.end());
    return out;
}
std::string dictionary(std::string_view type, std::string_view shape = "(256, 256)", bool fortran = false) {
    return "{'descr': '" + std::string(type) + "', 'fortran_order': " + (fortran ? "True" : "False") +
           ", 'shape': " + std::string(shape) + ", }         \n";
}

bool reads_as_circuit(const bytes_t& bytes, table_format format = {}) {
    const auto table = lutra::table_from_bytes(bytes, format, "t");
    if (!table) UNSCOPED_INFO(table.error().message.view());
    const auto holds = [&](std::int8_t a, std::int8_t b) { return (*table)->multiply(a, b) == circuit::multiply(a, b); };
    return table && failures(holds) == 0;
}

/// The error of bytes that must not be accepted, read from memory of exactly their size.
lutra::error refusal(const bytes_t& bytes) {
    const std::unique_ptr<std::byte[]> exact{new std::byte[bytes.size()]};
    std::copy(bytes.begin(), bytes.end(), exact.get());
    const auto table = lutra::table_from_bytes(std::span<const std::byte>{exact.get(), bytes.size()});
    REQUIRE_FALSE(table);
    return table.error();
}
bool says(const lutra::error& e, std::string_view part) {
    UNSCOPED_INFO(e.message.view());
    return e.message.view().find(part) != std::string_view::npos;
}

} // namespace

TEST_CASE("raw products in both sizes and orders") {
    CHECK(reads_as_circuit(body(2)));
    CHECK(reads_as_circuit(body(4)));
    CHECK(reads_as_circuit(body(2, table_order::value), {.order = table_order::value}));
    CHECK(reads_as_circuit(body(4, table_order::value), {.order = table_order::value}));
    CHECK_FALSE(reads_as_circuit(body(2, table_order::value)));
    CHECK_FALSE(reads_as_circuit(body(2, table_order::bit_pattern, false, true))); // [weight][activation]
}

TEST_CASE("the signs of raw entries and of operands") {
    const auto as_unsigned = lutra::table_from_bytes(body(2), {.entries = signedness::is_unsigned}, "u");
    REQUIRE(as_unsigned);
    CHECK((*as_unsigned)->name() == "u");
    CHECK((*as_unsigned)->multiply(-8, 2) == 65536 - 16);
    CHECK((*as_unsigned)->multiply(8, 2) == 16);
    const table_format plain{
        .order = table_order::value, .entries = signedness::is_unsigned, .operands = signedness::is_unsigned};
    const auto operands = lutra::table_from_bytes(body(2), plain); // unsigned operands: both orders are the same
    REQUIRE(operands);
    CHECK((*operands)->operands() == signedness::is_unsigned);
    CHECK((*operands)->at(8, 2) == 16);
}

TEST_CASE("in the order of values only a signed operand starts with its negative ones") {
    bytes_t out;
    for (int a = 0; a < 256; ++a)
        for (int b = -128; b < 128; ++b) append_integer(out, 1000 * a + b, 4);
    const auto table = lutra::table_from_bytes(
        out, {.order = table_order::value, .operands = {signedness::is_unsigned, signedness::is_signed}});
    REQUIRE(table);
    CHECK((*table)->at(255, 255) == 255000 - 1);
    CHECK((*table)->at(0, 128) == -128);
}

TEST_CASE("wrong sizes are named") {
    for (const std::size_t size : {0u, 1u, 65536u, 131071u, 131073u, 262145u}) {
        const auto e = refusal(bytes_t(size));
        CHECK(e.code == error_code::wrong_size);
        CHECK(says(e, std::to_string(size)));
        CHECK(says(e, "131072"));
        CHECK(says(e, "262144"));
    }
}

TEST_CASE("npy files of every accepted kind") {
    for (const int version : {1, 2, 3}) CHECK(reads_as_circuit(npy(dictionary("<i2"), body(2), version)));
    CHECK(reads_as_circuit(npy(dictionary("<i4"), body(4))));
    CHECK(reads_as_circuit(npy(dictionary("<i8"), body(8))));
    CHECK(reads_as_circuit(npy(dictionary(">i2"), body(2, {}, true))));
    CHECK(reads_as_circuit(npy(dictionary(">i8"), body(8, {}, true))));
    CHECK(reads_as_circuit(npy(dictionary("<i2", "(65536,)"), body(2))));
    CHECK(reads_as_circuit(npy(dictionary("<i2", "(65536,)", true), body(2)))); // one dimension has one order
    CHECK(reads_as_circuit(npy(dictionary("<i2", "(256, 256)", true), body(2, {}, false, true))));
    CHECK(reads_as_circuit(npy(dictionary("<i2"), body(2, table_order::value)), {.order = table_order::value}));
    CHECK(reads_as_circuit(npy("{\"shape\":(256,256),\"fortran_order\":False,\"descr\":\"<i2\"}", body(2))));
    const auto u2 = lutra::table_from_bytes(npy(dictionary("<u2"), body(2)));
    REQUIRE(u2);
    CHECK((*u2)->multiply(-8, 2) == 65536 - 16);
}

TEST_CASE("npy files that are no tables") {
    for (const std::string_view type : {"<f4", "|i1", "|u1", "=i2", "<i3", "<M8", "", "<i2x",
                                        "<i2<i2<i2<i2<i2<i2<i2<i2<i2<i2"}) {
        const auto e = refusal(npy(dictionary(type), body(2)));
        CHECK(e.code == error_code::wrong_type);
        CHECK(says(e, "'<i2'"));
    }
    for (const std::string_view shape : {"()", "(256,)", "(256, 255)", "(65536, 1)", "(1, 65536)", "(256, 256, 1)",
                                         "(4294967295, 2)"}) {
        const auto e = refusal(npy(dictionary("<i2", shape), body(2)));
        CHECK(e.code == error_code::wrong_size);
        CHECK(says(e, "(256, 256) or (65536,)"));
    }
    CHECK(says(refusal(npy(dictionary("<i2", "(256, 255)"), body(2))), "(256, 255)"));
    auto shorter = body(2), longer = body(2);
    shorter.pop_back();
    longer.push_back(std::byte{0});
    CHECK(refusal(npy(dictionary("<i2"), shorter)).code == error_code::truncated);
    CHECK(says(refusal(npy(dictionary("<i2"), shorter)), "131071"));
    CHECK(refusal(npy(dictionary("<i2"), longer)).code == error_code::wrong_size);
    auto large = body(8);
    large[8 * 300 + 5] = std::byte{1};
    CHECK(says(refusal(npy(dictionary("<i8"), large)), "entry 300"));
    auto huge = body(8);
    for (std::size_t i = 0; i < huge.size(); ++i) huge[i] = std::byte{0xff};
    CHECK(refusal(npy(dictionary("<u8"), huge)).code == error_code::malformed);
    CHECK(refusal(npy(dictionary("<u4"), bytes_t(262144, std::byte{0xff}))).code == error_code::malformed);
}

TEST_CASE("hostile npy headers are refused within their bytes") {
    const std::string good = dictionary("<i2");
    for (const std::string_view text :
         {"", "{", "}", "{}", "{'descr'", "{'descr':", "{'descr': '<i2", "{'descr': '<i2', 'fortran_order': ",
          "{'descr': '<i2', 'fortran_order': Tru", "{'descr': '<i2', 'fortran_order': True, 'shape': (", "{'shape': (256",
          "{'shape': (256, 256, 256, 256, 256)}", "{'shape': (-1, 256)}", "{'shape': (99999999999999999999999,)}",
          "{'shape': (,)}",
          "{'descr': [('a', '<i2')], 'fortran_order': False, 'shape': (256, 256)}", "{'descr': '<i2', 'descr': '<i2'}",
          "{'other': 1}", "{'descr': '<i2' 'fortran_order': False}", "{'descr': '<i2', 'fortran_order': False}"}) {
        INFO(text);
        CHECK(refusal(npy(text, body(2))).code == error_code::malformed);
        CHECK(refusal(npy(text, {})).code == error_code::malformed);
    }
    CHECK(refusal(npy(good + "x", body(2))).code == error_code::malformed);
    // 2^64 + 256: a size that wraps to the right one
    CHECK(refusal(npy(dictionary("<i2", "(18446744073709551872, 256)"), body(2))).code == error_code::malformed);
    CHECK(refusal(npy("{'\x01\xff': 1}", body(2))).code == error_code::malformed);
    CHECK(refusal(npy(good, body(2), 4)).code == error_code::malformed);
    CHECK(refusal(npy(good, body(2), 0)).code == error_code::malformed);

    // Every prefix of a good file; every length field that promises too much.
    const auto file = npy(good, body(2));
    for (std::size_t n = 0; n < 10 + good.size() + 2; ++n)
        static_cast<void>(refusal(bytes_t(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(n))));
    auto v2 = npy(good, {}, 2);
    for (const std::size_t i : {std::size_t{8}, std::size_t{9}, std::size_t{10}, std::size_t{11}}) v2[i] = std::byte{0xff};
    CHECK(refusal(v2).code == error_code::truncated);

    // Random damage: refused or read, never out of bounds (the sanitizers watch).
    lutra::random_generator random{7};
    auto table = std::make_unique<lutra::table_multiplier>();
    for (int round = 0; round < 2000; ++round) {
        auto damaged = npy(good, {}, 1 + round % 3);
        for (int hit = 0; hit < 3; ++hit)
            damaged[6 + random.below(damaged.size() - 6)] = static_cast<std::byte>(random.below(256));
        CHECK_FALSE(lutra::fill_from_bytes(*table, damaged));
    }
}

TEST_CASE("an error leaves the table as it was") {
    auto table = std::make_unique<lutra::table_multiplier>();
    table->fill_from<circuit>();
    auto late = body(8);
    late[late.size() - 3] = std::byte{1};
    REQUIRE_FALSE(lutra::fill_from_bytes(*table, npy(dictionary("<i8"), late)));
    REQUIRE_FALSE(lutra::fill_from_bytes(*table, bytes_t(7)));
    REQUIRE_FALSE(lutra::fill_from_npy(*table, bytes_t(131072)));
    CHECK(failures([&](std::int8_t a, std::int8_t b) { return table->multiply(a, b) == circuit::multiply(a, b); }) == 0);
    CHECK(table->cost().has_value());
}
