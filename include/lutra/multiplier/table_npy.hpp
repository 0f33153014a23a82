// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/result.hpp>
#include <lutra/multiplier/detail/npy_header.hpp>
#include <lutra/multiplier/table.hpp>
#include <lutra/multiplier/table_format.hpp>

#include <cstddef>
#include <span>

namespace lutra {

/// Overwrites the products of @p table with those of a NumPy .npy file (version 1, 2 or 3) that is already in memory; on
/// an error the table is left as it was. The array: 256 x 256 or 65,536 integers of 16, 32 or 64 bits in either byte order
/// and either memory order; element [activation][weight]. Errors: truncated, malformed, wrong_type, wrong_size.
[[nodiscard]] inline status fill_from_npy(table_multiplier& table, std::span<const std::byte> bytes,
                                          table_format format = {}) {
    const auto layout = detail::mul::parse_npy(bytes);
    if (!layout) return layout.error();
    return detail::mul::fill_from_layout(table, bytes, *layout, format);
}

} // namespace lutra
