// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <lutra/core/random.hpp>
#include <lutra/multiplier/lowering.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

// How many tables; filling one checks every plan on all pairs and panics on a difference.
#ifndef LUTRA_TEST_TABLES
    #if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
        #define LUTRA_TEST_TABLES 10000
    #else
        #define LUTRA_TEST_TABLES 100
    #endif
#endif

using lutra::isa;
using lutra::plan_kind;
using lutra::signedness;

namespace {

struct seen {
    int separable = 0, error_plane = 0, table = 0;
};

/// A table of random structure: a base, a few products of maps on it, and perhaps errors in some entries.
void fill(lutra::table_multiplier& table, lutra::random_generator& random) {
    const auto sign = [&] { return random.below(3) == 0 ? signedness::is_unsigned : signedness::is_signed; };
    const lutra::operand_signs signs{sign(), sign()};
    const bool exact_base = random.below(2) == 0, constant = random.below(8) == 0;
    const std::size_t rank = random.below(10);
    const std::int64_t reach = std::int64_t{1} << random.below(8);
    static std::array<std::array<std::int64_t, 256>, 10> lhs, rhs;
    for (std::size_t i = 0; i < rank; ++i)
        for (std::size_t j = 0; j < 256; ++j) {
            lhs[i][j] = random.between(-reach, reach - 1);
            rhs[i][j] = random.between(-reach, reach - 1) * (std::int64_t{1} << i % 4);
        }
    const std::uint64_t density = random.below(4) == 0 ? random.below(65536) : 0;
    const int shift = static_cast<int>(random.below(5));
    const bool only_errors = random.below(3) == 0;
    table.fill(
        [&](std::uint8_t a, std::uint8_t b) {
            std::int64_t p = exact_base ? signs.exact_product(a, b) : 0;
            if (constant) p += 1000;
            for (std::size_t i = 0; i < rank && !only_errors; ++i) p += lhs[i][a] * rhs[i][b];
            if (density > 0 && random.below(65536) < density) p += random.between(-128, 127) * (std::int64_t{1} << shift);
            return p;
        },
        signs);
}

/// The first pair at which a plan's maps do not give the table's product; 65,536 if there is none.
std::size_t first_wrong(const lutra::lowered_multiplier& l, const lutra::table_multiplier& table) {
    for (std::size_t a = 0; a < 256; ++a) {
        std::array<std::int64_t, 256> sums{};
        for (std::size_t b = 0; b < 256; ++b) {
            if (l.kind == plan_kind::error_plane) sums[b] = l.errors[256 * a + b] * (1 << l.error_shift);
            if (l.kind == plan_kind::table) sums[b] = l.products32[256 * a + b];
        }
        for (std::size_t i = 0; i < l.rank; ++i)
            for (std::size_t b = 0; b < 256; ++b)
                sums[b] += l.lhs_factors == nullptr ? std::int64_t{static_cast<std::int8_t>(a)} * static_cast<std::int8_t>(b)
                                                    : std::int64_t{l.lhs_factors[256 * i + a]} *
                                                          (l.rhs_factors[256 * i + b] * (1 << l.shifts[i]));
        for (std::size_t b = 0; b < 256; ++b)
            if (sums[b] != table.products()[256 * a + b]) return 256 * a + b;
    }
    return 65536;
}

bool transposes_hold(const lutra::lowered_multiplier& l) {
    int wrong = 0;
    for (std::size_t i = 0; i < 65536; ++i) {
        const std::size_t across = i % 256 * 256 + i / 256;
        if (l.errors != nullptr) wrong += l.errors_by_weight[across] != l.errors[i];
        if (l.products16 != nullptr) wrong += l.products16_by_weight[across] != l.products16[i];
    }
    return wrong == 0;
}

} // namespace

TEST_CASE("every plan of random tables gives their products") {
    lutra::random_generator random{2024};
    const auto table = std::make_unique<lutra::table_multiplier>();
    seen plans;
    int wrong = 0;
    for (int round = 0; round < LUTRA_TEST_TABLES; ++round) {
        fill(*table, random);
        for (const plan_kind kind : lutra::all_plans) {
            if (!lutra::admits(*table, kind)) continue;
            wrong += first_wrong(lutra::lower(*table, kind), *table) != 65536;
        }
        wrong += round % 16 == 0 && !transposes_hold(lutra::lower(*table, plan_kind::table));
        const auto l = lutra::lower(*table, isa::avx512vnni); // perhaps with other terms: digits of 8 bits
        wrong += first_wrong(l, *table) != 65536;
        plans.separable += l.kind == plan_kind::separable;
        plans.error_plane += l.kind == plan_kind::error_plane;
        plans.table += l.kind == plan_kind::table;
    }
    CHECK(wrong == 0);
    CHECK(plans.separable > 0);
    CHECK(plans.error_plane > 0);
    CHECK(plans.table > 0);
}
