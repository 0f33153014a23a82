// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/arena.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <array>
#include <cstdint>

namespace {

constexpr std::size_t counted() {
    auto a = lutra::arena::counting();
    static_cast<void>(a.take<float>(3));
    static_cast<void>(a.take<std::int8_t>(65));
    static_cast<void>(a.take<double>(0));
    return a.used();
}
static_assert(counted() == 64 + 128);

} // namespace

TEST_CASE("an arena hands out aligned parts that do not overlap") {
    alignas(64) std::array<std::byte, counted()> memory{};
    lutra::arena a{memory};
    const auto floats = a.take<float>(3);
    const std::size_t mark = a.used();
    const auto bytes = a.take<std::int8_t>(65);
    CHECK(floats.size() == 3);
    CHECK(static_cast<void*>(floats.data()) == static_cast<void*>(memory.data()));
    CHECK(static_cast<void*>(bytes.data()) == static_cast<void*>(memory.data() + 64));
    CHECK(a.used() == counted());
    REQUIRE_PANIC(a.take<float>(1), arena_too_small);
    a.release(mark);
    CHECK(a.take<float>(32).data() == static_cast<void*>(memory.data() + 64));
}

TEST_CASE("an arena needs memory on its boundary") {
    alignas(64) std::array<std::byte, 128> memory{};
    REQUIRE_PANIC(lutra::arena{std::span{memory}.subspan(1)}, misaligned);
}
