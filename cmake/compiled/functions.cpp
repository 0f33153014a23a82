// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lutra::compiled: every function that is marked LUTRA_INLINE.
#define LUTRA_COMPILING 1
#include <lutra/lutra.hpp>

/// A program's own takes its place.
[[gnu::weak]] void lutra::on_panic(const panic_info& info) { detail::print_and_stop(info); }
