// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/random.hpp>
#include <lutra/search/detail/index_permutation.hpp>
#include <lutra/search/objectives.hpp>
#include <lutra/search/sequential_space.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

namespace lutra {

/// A space that counts its candidates, knows each by a number below `size()`, and makes one at random. Every choice_space is
/// one. Where `size()` is the greatest 64-bit number there may be more.
template <class S>
concept indexed_space = std::semiregular<typename S::genome> &&
    requires(const S& space, std::uint64_t index, random_generator& random) {
    { space.size() } -> std::same_as<std::uint64_t>;
    { space.at(index) } -> std::convertible_to<typename S::genome>;
    { space.sample(random) } -> std::convertible_to<typename S::genome>;
};

struct random_search_options {
    bool repeats = false; ///< whether a candidate may be asked for more than once
    std::uint64_t seed = 0;

    friend constexpr bool operator==(const random_search_options&, const random_search_options&) = default;
};

/// Asks for candidates at random: a batch_search of @p N objectives that learns nothing from what it is told, the baseline
/// of all others. Without repeats it goes through the whole space in a random order, by a permutation of the candidates'
/// numbers that takes no memory, and then asks for none. A space of 2^64 - 1 candidates or more is always sampled: among a
/// million draws from it the chance of any repeat is below 3 in 10^8.
///
/// @code
/// lutra::random_search<lutra::choice_space<12>, 2> baseline{layers, {.seed = 1}};
/// lutra::run_search<16>(baseline, problem, {.evaluations = 1'000}, record);
/// @endcode
template <indexed_space Space, std::size_t N>
class random_search {
public:
    using genome = typename Space::genome;
    static constexpr std::size_t objective_count = N;

    /// Panics where the space is empty.
    constexpr explicit random_search(Space space, const random_search_options& options = {})
        : space_{std::move(space)},
          random_{options.seed},
          permutation_{space_.size(), random_},
          size_{space_.size()},
          repeats_{options.repeats || size_ == std::numeric_limits<std::uint64_t>::max()} {
        detail::check_space(space_);
        require(size_ > 0, panic_code::empty, "a random search needs something to choose from");
    }

    /// As many as there is room for; without repeats, none of them asked before, and fewer where fewer are left.
    constexpr std::size_t ask(std::span<genome> out) {
        std::size_t count = 0;
        for (; count < out.size() && (repeats_ || asked_ < size_); ++count)
            out[count] = repeats_ ? space_.sample(random_) : space_.at(permutation_(asked_++));
        return count;
    }
    constexpr void tell(std::span<const genome>, std::span<const objectives<N>>) noexcept {}

private:
    Space space_;
    random_generator random_;
    detail::index_permutation permutation_;
    std::uint64_t size_, asked_ = 0;
    bool repeats_;
};

} // namespace lutra
