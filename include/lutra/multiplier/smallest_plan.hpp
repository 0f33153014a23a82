// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/lowered_multiplier.hpp>
#include <lutra/multiplier/plan_kind.hpp>

namespace lutra {

/// The plan of a multiplier that takes the fewest bytes in flash: none where it is exact, else terms of 1 KiB each, errors
/// of 64 KiB, or products of 128 or 256 KiB.
[[nodiscard]] constexpr lowered_multiplier smallest_plan(const lowered_multiplier& m) {
    for (const plan_kind kind : {plan_kind::exact, plan_kind::separable, plan_kind::error_plane})
        if (m.admits(kind)) return m.with_plan(kind);
    return m;
}

} // namespace lutra
