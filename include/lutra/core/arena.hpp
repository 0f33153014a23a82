// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>

#include <cstddef>
#include <cstdint>
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
        require(misfit == 0, panic_code::misaligned, "an arena must start on a 64-byte boundary", static_cast<long long>(misfit));
    }
    [[nodiscard]] static constexpr arena counting() noexcept { return arena{}; }

    /// @p count elements, uninitialised; panics when the arena is too small.
    template <class T>
        requires(std::is_trivially_copyable_v<T>)
    constexpr std::span<T> take(std::size_t count) {
        const std::size_t start = used_;
        used_ += (count * sizeof(T) + alignment - 1) / alignment * alignment;
        if (counts_only_) return {};
        require(used_ <= capacity_, panic_code::arena_too_small, "the arena is too small; size it with arena_bytes()",
                static_cast<long long>(capacity_), static_cast<long long>(used_));
        return {reinterpret_cast<T*>(base_ + start), count};
    }
    /// Bytes handed out so far.
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
