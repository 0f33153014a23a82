// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/executor.hpp>
#include <lutra/gemm/int8_gemm.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

/// @file
/// Integer products whose right operand is new each time, one or many: attention's Q K^T and A V.

namespace lutra {
inline namespace LUTRA_ISA {

/// Bytes of scratch that suffice for the product of M x K by K x N operands with B packed on the way.
[[nodiscard]] constexpr std::size_t unpacked_scratch_bytes(const lowered_multiplier& m, std::size_t rows, std::size_t k,
                                                           std::size_t n) {
    return lutra::detail::round_up(packed_b_bytes(m, k, n), arena::alignment) + int8_gemm_scratch_bytes(m, rows, k, n);
}

/// The integer product A B with multiplier @p m; B is packed into @p scratch (unpacked_scratch_bytes, given back). Panics as
/// `pack_b` and `gemm` do.
///
/// @code
/// lutra::gemm(query, lutra::transposed(key), multiplier, scratch, lutra::dequantize_sums{scores, scale, {}});
/// @endcode
template <class Use>
void gemm(gemm_operand<std::int8_t> a, gemm_operand<std::int8_t> b, const lowered_multiplier& m, arena& scratch, Use&& use) {
    const std::size_t mark = scratch.used();
    const packed_int8_b packed = pack_b(b, m, scratch.take<std::byte>(packed_b_bytes(m, b.rows, b.cols)));
    kernel::require_output_apart(use, a, b);
    gemm(a, packed, scratch, use);
    scratch.release(mark);
}

/// One product of a batch.
template <class Use>
struct int8_product {
    gemm_operand<std::int8_t> a, b;
    Use use; ///< an epilogue
};
template <class Use>
int8_product(gemm_operand<std::int8_t>, gemm_operand<std::int8_t>, Use) -> int8_product<Use>;

/// @p count independent products with multiplier @p m, each on one worker of @p ex; `product(i)` yields the i-th as an
/// int8_product, on strided views of the rows that hold queries, keys and values. @p scratch: once a worker the
/// unpacked_scratch_bytes of @p most_bytes, those of the largest product; given back.
///
/// @code
/// lutra::gemm_batch(ex, heads, multiplier, lutra::unpacked_scratch_bytes(multiplier, tokens, width, tokens), scratch,
///                   [&](std::size_t h) {
///                       return lutra::int8_product{query(h), lutra::transposed(key(h)), lutra::store_sums{scores(h)}};
///                   });
/// @endcode
template <executor E, class Product>
void gemm_batch(E& ex, std::size_t count, const lowered_multiplier& m, std::size_t most_bytes, arena& scratch,
                Product&& product) {
    const std::size_t mark = scratch.used(), bytes = lutra::detail::round_up(most_bytes, arena::alignment);
    const auto memory = scratch.take<std::byte>(workers_of(ex) * bytes);
    ex.run(count, [&](std::size_t task, std::size_t worker) {
        arena mine{memory.subspan(worker * bytes, bytes)};
        const auto p = product(task);
        gemm(p.a, p.b, m, mine, p.use);
    });
    scratch.release(mark);
}

} // namespace LUTRA_ISA
} // namespace lutra
