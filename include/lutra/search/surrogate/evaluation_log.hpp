// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/search/surrogate needs a heap and Eigen: use nsga2 or genetic_search on firmware."
#endif

#include <lutra/search/choices.hpp>
#include <lutra/search/objectives.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace lutra {

/// All that was evaluated, in order, infeasible candidates included: what surrogates learn from.
template <std::size_t Capacity, std::size_t Objectives>
class evaluation_log {
public:
    struct entry {
        choice_genome<Capacity> genome;
        objectives<Objectives> costs;
    };

    /// Whether it moved the front: feasible, and nothing in the front is as good everywhere.
    bool add(const choice_genome<Capacity>& genome, const objectives<Objectives>& costs) {
        entries_.push_back({genome, costs});
        if (!feasible(costs)) {
            infeasible_.push_back(entries_.size() - 1);
            return false;
        }
        feasible_.push_back(entries_.size() - 1);
        for (const std::size_t i : front_)
            if (dominates(entries_[i].costs, costs) || entries_[i].costs == costs) return false;
        std::erase_if(front_, [&](std::size_t i) { return dominates(costs, entries_[i].costs); });
        front_.push_back(entries_.size() - 1);
        return true;
    }

    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] const entry& operator[](std::size_t i) const { return entries_[i]; }
    /// The numbers of the entries that nothing dominates, in order; of equal costs the first.
    [[nodiscard]] const std::vector<std::size_t>& front() const noexcept { return front_; }
    /// The numbers of the feasible entries, and of the others, in order.
    [[nodiscard]] const std::vector<std::size_t>& feasible_entries() const noexcept { return feasible_; }
    [[nodiscard]] const std::vector<std::size_t>& infeasible_entries() const noexcept { return infeasible_; }

    /// The numbers of at most @p most feasible entries to learn from, in order: the newest of the front, up to half of
    /// @p most, and the newest of all.
    [[nodiscard]] std::vector<std::size_t> best_and_newest(std::size_t most) const {
        if (feasible_.size() <= most) return feasible_;
        const std::size_t best = std::min(front_.size(), most / 2);
        std::vector<std::size_t> out(front_.end() - static_cast<std::ptrdiff_t>(best), front_.end());
        for (std::size_t i = feasible_.size(); i-- > 0 && out.size() < most;)
            if (!std::binary_search(front_.end() - static_cast<std::ptrdiff_t>(best), front_.end(), feasible_[i]))
                out.push_back(feasible_[i]);
        std::sort(out.begin(), out.end());
        return out;
    }

private:
    std::vector<entry> entries_;
    std::vector<std::size_t> front_, feasible_, infeasible_;
};

} // namespace lutra
