// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/result.hpp>
#include <lutra/multiplier/detail/table_layout.hpp>
#include <lutra/multiplier/table.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// The order of the rows and columns of stored products.
enum class table_order : std::uint8_t {
    bit_pattern, ///< operand bits 0x00 to 0xff: 0, 1, ..., 127, -128, ..., -1 where they are signed
    value,       ///< operand values ascending: -128 to 127, or 0 to 255
};

/// What the bytes of a table do not say themselves.
struct table_format {
    table_order order = table_order::bit_pattern;
    signedness entries = signedness::is_signed; ///< of raw 16-bit products; a .npy file says its own
    operand_signs operands{};                   ///< of the circuit's operands
};

namespace detail::mul {

/// One stored product. The caller has checked that the bytes are there.
[[nodiscard]] inline std::int64_t read_entry(std::span<const std::byte> bytes, const table_layout& layout,
                                             std::size_t index) {
    const std::size_t at = layout.offset + index * layout.item_size;
    std::uint64_t raw = 0;
    for (std::size_t i = 0; i < layout.item_size; ++i) {
        const std::size_t place = layout.big_endian ? layout.item_size - 1 - i : i;
        raw |= std::to_integer<std::uint64_t>(bytes[at + i]) << (8 * place);
    }
    const auto unused = static_cast<unsigned>(64 - 8 * layout.item_size);
    return layout.is_signed ? static_cast<std::int64_t>(raw << unused) >> unused : static_cast<std::int64_t>(raw);
}

[[nodiscard]] LUTRA_INLINE status fill_from_layout(table_multiplier& table, std::span<const std::byte> bytes,
                                                   const table_layout& layout, table_format format) {
    for (std::size_t i = 0; i < table_multiplier::entries; ++i)
        // An unsigned 64-bit entry that reads as negative is too large as well.
        if (const auto p = read_entry(bytes, layout, i); p != static_cast<std::int32_t>(p) || (p < 0 && !layout.is_signed))
            return error{error_code::malformed, layout.offset + i * layout.item_size,
                         text<320>{"entry "} << i << " of a multiplier table is outside the range of 32-bit products"};
    const auto flip = [&](signedness sign) -> std::uint8_t { // in the order of values, the negative ones come first
        return format.order == table_order::value && sign == signedness::is_signed ? 0x80 : 0;
    };
    const std::uint8_t flip_lhs = flip(format.operands.lhs), flip_rhs = flip(format.operands.rhs);
    table.fill(
        [&](std::uint8_t a, std::uint8_t b) {
            const auto row = static_cast<std::size_t>(a ^ flip_lhs), column = static_cast<std::size_t>(b ^ flip_rhs);
            return read_entry(bytes, layout, layout.columns_first ? column * 256 + row : row * 256 + column);
        },
        format.operands);
    return ok();
}

} // namespace detail::mul

} // namespace lutra
