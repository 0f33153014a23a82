// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "board.hpp"

#include <lutra/core/panic.hpp>
#include <lutra/core/text.hpp>

/// An error of the programmer's: says so, for who reads the console, and ends the program. Include it in one source file.
inline void lutra::on_panic(const panic_info& info) {
    board::print((text<96>{} << "panic " << static_cast<int>(info.code) << ": got " << info.actual << ", expected "
                             << info.expected << "\n")
                     .view());
    board::leave(100 + static_cast<int>(info.code));
}
