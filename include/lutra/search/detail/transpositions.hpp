// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/search/detail/choice_tree.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace lutra::detail {

/// What a key stands for: the node of a row of choices, or what is known of a candidate: its reward, or the place in the
/// batch in which it has been asked.
enum class known_as : std::uint8_t { nothing, node, reward, asked };

struct transposition {
    std::uint64_t key = 0, value = 0;
    std::uint32_t length = 0; ///< of the row of choices
    known_as what = known_as::nothing;
};

/// Finds nodes and candidates by key and length: a hash table with linear probing, at most half full, as each of @p Nodes
/// nodes brings itself and its candidate.
template <std::size_t Nodes>
class transposition_table {
public:
    static constexpr std::size_t capacity = std::bit_ceil(4 * Nodes);

    /// The place of a key, or that where it belongs; nodes and candidates are apart.
    [[nodiscard]] constexpr transposition& find(std::uint64_t key, std::size_t length, bool candidate) noexcept {
        std::uint64_t hash = key + 0x9e3779b97f4a7c15u * (2 * length + (candidate ? 1 : 0)); // SplitMix64's mixing
        hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
        hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
        for (std::size_t at = static_cast<std::size_t>(hash ^ (hash >> 31));; ++at) {
            transposition& t = entries_[at % capacity];
            if (t.what == known_as::nothing ||
                (t.key == key && t.length == length && (t.what != known_as::node) == candidate))
                return t;
        }
    }
    /// Notes what a key stands for.
    constexpr void put(std::uint64_t key, std::size_t length, known_as what, std::uint64_t value) noexcept {
        find(key, length, what != known_as::node) = {
            .key = key, .value = value, .length = static_cast<std::uint32_t>(length), .what = what};
    }

private:
    std::array<transposition, capacity> entries_{};
};

} // namespace lutra::detail
