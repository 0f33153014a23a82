// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/search/objectives.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>

namespace lutra {

/// How lonely the members of a front are, as members leave: the crowding distance of NSGA-II (Deb, Pratap, Agarwal and
/// Meyarivan, 2002), the sum over the objectives of the gap between a member's two neighbours, as a part of the range of the
/// front; infinite for the least and the greatest. When a member leaves, the distances of its neighbours are taken anew
/// (Kukkonen and Deb, 2006), so that of a cluster some stay; the ranges remain. An objective in which all are equal says
/// nothing.
///
/// @tparam Capacity the most members
template <std::size_t N, std::size_t Capacity>
requires(Capacity >= 1) class crowding {
public:
    /// Takes a front of @p size feasible members, of which `cost_of(i)` is what member i costs, an objectives<N>. Panics
    /// where there are more than Capacity.
    template <class CostOf>
    requires std::invocable<CostOf&, std::size_t>
    constexpr void assign(std::size_t size, CostOf cost_of) {
        require(size <= Capacity, panic_code::out_of_range, "a front with more members than there is room for",
                static_cast<long long>(size), static_cast<long long>(Capacity));
        left_ = size;
        for (std::size_t i = 0; i < size; ++i) {
            members_[i] = sorted_[i] = i;
            const objectives<N>& costs = cost_of(i);
            for (std::size_t k = 0; k < N; ++k) lines_[k].value[i] = costs[k];
        }
        for (line& l : lines_) l.link({sorted_.data(), size});
        for (std::size_t i = 0; i < size; ++i) measure(i);
    }

    /// The members that are left, in no order.
    [[nodiscard]] constexpr std::span<const std::size_t> members() const noexcept { return {members_.data(), left_}; }
    /// The distance of member @p i, which is left.
    [[nodiscard]] constexpr double distance(std::size_t i) const noexcept { return distance_[i]; }
    /// Lets the least lonely member leave, of equals the last, and returns which it was. Panics if none is left.
    constexpr std::size_t drop() {
        require(left_ > 0, panic_code::empty, "nobody is left in a front to leave it");
        std::size_t at = 0;
        for (std::size_t m = 1; m < left_; ++m) {
            const std::size_t i = members_[m], least = members_[at];
            if (distance_[i] < distance_[least] || (distance_[i] == distance_[least] && i > least)) at = m;
        }
        const std::size_t leaver = members_[at];
        members_[at] = members_[--left_];
        for (line& l : lines_) l.unlink(leaver);
        for (const line& l : lines_) {
            if (l.before[leaver] != none) measure(l.before[leaver]);
            if (l.after[leaver] != none) measure(l.after[leaver]);
        }
        return leaver;
    }

private:
    static constexpr std::size_t none = Capacity;

    /// The members in the order of one objective, a linked list.
    struct line {
        std::array<double, Capacity> value{};
        std::array<std::size_t, Capacity> before{}, after{};
        double range = 0;

        /// @p members in the order of another objective; in that of this one afterwards.
        constexpr void link(std::span<std::size_t> members) {
            const auto less = [&](std::size_t a, std::size_t b) { return value[a] < value[b]; };
            // A front in the order of the first of two objectives is in the reverse order of the other.
            if (!std::is_sorted(members.begin(), members.end(), less)) std::reverse(members.begin(), members.end());
            if (!std::is_sorted(members.begin(), members.end(), less))
                std::sort(members.begin(), members.end(),
                          [&](std::size_t a, std::size_t b) { return value[a] != value[b] ? value[a] < value[b] : a < b; });
            std::size_t last = none;
            for (const std::size_t i : members) {
                before[i] = last;
                after[i] = none;
                if (last != none) after[last] = i;
                last = i;
            }
            range = last == none ? 0 : value[last] - value[members.front()];
        }
        constexpr void unlink(std::size_t i) noexcept {
            if (before[i] != none) after[before[i]] = after[i];
            if (after[i] != none) before[after[i]] = before[i];
        }
        [[nodiscard]] constexpr double gap(std::size_t i) const noexcept {
            constexpr double infinity = std::numeric_limits<double>::infinity();
            if (!(range > 0 && range < infinity)) return 0;
            return before[i] == none || after[i] == none ? infinity : (value[after[i]] - value[before[i]]) / range;
        }
    };

    constexpr void measure(std::size_t i) noexcept {
        distance_[i] = 0;
        for (const line& l : lines_) distance_[i] += l.gap(i);
    }

    std::size_t left_ = 0;
    std::array<std::size_t, Capacity> members_{}, sorted_{};
    std::array<double, Capacity> distance_{};
    std::array<line, N> lines_{};
};

} // namespace lutra
