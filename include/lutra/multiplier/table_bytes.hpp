// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/result.hpp>
#include <lutra/multiplier/table.hpp>
#include <lutra/multiplier/table_format.hpp>
#include <lutra/multiplier/table_npy.hpp>

#include <cstddef>
#include <span>

namespace lutra {

/// Overwrites the products of @p table with those in @p bytes; on an error the table is left as it was.
///
/// - 131,072 bytes: 65,536 little-endian 16-bit products, signed or not as @p format says;
/// - 262,144 bytes: 65,536 little-endian signed 32-bit products;
/// - anything that starts like a NumPy file and has neither size: see fill_from_npy.
///
/// Row = activation, column = weight, each in the order that @p format says. Errors: wrong_size; those of fill_from_npy.
[[nodiscard]] LUTRA_INLINE status fill_from_bytes(table_multiplier& table, std::span<const std::byte> bytes,
                                                  table_format format = {}) {
    constexpr std::size_t size16 = 2 * table_multiplier::entries, size32 = 4 * table_multiplier::entries;
    if (bytes.size() != size16 && bytes.size() != size32) {
        if (detail::mul::is_npy(bytes)) return fill_from_npy(table, bytes, format);
        return error{error_code::wrong_size, 0,
                     text<320>{"a multiplier table of "} << bytes.size() << " bytes; expected " << size16
                                                         << " (65536 16-bit products), " << size32
                                                         << " (65536 32-bit products) or a .npy file"};
    }
    const detail::mul::table_layout layout{.offset = 0,
                                           .item_size = bytes.size() == size16 ? std::size_t{2} : std::size_t{4},
                                           .is_signed = bytes.size() == size32 || format.entries == signedness::is_signed,
                                           .big_endian = false,
                                           .columns_first = false};
    return detail::mul::fill_from_layout(table, bytes, layout, format);
}

} // namespace lutra
