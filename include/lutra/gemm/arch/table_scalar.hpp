// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

/// @file
/// The table kernels in plain C++, and what all of them share. The products of some lanes (rows of A, or columns of B) with
/// all 256 values of the other operand are a block of 256 rows, [value][lane], of Bytes bytes: looking products up is then
/// adding whole rows, which any vector unit does well. Making the block is no gather either, but the transposition of as
/// many rows of the table as there are lanes.
///
/// Rows are added as 16-bit words without widening them: per word the sum modulo 2^16, and apart the sum of the words' high
/// bytes, which is exact for table_span terms. Their difference is the sum of the low bytes, at most 255 table_span and thus
/// exact modulo 2^16. An 8-bit block has two lanes a word, lane i of the first half in the low byte of word i, with its sign
/// bit flipped to be unsigned, and lane i of the second half in the high byte.

namespace lutra {
inline namespace LUTRA_ISA {
namespace kernel {

inline constexpr std::size_t table_depth = 8;  ///< blocks made and added at a time; with the table they stay in the L2 cache
inline constexpr std::size_t table_span = 256; ///< the most rows whose sums of high bytes, each in [-128, 127], fit int16

/// For each value, whether a group of 16 of them holds it: bit v / 16.
using table_groups = std::uint32_t;

/// Plain C++.
struct table_scalar {
    /// The groups of the @p count values at @p index.
    static table_groups groups(const std::uint8_t* index, std::size_t count) noexcept {
        table_groups found = 0;
        for (std::size_t j = 0; j < count; ++j) found |= table_groups{1} << (index[j] >> 4);
        return found;
    }

    /// Makes the rows of @p groups of a block: block[value][lane] = table[lanes[lane]][value].
    template <std::size_t Bytes, class Entry>
    static void expand(const Entry* table, const std::uint8_t* lanes, table_groups groups, std::byte* block) noexcept {
        constexpr std::size_t words = Bytes / 2;
        for (std::size_t v = 0; v < 256; v += 16)
            if ((groups >> (v / 16) & 1) != 0)
                for (std::size_t word = 0; word < words; ++word) {
                    const Entry* row = table + std::size_t{lanes[word]} * 256;
                    for (std::size_t i = v; i < v + 16; ++i) {
                        int bits = row[i];
                        if constexpr (sizeof(Entry) == 1)
                            bits = ((bits ^ 0x80) & 0xff) | table[std::size_t{lanes[words + word]} * 256 + i] * 256;
                        const auto entry = static_cast<std::int16_t>(bits);
                        std::memcpy(block + i * Bytes + 2 * word, &entry, 2);
                    }
                }
    }

    /// Adds row index[k * stride + j] of each of Depth blocks to the two sums of each j < count: sums[j][0] are the words'
    /// sums modulo 2^16, sums[j][1] those of their high bytes.
    template <std::size_t Bytes, std::size_t Depth>
    static void add(const std::byte* blocks, const std::uint8_t* index, std::size_t stride, std::size_t count,
                    std::uint16_t* sums) noexcept {
        constexpr std::size_t words = Bytes / 2;
        for (std::size_t j = 0; j < count; ++j, sums += 2 * words)
            for (std::size_t k = 0; k < Depth; ++k) {
                const std::byte* from = blocks + (k * 256 + index[k * stride + j]) * Bytes;
                std::int16_t row[words];
                std::memcpy(row, from, Bytes);
                for (std::size_t i = 0; i < words; ++i) sums[i] = static_cast<std::uint16_t>(sums[i] + row[i]);
                for (std::size_t i = 0; i < words; ++i)
                    sums[words + i] = static_cast<std::uint16_t>(sums[words + i] + (row[i] >> 8));
            }
    }
};

} // namespace kernel
} // namespace LUTRA_ISA
} // namespace lutra
