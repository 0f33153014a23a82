// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/workload.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// Whether a workload says itself what is loaded and stored: it does where it loads a weight.
[[nodiscard]] constexpr bool has_memory_moves(const workload& w) noexcept {
    return std::any_of(w.operations.begin(), w.operations.end(), [](const operation& op) {
        return op.kind == operation_kind::load && op.out.cls == tensor_class::weight;
    });
}

namespace detail {
[[nodiscard]] constexpr bool is_move(const operation& op) noexcept {
    return op.kind == operation_kind::load || op.kind == operation_kind::store;
}
/// Whether an operation needs a weight in the buffer.
[[nodiscard]] constexpr bool reads_weight(const operation& op) noexcept {
    return op.kind == operation_kind::matmul && op.rhs.bits != 0 && op.rhs.cls == tensor_class::weight;
}
/// The load of an operation's weight, or the store of its result.
[[nodiscard]] constexpr operation move_of(const operation& op, operation_kind kind) noexcept {
    const bool load = kind == operation_kind::load;
    operation m{.kind = kind, .label = op.label, .layer = op.layer, .pass = op.pass, .stream = op.stream};
    m.batch = load ? 1 : op.batch;
    m.m = load ? op.k : op.m;
    m.n = op.n;
    m.lhs = m.out = load ? op.rhs : op.out;
    return m;
}
} // namespace detail

/// Upper bounds of what add_memory_moves emits for @p w.
[[nodiscard]] constexpr std::size_t moves_operation_count(const workload& w) noexcept { return 3 * w.operations.size(); }
[[nodiscard]] constexpr std::size_t moves_dependency_count(const workload& w) noexcept {
    return w.dependencies.size() + 2 * w.operations.size();
}

/// @p w with its transfers: each weight of a product is loaded from main memory, each result stored in a buffer after its
/// operation, and what depended on an operation depends on that store. A weight is loaded while its stream's product before
/// it is computed (double buffering). @p out takes moves_operation_count operations and moves_dependency_count dependencies
/// at most; @p where, two for each operation of @p w, is memory to work in. Panics where it is too small.
template <class Builder>
constexpr workload add_memory_moves(const workload& w, std::span<std::uint32_t> where, Builder& out) {
    const std::size_t size = w.operations.size();
    constexpr std::uint32_t none = 0xffff'ffff;
    require(where.size() >= 2 * size, panic_code::bad_shape, "add_memory_moves needs two indices for each operation",
            static_cast<long long>(where.size()), static_cast<long long>(2 * size));
    const auto stored = where.first(size), loaded = where.subspan(size, size);
    std::fill(loaded.begin(), loaded.end(), none);
    const auto load = [&](std::size_t i) {
        if (loaded[i] == none) loaded[i] = out.add(detail::move_of(w.operations[i], operation_kind::load));
    };
    for (std::size_t i = 0; i < size; ++i) {
        const operation& op = w.operations[i];
        constexpr std::size_t most = 62;
        std::array<std::uint32_t, most + 1> depends{};
        std::size_t count = 0;
        for (const std::uint32_t d : w.dependencies_of(i)) {
            require(count < most, panic_code::out_of_range, "an operation has too many dependencies for add_memory_moves",
                    static_cast<long long>(op.dependency_count), static_cast<long long>(most));
            depends[count++] = stored[d];
        }
        if (detail::is_move(op)) { // of something else, such as an embedding
            stored[i] = out.add(op, std::span{depends}.first(count));
            continue;
        }
        if (detail::reads_weight(op)) {
            load(i);
            depends[count++] = loaded[i];
            for (std::size_t next = i + 1; next < size; ++next) { // the stream's next weight
                const operation& other = w.operations[next];
                if ((op.stream == 0) != (other.stream == 0)) break;
                if (other.stream != op.stream || !detail::reads_weight(other)) continue;
                load(next);
                break;
            }
        }
        const std::uint32_t made = out.add(op, std::span{depends}.first(count));
        stored[i] = out.add(detail::move_of(op, operation_kind::store), {made});
    }
    return out.view();
}

} // namespace lutra
