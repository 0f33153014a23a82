// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/detail/one_map.hpp>
#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace lutra {

/// DRUM, the dynamic range unbiased multiplier: each magnitude keeps the @p K bits from its leading one on, the lowest of
/// which is set to 1 so that the error averages out; a K x K multiplier and a shifter do the rest (Hashemi, Bahar and
/// Reda, 2015). Magnitudes below 2^K are exact. -128 has the magnitude 128, whose steered value, up to 192, leaves int8.
/// @p Width: the bits of each operand.
template <int K, int Width = 8>
struct drum : detail::mul::one_map<drum<K, Width>, Width, std::conditional_t<(Width <= 8), std::int16_t, std::int32_t>> {
    static_assert(Width >= 3 && Width <= 16, "lutra::drum: Width, the bits of an operand, must be from 3 to 16.");
    static_assert(K >= 2 && K < Width, "lutra::drum: K, the bits kept of each operand, must be from 2 to Width - 1.");
    static_assert(Width < 16 || K >= 3, "lutra::drum: with K = 2 the largest 16x16 product leaves 32 bits; take K >= 3.");

    static constexpr text<24> name_text = text<24>{"drum"} << K << detail::mul::width_suffix<Width>;
    static constexpr std::string_view name = name_text.view();
    static constexpr gate_circuit circuit() noexcept { return detail::mul::leading_segment_circuit<K, Width>(); }

    /// The operand as it is multiplied: steered.
    static constexpr std::int32_t map(detail::mul::signed_operand<Width> a) noexcept {
        const unsigned m = detail::mul::magnitude(a);
        if (m < (1u << K)) return a;
        const int shift = detail::mul::leading_one(m) - K + 1;
        return detail::mul::with_sign(a, ((m >> shift) | 1u) << shift);
    }
};

} // namespace lutra
