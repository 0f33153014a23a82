# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# The newest clang++ that is found; 16 is the oldest that compiles lutra.
find_program(LUTRA_CLANG NAMES clang++-22 clang++-21 clang++-20 clang++-19 clang++-18 clang++-17 clang++-16 clang++ REQUIRED)
mark_as_advanced(LUTRA_CLANG)
set(CMAKE_CXX_COMPILER ${LUTRA_CLANG})
