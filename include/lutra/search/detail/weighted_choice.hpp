// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/random.hpp>
#include <lutra/search/tree_policies.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra::detail {

/// The weight of an alternative in 2^-24. Panics where it is not one.
template <tree_prior Prior>
constexpr std::uint64_t weight_of(const Prior& prior, std::span<const std::uint16_t> chosen, std::size_t alternative) {
    const double weight = static_cast<double>(prior(chosen, alternative));
    require(weight >= 0 && weight <= 32768, panic_code::bad_argument,
            "the weights of a prior lie in [0, 32768]; not that of alternative", static_cast<long long>(alternative));
    return static_cast<std::uint64_t>(weight * 0x1p24);
}

/// Takes one of the alternatives that `for_each(see)` shows, each with a probability as its weight, all alike where all
/// weights are 0. There is at least one.
template <tree_prior Prior, class ForEach>
constexpr std::size_t weighted_choice(const Prior& prior, std::span<const std::uint16_t> chosen, ForEach for_each,
                                      random_generator& random) {
    std::uint64_t total = 0, count = 0;
    for_each([&](std::size_t a) {
        total += weight_of(prior, chosen, a);
        ++count;
        return true;
    });
    std::uint64_t rest = random.below(total == 0 ? count : total);
    std::size_t taken = 0;
    for_each([&](std::size_t a) {
        taken = a;
        const std::uint64_t weight = total == 0 ? 1 : weight_of(prior, chosen, a);
        if (rest < weight) return false;
        rest -= weight;
        return true;
    });
    return taken;
}

/// Chooses among @p branches alternatives.
template <tree_prior Prior>
constexpr std::size_t weighted_choice(const Prior& prior, std::span<const std::uint16_t> chosen, std::size_t branches,
                                      random_generator& random) {
    if constexpr (std::same_as<Prior, uniform_prior>)
        return static_cast<std::size_t>(random.below(branches));
    else
        return weighted_choice(
            prior, chosen,
            [branches](auto see) {
                for (std::size_t a = 0; a < branches && see(a); ++a) {
                }
            },
            random);
}

} // namespace lutra::detail
