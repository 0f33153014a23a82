// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/random.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace lutra::detail {

/// A permutation of the numbers below @p size that needs no memory of them: a Feistel network of eight rounds (Luby and
/// Rackoff, 1988) on an even number of bits, walked on until it comes back below the size (Black and Rogaway, 2002), fewer
/// than four steps on average. The keys come from a generator.
class index_permutation {
public:
    constexpr index_permutation(std::uint64_t size, random_generator& random) noexcept
        : size_{size}, half_bits_{(static_cast<unsigned>(std::bit_width(size - 1)) + 1) / 2} {
        if (half_bits_ == 0) half_bits_ = 1;
        for (std::uint64_t& key : keys_) key = random();
    }
    [[nodiscard]] constexpr std::uint64_t operator()(std::uint64_t index) const noexcept {
        do index = network(index);
        while (index >= size_);
        return index;
    }

private:
    [[nodiscard]] constexpr std::uint64_t network(std::uint64_t x) const noexcept {
        const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
        std::uint64_t left = x >> half_bits_, right = x & mask;
        for (const std::uint64_t key : keys_) {
            std::uint64_t mixed = right + key; // SplitMix64's mixing
            mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
            mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
            const std::uint64_t next = left ^ ((mixed ^ (mixed >> 31)) & mask);
            left = right;
            right = next;
        }
        return (left << half_bits_) | right;
    }

    std::uint64_t size_;
    unsigned half_bits_;
    std::array<std::uint64_t, 8> keys_{};
};

} // namespace lutra::detail
