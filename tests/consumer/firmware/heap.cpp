// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Must not link: it shows that the other programs' linking proves the absence of a heap.

#include <cstdlib>

void* volatile kept;
int main() {
    kept = std::malloc(4);
    return 0;
}
