// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Two translation units that include everything link, and each gets the code of its own compiler flags.
#include "program.hpp"

#include <cstdio>

int main() {
    const translation_unit mine = here();
#if defined(__x86_64__)
    const translation_unit other = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? elsewhere() : mine;
#else
    const translation_unit other = elsewhere();
#endif
    std::printf("lanes %zu and %zu, packed %zu and %zu\n", mine.lanes, other.lanes, mine.packed, other.packed);
    return mine.packed == mine.lanes && other.packed == other.lanes ? 0 : 1;
}
