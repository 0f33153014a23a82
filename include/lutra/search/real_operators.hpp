// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/random.hpp>
#include <lutra/search/detail/whole_powers.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace lutra {

/// Candidates of D real numbers, each between two bounds. sample_space (choices.hpp) makes candidates of it.
///
/// @code
/// constexpr auto space = lutra::real_space<30>::cube(0, 1);
/// @endcode
template <std::size_t D>
requires(D >= 1) struct real_space {
    using genome = std::array<double, D>;

    genome lower{}, upper{};

    /// A space with the same bounds everywhere.
    [[nodiscard]] static constexpr real_space cube(double lower, double upper) noexcept {
        real_space s;
        s.lower.fill(lower);
        s.upper.fill(upper);
        return s;
    }
    /// Panics unless all bounds and the widths between them are finite, and no lower bound is above its upper one.
    constexpr void check() const {
        for (std::size_t i = 0; i < D; ++i)
            require(width(i) >= 0 && width(i) <= std::numeric_limits<double>::max(), panic_code::bad_argument,
                    "the bounds of a real number must be finite and in order; those of this one are not",
                    static_cast<long long>(i));
    }
    /// A candidate at random, uniformly.
    constexpr genome sample(random_generator& random) const {
        genome g{};
        for (std::size_t i = 0; i < D; ++i) g[i] = within(i, lower[i] + random.unit() * width(i));
        return g;
    }
    [[nodiscard]] constexpr bool contains(const genome& g) const noexcept {
        for (std::size_t i = 0; i < D; ++i)
            if (!(g[i] >= lower[i] && g[i] <= upper[i])) return false;
        return true;
    }
    /// The distance of the bounds of number @p i.
    [[nodiscard]] constexpr double width(std::size_t i) const noexcept { return upper[i] - lower[i]; }
    /// The number nearest to @p x that number @p i may be.
    [[nodiscard]] constexpr double within(std::size_t i, double x) const noexcept {
        return std::min(std::max(x, lower[i]), upper[i]);
    }
    friend constexpr bool operator==(const real_space&, const real_space&) = default;
};

/// Simulated binary crossover (Deb and Agrawal, 1995) within bounds (Deb and Agrawal, 1999): two numbers part or approach
/// about their middle, as the children of two binary strings would, and never leave the bounds.
template <std::size_t D>
struct simulated_binary_crossover {
    real_space<D> space;
    std::uint32_t index = 15; ///< 1 to 199: the more, the nearer are children to their parents
    double rate = 0.5;        ///< of the numbers of a pair that are crossed

    /// Panics unless the index is 1 to 199.
    constexpr void operator()(std::array<double, D>& a, std::array<double, D>& b, random_generator& random) const {
        require(index >= 1 && index < 200, panic_code::bad_argument, "the index of a crossover is 1 to 199", index);
        for (std::size_t i = 0; i < D; ++i)
            if (random.unit() < rate) cross(i, a[i], b[i], random);
    }

private:
    constexpr void cross(std::size_t i, double& a, double& b, random_generator& random) const {
        const double low = std::min(a, b), high = std::max(a, b), gap = high - low, middle = 0.5 * (low + high);
        if (!(gap > 1e-14 * space.width(i))) return;
        const double u = random.unit();
        const double below = mass(1 + 2 * (low - space.lower[i]) / gap), above = mass(1 + 2 * (space.upper[i] - high) / gap);
        const double down = spread(u * below), up = above == below ? down : spread(u * above);
        a = space.within(i, middle - 0.5 * gap * down);
        b = space.within(i, middle + 0.5 * gap * up);
        if (random.unit() < 0.5) std::swap(a, b);
    }
    /// What part of the distribution, of 2, reaches no further than @p beta, where the bound is.
    [[nodiscard]] constexpr double mass(double beta) const noexcept { return 2 - 1 / detail::power(beta, index + 1); }
    /// How many times as far from each other as their parents the children are, where @p u is the part that is nearer.
    [[nodiscard]] constexpr double spread(double u) const noexcept {
        return detail::root(u < 1 ? u : 1 / (2 - u), index + 1);
    }
};

/// Polynomial mutation (Deb and Goyal, 1996) within bounds (Deb and Agrawal, 1999): moves each number with probability
/// `rate`, mostly a little, and never past a bound.
template <std::size_t D>
struct polynomial_mutation {
    real_space<D> space;
    std::uint32_t index = 20; ///< 1 to 199: the more, the smaller are the steps
    double rate = 0;          ///< 0: one in D

    /// Panics unless the index is 1 to 199.
    constexpr void operator()(std::array<double, D>& x, random_generator& random) const {
        require(index >= 1 && index < 200, panic_code::bad_argument, "the index of a mutation is 1 to 199", index);
        const double each = rate > 0 ? rate : 1.0 / static_cast<double>(D);
        for (std::size_t i = 0; i < D; ++i)
            if (random.unit() < each) x[i] = space.within(i, x[i] + space.width(i) * step(i, x[i], random.unit()));
    }

private:
    /// The step in widths, below 0 for @p u below one half.
    [[nodiscard]] constexpr double step(std::size_t i, double x, double u) const noexcept {
        if (!(space.width(i) > 0)) return 0;
        const bool down = u < 0.5;
        const double tail = 2 * (down ? u : 1 - u), far = (down ? space.upper[i] - x : x - space.lower[i]) / space.width(i);
        const double size = 1 - detail::root(tail + (1 - tail) * detail::power(far, index + 1), index + 1);
        return down ? -size : size;
    }
};

} // namespace lutra
