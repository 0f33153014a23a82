// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>

#include <cstdint>
#include <source_location>
#if LUTRA_HOSTED
    #include <cstdio>
    #include <cstdlib>
#endif

/// @file
/// What happens on a programmer's error: a wrong shape, an arena that is too small, an empty set.
/// Data that can be wrong, such as files, is reported through lutra::result instead.

namespace lutra {

/// What kind of mistake it was; stable numbers, so that firmware can report them.
enum class panic_code : std::uint8_t {
    bad_argument = 1, ///< a value outside its range
    bad_shape = 2,    ///< views or configurations that do not fit each other
    null_view = 3,    ///< a view of elements without memory
    out_of_range = 4, ///< an index past the end
    arena_too_small = 5,
    misaligned = 6,
    overflow = 7,       ///< a result that its type cannot hold
    empty = 8,          ///< an empty set where at least one element is needed
    aliasing = 9,       ///< an output that overlaps an input
    unsupported = 10,   ///< something this machine or build cannot do
    verification = 11,  ///< a self-check failed
    missing_table = 12, ///< a plan without the table that it reads
};

/// All that is known of a panic.
struct panic_info {
    panic_code code;
    const char* message; ///< a sentence that says what to do; empty, as `where`, if LUTRA_PANIC_MESSAGES is 0
    long long actual;    ///< the value that was wrong
    long long expected;  ///< what it should have been, or its bound
    std::source_location where;
};

namespace detail {
/// Hosted, a line on standard error and abort; on firmware, a trap.
[[noreturn]] inline void print_and_stop([[maybe_unused]] const panic_info& info) {
#if LUTRA_HOSTED
    std::fprintf(stderr, "lutra: %s (got %lld, expected %lld; panic code %d) at %s:%u\n", info.message, info.actual,
                 info.expected, static_cast<int>(info.code), info.where.file_name(),
                 static_cast<unsigned>(info.where.line()));
    std::abort();
#else
    __builtin_trap();
#endif
}
} // namespace detail

#if LUTRA_CUSTOM_PANIC || defined(LUTRA_COMPILING)
/// Defined by the program. It must not return: it may throw, reset the board or stop the machine.
[[noreturn]] void on_panic(const panic_info&);
#else
/// The default: hosted, a line on standard error and abort; on firmware, a trap.
[[noreturn]] inline void on_panic(const panic_info& info) { detail::print_and_stop(info); }
#endif

#if LUTRA_PANIC_MESSAGES
/// Ends the operation through `on_panic`. Never returns; in a constant expression it is a compile error.
[[noreturn]] inline void panic(panic_code code, const char* message, long long actual = 0, long long expected = 0,
                               std::source_location where = std::source_location::current()) {
    on_panic(panic_info{code, message, actual, expected, where});
}
#else
namespace detail {
[[noreturn]] inline void panic_by_numbers(long long actual, long long expected, panic_code code) {
    on_panic(panic_info{code, "", actual, expected, {}});
}
} // namespace detail
[[noreturn, gnu::always_inline]] inline void panic(panic_code code, const char*, long long actual = 0,
                                                   long long expected = 0,
                                                   std::source_location = std::source_location::current()) {
    detail::panic_by_numbers(actual, expected, code);
}
#endif

/// Panics unless @p condition holds.
constexpr void require(bool condition, panic_code code, const char* message, long long actual = 0, long long expected = 0,
                       std::source_location where = std::source_location::current()) {
    if (!condition) [[unlikely]]
        panic(code, message, actual, expected, where);
}

} // namespace lutra
