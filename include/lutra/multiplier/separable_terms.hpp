// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/plan_kind.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>

namespace lutra {

/// The terms of a separable plan, in memory that this view does not own. The product of two bit patterns is
///
///     sum over i < rank of (lhs[256 i + a] * rhs[256 i + b]) << shifts[i]
///
/// and rhs << shifts fits 16 bits.
struct separable_terms {
    const std::int16_t* lhs = nullptr;           ///< [rank][activation bits]
    const std::int16_t* rhs = nullptr;           ///< [rank][weight bits]
    std::array<std::uint8_t, max_rank> shifts{}; ///< descending
    std::uint8_t rank = 0;                       ///< 0: there are none
    factor_width factors = factor_width::bits8;

    /// The sum for two bit patterns.
    [[nodiscard]] constexpr std::int64_t product(std::uint8_t a, std::uint8_t b) const noexcept {
        std::int64_t sum = 0;
        for (std::size_t i = 0; i < rank; ++i)
            sum += std::int64_t{lhs[256 * i + a]} * rhs[256 * i + b] * (std::int64_t{1} << shifts[i]);
        return sum;
    }
};

/// At most @p Capacity terms: two maps of 256 factors each.
template <std::size_t Capacity = max_rank>
struct separable_maps {
    std::array<std::int16_t, 256 * Capacity> lhs{}, rhs{};
    std::array<std::uint8_t, max_rank> shifts{};
    std::uint8_t rank = 0;
    factor_width factors = factor_width::bits8;

    [[nodiscard]] constexpr separable_terms view() const noexcept { return {lhs.data(), rhs.data(), shifts, rank, factors}; }

    /// Adds the term (lhs[a] * rhs[b]) << shift behind the terms whose shift is not smaller. False if there is no room, or
    /// if a factor, or rhs << shift, does not fit 16 bits; nothing is changed then.
    template <class Int>
    constexpr bool add(const std::array<Int, 256>& l, const std::array<Int, 256>& r, int shift) noexcept {
        if (rank == Capacity || shift > 15) return false;
        bool wide = false, wide_at_128 = false;
        for (std::size_t i = 0; i < 256; ++i) {
            const std::int64_t x = l[i], y = r[i], shifted = y * (1 << shift);
            if (x != static_cast<std::int16_t>(x) || y != static_cast<std::int16_t>(y) ||
                shifted != static_cast<std::int16_t>(shifted))
                return false;
            if (x != static_cast<std::int8_t>(x) || y != static_cast<std::int8_t>(y)) (i == 128 ? wide_at_128 : wide) = true;
        }
        std::size_t at = rank;
        for (; at > 0 && shifts[at - 1] < shift; --at) {
            shifts[at] = shifts[at - 1];
            for (std::size_t i = 0; i < 256; ++i) {
                lhs[256 * at + i] = lhs[256 * (at - 1) + i];
                rhs[256 * at + i] = rhs[256 * (at - 1) + i];
            }
        }
        shifts[at] = static_cast<std::uint8_t>(shift);
        for (std::size_t i = 0; i < 256; ++i) {
            lhs[256 * at + i] = static_cast<std::int16_t>(l[i]);
            rhs[256 * at + i] = static_cast<std::int16_t>(r[i]);
        }
        ++rank;
        factors = std::min(factors, wide          ? factor_width::bits16
                                    : wide_at_128 ? factor_width::bits8_but_128
                                                  : factor_width::bits8);
        return true;
    }
};

namespace detail::mul {

/// 256 values of a function of one operand's bits.
using wide_map = std::array<std::int64_t, 256>;

/// The greatest common divisor of a map's values; 0 if all are.
constexpr std::int64_t content_of(const wide_map& map) noexcept {
    std::int64_t g = 0;
    for (const std::int64_t x : map)
        if (g != 1 && x != 0) g = std::gcd(g, x);
    return g;
}

/// Adds scale * l[a] * r[b] to @p maps with the smallest factors: what all factors of a map have in common goes to the
/// shift as far as it is a power of two, else to the side that stays narrower. False if no way fits.
template <std::size_t Capacity>
constexpr bool add_term(separable_maps<Capacity>& maps, wide_map l, wide_map r, std::int64_t scale) noexcept {
    const std::int64_t in_l = content_of(l), in_r = content_of(r);
    if (in_l == 0 || in_r == 0 || scale == 0) return true; // a term that is always 0
    if (in_l > 2147483647 || in_r > 2147483647) return false;
    std::int64_t largest_l = 0, largest_r = 0;
    for (std::size_t i = 0; i < 256; ++i) {
        l[i] /= in_l;
        r[i] /= in_r;
        largest_l = std::max(largest_l, l[i] < 0 ? -l[i] : l[i]);
        largest_r = std::max(largest_r, r[i] < 0 ? -r[i] : r[i]);
    }
    const std::int64_t common = in_l * in_r;
    const int twos_of_common = std::countr_zero(static_cast<std::uint64_t>(common));
    const int twos_of_scale = std::countr_zero(static_cast<std::uint64_t>(scale)), twos = twos_of_common + twos_of_scale;
    const std::int64_t odd_common = common >> twos_of_common, odd_scale = scale >> twos_of_scale;
    if (largest_l > 32768 || largest_r > 32768 || odd_common > 32768 || odd_scale > 32768 || odd_scale < -32768 || twos > 30)
        return false;
    const std::int64_t odd = odd_common * odd_scale;

    const auto scaled = [](wide_map map, std::int64_t by) {
        for (std::int64_t& x : map) x *= by;
        return map;
    };
    separable_maps<1> best;
    for (const std::int64_t on_r : {std::int64_t{1}, std::int64_t{-1}, odd, -odd}) {
        const std::int64_t on_l = odd / on_r, most = largest_r * (on_r < 0 ? -on_r : on_r);
        if (most > 32768 || largest_l * (on_l < 0 ? -on_l : on_l) > 32768) continue;
        int shift = twos;
        while (shift > 0 && (most << shift) > 32767) --shift;
        separable_maps<1> tried;
        if (tried.add(scaled(l, on_l * (std::int64_t{1} << (twos - shift))), scaled(r, on_r), shift) &&
            (best.rank == 0 || tried.factors > best.factors))
            best = tried;
    }
    return best.rank == 1 && maps.add(best.lhs, best.rhs, best.shifts[0]);
}

} // namespace detail::mul

} // namespace lutra
