// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/core/executor.hpp>
#include <lutra/gemm/int8_gemm.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/gemm/sparse/n_m_gemm.hpp>
#include <lutra/gemm/sparse/shared_gemm.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace lutra {

/// An int8 operand of which some elements were dropped.
template <class P>
concept packed_sparse_b = std::same_as<P, packed_n_m> || std::same_as<P, packed_shared_b>;

inline namespace LUTRA_ISA {

/// Bytes of scratch that suffice for `gemm` with @p rows rows of A, or fewer, and @p b, on one thread.
[[nodiscard]] constexpr std::size_t sparse_gemm_scratch_bytes(const packed_n_m& b, std::size_t rows) {
    return n_m_gemm_scratch_bytes(b.multiplier, rows, b.k, b.instructions);
}
[[nodiscard]] constexpr std::size_t sparse_gemm_scratch_bytes(const packed_shared_b& b, std::size_t rows) {
    return shared_gemm_scratch_bytes(b.multiplier, rows, b.k, b.instructions);
}

/// A sparse product with rows of A shared out to the workers of @p ex: the same sums. `use` is called by several workers at
/// once, for different rows. @p scratch: sparse_gemm_scratch_bytes once a worker, given back.
template <executor E, packed_sparse_b Packed, class Use>
void gemm(E& ex, gemm_operand<std::int8_t> a, const Packed& b, arena& scratch, Use&& use) {
    kernel::require_output_apart(use, a, b);
    kernel::share_rows(ex, a, b, sparse_gemm_scratch_bytes(b, a.rows), scratch, use);
}

} // namespace LUTRA_ISA
} // namespace lutra
