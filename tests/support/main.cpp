// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The main of every test executable: compiled once, without optimisation or sanitizers.
#if __has_include(<catch2/catch_all.hpp>)
    #define LUTRA_TEST_MAIN_IN_LIBRARY 1 // Catch2 3 brings its own main
#else
    #define CATCH_CONFIG_MAIN
    #include <catch2/catch.hpp>
#endif

#include "panic.hpp"

namespace lutra {
void on_panic(const panic_info& info) { throw panicked{info}; }
} // namespace lutra
