// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/search/choices.hpp>
#include <lutra/search/detail/choice_tree.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra::detail {

/// One descent: the choices made, the edges taken, and the leaf that was made at the end, if any.
template <std::size_t Depth>
struct tree_way {
    choice_genome<Depth> chosen{};
    std::array<std::uint32_t, Depth> edge{};
    std::size_t edges = 0, asked = 0;                  ///< asked: the place in the batch
    std::uint32_t leaf = no_index, crowded = no_index; ///< crowded: a leaf that a full tree could not unfold

    [[nodiscard]] constexpr std::span<const std::uint16_t> choices() const noexcept {
        return {chosen.gene.data(), chosen.length};
    }
    constexpr void append(std::size_t choice) { chosen[chosen.length++] = static_cast<std::uint16_t>(choice); }
};

} // namespace lutra::detail
