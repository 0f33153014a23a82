// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace lutra {

/// FNV-1a of 32 bits (Fowler, Noll and Vo, 1991) over the bytes of integers, least significant first on every machine: for
/// comparing what two machines computed, not against anybody's ill will.
template <std::integral T>
[[nodiscard]] constexpr std::uint32_t checksum(std::span<const T> values) noexcept {
    std::uint32_t hash = 2166136261u;
    for (const T value : values) {
        auto bits = static_cast<std::uint64_t>(static_cast<std::make_unsigned_t<T>>(value));
        for (std::size_t byte = 0; byte < sizeof(T); ++byte, bits >>= 8)
            hash = (hash ^ static_cast<std::uint32_t>(bits & 0xff)) * 16777619u;
    }
    return hash;
}

} // namespace lutra
