// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/result.hpp>

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

/// Ends a program over bad input: one sentence on standard error, exit status 2.
[[noreturn]] inline void fail(std::string_view sentence) {
    std::fprintf(stderr, "error: %.*s\n", static_cast<int>(sentence.size()), sentence.data());
    std::exit(2);
}

/// The value, or the end of the program.
template <class T>
T value_or_fail(lutra::result<T> r) {
    if (!r) fail(r.error().message);
    return *std::move(r);
}
