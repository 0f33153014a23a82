// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string_view>

/// What the program wants of its machine.
namespace board {
void print(std::string_view text);
/// Ends the program.
[[noreturn]] void leave(int status);
/// Bytes of stack that have been used so far; 0 where nobody knows.
std::size_t used_stack();
} // namespace board
