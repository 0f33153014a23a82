// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

namespace lutra {

/// Hands out parts of memory that somebody else owns, front to back, each on a 64-byte boundary. An arena without
/// memory only counts: run the same layout code on `arena::counting()` to learn how many bytes it needs, at compile
/// time if need be.
class arena {
public:
    static constexpr std::size_t alignment = 64;

    /// Panics when @p memory does not start on a 64-byte boundary.
    explicit arena(std::span<std::byte> memory) : base_{memory.data()}, capacity_{memory.size()} {
        const auto misfit = reinterpret_cast<std::uintptr_t>(base_) % alignment;
        require(misfit == 0, panic_code::misaligned, "an arena must start on a 64-byte boundary",
                static_cast<long long>(misfit));
    }
    /// An arena without memory, which hands out empty spans and never panics for want of room.
    [[nodiscard]] static constexpr arena counting() noexcept { return arena{}; }

    /// @p count elements, uninitialised. Panics when the arena is too small, and then takes nothing.
    template <class T>
        requires(std::is_trivially_copyable_v<T> && alignof(T) <= alignment)
    constexpr std::span<T> take(std::size_t count) {
        const std::size_t start = used_;
        const std::size_t most = (std::numeric_limits<std::size_t>::max() - start - (alignment - 1)) / sizeof(T);
        require(count <= most, panic_code::overflow, "no arena holds that many elements", static_cast<long long>(count),
                static_cast<long long>(most));
        const std::size_t end = start + (count * sizeof(T) + alignment - 1) / alignment * alignment;
        require(counts_only_ || end <= capacity_, panic_code::arena_too_small,
                "the arena is too small; arena::counting() tells how many bytes a layout needs",
                static_cast<long long>(capacity_), static_cast<long long>(end));
        used_ = end;
        if (counts_only_) return {};
        return {reinterpret_cast<T*>(base_ + start), count};
    }
    /// Bytes handed out so far, whole 64-byte lines.
    [[nodiscard]] constexpr std::size_t used() const noexcept { return used_; }
    /// Gives back all that was taken after `used()` was @p mark.
    constexpr void release(std::size_t mark) noexcept { used_ = mark; }

private:
    constexpr arena() noexcept : counts_only_{true} {}

    std::byte* base_ = nullptr;
    std::size_t capacity_ = 0, used_ = 0;
    bool counts_only_ = false;
};

} // namespace lutra
