// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>

// The test executables define LUTRA_CUSTOM_PANIC=1; their panic hook (main.cpp) throws this.
struct panicked {
    lutra::panic_info info;
};

/// Requires that an expression panics with the given code.
#define REQUIRE_PANIC(expression, expected_code)                                                                     \
    do {                                                                                                             \
        bool panicked_here = false;                                                                                  \
        try {                                                                                                        \
            static_cast<void>(expression);                                                                           \
        } catch (const panicked& p) {                                                                                \
            panicked_here = true;                                                                                    \
            CHECK(p.info.code == lutra::panic_code::expected_code);                                                  \
        }                                                                                                            \
        REQUIRE(panicked_here);                                                                                      \
    } while (false)
