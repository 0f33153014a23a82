// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/detail/declared_terms.hpp>
#include <lutra/multiplier/detail/product_rows.hpp>
#include <lutra/multiplier/exact.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace lutra {

namespace detail::mul {

template <separable_multiplier M>
inline constexpr auto declared_terms_v =
    declared_terms<M, std::min(static_cast<std::size_t>(M::rank), max_rank)>();

/// Whether the declared terms give the products of sixteen rows.
template <separable_multiplier M, std::size_t Chunk>
inline constexpr bool declared_rows_hold_v = [] {
    const auto& terms = declared_terms_v<M>;
    const std::int16_t *lhs = terms.lhs.data() + 16 * Chunk, *rhs = terms.rhs.data();
    for (std::size_t row = 0; row < 16; ++row) {
        std::int64_t sums[256]{};
        for (std::size_t i = 0; i < terms.rank; ++i) {
            const std::int64_t left = lhs[256 * i + row] * (std::int64_t{1} << terms.shifts[i]);
            for (std::size_t b = 0; b < 256; ++b) sums[b] += left * rhs[256 * i + b];
        }
        for (std::size_t b = 0; b < 256; ++b)
            if (sums[b] != product_rows_v<M, Chunk>.products[256 * row + b]) return false;
    }
    return true;
}();
template <separable_multiplier M>
inline constexpr bool declared_terms_hold_v = []<std::size_t... Chunk>(std::index_sequence<Chunk...>) {
    return (declared_rows_hold_v<M, Chunk> && ...);
}(std::make_index_sequence<16>{});

template <multiplier M>
consteval bool has_declared_terms() {
    if constexpr (separable_multiplier<M>) {
        if constexpr (declared_terms_v<M>.rank > 0) {
            static_assert(declared_terms_hold_v<M>,
                          "lutra::lowered_v: the terms that this multiplier declares do not sum up to its products; correct "
                          "lhs_term, rhs_term or term_scale, or leave out rank.");
            return true;
        }
    }
    return false;
}

template <multiplier M>
consteval lowered_multiplier lowered_constant() {
    if constexpr (std::same_as<M, exact>) {
        return {};
    } else if constexpr (is_exact_v<M>) {
        return {.cost = cost_of<M>(), .name = M::name};
    } else {
        lowered_multiplier m{.lhs_operands = operand_signs_v<M>.lhs,
                             .rhs_operands = operand_signs_v<M>.rhs,
                             .min_product = min_product_v<M>,
                             .max_product = max_product_v<M>,
                             .cost = cost_of<M>(),
                             .name = M::name};
        if constexpr (has_declared_terms<M>()) {
            m.terms = declared_terms_v<M>.view();
            return m.switched_to(plan_kind::separable);
        } else {
            m.products32 = flat_products_v<M, std::int32_t>.data;
            if constexpr (min_product_v<M> >= -32768 && max_product_v<M> <= 32767)
                m.products16 = flat_products_v<M, std::int16_t>.data;
            return m.switched_to(plan_kind::table);
        }
    }
}

} // namespace detail::mul

/// The multiplier type M lowered at compile time, a constant, in flash on firmware. A multiplier that declares its terms
/// becomes these, checked on all pairs: 1 KiB a term. Any other becomes tables of 384 KiB, 256 KiB without 16-bit products.
/// It needs no compiler flag as long as one product takes fewer than about 200 evaluation steps, but several seconds of
/// compile time a multiplier: use it in one translation unit.
template <multiplier M>
inline constexpr lowered_multiplier lowered_v = detail::mul::lowered_constant<M>();

} // namespace lutra
