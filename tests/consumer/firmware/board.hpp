// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string_view>

/// What the smoke program wants of its machine.
namespace board {
void print(std::string_view text);
}
