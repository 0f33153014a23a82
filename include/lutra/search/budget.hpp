// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <limits>

namespace lutra {

/// What a search has used up.
struct search_effort {
    std::uint64_t generations = 0, evaluations = 0;
    std::uint64_t infeasible = 0; ///< of the evaluations

    friend constexpr bool operator==(const search_effort&, const search_effort&) = default;
};

/// What a search may use up: both limits hold.
///
/// @code
/// constexpr lutra::search_budget published{.generations = 500, .evaluations = 25'000};
/// @endcode
struct search_budget {
    static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

    std::uint64_t generations = unlimited, evaluations = unlimited;

    /// Whether @p spent leaves room for another generation.
    [[nodiscard]] constexpr bool allows(const search_effort& spent) const noexcept {
        return spent.generations < generations && spent.evaluations < evaluations;
    }
    /// How many evaluations @p spent leaves, at most @p wanted.
    [[nodiscard]] constexpr std::uint64_t evaluations_left(const search_effort& spent,
                                                           std::uint64_t wanted = unlimited) const noexcept {
        const std::uint64_t left = spent.evaluations < evaluations ? evaluations - spent.evaluations : 0;
        return left < wanted ? left : wanted;
    }
    friend constexpr bool operator==(const search_budget&, const search_budget&) = default;
};

} // namespace lutra
