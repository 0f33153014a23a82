// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/accelerator/detail/unit_pool.hpp keeps queues on the heap: it is for tiled_event, on a host."
#endif

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <vector>

namespace lutra::detail {

inline constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

/// Units of one kind: which are free, and when the others will be. The lowest free one is taken first.
class unit_pool {
public:
    explicit unit_pool(std::uint64_t count) : free_((count + 63) / 64, ~std::uint64_t{0}), count_{count}, available_{count} {
        if (count % 64 != 0) free_.back() = (std::uint64_t{1} << count % 64) - 1;
    }
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] std::uint64_t available() const noexcept { return available_; }
    /// Takes the lowest free unit, of which there must be one, until cycle @p end.
    void take(std::uint64_t end, std::uint64_t duration) { occupy(lowest(), end, duration); }
    /// Takes the free ones of the @p count units from @p first until @p end; how many they were.
    std::uint64_t take_all(std::uint64_t first, std::uint64_t count, std::uint64_t end, std::uint64_t duration) {
        std::uint64_t taken = 0;
        for (std::uint64_t u = first; u < first + count; ++u) {
            if ((free_[u / 64] >> u % 64 & 1) == 0) continue;
            occupy(u, end, duration);
            ++taken;
        }
        return taken;
    }
    /// The lowest free unit, of which there must be one.
    [[nodiscard]] std::uint64_t lowest() {
        while (free_[lowest_] == 0) ++lowest_;
        return 64 * lowest_ + static_cast<std::uint64_t>(std::countr_zero(free_[lowest_]));
    }
    /// Frees what is done by @p cycle.
    void retire(std::uint64_t cycle) {
        for (queue& q : queues_)
            while (!q.busy.empty() && q.busy.front().end <= cycle) {
                const std::uint64_t unit = q.busy.front().unit;
                q.busy.pop_front();
                free_[unit / 64] |= std::uint64_t{1} << unit % 64;
                lowest_ = std::min(lowest_, static_cast<std::size_t>(unit / 64));
                ++available_;
            }
    }
    /// The cycle at which all units were or will be free.
    [[nodiscard]] std::uint64_t last() const noexcept { return last_; }
    /// The cycle at which the next unit is free again.
    [[nodiscard]] std::uint64_t next() const noexcept {
        std::uint64_t end = never;
        for (const queue& q : queues_)
            if (!q.busy.empty()) end = std::min(end, q.busy.front().end);
        return end;
    }

private:
    struct occupied {
        std::uint64_t end, unit;
    };
    struct queue { ///< of tiles that take equally long, which end in the order in which they began
        std::uint64_t duration;
        std::deque<occupied> busy;
    };
    void occupy(std::uint64_t unit, std::uint64_t end, std::uint64_t duration) {
        free_[unit / 64] &= ~(std::uint64_t{1} << unit % 64);
        --available_;
        last_ = std::max(last_, end);
        for (queue& q : queues_)
            if (q.duration == duration) return q.busy.push_back({end, unit});
        queues_.push_back({duration, {{end, unit}}});
    }
    std::vector<std::uint64_t> free_;
    std::vector<queue> queues_;
    std::uint64_t count_, available_, last_ = 0;
    std::size_t lowest_ = 0; ///< the first word that may have a free unit
};

} // namespace lutra::detail
