// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/arch/map_bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace lutra {
inline namespace LUTRA_ISA {

/// out[i] = table[the bit pattern of in[i]]: any function of int8, such as int8_values of a piecewise-linear unit. The table
/// holds 256 values in the order of the bit pattern (0 to 127, -128 to -1). @p out may be @p in; otherwise they must not
/// overlap. Panics (bad_shape) unless the lengths are equal and the table's is 256.
///
/// @code
/// constexpr auto values = lutra::int8_values(lutra::pwl_unit{gelu_table, {8, 5}, {8, 5}});
/// lutra::map_bytes(hidden, values, hidden);
/// @endcode
constexpr void map_bytes(std::span<const std::int8_t> in, std::span<const std::int8_t> table, std::span<std::int8_t> out) {
    require(table.size() == 256, panic_code::bad_shape, "an activation table holds one value for each of 256 bytes",
            static_cast<long long>(table.size()), 256);
    require(in.size() == out.size(), panic_code::bad_shape, "map_bytes writes as many bytes as it reads",
            static_cast<long long>(out.size()), static_cast<long long>(in.size()));
    const kernel::byte_rows row{in.data(), in.size(), out.data(), out.size(), 1, in.size()};
    if (std::is_constant_evaluated())
        kernel::map_bytes(table.data(), row);
    else
        kernel::map_bytes_for(best_isa())(table.data(), row);
}

} // namespace LUTRA_ISA
} // namespace lutra
