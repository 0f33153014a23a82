// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/text.hpp>
#include <lutra/multiplier/detail/one_map.hpp>
#include <lutra/multiplier/detail/sign_magnitude.hpp>
#include <lutra/multiplier/gate_count.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// DSM, the dynamic segment method: of each magnitude the @p M bits from its leading one on, the others zeroed; an M x M
/// multiplier and a shifter do the rest (Narayanamoorthy et al., "Energy-efficient approximate multiplication for digital
/// signal processing and classification applications", 2015). DRUM without its set bit, so that products are too
/// small on average. Magnitudes below 2^M are exact, and so is -128. @p Width: the bits of each operand.
template <int M, int Width = 8>
struct dsm : detail::mul::one_map<dsm<M, Width>, Width, detail::mul::signed_operand<Width>> {
    static_assert(Width >= 3 && Width <= 16, "lutra::dsm: Width, the bits of an operand, must be from 3 to 16.");
    static_assert(M >= 1 && M < Width, "lutra::dsm: M, the bits of a segment, must be from 1 to Width - 1.");

    static constexpr text<24> name_text = text<24>{"dsm"} << M << detail::mul::width_suffix<Width>;
    static constexpr std::string_view name = name_text.view();
    static constexpr gate_circuit circuit() noexcept { return detail::mul::leading_segment_circuit<M, Width>(); }

    /// The operand as it is multiplied: its segment, in its place.
    static constexpr std::int32_t map(detail::mul::signed_operand<Width> a) noexcept {
        const unsigned m = detail::mul::magnitude(a);
        if ((m >> M) == 0) return a;
        const int shift = detail::mul::leading_one(m) - M + 1;
        return detail::mul::with_sign(a, (m >> shift) << shift);
    }
};

} // namespace lutra
