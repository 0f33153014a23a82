// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/core/result.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <memory>
#include <string>

namespace {

constexpr lutra::result<int> half(int x) {
    if (x % 2 != 0) return lutra::error{lutra::error_code::malformed, 3, lutra::text<320>{} << x << " is odd"};
    return x / 2;
}
static_assert(half(4).value() == 2 && *half(4) == 2 && half(4).has_value());
static_assert(!half(3) && half(3).error().offset == 3 && half(3).error().message.view() == "3 is odd");
static_assert(lutra::ok().has_value());

} // namespace

TEST_CASE("a result is a value or an error, and panics when asked for the other") {
    auto good = half(10), bad = half(7);
    CHECK(good.value() == 5);
    good.value() = 6;
    CHECK(*good == 6);
    CHECK(bad.error().code == lutra::error_code::malformed);
    REQUIRE_PANIC(bad.value(), bad_argument);
    REQUIRE_PANIC(*bad, bad_argument);
    REQUIRE_PANIC(half(7).value(), bad_argument);
    REQUIRE_PANIC(good.error(), bad_argument);
    const lutra::status failed = lutra::error{lutra::error_code::io};
    CHECK(!failed);
    REQUIRE_PANIC(failed.value(), bad_argument);
}

TEST_CASE("a result may hold what can only be moved") {
    lutra::result<std::unique_ptr<std::string>> r{std::make_unique<std::string>("otter")};
    CHECK(r->get()->size() == 5);
    const auto taken = std::move(r).value();
    CHECK(*taken == "otter");
}
