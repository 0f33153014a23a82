// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "board.hpp"

#include <lutra/core/panic.hpp>
#include <lutra/core/text.hpp>

/// The panic hook of the programs that must not panic.
inline void lutra::on_panic(const panic_info& info) {
    board::print((text<96>{} << "panic " << static_cast<int>(info.code) << ": got " << info.actual << ", expected "
                             << info.expected << "\n")
                     .view());
    board::leave(100);
}
