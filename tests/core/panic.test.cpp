// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/config.hpp>
#include <lutra/core/version.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <string>

static_assert(LUTRA_HOSTED == 0 || LUTRA_HOSTED == 1);
static_assert(LUTRA_USE_XSIMD == 0 || LUTRA_USE_XSIMD == 1);
static_assert(LUTRA_RUNTIME_DISPATCH == 0 || LUTRA_RUNTIME_DISPATCH == 1);
static_assert(LUTRA_CUSTOM_PANIC == 1, "the tests bring their own hook");
static_assert(lutra::version == lutra::version_number{LUTRA_VERSION_MAJOR, LUTRA_VERSION_MINOR, LUTRA_VERSION_PATCH});
static_assert((lutra::require(true, lutra::panic_code::empty, "never"), true), "usable in constant expressions");

TEST_CASE("a panic tells the hook what, how much and where") {
    const auto line = __LINE__ + 2;
    try {
        lutra::require(false, lutra::panic_code::out_of_range, "an index past the end", 7, 5);
        FAIL("require returned");
    } catch (const panicked& p) {
        CHECK(p.info.code == lutra::panic_code::out_of_range);
        CHECK(std::string{p.info.message} == "an index past the end");
        CHECK(p.info.actual == 7);
        CHECK(p.info.expected == 5);
        CHECK(static_cast<int>(p.info.where.line()) == line);
        CHECK(std::string{p.info.where.file_name()}.find("panic.test.cpp") != std::string::npos);
    }
    REQUIRE_PANIC((lutra::panic(lutra::panic_code::verification, "always"), 0), verification);
}

TEST_CASE("the numbers of the panic codes are stable") {
    using enum lutra::panic_code;
    int expected = 1;
    for (const auto code : {bad_argument, bad_shape, null_view, out_of_range, arena_too_small, misaligned, overflow, empty,
                            aliasing, unsupported, verification, missing_table})
        CHECK(static_cast<int>(code) == expected++);
}
