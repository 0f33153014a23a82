// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/hardware_cost.hpp>

#include <cstdint>
#include <string_view>

namespace lutra {

/// What a tensor is for: it decides which buffer holds it and how long.
enum class tensor_class : std::uint8_t {
    weight,     ///< a parameter: one for the whole batch
    activation, ///< made by the forward pass
    gradient,   ///< made by the backward pass
    mask,       ///< one bit an element: what is zero
};

/// What is done; `operation` says how batch, m, n and k are read for each.
enum class operation_kind : std::uint8_t {
    matmul,      ///< batch x (m x k) * (k x n); a batch of more than one is a batched matmul
    elementwise, ///< on batch x m x n elements, of one tensor or of two
    softmax,     ///< over n, for each of batch x m rows
    layer_norm,  ///< over n, for each of batch x m rows
    reduction,   ///< of k values to one, for each of batch x m x n outputs
    load,        ///< batch x m x n elements from main memory into a buffer
    store,       ///< batch x m x n elements from a buffer to main memory
};

/// Which part of training an operation belongs to; inference is all forward.
enum class operation_pass : std::uint8_t { forward, backward, update };

/// One tensor of an operation.
struct operand {
    tensor_class cls = tensor_class::activation;
    int bits = 8;        ///< of one element; 0 where there is no such operand
    double sparsity = 0; ///< the share of elements that are zero, in [0, 1]
    double skipped = 0;  ///< the share of elements in blocks (rows, tiles) that are really not read or computed, in [0, 1]
    friend constexpr bool operator==(const operand&, const operand&) = default;
};

/// No operand: the right side of an operation that has none.
inline constexpr operand no_operand{.bits = 0};

/// One operation of a network, as hardware sees it: shapes, precision, sparsity and the cost of its arithmetic, and
/// nothing of how the numbers come about. Names must outlive the operation: literals, mostly.
struct operation {
    operation_kind kind = operation_kind::matmul;
    std::string_view label{}; ///< its role, such as "attn.qkv" or "ffn.gelu"
    std::uint32_t layer = 0;  ///< the index of its block
    operation_pass pass = operation_pass::forward;
    std::uint32_t stream = 0; ///< attention head + 1, where neighbouring operations of different heads may run side by side
    std::uint64_t batch = 1, m = 1, n = 1, k = 1;
    operand lhs{}, rhs = no_operand, out{};
    hardware_cost mac{};           ///< of each multiplication, relative to the exact one
    std::string_view multiplier{}; ///< the multiplier's name; empty where nothing is multiplied
    std::uint32_t first_dependency = 0, dependency_count = 0; ///< into workload::dependencies; set by the builders

    /// Multiply-accumulates when nothing is skipped; 0 for all but a matmul.
    [[nodiscard]] constexpr std::uint64_t macs() const noexcept {
        return kind == operation_kind::matmul ? batch * m * n * k : 0;
    }
    /// Multiply-accumulates really made: skipped parts of the two operands are taken as independent.
    [[nodiscard]] constexpr double executed_macs() const noexcept {
        return static_cast<double>(macs()) * (1 - lhs.skipped) * (1 - rhs.skipped);
    }
    /// Elements of the result.
    [[nodiscard]] constexpr std::uint64_t elements() const noexcept { return batch * m * n; }
    /// Elements of the left operand.
    [[nodiscard]] constexpr std::uint64_t lhs_elements() const noexcept {
        if (kind == operation_kind::matmul) return batch * m * k;
        return kind == operation_kind::reduction ? elements() * k : elements();
    }
    /// Elements of the right operand; weights are shared by the batch. 0 without one.
    [[nodiscard]] constexpr std::uint64_t rhs_elements() const noexcept {
        if (rhs.bits == 0) return 0;
        const std::uint64_t one = kind == operation_kind::matmul ? k * n : m * n;
        return rhs.cls == tensor_class::weight ? one : batch * one;
    }
};

} // namespace lutra
