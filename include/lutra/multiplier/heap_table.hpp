// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/multiplier/heap_table.hpp allocates: on firmware use lowered_v<M>, or fill a static table_multiplier."
#endif

#include <lutra/core/result.hpp>
#include <lutra/multiplier/table.hpp>
#include <lutra/multiplier/table_bytes.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace lutra {

/// The table of a multiplier type, on the heap.
template <multiplier M>
[[nodiscard]] std::unique_ptr<table_multiplier> make_table() {
    auto table = std::make_unique<table_multiplier>();
    table->fill_from<M>();
    return table;
}

/// The table stored in @p bytes, on the heap: raw products or a .npy file, as fill_from_bytes reads them.
///
/// @code
/// auto table = lutra::table_from_bytes(bytes, {.order = lutra::table_order::value}, "my_circuit");
/// if (!table) return report(table.error().message);
/// const lutra::lowered_multiplier m = lutra::lower(**table); // valid as long as the table is
/// @endcode
[[nodiscard]] inline result<std::unique_ptr<table_multiplier>> table_from_bytes(std::span<const std::byte> bytes,
                                                                               table_format format = {},
                                                                               std::string_view name = "table") {
    auto table = std::make_unique<table_multiplier>();
    if (const status filled = fill_from_bytes(*table, bytes, format); !filled) return filled.error();
    table->set_name(name);
    return table;
}

} // namespace lutra
