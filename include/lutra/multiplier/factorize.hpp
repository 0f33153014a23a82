// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/multiplier/factorize.hpp allocates and uses floating point: on firmware declare the terms; see lowered_v."
#endif

#include <lutra/multiplier/detail/lattice.hpp>
#include <lutra/multiplier/separable_terms.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace lutra {

namespace detail::mul {

inline constexpr std::uint64_t field_order = 2147483647; // 2^31 - 1

[[nodiscard]] constexpr std::uint64_t field_inverse(std::uint64_t x) noexcept {
    std::uint64_t power = 1;
    for (std::uint64_t e = field_order - 2; e != 0; e >>= 1, x = x * x % field_order)
        if ((e & 1) != 0) power = power * x % field_order;
    return power;
}

/// The rank of a table modulo a prime, which is at most its rank; max_rank + 1 as soon as it is larger than max_rank.
[[nodiscard]] LUTRA_INLINE std::size_t rank_modulo_prime(std::span<const std::int32_t, 65536> products) noexcept {
    std::array<std::array<std::uint32_t, 256>, max_rank> pivots; // each with a 1 at its pivot
    std::array<std::size_t, max_rank> at{};
    std::size_t rank = 0;
    for (std::size_t a = 0; a < 256; ++a) {
        std::array<std::uint64_t, 256> row;
        for (std::size_t b = 0; b < 256; ++b)
            row[b] = static_cast<std::uint64_t>(products[256 * a + b] + std::int64_t{2 * field_order}) % field_order;
        for (std::size_t i = 0; i < rank; ++i) {
            const std::uint64_t take = field_order - row[at[i]];
            for (std::size_t b = 0; b < 256; ++b) {
                const std::uint64_t x = row[b] + take * pivots[i][b];
                const std::uint64_t folded = (x & field_order) + (x >> 31);
                row[b] = folded >= 2 * field_order ? folded - 2 * field_order
                         : folded >= field_order   ? folded - field_order
                                                   : folded;
            }
        }
        std::size_t first = 0;
        while (first < 256 && row[first] == 0) ++first;
        if (first == 256) continue;
        if (rank == max_rank) return max_rank + 1;
        const std::uint64_t inverse = field_inverse(row[first]);
        for (std::size_t b = 0; b < 256; ++b) pivots[rank][b] = static_cast<std::uint32_t>(row[b] * inverse % field_order);
        at[rank++] = first;
    }
    return rank;
}

/// A table's rows, or its columns, as integer combinations of few; empty if their factors do not fit.
[[nodiscard]] LUTRA_INLINE std::optional<separable_maps<>> factorize_rows(std::span<const std::int32_t, 65536> products,
                                                                          bool columns) {
    const auto row = [&](std::size_t a) {
        lattice_vector v;
        for (std::size_t b = 0; b < 256; ++b) v[b] = products[columns ? 256 * b + a : 256 * a + b];
        return v;
    };
    const auto basis = std::make_unique<lattice>();
    for (std::size_t a = 0; a < 256; ++a)
        if (!basis->insert(row(a))) return std::nullopt;
    std::array<lattice_vector, max_rank> coordinates{};
    for (std::size_t a = 0; a < 256; ++a) {
        lattice_coordinates c;
        if (!basis->coordinates(row(a), c)) return std::nullopt;
        for (std::size_t i = 0; i < basis->size(); ++i) coordinates[i][a] = c[i];
    }
    std::array<lattice_vector, max_rank> own;
    for (std::size_t i = 0; i < basis->size(); ++i) own[i] = (*basis)[i];
    balance(std::span{coordinates}.first(basis->size()), std::span{own}.first(basis->size()));
    separable_maps<> maps;
    for (std::size_t i = 0; i < basis->size(); ++i)
        if (!add_term(maps, columns ? own[i] : coordinates[i], columns ? coordinates[i] : own[i], std::int64_t{1}))
            return std::nullopt;
    if (maps.rank == 0) maps.rank = 1; // every product is 0
    return maps;
}

} // namespace detail::mul

/// Writes a table of products, 256 x 256 [activation bits][weight bits], as a sum of at most max_rank products of 16-bit
/// maps, if that is possible: a reduced basis of the integer combinations of its rows, and of its columns, of which the one
/// with the narrower factors is kept. A table of larger rank is told in a small part of a millisecond.
[[nodiscard]] LUTRA_INLINE std::optional<separable_maps<>> factorize(std::span<const std::int32_t, 65536> products) {
    if (detail::mul::rank_modulo_prime(products) > max_rank) return std::nullopt;
    auto by_rows = detail::mul::factorize_rows(products, false);
    if (by_rows && by_rows->factors == factor_width::bits8) return by_rows;
    auto by_columns = detail::mul::factorize_rows(products, true);
    return !by_rows || (by_columns && by_columns->factors > by_rows->factors) ? by_columns : by_rows;
}

namespace detail::mul {

/// A map as high << shift + low in 8 bits each; `low` alone where that does.
struct map_digits {
    std::array<std::int64_t, 256> low{}, high{};
    int shift = 0; ///< 0: there is no high digit
};
[[nodiscard]] inline map_digits digits_of(const std::int16_t* map) noexcept {
    const auto fits = [](const std::array<std::int64_t, 256>& m) {
        for (const auto x : m)
            if (x != static_cast<std::int8_t>(x)) return false;
        return true;
    };
    map_digits d;
    for (std::size_t i = 0; i < 256; ++i) d.high[i] = map[i];
    if (d.low = d.high; fits(d.low)) return d;
    while (!fits(d.high)) {
        ++d.shift;
        for (std::size_t i = 0; i < 256; ++i) {
            d.high[i] = (map[i] + (1 << (d.shift - 1))) >> d.shift;
            d.low[i] = map[i] - (d.high[i] << d.shift);
        }
    }
    return d;
}

} // namespace detail::mul

/// The same sum with 8-bit factors only: a map with wider ones becomes two, its high and its low digits. Empty if that takes
/// more than max_rank terms, or a shift for which there is no room.
[[nodiscard]] LUTRA_INLINE std::optional<separable_maps<>> split_into_digits(const separable_maps<>& maps) noexcept {
    separable_maps<> out;
    for (std::size_t i = 0; i < maps.rank; ++i) {
        const auto l = detail::mul::digits_of(maps.lhs.data() + 256 * i);
        const auto r = detail::mul::digits_of(maps.rhs.data() + 256 * i);
        for (const bool high_l : {false, true})
            for (const bool high_r : {false, true}) {
                if ((high_l && l.shift == 0) || (high_r && r.shift == 0)) continue;
                const int shift = maps.shifts[i] + (high_l ? l.shift : 0) + (high_r ? r.shift : 0);
                if (!out.add(high_l ? l.high : l.low, high_r ? r.high : r.low, shift)) return std::nullopt;
            }
    }
    return out.factors == factor_width::bits8 ? std::optional{out} : std::nullopt;
}

} // namespace lutra
