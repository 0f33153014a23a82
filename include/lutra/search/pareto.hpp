// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/search/crowding.hpp>
#include <lutra/search/hypervolume.hpp>
#include <lutra/search/objectives.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <span>

namespace lutra {

/// The best candidates so far: all that are feasible and that no other dominates, in the order in which they came. Of
/// candidates with the same costs the first stays. Where there are more than Capacity, the one with the least crowding
/// distance (crowding.hpp) leaves, of equals the last that came; what was dropped may let something in later that it would
/// have dominated.
///
/// @code
/// lutra::pareto_archive<genome, 2, 64> best;
/// best.add(candidate, problem.evaluate(candidate));
/// for (std::size_t i = 0; i < best.size(); ++i) use(best.genomes()[i], best.costs()[i]);
/// @endcode
template <std::semiregular Genome, std::size_t N, std::size_t Capacity>
requires(Capacity >= 1) class pareto_archive {
public:
    using genome = Genome;
    static constexpr std::size_t objective_count = N, capacity = Capacity;

    /// Adds a candidate and takes out what it dominates. Returns whether it was kept.
    constexpr bool add(const genome& candidate, const objectives<N>& costs) {
        if (!feasible(costs)) return false;
        for (const objectives<N>& known : this->costs())
            if (known == costs || dominates(known, costs)) return false;
        std::size_t kept = 0;
        for (std::size_t i = 0; i < size_; ++i)
            if (!dominates(costs, costs_[i])) move(i, kept++);
        genomes_[kept] = candidate;
        costs_[kept] = costs;
        size_ = kept + 1;
        return size_ <= Capacity || drop() != Capacity;
    }
    constexpr void clear() noexcept { size_ = 0; }

    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
    [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] constexpr std::span<const genome> genomes() const noexcept { return {genomes_.data(), size_}; }
    [[nodiscard]] constexpr std::span<const objectives<N>> costs() const noexcept { return {costs_.data(), size_}; }

    /// The hypervolume of what is in the archive; see there.
    [[nodiscard]] constexpr double hypervolume(const objectives<N>& reference) const {
        auto points = costs_;
        return lutra::hypervolume<N>({points.data(), size_}, reference);
    }
    /// By how much a candidate of @p costs would increase it; 0 for what adds nothing: a reward for a search.
    [[nodiscard]] constexpr double improvement(const objectives<N>& costs, const objectives<N>& reference) const {
        auto points = costs_;
        return hypervolume_improvement<N>({points.data(), size_}, costs, reference);
    }

private:
    constexpr void move(std::size_t from, std::size_t to) {
        if (from == to) return;
        genomes_[to] = genomes_[from];
        costs_[to] = costs_[from];
    }
    /// Takes out the most crowded, and returns where it was.
    constexpr std::size_t drop() {
        crowding<N, Capacity + 1> crowd;
        crowd.assign(size_, [&](std::size_t i) -> const objectives<N>& { return costs_[i]; });
        const std::size_t leaver = crowd.drop();
        for (std::size_t i = leaver + 1; i < size_; ++i) move(i, i - 1);
        --size_;
        return leaver;
    }

    std::size_t size_ = 0;
    std::array<genome, Capacity + 1> genomes_{}; // one more than stays
    std::array<objectives<N>, Capacity + 1> costs_{};
};

} // namespace lutra
