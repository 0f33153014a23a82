// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/search/objectives.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace lutra {

/// Candidates split into fronts: nothing dominates a member of the first, and only members of earlier ones a member of
/// another. What is infeasible forms the last front.
///
/// Candidates are taken in lexicographic order, so that none dominates one before it, and join the first front in which
/// nothing dominates them, found by bisection (ENS-BS; Zhang, Tian, Cheng and Jin, 2015). Of each front they are compared
/// only with those that no later member covers in all objectives but the first, in the order of the second: with two
/// objectives that is one, and the whole takes O(n log n); with three it is a part of a staircase.
///
/// @tparam Capacity the most candidates
template <std::size_t N, std::size_t Capacity>
requires(N >= 2 && Capacity >= 1) class non_dominated_fronts {
public:
    non_dominated_fronts() = default;
    /// Panics where there are more than Capacity.
    constexpr explicit non_dominated_fronts(std::span<const objectives<N>> costs) { sort(costs); }

    constexpr void sort(std::span<const objectives<N>> costs) {
        require(costs.size() <= Capacity, panic_code::out_of_range, "more candidates to sort than there is room for",
                static_cast<long long>(costs.size()), static_cast<long long>(Capacity));
        fronts_ = 0;
        std::size_t feasibles = 0;
        for (std::size_t i = 0; i < costs.size(); ++i)
            if (feasible(costs[i])) sorted_[feasibles++] = {costs[i], i};
        const auto begin = sorted_.begin(), end = begin + static_cast<std::ptrdiff_t>(feasibles);
        std::sort(begin, end, [](const entry& a, const entry& b) {
            for (std::size_t k = 0; k < N; ++k)
                if (a.costs[k] != b.costs[k]) return a.costs[k] < b.costs[k];
            return a.index < b.index;
        });
        for (std::size_t i = 0; i < feasibles; ++i) {
            const bool same = i > 0 && sorted_[i].costs == sorted_[i - 1].costs;
            if (same)
                rank_[sorted_[i].index] = rank_[sorted_[i - 1].index];
            else
                join(i);
        }
        if (feasibles < costs.size()) {
            for (std::size_t i = 0; i < costs.size(); ++i)
                if (!feasible(costs[i])) {
                    rank_[i] = fronts_;
                    sorted_[feasibles++].index = i;
                }
            ++fronts_;
        }
        gather(costs.size());
    }

    /// How many fronts there are.
    [[nodiscard]] constexpr std::size_t size() const noexcept { return fronts_; }
    /// The candidates of front @p rank, from 0, in the lexicographic order of their costs; of equals the first is first.
    [[nodiscard]] constexpr std::span<const std::size_t> operator[](std::size_t rank) const {
        require(rank < fronts_, panic_code::out_of_range, "there is no such front", static_cast<long long>(rank),
                static_cast<long long>(fronts_));
        return {order_.data() + begin_[rank], begin_[rank + 1] - begin_[rank]};
    }
    /// The front of candidate @p i.
    [[nodiscard]] constexpr std::size_t rank(std::size_t i) const noexcept { return rank_[i]; }

private:
    struct entry {
        objectives<N> costs{};
        std::size_t index = 0;
    };
    static constexpr std::size_t none = Capacity;

    /// Whether sorted_[@p a], which is not behind sorted_[@p b], is nowhere worse.
    [[nodiscard]] constexpr bool covers(std::size_t a, std::size_t b) const noexcept {
        for (std::size_t k = 1; k < N; ++k)
            if (sorted_[a].costs[k] > sorted_[b].costs[k]) return false;
        return true;
    }
    /// The place of sorted_[@p i] in the list of front @p rank, which is in the order of the second objective; nothing if a
    /// member dominates it.
    [[nodiscard]] constexpr std::size_t* place_in(std::size_t rank, std::size_t i) noexcept {
        std::size_t* link = &head_[rank];
        std::size_t before = none;
        for (; *link != none && sorted_[*link].costs[1] <= sorted_[i].costs[1]; link = &next_[*link]) {
            before = *link;
            if (N > 3 && covers(before, i)) return nullptr;
        }
        // Of up to three objectives the list is a staircase: the last before it is the best of those in the third.
        return before != none && covers(before, i) ? nullptr : link;
    }
    constexpr void join(std::size_t i) noexcept {
        std::size_t low = 0, high = fronts_,
                    *place = nullptr; // each front below low dominates i; that of the place does not
        while (low < high) {
            const std::size_t middle = low + (high - low) / 2;
            if (std::size_t* const there = place_in(middle, i)) {
                high = middle;
                place = there;
            } else
                low = middle + 1;
        }
        if (low == fronts_) {
            head_[fronts_++] = none;
            place = &head_[low];
        }
        rank_[sorted_[i].index] = low;
        next_[i] = *place;
        *place = i;
        for (std::size_t* link = &next_[i]; *link != none;)
            if (covers(i, *link))
                *link = next_[*link];
            else if (N > 3)
                link = &next_[*link];
            else
                break;
    }
    /// Counts the members of each front, and puts them there in order.
    constexpr void gather(std::size_t count) noexcept {
        std::fill_n(begin_.begin(), fronts_ + 1, std::size_t{0});
        for (std::size_t i = 0; i < count; ++i) ++begin_[rank_[i] + 1];
        for (std::size_t r = 0; r < fronts_; ++r) begin_[r + 1] += begin_[r];
        std::copy_n(begin_.begin(), fronts_, head_.begin());
        for (std::size_t i = 0; i < count; ++i) order_[head_[rank_[sorted_[i].index]]++] = sorted_[i].index;
    }

    std::size_t fronts_ = 0;
    std::array<entry, Capacity> sorted_{};
    std::array<std::size_t, Capacity> head_{}, next_{}, rank_{}, order_{};
    std::array<std::size_t, Capacity + 1> begin_{};
};

} // namespace lutra
