// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/workload.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// Whether a workload says itself what is loaded and stored.
[[nodiscard]] constexpr bool has_memory_moves(const workload& w) noexcept {
    return std::any_of(w.operations.begin(), w.operations.end(), [](const operation& op) {
        return op.kind == operation_kind::load || op.kind == operation_kind::store;
    });
}

/// Upper bounds of what add_memory_moves emits for @p w.
[[nodiscard]] constexpr std::size_t moves_operation_count(const workload& w) noexcept { return 3 * w.operations.size(); }
[[nodiscard]] constexpr std::size_t moves_dependency_count(const workload& w) noexcept {
    return w.dependencies.size() + 2 * w.operations.size();
}

/// @p w with its transfers: each weight of a product is loaded from main memory before it, each result stored in a buffer
/// after it, and what depended on an operation depends on its result's store. @p out takes moves_operation_count operations
/// and moves_dependency_count dependencies at most; @p where, one an operation of @p w, receives the index of its store.
/// A load waits for nothing, so that it can run ahead as far as there is room.
template <class Builder>
constexpr workload add_memory_moves(const workload& w, std::span<std::uint32_t> where, Builder& out) {
    require(where.size() >= w.operations.size(), panic_code::bad_shape, "add_memory_moves needs an index for each operation",
            static_cast<long long>(where.size()), static_cast<long long>(w.operations.size()));
    constexpr std::size_t most = 62;
    for (std::size_t i = 0; i < w.operations.size(); ++i) {
        operation op = w.operations[i];
        std::array<std::uint32_t, most + 1> depends{};
        std::size_t count = 0;
        for (const std::uint32_t d : w.dependencies_of(i)) {
            require(count < most, panic_code::out_of_range, "an operation has too many dependencies for add_memory_moves",
                    static_cast<long long>(op.dependency_count), static_cast<long long>(most));
            depends[count++] = where[d];
        }
        const auto move = [&](operation_kind kind, std::uint64_t batch, std::uint64_t rows, std::uint64_t cols,
                              const operand& what) {
            return operation{.kind = kind,
                             .label = op.label,
                             .layer = op.layer,
                             .pass = op.pass,
                             .stream = op.stream,
                             .batch = batch,
                             .m = rows,
                             .n = cols,
                             .lhs = what,
                             .out = what};
        };
        if (op.kind == operation_kind::matmul && op.rhs.cls == tensor_class::weight && op.rhs.bits != 0)
            depends[count++] = out.add(move(operation_kind::load, 1, op.k, op.n, op.rhs));
        const std::uint32_t made = out.add(op, std::span{depends}.first(count));
        where[i] = out.add(move(operation_kind::store, op.batch, op.m, op.n, op.out), {made});
    }
    return out.view();
}

} // namespace lutra
