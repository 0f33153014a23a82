// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <ctime>
#include <span>
#include <vector>

/// @file
/// Time of a thread, and comparisons that survive a busy machine: both sides take turns within one run.

namespace bench {

/// Seconds of CPU time that the calling thread has used.
[[nodiscard]] inline double thread_seconds() noexcept {
    std::timespec now{};
    static_cast<void>(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now));
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// How much is measured: rounds in which both sides take a turn, and the seconds that a turn lasts at least.
struct effort {
    std::size_t rounds = 7;
    double turn = 0.02;
};

/// Seconds of one call of @p f, averaged over as many calls as fill @p least seconds.
template <class F>
[[nodiscard]] double seconds_of(F& f, double least) {
    std::size_t calls = 0;
    const double begin = thread_seconds();
    for (std::size_t batch = 1;; batch *= 2) {
        for (std::size_t i = 0; i < batch; ++i) f();
        calls += batch;
        if (const double used = thread_seconds() - begin; used >= least) return used / static_cast<double>(calls);
    }
}

/// The middle of @p values, which must not be empty.
[[nodiscard]] inline double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t half = values.size() / 2;
    return values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
}

[[nodiscard]] inline double geometric_mean(std::span<const double> values) {
    double logarithms = 0;
    for (const double x : values) logarithms += std::log(x);
    return std::exp(logarithms / static_cast<double>(values.size()));
}

/// Seconds a call of two sides, one entry a round.
struct turns {
    std::vector<double> own, other;

    /// How many times as fast as the other side ours was, a round.
    [[nodiscard]] std::vector<double> ratios() const {
        std::vector<double> r(own.size());
        for (std::size_t i = 0; i < r.size(); ++i) r[i] = other[i] / own[i];
        return r;
    }
};

/// Measures @p own and @p other by turns, after a call of each that nobody times.
template <class Own, class Other>
[[nodiscard]] turns compare(Own&& own, Other&& other, effort much) {
    own();
    other();
    turns t;
    for (std::size_t round = 0; round < much.rounds; ++round) {
        t.own.push_back(seconds_of(own, much.turn));
        t.other.push_back(seconds_of(other, much.turn));
    }
    return t;
}

/// The medians over the rounds of several parts taken together by the geometric mean.
struct summary {
    double ratio = 0, own_rate = 0; ///< own_rate: of the units that `work` counts, a second
};
/// @p parts: the turns of each part; @p work: what one call of each does.
[[nodiscard]] inline summary summarise(std::span<const turns> parts, std::span<const double> work) {
    std::vector<double> ratios, rates;
    for (std::size_t round = 0; round < parts.front().own.size(); ++round) {
        std::vector<double> ratio, rate;
        for (std::size_t p = 0; p < parts.size(); ++p) {
            ratio.push_back(parts[p].other[round] / parts[p].own[round]);
            rate.push_back(work[p] / parts[p].own[round]);
        }
        ratios.push_back(geometric_mean(ratio));
        rates.push_back(geometric_mean(rate));
    }
    return {median(ratios), median(rates)};
}

} // namespace bench
