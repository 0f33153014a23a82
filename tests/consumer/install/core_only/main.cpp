// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core.hpp>

int main() { return lutra::version == lutra::version_number{0, 1, 0} ? 0 : 1; }
