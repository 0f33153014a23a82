// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/nonlinear/detail/segment.hpp>
#include <lutra/nonlinear/sample_grid.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace lutra::detail {

/// Which segments cover a grid best: the points where they begin, and the end.
template <int MaxEntries>
struct segment_list {
    int count = 0;
    std::int32_t begin[MaxEntries + 1]{};
};

/// Costs of covering what is left of a grid, and the choices that lead there.
template <int Capacity, int MaxEntries>
struct cover_table {
    double cost[Capacity + 1][MaxEntries + 1];        ///< [begin][segments, at most]
    std::uint16_t next[Capacity + 1][MaxEntries + 1]; ///< where the first of them ends; 0: no cover below the limit
    std::uint16_t least[Capacity + 1];                ///< the fewest segments that cover; past MaxEntries: none
};

/// Samples on a grid, and the search for the segments that leave the least squares in sum: dynamic programming from the
/// right, which takes of equal covers the one with the fewest segments, of those that with the smallest first breakpoint,
/// and so on. Costs that differ by less than `tie` are equal: it is what rounding can make of an exact tie.
template <int Capacity, int MaxEntries>
struct segmentation {
    using table = cover_table<Capacity, MaxEntries>;
    using list = segment_list<MaxEntries>;

    sample_grid grid;
    int n = 0;
    double y[Capacity], weight[Capacity], per_weight[Capacity];
    double tie = 0;
    table forward;                               ///< of the search itself
    double before[Capacity + 1][MaxEntries + 1]; ///< what real lines leave at least of the first points

    [[nodiscard]] constexpr double slack(int entries) const noexcept { return 16 * tie * (entries + 2); }

    constexpr void set_tie() noexcept {
        double low = y[0], high = y[0], total = 0;
        for (int i = 0; i < n; ++i) low = y[i] < low ? y[i] : low, high = y[i] > high ? y[i] : high, total += weight[i];
        tie = total * ((high - low) * (high - low)) * 0x1p-48;
    }

    /// Covers greedily with segments that leave at most @p most each; the sum, or -1 if @p entries do not suffice.
    constexpr double greedy(double most, int entries, list& cover) const noexcept {
        double total = 0;
        cover.count = 0;
        for (int begin = 0; begin < n; ++cover.count) {
            if (cover.count == entries) return -1;
            cover.begin[cover.count] = begin;
            segment_sums sums;
            double last = 0;
            const double y0 = y[begin];
            for (; begin < n; ++begin) {
                sums.add(y[begin] - y0, weight[begin], per_weight[begin]);
                const double r = sums.residual();
                if (r > most) break;
                last = r;
            }
            total += last;
        }
        cover.begin[cover.count] = n;
        return total;
    }
    /// A cover whose segments leave about as much each, which is near the optimum; returns what it leaves.
    constexpr double level_cover(int entries, list& best) const noexcept {
        list trial;
        best.count = 1, best.begin[0] = 0, best.begin[1] = n;
        double high = segment_residual(0, n), low = 0, least = high;
        for (int i = 0; i < 12 && high > tie; ++i) {
            const double middle = low > 0 ? (low + high) / 2 : high / 8, total = greedy(middle, entries, trial);
            if (total < 0) {
                low = middle;
                continue;
            }
            high = middle;
            if (total < least) least = total, best = trial;
        }
        return least;
    }

    [[nodiscard]] constexpr segment_sums sums_of(int begin, int end) const noexcept {
        segment_sums sums;
        for (int i = begin; i < end; ++i) sums.add(y[i] - y[begin], weight[i], per_weight[i]);
        return sums;
    }
    [[nodiscard]] constexpr segment_line line(int begin, int end) const noexcept {
        const segment_sums sums = sums_of(begin, end);
        return line_of(sums, grid, end, y[begin], sums.residual());
    }
    [[nodiscard]] constexpr double segment_residual(int begin, int end) const noexcept {
        return sums_of(begin, end).residual();
    }

    /// Real lines: fills `forward` with every cover that leaves less than @p limit. A segment's cost grows with it, so that
    /// no longer one is looked at once the limit is passed.
    constexpr void solve_real(int entries, double limit) noexcept {
        for (int m = 0; m <= entries; ++m) forward.cost[n][m] = 0;
        forward.least[n] = 0;
        const double margin = tie;
        for (int begin = n - 1; begin >= 0; --begin) {
            double* const here = forward.cost[begin];
            std::uint16_t* const next = forward.next[begin];
            for (int m = 0; m <= entries; ++m) here[m] = limit, next[m] = 0;
            segment_sums sums;
            const double y0 = y[begin];
            int least = entries + 1;
            for (int end = begin + 1; end <= n; ++end) {
                sums.add(y[end - 1] - y0, weight[end - 1], per_weight[end - 1]);
                const double cost = sums.residual(), *const rest = forward.cost[end];
                if (cost >= limit) break;
                for (int m = forward.least[end] + 1; m <= entries && cost < here[m]; ++m) {
                    if (cost + rest[m - 1] >= here[m] - margin) continue;
                    here[m] = cost + rest[m - 1], next[m] = static_cast<std::uint16_t>(end);
                    if (m < least) least = m;
                }
            }
            forward.least[begin] = static_cast<std::uint16_t>(least);
        }
    }

