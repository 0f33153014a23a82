// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/search/objectives.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

namespace lutra::detail {

/// Puts the points that count, those better than @p reference in everything, to the front.
template <std::size_t N>
constexpr std::span<objectives<N>> points_below(std::span<objectives<N>> points, const objectives<N>& reference) {
    require(feasible(reference), panic_code::bad_argument, "the reference point of a hypervolume must be finite");
    const auto counts = [&](const objectives<N>& p) {
        for (std::size_t i = 0; i < N; ++i)
            if (!(p[i] < reference[i])) return false;
        return feasible(p);
    };
    return {points.begin(), std::partition(points.begin(), points.end(), counts)};
}

/// Puts the points into the order of objective @p last; ties by those before it, so that the order, and with it every
/// rounding, is the same for each permutation of the points.
template <std::size_t N>
constexpr void sort_by(std::span<objectives<N>> points, std::size_t last) {
    std::sort(points.begin(), points.end(), [last](const objectives<N>& a, const objectives<N>& b) {
        for (std::size_t i = last + 1; i-- > 0;)
            if (a[i] != b[i]) return a[i] < b[i];
        return false;
    });
}

/// The area that points dominate in their first two objectives, as one after another joins. Those that none dominates there
/// are a staircase at the front of `points`: the first objective rises, the second falls.
template <std::size_t N>
struct growing_area {
    std::span<objectives<N>> points;
    const objectives<N>& reference;
    std::size_t steps = 0;
    double area = 0;

    /// Lets points[@p at] join, which lies behind the staircase; permutes the points up to it.
    constexpr void add(std::size_t at) {
        const objectives<N> p = points[at];
        const auto first = points.begin(), last = first + static_cast<std::ptrdiff_t>(steps);
        const auto left = std::lower_bound(first, last, p[0], [](const auto& step, double x) { return step[0] < x; });
        double x = p[0], height = left == first ? reference[1] : (*(left - 1))[1];
        if (height <= p[1] || (left != last && (*left)[0] == x && (*left)[1] <= p[1])) return;
        auto right = left;
        for (; right != last && (*right)[1] >= p[1]; ++right) { // what p dominates
            area += ((*right)[0] - x) * (height - p[1]);
            x = (*right)[0];
            height = (*right)[1];
        }
        area += ((right == last ? reference[0] : (*right)[0]) - x) * (height - p[1]);
        if (left == right) { // p is a new step
            points[at] = points[steps++];
            std::move_backward(left, last, last + 1);
        } else { // p takes the place of the first that it dominates; the others leave
            points[at] = *left;
            std::rotate(left + 1, right, last);
            steps -= static_cast<std::size_t>(right - left) - 1;
        }
        *left = p;
    }
};

/// The volume in the first three objectives of points that are below @p reference.
template <std::size_t N>
constexpr double volume_of_3(std::span<objectives<N>> points, const objectives<N>& reference) {
    sort_by<N>(points, 2);
    growing_area<N> base{points, reference};
    double volume = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const double above = i + 1 < points.size() ? points[i + 1][2] : reference[2], height = above - points[i][2];
        base.add(i);
        volume += base.area * height;
    }
    return volume;
}

/// Lets points[@p at] join the first @p front points, none of which covers another in the first three objectives: takes out
/// those that it covers and counts it in. Returns whether it joined: not where another covers it.
template <std::size_t N>
constexpr bool join_front_of_3(std::span<objectives<N>> points, std::size_t& front, std::size_t at) {
    const auto covers = [](const objectives<N>& a, const objectives<N>& b) {
        return a[0] <= b[0] && a[1] <= b[1] && a[2] <= b[2];
    };
    for (std::size_t i = 0; i < front; ++i)
        if (covers(points[i], points[at])) return false;
    for (std::size_t i = 0; i < front;)
        if (covers(points[at], points[i]))
            std::swap(points[i], points[--front]);
        else
            ++i;
    std::swap(points[front++], points[at]);
    return true;
}

} // namespace lutra::detail
