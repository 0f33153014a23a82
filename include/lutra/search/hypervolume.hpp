// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/search/detail/volume_sweep.hpp>
#include <lutra/search/objectives.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>

namespace lutra {

/// The hypervolume indicator (Zitzler and Thiele, 1998): the volume of what @p points dominate below @p reference, exact but
/// for rounding, and the same for every permutation of the points. A point that is infeasible or not better than the
/// reference in every objective adds nothing. Two objectives: a sweep over the sorted points. Three: a sweep that keeps a
/// staircase (Fonseca, Paquete and Lopez-Ibanez, 2006), O(n log n) comparisons. Four: a sum of slices of three (While et
/// al., 2006), O(n^2 log n). The products of a sum may be fused with it, as the compiler likes.
///
/// @param points in any order; they are put into another
/// @param reference finite, else panics
template <std::size_t N>
[[nodiscard]] constexpr double hypervolume(std::type_identity_t<std::span<objectives<N>>> points,
                                           const objectives<N>& reference) {
    static_assert(N >= 2 && N <= 4, "the hypervolume is known here for two, three and four objectives");
    const std::span<objectives<N>> below = detail::points_below<N>(points, reference);
    double volume = 0;
    if constexpr (N == 2) {
        detail::sort_by<N>(below, 1);
        double left = reference[0];
        for (const objectives<N>& p : below)
            if (p[0] < left) {
                volume += (left - p[0]) * (reference[1] - p[1]);
                left = p[0];
            }
    } else if constexpr (N == 3) {
        volume = detail::volume_of_3<N>(below, reference);
    } else {
        detail::sort_by<N>(below, 3);
        std::size_t front = 0;
        double slice = 0;
        for (std::size_t i = 0; i < below.size(); ++i) {
            const double above = i + 1 < below.size() ? below[i + 1][3] : reference[3], height = above - below[i][3];
            if (detail::join_front_of_3<N>(below, front, i)) slice = detail::volume_of_3<N>(below.first(front), reference);
            volume += slice * height;
        }
    }
    return volume;
}

/// By how much @p candidate would increase the hypervolume of @p points: what it dominates alone (Bradstreet, While and
/// Barone, 2008). More precise than the difference of two hypervolumes; 0 for a candidate that adds nothing.
///
/// @param points are overwritten
/// @param reference finite, else panics
template <std::size_t N>
[[nodiscard]] constexpr double hypervolume_improvement(std::type_identity_t<std::span<objectives<N>>> points,
                                                       const objectives<N>& candidate, const objectives<N>& reference) {
    objectives<N> alone = candidate;
    if (detail::points_below<N>({&alone, 1}, reference).empty()) return 0;
    const std::span<objectives<N>> below = detail::points_below<N>(points, reference);
    double volume = 1;
    for (std::size_t i = 0; i < N; ++i) volume *= reference[i] - candidate[i];
    for (objectives<N>& p : below) { // what it dominates of the candidate's part
        for (std::size_t i = 0; i < N; ++i) p[i] = std::max(p[i], candidate[i]);
        if (p == candidate) return 0;
    }
    return std::max(0.0, volume - hypervolume<N>(below, reference)); // of nearly equal volumes, rounding may leave less
}

} // namespace lutra
