// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <cstddef>
#include <limits>

namespace lutra {

/// What a candidate costs: N numbers, of each of which less is better. A candidate that cannot be built has a NaN in it.
template <std::size_t N>
requires(N >= 1) using objectives = std::array<double, N>;

/// The objectives of a candidate that cannot be built.
template <std::size_t N>
[[nodiscard]] constexpr objectives<N> infeasible() noexcept {
    objectives<N> costs{};
    costs.fill(std::numeric_limits<double>::quiet_NaN());
    return costs;
}

/// Whether every objective is a number; one that is infinite is none.
template <std::size_t N>
[[nodiscard]] constexpr bool feasible(const objectives<N>& costs) noexcept {
    constexpr double most = std::numeric_limits<double>::max();
    for (const double cost : costs)
        if (!(cost >= -most && cost <= most)) return false;
    return true;
}

/// Pareto dominance: @p a is nowhere worse than @p b, and somewhere better. What is infeasible dominates nothing, and
/// everything feasible dominates it.
template <std::size_t N>
[[nodiscard]] constexpr bool dominates(const objectives<N>& a, const objectives<N>& b) noexcept {
    if (!feasible(a)) return false;
    if (!feasible(b)) return true;
    bool better = false;
    for (std::size_t i = 0; i < N; ++i) {
        if (a[i] > b[i]) return false;
        better = better || a[i] < b[i];
    }
    return better;
}

} // namespace lutra
