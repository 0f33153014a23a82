// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace lutra {

/// What a circuit costs, relative to the exact one of the same width (1 = the same).
struct hardware_cost {
    double power = 1, area = 1, delay = 1;
    friend constexpr bool operator==(const hardware_cost&, const hardware_cost&) = default;
};

} // namespace lutra
