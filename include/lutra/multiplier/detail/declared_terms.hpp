// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/concept.hpp>
#include <lutra/multiplier/operands.hpp>
#include <lutra/multiplier/separable_terms.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace lutra::detail::mul {

/// The terms that a separable multiplier declares, taken at their word; rank 0 where there are more than max_rank, or where
/// they do not fit 16 bits.
template <separable_multiplier M, std::size_t Capacity = max_rank>
[[nodiscard]] constexpr separable_maps<Capacity> declared_terms() noexcept {
    separable_maps<Capacity> maps;
    const auto add = [&]<std::size_t I>() {
        wide_map l{}, r{};
        for (std::size_t i = 0; i < 256; ++i) {
            const auto bits = static_cast<std::uint8_t>(i);
            l[i] = std::int64_t{M::template lhs_term<I>(operand_from_bits<typename M::lhs, lhs_bits_v<M>>(bits))};
            r[i] = std::int64_t{M::template rhs_term<I>(operand_from_bits<typename M::rhs, rhs_bits_v<M>>(bits))};
        }
        return add_term(maps, l, r, std::int64_t{M::template term_scale<I>});
    };
    const bool fits = [&]<std::size_t... I>(std::index_sequence<I...>) {
        return (add.template operator()<I>() && ...);
    }(std::make_index_sequence<static_cast<std::size_t>(M::rank)>{});
    if (!fits) maps.rank = 0;
    else if (maps.rank == 0) maps.rank = 1; // every product is 0
    return maps;
}

} // namespace lutra::detail::mul
