// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/detail/product_rows.hpp>
#include <lutra/multiplier/exact.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <concepts>
#include <cstdint>

namespace lutra {

namespace detail::mul {

template <multiplier M>
consteval lowered_multiplier lowered_constant() {
    if constexpr (std::same_as<M, exact>) {
        return {};
    } else if constexpr (is_exact_v<M>) {
        return {.cost = cost_of<M>(), .name = M::name};
    } else {
        lowered_multiplier m{.kind = plan_kind::table,
                             .lhs_operands = signedness_v<M>,
                             .rhs_operands = signedness_v<M>,
                             .rank = 0,
                             .products16 = nullptr,
                             .products32 = flat_products_v<M, std::int32_t>.data,
                             .min_product = min_product_v<M>,
                             .max_product = max_product_v<M>,
                             .cost = cost_of<M>(),
                             .name = M::name};
        if constexpr (min_product_v<M> >= -32768 && max_product_v<M> <= 32767)
            m.products16 = flat_products_v<M, std::int16_t>.data;
        return m;
    }
}

} // namespace detail::mul

/// The multiplier type M lowered at compile time: its tables (384 KiB, 256 KiB without 16-bit products) are constants,
/// in flash on firmware. It needs no compiler flag as long as one product takes fewer than about 200 evaluation
/// steps, but several seconds of compile time a multiplier: use it in one translation unit.
template <multiplier M>
inline constexpr lowered_multiplier lowered_v = detail::mul::lowered_constant<M>();

} // namespace lutra
