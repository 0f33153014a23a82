// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/prune/token_pruning.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

/// @file
/// Schedules: which block drops how many tokens. A schedule is one token_pruning a block.

namespace lutra {

/// Tokens, prefix included, that the MLPs of all blocks compute together for one image; of keep_above, at most.
[[nodiscard]] constexpr std::size_t mlp_tokens(std::span<const token_pruning> schedule, std::size_t patches,
                                               std::size_t prefix = 1) {
    std::size_t total = 0;
    for (const token_pruning& p : schedule) total += prefix + (patches = tokens_after(p, patches));
    return total;
}

/// Puts @p p into @p times blocks that cut the depth into equal parts, as EViT does (of 12 blocks in three times: the
/// fourth, seventh and tenth), and nothing into the others. Panics where there are not as many blocks.
constexpr void spread(const token_pruning& p, std::span<token_pruning> schedule, std::size_t times = 3) {
    require(times <= schedule.size(), panic_code::bad_argument, "a block drops tokens once", static_cast<long long>(times),
            static_cast<long long>(schedule.size()));
    for (token_pruning& s : schedule) s = {};
    for (std::size_t i = 1; i <= times; ++i) schedule[i * schedule.size() / (times + 1)] = p;
}

/// The greatest share with which keep_top in @p times spread blocks leaves the MLPs at most @p target of the tokens that
/// they compute dense, to 1 / 1000; 0 where there is none. The last block, where @p last_prefix, drops all patch tokens.
[[nodiscard]] constexpr float share_for(double target, std::span<token_pruning> schedule, std::size_t patches,
                                        std::size_t prefix = 1, std::size_t times = 3, bool last_prefix = true) {
    const auto tokens = static_cast<double>(schedule.size() * (patches + prefix));
    const auto place = [&](float share) {
        spread(token_pruning::keep_top(share), schedule, times);
        if (last_prefix && !schedule.empty()) schedule.back() = token_pruning::keep_prefix();
    };
    for (int thousandths = 1000; thousandths > 0; --thousandths) {
        const float share = static_cast<float>(thousandths) / 1000.0f;
        place(share);
        if (static_cast<double>(mlp_tokens(schedule, patches, prefix)) <= target * tokens) return share;
    }
    place(0);
    return 0;
}

} // namespace lutra
