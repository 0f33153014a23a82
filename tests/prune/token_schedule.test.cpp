// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/prune/token_schedule.hpp>

#include <array>
#include <limits>

using lutra::token_pruning;

TEST_CASE("tokens_after: every share of 49 tokens in steps of 1 / 100, and its ends") {
    for (std::size_t hundredths = 1; hundredths <= 100; ++hundredths) {
        const float share = static_cast<float>(hundredths) / 100;
        const std::size_t kept = (hundredths * 49 + 99) / 100;
        CHECK(lutra::tokens_after(token_pruning::keep_top(share, lutra::rest_tokens::drop), 49) == kept);
        CHECK(lutra::tokens_after(token_pruning::keep_top(share), 49) == kept + (kept < 49));
        CHECK(lutra::tokens_after(token_pruning::keep_above(share), 49) == 49);
    }
    CHECK(lutra::tokens_after(token_pruning::keep_top(0, lutra::rest_tokens::drop), 49) == 1);
    CHECK(lutra::tokens_after(token_pruning::keep_top(0), 0) == 0);
    CHECK(lutra::tokens_after(token_pruning::merge_similar(8), 49) == 41);
    CHECK(lutra::tokens_after(token_pruning::merge_similar(90), 49) == 25);
    CHECK(lutra::tokens_after(token_pruning::keep_prefix(), 49) == 0);
    CHECK(lutra::tokens_after({}, 49) == 49);
    REQUIRE_PANIC(lutra::tokens_after(token_pruning::keep_top(1.5f), 49), bad_argument);
    REQUIRE_PANIC(lutra::tokens_after(token_pruning::keep_top(std::numeric_limits<float>::quiet_NaN()), 49), bad_argument);
}

TEST_CASE("spread: as EViT spreads, and not more often than there are blocks") {
    std::array<token_pruning, 12> schedule;
    lutra::spread(token_pruning::keep_top(0.7f), schedule);
    for (std::size_t i = 0; i < 12; ++i)
        CHECK((schedule[i] == token_pruning::keep_top(0.7f)) == (i == 3 || i == 6 || i == 9));
    // DeiT-S with a share of 0.7: 196, 138 + 1, 98 + 1, 70 + 1 patch tokens
    CHECK(lutra::mlp_tokens(schedule, 196) == 12 + 3 * (196 + 139 + 99 + 71));
    REQUIRE_PANIC(lutra::spread({}, schedule, 13), bad_argument);
}

TEST_CASE("share_for: the greatest share that meets the target") {
    std::array<token_pruning, 4> schedule;
    const float share = lutra::share_for(0.45, schedule, 49, 1, 2);
    CHECK(schedule[1] == token_pruning::keep_top(share));
    CHECK(schedule[3] == token_pruning::keep_prefix());
    const auto tokens = [&](float s) {
        schedule[1] = schedule[2] = token_pruning::keep_top(s);
        return lutra::mlp_tokens(schedule, 49);
    };
    CHECK(tokens(share) <= 90);
    CHECK(tokens(share + 0.001f) > 90);
    CHECK(lutra::share_for(0.01, schedule, 49, 1, 2) == 0);
    CHECK(lutra::share_for(1, schedule, 49, 1, 0, false) == 1);
}
