// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/search/choices.hpp>
#include <lutra/search/objectives.hpp>
#include <lutra/search/sequential_space.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace lutra {

/// Asks for every candidate of a sequential space once, in order, the last choice changing fastest: a batch_search of @p N
/// objectives that learns nothing from what it is told. The baseline that is never wrong, where the space is small.
///
/// @code
/// lutra::exhaustive_search<lutra::choice_space<6>, 2> all{layers};
/// lutra::run_search<64>(all, problem, {}, [&](auto, const auto& genome, const auto& costs) { archive.add(genome, costs);
/// });
/// @endcode
template <sequential_space Space, std::size_t N>
class exhaustive_search {
public:
    using genome = typename Space::genome;
    static constexpr std::size_t objective_count = N;

    /// Panics where there is nothing to choose.
    constexpr explicit exhaustive_search(Space space) : space_{std::move(space)} {
        detail::check_space(space_);
        require(space_.branches(chosen()) > 0, panic_code::empty, "an exhaustive search needs something to choose");
        complete();
    }

    /// Fewer than there is room for at the end, then none.
    constexpr std::size_t ask(std::span<genome> out) {
        std::size_t count = 0;
        for (; count < out.size() && !ended_; ++count) {
            out[count] = space_.genome_of(chosen());
            advance();
        }
        return count;
    }
    constexpr void tell(std::span<const genome>, std::span<const objectives<N>>) noexcept {}

private:
    [[nodiscard]] constexpr std::span<const std::uint16_t> chosen() const noexcept {
        return {choice_.gene.data(), choice_.length};
    }
    /// Takes the first alternative of all that is left to choose. Panics where the space has more choices than its capacity.
    constexpr void complete() {
        while (space_.branches(chosen()) > 0) {
            require(choice_.length < Space::capacity, panic_code::out_of_range,
                    "a space has more choices one after the other than its capacity",
                    static_cast<long long>(Space::capacity));
            choice_[choice_.length++] = 0;
        }
    }
    constexpr void advance() {
        while (choice_.length > 0) {
            const std::size_t next = choice_[--choice_.length] + std::size_t{1};
            if (next >= space_.branches(chosen())) continue;
            choice_[choice_.length++] = static_cast<std::uint16_t>(next);
            return complete();
        }
        ended_ = true;
    }

    Space space_;
    choice_genome<Space::capacity> choice_{};
    bool ended_ = false;
};

} // namespace lutra
