// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>
#include <lutra/multiplier/table.hpp>
#if LUTRA_HOSTED
    #include <lutra/multiplier/heap_table.hpp>

    #include <memory>
#else
    #include <lutra/multiplier/lowered_constant.hpp>
#endif

/// @file
/// From a multiplier to a plan that gives exactly its products. The choice: exact where all 65,536 signed products are,
/// else a table.

namespace lutra {

/// Lowers a table. The result points into @p table, which must stay and not change; a temporary is refused.
[[nodiscard]] constexpr lowered_multiplier lower(const table_multiplier& table) noexcept {
    lowered_multiplier m{.kind = plan_kind::table,
                         .lhs_operands = table.operands(),
                         .rhs_operands = table.operands(),
                         .rank = 0,
                         .products16 = table.products16(),
                         .products32 = table.products().data(),
                         .min_product = table.min_product(),
                         .max_product = table.max_product(),
                         .cost = table.cost().value_or(hardware_cost{}),
                         .name = table.name()};
    if (table.operands() == signedness::is_signed && table.is_exact()) {
        m.kind = plan_kind::exact;
        m.rank = 1;
        m.products16 = nullptr;
        m.products32 = nullptr;
    }
    return m;
}
lowered_multiplier lower(const table_multiplier&&) = delete;

/// Lowers a multiplier type. Hosted: its table is built on the first call, once for the program, from any thread. On
/// firmware: lowered_v<M>.
template <multiplier M>
[[nodiscard]] lowered_multiplier lower(M) {
#if LUTRA_HOSTED
    static const std::unique_ptr<const table_multiplier> table = make_table<M>();
    static const lowered_multiplier lowered = [] {
        lowered_multiplier m = lower(*table);
        m.name = M::name;
        return m;
    }();
    return lowered;
#else
    return lowered_v<M>;
#endif
}

} // namespace lutra