    /// Lines of a format: the same, with what real lines leave of the points before a segment, and of the segment, as lower
    /// bounds. A segment's fixed-point line is looked for only where they leave room for it.
    constexpr void solve_quantized(int entries, double limit, const format_limits& format) noexcept {
        for (int m = 0; m <= entries; ++m) forward.cost[n][m] = 0;
        forward.least[n] = 0;
        const double margin = tie;
        for (int begin = n - 1; begin >= 0; --begin) {
            double* const here = forward.cost[begin];
            std::uint16_t* const next = forward.next[begin];
            const double* const ahead = before[begin] + entries;
            for (int m = 0; m <= entries; ++m) here[m] = limit - ahead[-m], next[m] = 0;
            int most = entries;
            while (most > 0 && here[most] <= 0) --most;
            segment_sums sums;
            const double y0 = y[begin];
            double low = 0, above = 0; // the greatest of `here`
            int least = entries + 1;
            for (int m = 1; m <= most; ++m) above = here[m] > above ? here[m] : above;
            for (int end = begin + 1; end <= n; ++end) {
                sums.add(y[end - 1] - y0, weight[end - 1], per_weight[end - 1]);
                const double residual = sums.residual(), *const rest = forward.cost[end];
                if (residual > low) low = residual;
                if (low >= above) break;
                const int from = forward.least[end] + 1;
                double room = 0;
                for (int m = from; m <= most; ++m) room = here[m] - rest[m - 1] > room ? here[m] - rest[m - 1] : room;
                if (low >= room) continue;
                const double cost = best_quantized(line_of(sums, grid, end, y0, residual), format, room).cost;
                if (cost > low) low = cost;
                if (cost >= room) continue;
                for (int m = from; m <= most; ++m) {
                    if (cost + rest[m - 1] >= here[m] - margin) continue;
                    here[m] = cost + rest[m - 1], next[m] = static_cast<std::uint16_t>(end);
                    if (m < least) least = m;
                }
                above = 0;
                for (int m = 1; m <= most; ++m) above = here[m] > above ? here[m] : above;
            }
            forward.least[begin] = static_cast<std::uint16_t>(least);
            for (int m = 0; m <= entries; ++m)
                if (next[m] == 0) here[m] = std::numeric_limits<double>::infinity();
        }
    }

    /// What the search chose. Fewer than @p entries segments where more gain nothing.
    [[nodiscard]] constexpr list chosen(int entries) const {
        require(forward.next[0][entries] != 0, panic_code::verification,
                "the search for a fit lost its optimum to rounding: scale the values or the weights; entries follow",
                entries);
        const double* const cost = forward.cost[0];
        int m = entries;
        while (m > 1 && forward.next[0][m - 1] != 0 && cost[m - 1] <= cost[entries] + tie) --m;
        list cover;
        int begin = 0;
        for (; begin < n; begin = forward.next[begin][m - cover.count], ++cover.count) cover.begin[cover.count] = begin;
        cover.begin[cover.count] = n;
        return cover;
    }

    [[nodiscard]] constexpr double quantized_cost(int begin, int end, const format_limits& format) const noexcept {
        return detail::best_quantized(line(begin, end), format, std::numeric_limits<double>::infinity()).cost;
    }
    /// What a cover leaves with lines of a format once no breakpoint can be moved alone, by a step, for the better.
    constexpr double descend(list& cover, const format_limits& format) const noexcept {
        double cost[MaxEntries]{}, total = 0;
        std::int32_t* const at = cover.begin;
        for (int j = 0; j < cover.count; ++j) cost[j] = quantized_cost(at[j], at[j + 1], format);
        for (bool moved = true; moved;) {
            moved = false;
            for (int j = 1; j < cover.count; ++j)
                for (int step = -1; step <= 1; step += 2)
                    for (;;) {
                        const int to = at[j] + step;
                        if (to <= at[j - 1] || to >= at[j + 1]) break;
                        const double left = quantized_cost(at[j - 1], to, format),
                                     right = quantized_cost(to, at[j + 1], format);
                        if (left + right >= cost[j - 1] + cost[j] - tie) break;
                        cost[j - 1] = left, cost[j] = right, at[j] = to, moved = true;
                    }
        }
        for (int j = 0; j < cover.count; ++j) total += cost[j];
        return total;
    }

    constexpr void mirror() noexcept {
        std::reverse(y, y + n);
        std::reverse(weight, weight + n);
        std::reverse(per_weight, per_weight + n);
    }

    /// The cover of least squares by real lines.
    [[nodiscard]] constexpr list best_real(int entries) {
        list cover;
        solve_real(entries, level_cover(entries, cover) + slack(entries));
        return chosen(entries);
    }
    /// The cover of least squares by lines of a format.
    [[nodiscard]] constexpr list best_quantized_cover(int entries, const format_limits& format) {
        mirror();
        const list mirrored = best_real(entries);
        mirror();
        list cover;
        cover.count = mirrored.count;
        for (int i = 0; i <= cover.count; ++i) cover.begin[i] = n - mirrored.begin[cover.count - i];
        const double limit = descend(cover, format) + slack(entries);
        for (int i = 0; i <= n; ++i)
            for (int m = 0; m <= entries; ++m) before[i][m] = forward.cost[n - i][m];
        solve_quantized(entries, limit, format);
        return chosen(entries);
    }
};

} // namespace lutra::detail
