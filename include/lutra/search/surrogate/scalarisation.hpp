// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/search/surrogate needs a heap and Eigen: use nsga2 or genetic_search on firmware."
#endif

#include <lutra/search/objectives.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace lutra {

/// Weights of N objectives, none negative and 1 together, one set after the other: any first few are spread evenly over all
/// there are. The gaps between the elements of a point of Roberts' R-sequence (2018), which fills the cube evenly; no random
/// number is drawn.
template <std::size_t N>
requires(N >= 1) class weight_sequence {
public:
    [[nodiscard]] objectives<N> next() {
        std::array<double, N + 1> cut{}; // 0, N - 1 cuts in order, 1
        cut[N] = 1;
        double step = 1;
        for (std::size_t i = 1; i < N; ++i) {
            step /= base_;
            const double at = 0.5 + step * static_cast<double>(count_);
            cut[i] = at - std::floor(at);
        }
        ++count_;
        std::sort(cut.begin() + 1, cut.end() - 1);
        objectives<N> weight{};
        for (std::size_t i = 0; i < N; ++i) weight[i] = cut[i + 1] - cut[i];
        return weight;
    }

private:
    /// The root of x^N = x + 1: the golden ratio for two objectives, the plastic number for three.
    static double base() {
        double x = 2;
        for (int i = 0; i < 60; ++i) x = std::pow(1 + x, 1 / static_cast<double>(N));
        return x;
    }
    double base_ = base();
    std::size_t count_ = 0;
};

/// One cost of several (ParEGO, Knowles, 2006): the greatest weighted one, from `ideal` on and in units of `range`, and a
/// little of the sum of all ("augmented Tchebycheff"). Any Pareto-optimal candidate is the best for some weights.
template <std::size_t N>
requires(N >= 1) struct tchebycheff {
    objectives<N> weight{}, ideal{}, range{};
    double share_of_sum = 0.05;

    [[nodiscard]] double operator()(const objectives<N>& costs) const noexcept {
        double sum = 0;
        for (std::size_t i = 0; i < N; ++i) sum += term(costs, i);
        return term(costs, greatest(costs)) + share_of_sum * sum;
    }
    /// Its derivatives by each cost; where two weighted costs are the greatest, those of the first.
    [[nodiscard]] objectives<N> slope(const objectives<N>& costs) const noexcept {
        objectives<N> out{};
        for (std::size_t i = 0; i < N; ++i) out[i] = share_of_sum * weight[i] / range[i];
        const std::size_t i = greatest(costs);
        out[i] += weight[i] / range[i];
        return out;
    }

private:
    [[nodiscard]] double term(const objectives<N>& costs, std::size_t i) const noexcept {
        return weight[i] * (costs[i] - ideal[i]) / range[i];
    }
    [[nodiscard]] std::size_t greatest(const objectives<N>& costs) const noexcept {
        std::size_t at = 0;
        for (std::size_t i = 1; i < N; ++i)
            if (term(costs, i) > term(costs, at)) at = i;
        return at;
    }
};

} // namespace lutra
