// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: random_generator::below needs a positive bound
// EXPECT: panic
#include <lutra/core/random.hpp>

constexpr auto drawn = [] {
    lutra::random_generator random{1};
    return random.below(0);
}();
int main() { return static_cast<int>(drawn); }
