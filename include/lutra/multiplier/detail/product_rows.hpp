// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/multiplier/concept.hpp>
#include <lutra/multiplier/table.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

/// @file
/// All products of a multiplier at compile time, in evaluations small enough for the compilers' default limits (clang
/// stops at 2^20 steps, and one evaluation of 65,536 calls passes that).

namespace lutra::detail::mul {

// Plain arrays and few calls: compilers pay for every call of a constexpr function, operator[] included.

/// Each weight's bits as M takes them, and as they count.
template <multiplier M>
struct weight_operands {
    typename M::rhs decoded[256]{};
    std::int32_t values[256]{};
};
template <multiplier M>
inline constexpr weight_operands<M> weights_v = [] {
    static_assert(check_table_operands<M>());
    weight_operands<M> w;
    for (std::size_t i = 0; i < 256; ++i) {
        w.decoded[i] = operand_from_bits<typename M::rhs, rhs_bits_v<M>>(static_cast<std::uint8_t>(i));
        w.values[i] = operand_value(static_cast<std::uint8_t>(i), signedness_v<typename M::rhs>);
    }
    return w;
}();

/// Sixteen rows of a product table: activations 16 * chunk to 16 * chunk + 15.
struct product_rows {
    std::int32_t products[4096]{};
    std::int32_t min = 0, max = 0;
    bool exact = true;
};

template <multiplier M, std::size_t Chunk>
inline constexpr product_rows product_rows_v = [] {
    product_rows rows;
    for (std::size_t row = 0; row < 16; ++row) {
        const auto a = operand_from_bits<typename M::lhs, lhs_bits_v<M>>(static_cast<std::uint8_t>(16 * Chunk + row));
        const std::int32_t x = operand_value(static_cast<std::uint8_t>(16 * Chunk + row), signedness_v<typename M::lhs>);
        for (std::size_t column = 0; column < 256; ++column) {
            const std::int64_t product = M::multiply(a, weights_v<M>.decoded[column]);
            const auto p = static_cast<std::int32_t>(product);
            if (p != product) panic(panic_code::overflow, "a product of a lowered multiplier must fit 32 bits", product);
            rows.products[256 * row + column] = p;
            if (p != x * weights_v<M>.values[column]) rows.exact = false;
            if (p < rows.min || row + column == 0) rows.min = p;
            if (p > rows.max || row + column == 0) rows.max = p;
        }
    }
    return rows;
}();

/// Calls f(product_rows_v<M, 0>, ..., product_rows_v<M, 15>).
template <multiplier M>
constexpr auto with_all_rows(auto f) {
    return [&]<std::size_t... Chunk>(std::index_sequence<Chunk...>) {
        return f(product_rows_v<M, Chunk>...);
    }(std::make_index_sequence<16>{});
}

template <multiplier M>
inline constexpr std::int32_t min_product_v = with_all_rows<M>([](auto&... rows) { return std::min({rows.min...}); });
template <multiplier M>
inline constexpr std::int32_t max_product_v = with_all_rows<M>([](auto&... rows) { return std::max({rows.max...}); });
template <multiplier M>
inline constexpr bool is_exact_v =
    operand_signs_v<M>.all_signed() && with_all_rows<M>([](auto&... rows) { return (rows.exact && ...); });

template <class T>
struct flat_products {
    T data[65536]{};
};

/// The rows end to end.
template <multiplier M, class T>
inline constexpr flat_products<T> flat_products_v = [] {
    flat_products<T> flat;
    with_all_rows<M>([&flat](auto&... rows) {
        std::size_t n = 0;
        const auto append = [&](const product_rows& r) {
            for (std::size_t i = 0; i < 4096; ++i) flat.data[n + i] = static_cast<T>(r.products[i]);
            n += 4096;
        };
        (append(rows), ...);
    });
    return flat;
}();

} // namespace lutra::detail::mul
