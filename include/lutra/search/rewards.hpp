// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/search/detail/score_arithmetic.hpp>
#include <lutra/search/objectives.hpp>
#include <lutra/search/pareto.hpp>
#include <lutra/search/reward_policy.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

namespace detail {

/// The mean by @p weights of how far each cost is from @p worst to @p best, by scores. Where best and worst are the same, a
/// cost that is no worse is the best.
template <std::size_t N>
constexpr double weighted_mean(const objectives<N>& costs, const objectives<N>& weights, const objectives<N>& best,
                               const objectives<N>& worst) noexcept {
    double all = 0;
    for (const double w : weights) all += w;
    std::uint64_t sum = 0, parts = 0;
    for (std::size_t i = 0; i < N; ++i) {
        const double reached = costs[i] <= best[i] ? 1 : (worst[i] - costs[i]) / (worst[i] - best[i]);
        const auto part = static_cast<std::uint64_t>(weights[i] / all * 0x1p24);
        sum += part * score_of(reached);
        parts += part;
    }
    return static_cast<double>(sum / parts) * 0x1p-32;
}

template <std::size_t N>
constexpr void check_weights(const objectives<N>& weights) {
    double all = 0;
    for (const double w : weights) {
        require(w >= 0, panic_code::bad_argument, "no weight of a reward may be negative");
        all += w;
    }
    require(all > 0 && all - all == 0, panic_code::bad_argument,
            "the sum of the weights of a reward is positive and finite");
}

} // namespace detail

/// The weighted mean of how good each objective is: 1 at `best` and beyond, 0 at `worst`, and straight in between. A
/// weighted sum has its greatest value on the convex part of a Pareto front only.
template <std::size_t N>
class weighted_reward {
public:
    static constexpr std::size_t objective_count = N;

    /// Panics unless the weights are not negative, one is positive, their sum is finite, and every best is less than its
    /// worst.
    constexpr weighted_reward(const objectives<N>& weights, const objectives<N>& best, const objectives<N>& worst)
        : weights_{weights}, best_{best}, worst_{worst} {
        detail::check_weights<N>(weights);
        for (std::size_t i = 0; i < N; ++i)
            require(feasible(best) && feasible(worst) && best[i] < worst[i], panic_code::bad_argument,
                    "the best of every objective of a reward must be less than its worst, and finite",
                    static_cast<long long>(i));
    }
    [[nodiscard]] constexpr double rate(const objectives<N>& costs) const noexcept {
        return detail::weighted_mean<N>(costs, weights_, best_, worst_);
    }
    constexpr double operator()(const objectives<N>& costs) const noexcept { return rate(costs); }

private:
    objectives<N> weights_, best_, worst_;
};

/// The same between the least and the greatest of each objective so far, where nothing better is known. What was rated
/// before the range grew is not rated again by a search that sums rewards.
template <std::size_t N>
class ranged_reward {
public:
    static constexpr std::size_t objective_count = N;

    /// Panics unless the weights are not negative, one is positive, and their sum is finite.
    constexpr explicit ranged_reward(const objectives<N>& weights) : weights_{weights} { detail::check_weights<N>(weights); }

    [[nodiscard]] constexpr double rate(const objectives<N>& costs) const noexcept {
        return detail::weighted_mean<N>(costs, weights_, least_, greatest_);
    }
    constexpr double operator()(const objectives<N>& costs) noexcept {
        for (std::size_t i = 0; i < N; ++i) {
            if (!seen_ || costs[i] < least_[i]) least_[i] = costs[i];
            if (!seen_ || costs[i] > greatest_[i]) greatest_[i] = costs[i];
        }
        seen_ = true;
        return rate(costs);
    }

private:
    objectives<N> weights_, least_{}, greatest_{};
    bool seen_ = false;
};

/// What a candidate adds to the hypervolume (hypervolume.hpp) of the best so far, g, beside what one added on average, m:
/// g / (g + m), so that one of average use is worth 1/2, however little is left to gain, and one that adds nothing 0. A
/// search that follows it goes for a whole Pareto front. (Rewards by hypervolume: Wang and Sebag, 2012; this scale is ours.)
/// Products in it may be fused, so that scores may differ by 2^-32 from one machine to another.
///
/// @tparam Capacity how many of the best are kept
template <std::size_t N, std::size_t Capacity = 64>
class hypervolume_reward {
    struct nameless {};

public:
    static constexpr std::size_t objective_count = N;

    /// @param reference nothing counts that is not better than it in every objective; panics unless it is finite
    constexpr explicit hypervolume_reward(const objectives<N>& reference) : reference_{reference} {
        require(feasible(reference), panic_code::bad_argument, "the reference point of a hypervolume must be finite");
    }
    constexpr double operator()(const objectives<N>& costs) {
        const double gain = best_.improvement(costs, reference_);
        if (gain > 0) best_.add({}, costs);
        gained_ += gain;
        ++told_;
        return gain > 0 ? gain / (gain + gained_ / static_cast<double>(told_)) : 0;
    }
    /// The costs of the best so far.
    [[nodiscard]] constexpr std::span<const objectives<N>> front() const noexcept { return best_.costs(); }

private:
    pareto_archive<nameless, N, Capacity> best_{};
    objectives<N> reference_;
    double gained_ = 0;
    std::uint64_t told_ = 0;
};

} // namespace lutra
