// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/random.hpp>
#include <lutra/multiplier/concept.hpp>
#include <lutra/multiplier/error_metrics.hpp>

#include <cstdint>
#include <type_traits>

namespace lutra {

/// The error metrics of the multiplier type M over @p pairs pairs of operands, uniform and independent over what M has
/// wires for: for circuits too wide for metrics_of<M>(). The same @p seed gives the same pairs on every machine.
template <multiplier M>
[[nodiscard]] error_metrics sampled_metrics_of(std::uint64_t pairs, std::uint64_t seed = 1) noexcept {
    static_assert(lhs_bits_v<M> <= 32 && rhs_bits_v<M> <= 32, "lutra::sampled_metrics_of: operands have at most 32 bits.");
    random_generator random{seed};
    const auto draw = [&]<class T>(T, int bits) {
        const std::int64_t values = std::int64_t{1} << bits, least = std::is_signed_v<T> ? -values / 2 : 0;
        return static_cast<T>(random.between(least, least + values - 1));
    };
    error_sums sums;
    for (std::uint64_t i = 0; i < pairs; ++i) {
        const auto a = draw(typename M::lhs{}, lhs_bits_v<M>);
        const auto b = draw(typename M::rhs{}, rhs_bits_v<M>);
        sums.add(std::int64_t{a} * std::int64_t{b}, std::int64_t{M::multiply(a, b)});
    }
    return sums.metrics(static_cast<double>(std::int64_t{1} << lhs_bits_v<M>) *
                        static_cast<double>(std::int64_t{1} << rhs_bits_v<M>));
}

} // namespace lutra
