// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/random.hpp>
#include <lutra/nonlinear/detail/line_fit.hpp>
#include <lutra/nonlinear/pwl_table.hpp>
#include <lutra/numeric/constexpr_math.hpp>
#include <lutra/numeric/fixed_point.hpp>
#include <lutra/numeric/unfused.hpp>
#include <lutra/search/genetic_operators.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

/// @file
/// Breakpoints as the genes of a genetic search, and how they are made, crossed and moved.

namespace lutra::detail {

/// A breakpoint with the function's value there, which its two chords need and moving it alone changes.
struct breakpoint_gene {
    std::int32_t raw = 0; ///< in the table's format
    double value = 0;

    friend constexpr bool operator==(const breakpoint_gene&, const breakpoint_gene&) = default;
};

/// Ascending breakpoints.
template <std::size_t Capacity>
class breakpoint_genome {
public:
    constexpr breakpoint_genome() = default;
    constexpr explicit breakpoint_genome(std::size_t size) noexcept : size_{size} {}

    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
    [[nodiscard]] constexpr breakpoint_gene& operator[](std::size_t i) noexcept { return genes_[i]; }
    [[nodiscard]] constexpr const breakpoint_gene& operator[](std::size_t i) const noexcept { return genes_[i]; }

    constexpr void sort() noexcept { // by insertion: few, and nearly in order
        for (std::size_t i = 1; i < size_; ++i) {
            const breakpoint_gene moved = genes_[i];
            std::size_t to = i;
            for (; to > 0 && moved.raw < genes_[to - 1].raw; --to) genes_[to] = genes_[to - 1];
            genes_[to] = moved;
        }
    }
    friend constexpr bool operator==(const breakpoint_genome&, const breakpoint_genome&) = default;

private:
    std::array<breakpoint_gene, Capacity> genes_{};
    std::size_t size_ = 0;
};

/// A number of the standard normal distribution (Marsaglia and Bray's polar method, 1964).
constexpr double standard_normal(random_generator& random) noexcept {
    for (;;) {
        const double u = 2 * random.unit() - 1, v = 2 * random.unit() - 1, s = unfused(u * u) + unfused(v * v);
        if (s > 0 && s < 1) return u * math::sqrt(-2 * math::log(s) / s);
    }
}

/// Where breakpoints may lie: raw values of a format between two numbers.
template <class Function>
struct breakpoint_range {
    fixed_format format;
    std::int32_t low, high;

    constexpr breakpoint_range(const fixed_format& f, double least, double most)
        : format{f}, low{f.to_raw(least)}, high{f.to_raw(most)} {}

    /// The one at @p raw, or the nearest.
    [[nodiscard]] constexpr breakpoint_gene at(std::int64_t raw) const {
        const auto clipped = static_cast<std::int32_t>(std::clamp<std::int64_t>(raw, low, high));
        return {clipped, value_of<Function>(clipped * format.resolution())};
    }
    [[nodiscard]] constexpr breakpoint_gene any(random_generator& random) const { return at(random.between(low, high)); }
    /// @p distance as raw steps.
    [[nodiscard]] constexpr std::int64_t steps(double distance) const noexcept { return format.to_raw(distance); }
};

/// Uniform breakpoints.
template <class Function, class Genome>
struct random_breakpoints {
    breakpoint_range<Function> range;
    std::size_t count;

    constexpr Genome operator()(random_generator& random) const {
        Genome g{count};
        for (std::size_t i = 0; i < count; ++i) g[i] = range.any(random);
        g.sort();
        return g;
    }
};

/// Two-point crossover, and order again.
struct crossed_breakpoints {
    template <class Genome>
    constexpr void operator()(Genome& a, Genome& b, random_generator& random) const {
        two_point_crossover{}(a, b, random);
        a.sort();
        b.sort();
    }
};

/// Moves breakpoints, either all by GQA-LUT's rule, or few of them: one to anywhere, a run of neighbours together, or one
/// or two each by itself, by distances of all magnitudes.
template <class Function>
struct moved_breakpoints {
    breakpoint_range<Function> range;
    bool rounds;        ///< GQA-LUT's rounding mutation; else its mutation without
    double local_moves; ///< the share of the mutations that move few

    template <class Genome>
    constexpr void operator()(Genome& g, random_generator& random) const {
        if (g.size() == 0) return;
        if (random.unit() < local_moves)
            move_few(g, random);
        else
            move_by_rule(g, random);
        g.sort();
    }

private:
    template <class Genome>
    constexpr void move_by_rule(Genome& g, random_generator& random) const {
        constexpr double each = 0.05, add = 0.1, deviation = 0.2;
        constexpr int widths = 7; // 2^0 to 2^-6
        for (std::size_t i = 0; i < g.size(); ++i) {
            double u = random.unit();
            if (rounds) {
                if (u < widths * each) {
                    const int drop = range.format.fraction_bits - static_cast<int>(u / each);
                    if (drop > 0) // ties upwards
                        g[i] = range.at(((std::int64_t{g[i].raw} + (std::int64_t{1} << (drop - 1))) >> drop) << drop);
                    continue;
                }
                u -= widths * each;
            }
            if (u < add) shift(g[i], range.steps(deviation * standard_normal(random)));
        }
    }
    template <class Genome>
    constexpr void move_few(Genome& g, random_generator& random) const {
        const double kind = random.unit();
        const auto index = static_cast<std::size_t>(random.below(g.size()));
        if (kind < 0.2) {
            g[index] = range.any(random);
        } else if (kind < 0.4) {
            const std::int64_t by = distance(random);
            const std::size_t last = index + static_cast<std::size_t>(random.below(g.size() - index));
            for (std::size_t i = index; i <= last; ++i) shift(g[i], by);
        } else {
            shift(g[index], distance(random));
            if (kind < 0.58) {
                const auto other = static_cast<std::size_t>(random.below(g.size())); // drawn first, not in any order
                shift(g[other], distance(random));
            }
        }
    }
    constexpr std::int64_t distance(random_generator& random) const {
        const auto scale = static_cast<double>(std::int64_t{1} << random.below(9));
        return range.steps(standard_normal(random) / scale);
    }
    constexpr void shift(breakpoint_gene& gene, std::int64_t by) const { gene = range.at(gene.raw + by); }
};

} // namespace lutra::detail
