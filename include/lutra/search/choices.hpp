// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/random.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace lutra {

/// A candidate as a row of choices: gene i says which alternative was taken where there were several. Up to @p Capacity
/// genes.
template <std::size_t Capacity>
requires(Capacity >= 1) struct choice_genome {
    std::array<std::uint16_t, Capacity> gene{};
    std::size_t length = 0;

    [[nodiscard]] constexpr std::size_t size() const noexcept { return length; }
    [[nodiscard]] constexpr std::uint16_t& operator[](std::size_t i) noexcept { return gene[i]; }
    [[nodiscard]] constexpr const std::uint16_t& operator[](std::size_t i) const noexcept { return gene[i]; }
    [[nodiscard]] constexpr auto begin() noexcept { return gene.begin(); }
    [[nodiscard]] constexpr auto begin() const noexcept { return gene.begin(); }
    [[nodiscard]] constexpr auto end() noexcept { return gene.begin() + static_cast<std::ptrdiff_t>(length); }
    [[nodiscard]] constexpr auto end() const noexcept { return gene.begin() + static_cast<std::ptrdiff_t>(length); }
    friend constexpr bool operator==(const choice_genome&, const choice_genome&) = default;
};

/// The space of such rows: at place i there are `alternatives[i]` to choose from.
///
/// @code
/// constexpr lutra::choice_space<6> six_layers{.alternatives = {4, 4, 4, 4, 4, 4}, .length = 6}; // 4^6 assignments
/// @endcode
template <std::size_t Capacity>
requires(Capacity >= 1) struct choice_space {
    using genome = choice_genome<Capacity>;
    static constexpr std::size_t capacity = Capacity;

    std::array<std::uint16_t, Capacity> alternatives{};
    std::size_t length = 0;

    /// Panics where there is nothing to choose: no gene, more than Capacity, or a gene without an alternative.
    constexpr void check() const {
        require(length >= 1 && length <= Capacity, panic_code::empty,
                "a space of choices needs a gene, and at most its capacity", static_cast<long long>(length),
                static_cast<long long>(Capacity));
        for (std::size_t i = 0; i < length; ++i)
            require(alternatives[i] >= 1, panic_code::empty,
                    "every gene of a space of choices needs an alternative; this one has none", static_cast<long long>(i));
    }
    /// How many candidates there are; the greatest 64-bit number where there are more.
    [[nodiscard]] constexpr std::uint64_t size() const noexcept {
        constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
        std::uint64_t product = 1;
        for (std::size_t i = 0; i < length; ++i) {
            if (alternatives[i] != 0 && product > most / alternatives[i]) return most;
            product *= alternatives[i];
        }
        return length == 0 ? 0 : product;
    }
    /// Candidate @p index of size(), the last gene counting fastest. Panics beyond.
    [[nodiscard]] constexpr genome at(std::uint64_t index) const {
        require(index < size(), panic_code::bad_argument, "there is no such candidate in this space of choices",
                static_cast<long long>(index), static_cast<long long>(size()));
        genome g{.length = length};
        for (std::size_t i = length; i-- > 0; index /= alternatives[i])
            g[i] = static_cast<std::uint16_t>(index % alternatives[i]);
        return g;
    }
    /// How many alternatives there are where the first genes are @p chosen: 0 where all are.
    [[nodiscard]] constexpr std::size_t branches(std::span<const std::uint16_t> chosen) const noexcept {
        return chosen.size() < length ? alternatives[chosen.size()] : 0;
    }
    /// The candidate of these choices, at most Capacity.
    [[nodiscard]] constexpr genome genome_of(std::span<const std::uint16_t> chosen) const noexcept {
        genome g{.length = chosen.size()};
        for (std::size_t i = 0; i < chosen.size(); ++i) g[i] = chosen[i];
        return g;
    }
    /// A candidate at random, all of them alike.
    constexpr genome sample(random_generator& random) const {
        genome g{.length = length};
        for (std::size_t i = 0; i < length; ++i) g[i] = static_cast<std::uint16_t>(random.below(alternatives[i]));
        return g;
    }
    [[nodiscard]] constexpr bool contains(const genome& g) const noexcept {
        if (g.length != length) return false;
        for (std::size_t i = 0; i < length; ++i)
            if (g[i] >= alternatives[i]) return false;
        return true;
    }
    friend constexpr bool operator==(const choice_space&, const choice_space&) = default;
};

/// Makes genomes of a space at random: the `initialise` of genetic_operators.
template <class Space>
struct sample_space {
    Space space;
    constexpr auto operator()(random_generator& random) const { return space.sample(random); }
};

/// Takes another alternative, all others alike, for each gene with probability `rate`, one in the number of genes that have
/// others where that is 0; if that leaves all, such a gene at random.
template <class Space>
struct change_choices {
    Space space;
    double rate = 0;

    constexpr void operator()(typename Space::genome& g, random_generator& random) const {
        std::size_t free = 0;
        for (std::size_t i = 0; i < g.size(); ++i) free += is_free(i) ? 1u : 0u;
        if (free == 0) return;
        const double each = rate > 0 ? rate : 1.0 / static_cast<double>(free);
        bool changed = false;
        for (std::size_t i = 0; i < g.size(); ++i)
            if (is_free(i) && random.unit() < each) change(g, i, random), changed = true;
        if (changed) return;
        std::size_t at = 0;
        for (std::uint64_t skip = random.below(free); !is_free(at) || skip-- > 0;) ++at;
        change(g, at, random);
    }

private:
    constexpr bool is_free(std::size_t i) const noexcept { return space.alternatives[i] > 1; }
    constexpr void change(typename Space::genome& g, std::size_t i, random_generator& random) const {
        const auto other = static_cast<std::uint16_t>(random.below(space.alternatives[i] - 1u));
        g[i] = static_cast<std::uint16_t>(other + (other >= g[i] ? 1 : 0));
    }
};

/// Exchanges each gene of two genomes of one length with probability one half (Syswerda, 1989).
struct uniform_crossover {
    template <class Sequence>
    constexpr void operator()(Sequence& a, Sequence& b, random_generator& random) const {
        const std::size_t n = a.size() < b.size() ? a.size() : b.size();
        for (std::size_t i = 0; i < n; ++i)
            if (random.unit() < 0.5) {
                const auto kept = a[i];
                a[i] = b[i];
                b[i] = kept;
            }
    }
};

} // namespace lutra
