// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/lutra.hpp>

#include <cstddef>

/// How many floats the library takes for a packed 1 x 1 operand: as many as a register of this translation unit holds.
/// Called through a pointer that no compiler sees through, so that the linker's choice among inline functions shows.
struct translation_unit {
    std::size_t packed = 0, lanes = 0;
};

[[nodiscard]] static inline translation_unit here() {
    std::size_t (*volatile packed)(std::size_t, std::size_t) = &lutra::packed_b_floats;
    return {packed(1, 1), lutra::float_lanes};
}
translation_unit elsewhere();
