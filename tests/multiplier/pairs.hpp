// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

/// How many of the 65,536 operand pairs fail @p holds(a, b).
template <class F>
int failures(F holds) {
    int n = 0;
    for (int a = -128; a < 128; ++a)
        for (int b = -128; b < 128; ++b)
            if (!holds(static_cast<std::int8_t>(a), static_cast<std::int8_t>(b))) ++n;
    return n;
}
