// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: use lutra::serial_executor on firmware
#define LUTRA_HOSTED 0
#include <lutra/core/threads.hpp>

int main() { return 0; }
