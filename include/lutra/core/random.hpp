// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

namespace lutra {

/// xoshiro256** (Blackman and Vigna, 2018), seeded through SplitMix64 (Steele, Lea and Flood, 2014): 256 bits of
/// state, constexpr, the same numbers on every machine. A std::uniform_random_bit_generator; the standard's
/// distributions differ between libraries, so use the ones below where results must be the same everywhere.
class random_generator {
public:
    using result_type = std::uint64_t;

    constexpr explicit random_generator(std::uint64_t seed = 0) noexcept {
        for (auto& word : state_) {
            seed += 0x9e3779b97f4a7c15u;
            std::uint64_t z = seed;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
            word = z ^ (z >> 31);
        }
    }

    static constexpr result_type min() noexcept { return 0; }
    static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }

    constexpr result_type operator()() noexcept {
        const std::uint64_t out = std::rotl(state_[1] * 5, 7) * 9, t = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= t;
        state_[3] = std::rotl(state_[3], 45);
        return out;
    }

    /// An integer in [0, @p bound), without bias; panics for a bound of 0.
    constexpr std::uint64_t below(std::uint64_t bound) {
        require(bound > 0, panic_code::bad_argument, "random_generator::below needs a positive bound");
        const std::uint64_t reject = (std::uint64_t{0} - bound) % bound;
        for (;;)
            if (const std::uint64_t x = (*this)(); x >= reject) return x % bound;
    }
    /// An integer in [@p low, @p high], both included.
    constexpr std::int64_t between(std::int64_t low, std::int64_t high) {
        require(low <= high, panic_code::bad_argument, "random_generator::between needs low <= high", low, high);
        const std::uint64_t range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
        const std::uint64_t step = range == 0 ? (*this)() : below(range);
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + step);
    }
    /// A real number in [0, 1), a multiple of 2^-53.
    constexpr double unit() noexcept { return static_cast<double>((*this)() >> 11) * 0x1p-53; }

    /// Puts @p items into a random order (Fisher and Yates).
    template <class T>
    constexpr void shuffle(std::span<T> items) {
        for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[static_cast<std::size_t>(below(i))]);
    }

    /// The whole state, to store and to restore.
    [[nodiscard]] constexpr const std::array<std::uint64_t, 4>& state() const noexcept { return state_; }
    static constexpr random_generator from_state(const std::array<std::uint64_t, 4>& state) noexcept {
        random_generator g;
        g.state_ = state;
        return g;
    }
    friend constexpr bool operator==(const random_generator&, const random_generator&) noexcept = default;

private:
    std::array<std::uint64_t, 4> state_{};
};

} // namespace lutra
