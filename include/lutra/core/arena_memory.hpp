// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/core/arena_memory.hpp takes memory from the heap: give lutra::arena a static array on firmware."
#endif

#include <lutra/core/arena.hpp>

#include <cstddef>
#include <new>
#include <span>
#include <utility>

namespace lutra {

/// Heap memory for an arena, on a 64-byte boundary; uninitialised. Movable.
class arena_memory {
public:
    arena_memory() noexcept = default;
    /// @p bytes bytes; 0 takes none. Throws std::bad_alloc.
    explicit arena_memory(std::size_t bytes) : data_{bytes == 0 ? nullptr : allocate(bytes)}, size_{bytes} {}
    arena_memory(arena_memory&& other) noexcept
        : data_{std::exchange(other.data_, nullptr)}, size_{std::exchange(other.size_, 0)} {}
    arena_memory& operator=(arena_memory&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~arena_memory() { ::operator delete(data_, std::align_val_t{arena::alignment}); }

    /// All of it, what an arena is made from; valid as long as this object keeps the memory.
    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {data_, size_}; }

private:
    static std::byte* allocate(std::size_t bytes) {
        return static_cast<std::byte*>(::operator new(bytes, std::align_val_t{arena::alignment}));
    }

    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace lutra
