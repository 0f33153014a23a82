// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/gemm/int8_gemm.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/exact.hpp>
#include <lutra/multiplier/heap_table.hpp>
#include <lutra/multiplier/kulkarni.hpp>
#include <lutra/multiplier/lowering.hpp>
#include <lutra/multiplier/mitchell.hpp>

#include "operands.hpp"
#include "support/catch.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace {

using lutra::isa;

template <class F>
lutra::lowered_multiplier table_of(F f, std::string_view name) {
    static const auto table = [&] {
        auto t = std::make_unique<lutra::table_multiplier>();
        t->fill_from_values(f);
        t->set_name(name);
        return t;
    }();
    return lutra::lower(*table);
}
const lutra::lowered_multiplier& random16() {
    static const auto m =
        table_of([random = lutra::random_generator{7}](
                     std::int8_t, std::int8_t) mutable { return static_cast<std::int32_t>(random.between(-32768, 32767)); },
                 "random16");
    return m;
}
const lutra::lowered_multiplier& wide() {
    static const auto m = table_of([](std::int8_t a, std::int8_t b) { return 40 * a * b - 7 * a + 3; }, "wide");
    return m;
}
lutra::lowered_multiplier left() {
    return table_of([](std::int8_t a, std::int8_t) { return std::int32_t{a}; }, "left");
}

std::vector<lutra::lowered_multiplier> multipliers() {
    return {lutra::lower(lutra::exact{}),
            lutra::lower(lutra::drum<4>{}),
            lutra::lower(lutra::mitchell{}),
            lutra::lower(lutra::kulkarni{}),
            random16(),
            wide(),
            table_of([](std::int8_t a, std::int8_t b) { return a * b + 77; }, "not_zero_at_zero"),
            table_of([](std::int8_t a, std::int8_t b) { return (a & ~7) * b + 5 * a; }, "not_commutative")};
}

std::string text(const lutra::lowered_multiplier& m, std::size_t rows, std::size_t k, std::size_t n, isa i) {
    return std::string{m.name} + ' ' + std::to_string(rows) + 'x' + std::to_string(k) + 'x' + std::to_string(n) + ' ' +
           std::string{to_string(i)};
}

/// One product on every instruction set; layouts and contents vary with @p seed.
void check_product(const lutra::lowered_multiplier& m, std::size_t rows, std::size_t k, std::size_t n, std::uint64_t seed) {
    byte_source source{lutra::random_generator{seed}};
    source.kind = seed % 5 == 0 ? byte_source::only_lowest : seed % 5 == 1 ? byte_source::extremes : byte_source::any;
    const test_operand<std::int8_t> a{rows, k, layouts[seed % 4], [&] { return source(); }};
    const test_operand<std::int8_t> b{k, n, layouts[seed / 4 % 4], [&] { return source(); }};
    const auto expected = reference_product(m, a, b);
    for (const isa i : usable_isas())
        if (packed_product(m, a, b, i) != expected) FAIL(text(m, rows, k, n, i) << ", seed " << seed);
}

constexpr std::size_t sizes[]{0, 1, 2, 15, 16, 17, 31, 32, 33, 64, 127, 128, 129, 130};

} // namespace

TEST_CASE("every kernel equals the reference on shapes around its blocks") {
    std::uint64_t seed = 0;
    for (const auto& m : multipliers()) {
        std::size_t which = 0, done = 0;
        for (const std::size_t rows : sizes)
            for (const std::size_t k : sizes)
                for (const std::size_t n : sizes) // a fraction of all, another for each multiplier
                    if (which++ % 17 == seed / 1000 % 17) check_product(m, rows, k, n, seed + ++done);
        CHECK(done > 100);
        seed += 1000;
    }
}

TEST_CASE("every kernel equals the reference where K is 0, 1 or odd") {
    for (const auto& m : multipliers())
        for (const std::size_t rows : {1u, 9u, 130u})
            for (const std::size_t k : {0u, 1u, 3u, 17u, 33u})
                for (std::uint64_t seed = 100; seed < 104; ++seed) check_product(m, rows, k, 35, seed + 5 * k);
    SUCCEED();
}

TEST_CASE("a product of a transformer's shape equals the reference") {
    check_product(lutra::lower(lutra::exact{}), 197, 384, 70, 3);
    check_product(lutra::lower(lutra::mitchell{}), 197, 384, 70, 8);
    SUCCEED();
}

TEST_CASE("padding adds no products") {
    const auto one = table_of([](std::int8_t, std::int8_t) { return 1; }, "one");
    const auto large = table_of([](std::int8_t, std::int8_t) { return 100000; }, "large");
    for (const std::size_t rows : {1u, 16u, 130u})
        for (const std::size_t n : {1u, 31u, 33u})
            for (const std::size_t k : {0u, 1u, 7u, 16u, 17u, 33u}) {
                const std::vector<std::int8_t> zeros(std::max(rows * k, k * n));
                const lutra::matrix_view a{zeros.data(), rows, k}, b{zeros.data(), k, n};
                const auto times = static_cast<std::int32_t>(k);
                for (const isa i : usable_isas()) {
                    INFO(text(one, rows, k, n, i));
                    CHECK(packed_product(one, a, b, i) == std::vector<std::int32_t>(rows * n, times));
                    CHECK(packed_product(large, a, b, i) == std::vector<std::int32_t>(rows * n, 100000 * times));
                }
            }
}

TEST_CASE("the activation is the left operand, the weight the right one") {
    for (const std::size_t rows : {5u, 131u})
        for (const bool turned : {false, true}) {
            byte_source source{lutra::random_generator{rows}};
            constexpr std::size_t k = 19, n = 34;
            const test_operand<std::int8_t> a{rows, k, layout::dense, [&] { return source(); }};
            const test_operand<std::int8_t> b{k, n, turned ? layout::transposed : layout::dense, [&] { return source(); }};
            std::vector<std::int32_t> expected;
            const lutra::gemm_operand<std::int8_t> view = a;
            for (std::size_t i = 0; i < rows; ++i) {
                std::int32_t sum = 0;
                for (std::size_t j = 0; j < k; ++j) sum += view(i, j);
                expected.insert(expected.end(), n, sum);
            }
            CHECK(reference_product(left(), a, b) == expected);
            for (const isa i : usable_isas()) CHECK(packed_product(left(), a, b, i) == expected);
        }
}

TEST_CASE("the longest sums that are let through do not overflow") {
    const std::int8_t lowest = -128, highest = 127;
    const auto check = [](const lutra::lowered_multiplier& m, const std::int8_t& x, std::size_t k, std::int32_t expected) {
        const lutra::gemm_operand<std::int8_t> a{&x, 1, k, 0, 0}, b{&x, k, 1, 0, 0};
        for (const isa i : usable_isas()) CHECK(packed_product(m, a, b, i) == std::vector{expected});
    };
    check(lutra::lower(lutra::exact{}), lowest, 131071, 131071 * 16384);
    check(lutra::lower(lutra::exact{}), highest, 131071, 131071 * 16129);
    const auto least = table_of([](std::int8_t, std::int8_t) { return -32768; }, "least");
    check(least, lowest, 65535, -65535 * 32768);
}
