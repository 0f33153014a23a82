// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// A space whose candidates are made by one choice after the other, what there is to choose depending on what was chosen.
/// `branches(chosen)` is the number of alternatives after these choices, at most 65,535, and 0 where they make a candidate:
/// after `capacity` choices at the latest. `genome_of(chosen)` is that candidate. Every choice_space is one. Where a space
/// has a `check()`, searches call it first.
///
/// @code
/// struct mixed : lutra::choice_space<6> { // an exact first layer leaves the second only the first two alternatives
///     constexpr std::size_t branches(std::span<const std::uint16_t> chosen) const {
///         return chosen.size() == 1 && chosen[0] == 0 ? 2 : choice_space::branches(chosen);
///     }
/// };
/// @endcode
template <class S>
concept sequential_space = std::semiregular<typename S::genome> &&
    requires(const S& space, std::span<const std::uint16_t> chosen) {
    requires S::capacity >= 1;
    { space.branches(chosen) } -> std::convertible_to<std::size_t>;
    { space.genome_of(chosen) } -> std::convertible_to<typename S::genome>;
};

/// A sequential space that says which choices come to the same: where `key` of two rows of one length is equal, the same
/// choices may follow both, and with each of them both make candidates of the same costs.
template <class S>
concept keyed_space = sequential_space<S> && requires(const S& space, std::span<const std::uint16_t> chosen) {
    { space.key(chosen) } -> std::convertible_to<std::uint64_t>;
};

namespace detail {

/// Lets a space that can check itself do so.
template <class Space>
constexpr void check_space(const Space& space) {
    if constexpr (requires { space.check(); }) space.check();
}

} // namespace detail

} // namespace lutra
