// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/search/detail/score_arithmetic.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// Which child of a node a tree search descends to: the one whose mean reward plus `bonus` is greatest. Scores are integers
/// in 2^-32. `scale(visits of the parent)` is taken once a node, `bonus(scale, visits of the child, share)` for each child,
/// where `share`, in 2^-24, is the child's part of the prior's weights. `untried_first`: whether alternatives without a
/// child come before all others; if not, each is taken for a child without visits that is worth its parent's mean.
template <class P>
concept tree_policy = requires(const P& policy, std::uint32_t visits, std::uint64_t value) {
    { P::untried_first } -> std::convertible_to<bool>;
    { policy.scale(visits) } -> std::convertible_to<std::uint64_t>;
    { policy.bonus(value, visits, value) } -> std::convertible_to<std::uint64_t>;
    policy.check();
};

/// UCT (Kocsis and Szepesvari, 2006): the bonus is c sqrt(ln N / n) for n of the parent's N visits; alternatives that were
/// never tried come first, in random order by the prior's weights. The constant is that of TransAxx (2024), 1 / (2 sqrt 2).
struct uct {
    double exploration = 0.35355339059327378; ///< c, 0 to 16

    static constexpr bool untried_first = true;
    /// Panics where the constant lies outside its range.
    constexpr void check() const {
        require(exploration >= 0 && exploration <= 16, panic_code::bad_argument,
                "the constant of exploration of UCT lies in [0, 16]");
    }
    /// c^2 ln N in 2^-40.
    [[nodiscard]] constexpr std::uint64_t scale(std::uint32_t parent) const noexcept {
        const std::uint64_t ln = (detail::log2_q16(parent) * detail::ln2_q16) >> 16;
        return static_cast<std::uint64_t>(exploration * exploration * 0x1p24) * ln;
    }
    [[nodiscard]] static constexpr std::uint64_t bonus(std::uint64_t scale, std::uint32_t visits, std::uint64_t) noexcept {
        return detail::floor_sqrt((scale << 8) / (visits == 0 ? 1 : visits)) << 8;
    }
    friend constexpr bool operator==(const uct&, const uct&) = default;
};

/// PUCT as in AlphaGo Zero (Silver and others, 2017): the bonus is c p sqrt(N) / (1 + n), where p is the alternative's share
/// of the prior's weights, tried or not. The paper gives no constant; the default is ours, for rewards in [0, 1].
struct puct {
    double exploration = 0.5; ///< c, 0 to 64

    static constexpr bool untried_first = false;
    /// Panics where the constant lies outside its range.
    constexpr void check() const {
        require(exploration >= 0 && exploration <= 64, panic_code::bad_argument,
                "the constant of exploration of PUCT lies in [0, 64]");
    }
    /// c sqrt(N) in 2^-16.
    [[nodiscard]] constexpr std::uint64_t scale(std::uint32_t parent) const noexcept {
        return (static_cast<std::uint64_t>(exploration * 0x1p16) * detail::floor_sqrt(std::uint64_t{parent} << 16)) >> 8;
    }
    [[nodiscard]] static constexpr std::uint64_t bonus(std::uint64_t scale, std::uint32_t visits,
                                                       std::uint64_t share) noexcept {
        return (scale * share / (std::uint64_t{visits} + 1)) >> 8;
    }
    friend constexpr bool operator==(const puct&, const puct&) = default;
};

/// How promising an alternative is before anything is known of it: `prior(chosen, alternative)` is its weight after the
/// choices @p chosen, 0 to 32,768, taken in steps of 2^-24. Only ratios count. The same weights drive rollouts: the policy
/// of TransAxx, weights from the hardware's costs for each layer, is a prior. An alternative of weight 0 comes last.
template <class P>
concept tree_prior = requires(const P& prior, std::span<const std::uint16_t> chosen, std::size_t alternative) {
    { prior(chosen, alternative) } -> std::convertible_to<double>;
};

/// All alternatives alike.
struct uniform_prior {
    constexpr double operator()(std::span<const std::uint16_t>, std::size_t) const noexcept { return 1; }
};

/// Progressive widening (Coulom, 2007; Chaslot and others, 2008): a node that was visited n times has at most
/// `k` n^`alpha` children, and at least one, as long as one of them has something left to evaluate.
struct progressive_widening {
    double k = 0;     ///< 0: no limit; else 2^-16 to 65,536
    double alpha = 0; ///< 0 to 1

    /// Panics where one of the two lies outside its range.
    constexpr void check() const {
        require(k == 0 || (k >= 0x1p-16 && k <= 0x1p16), panic_code::bad_argument,
                "the k of progressive widening is 0, or lies in [2^-16, 2^16]");
        require(alpha >= 0 && alpha <= 1, panic_code::bad_argument, "the alpha of progressive widening lies in [0, 1]");
    }
    /// Whether a node of @p children may have another; by logarithms, to 1 in 10,000.
    [[nodiscard]] constexpr bool allows(std::size_t children, std::uint32_t visits) const noexcept {
        if (k == 0 || children == 0) return true;
        const std::uint64_t power = (static_cast<std::uint64_t>(alpha * 0x1p16) * detail::log2_q16(visits)) >> 16;
        const std::uint64_t sixteen = std::uint64_t{16} << 16; // both sides times 2^16, so that no logarithm is negative
        return detail::log2_q16(children + 1) + sixteen <=
               detail::log2_q16(static_cast<std::uint64_t>(k * 0x1p16)) + power + 4;
    }
    friend constexpr bool operator==(const progressive_widening&, const progressive_widening&) = default;
};

} // namespace lutra
