// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/gemm/sparse/n_m_gemm.hpp>
#include <lutra/gemm/sparse/shared_gemm.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>
#include <lutra/prune/weight_pruning.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {
inline namespace LUTRA_ISA {

/// The weights of an int8 layer that a weight_pruning keeps, packed for the kernels that skip the others. It points into
/// memory and tables of others.
struct sparse_int8_weights {
    bool by_column = false; ///< else outputs share what they keep
    packed_n_m columns;
    packed_shared_b shared;

    /// Bytes that `pack` needs for outputs x inputs weights under a rule that is not none.
    [[nodiscard]] static constexpr std::size_t bytes(const weight_pruning& p, const lowered_multiplier& m, std::size_t out,
                                                     std::size_t in) {
        if (p.rule == weight_rule::n_m) return packed_n_m_bytes(m, p.pattern, in, out);
        return most_packed_shared_bytes(p.kept_inputs(out, in), p.group(), in, out, m);
    }
    /// Packs what @p mask, one of @p p, keeps of @p weight (both outputs x inputs). Panics (unsupported) where @p m is
    /// neither exact nor separable, and where sums of products can leave int32.
    [[nodiscard]] LUTRA_INLINE static sparse_int8_weights pack(matrix_view<const std::int8_t> weight,
                                                               matrix_view<const std::uint8_t> mask, const weight_pruning& p,
                                                               const lowered_multiplier& m, std::span<std::byte> memory) {
        sparse_int8_weights w;
        w.by_column = p.rule == weight_rule::n_m;
        if (w.by_column)
            w.columns = pack_n_m(transposed(weight), transposed(mask), p.pattern, m, memory);
        else
            w.shared = pack_shared(transposed(weight), transposed(mask), p.group(), m, memory);
        return w;
    }

    /// The sums of x W^T over what is kept, for the epilogue @p use. @p scratch: scratch_bytes.
    template <class Use>
    void multiply(matrix_view<const std::int8_t> x, arena& scratch, const Use& use) const {
        if (by_column)
            gemm(x, columns, scratch, use);
        else
            gemm(x, shared, scratch, use);
    }
    /// Bytes of scratch that suffice for @p rows rows, or fewer, whatever the rule and the multiplier.
    [[nodiscard]] static constexpr std::size_t scratch_bytes(std::size_t rows, std::size_t in) {
        std::size_t most = 0;
        for (const factor_width width : {factor_width::bits8, factor_width::bits8_but_128})
            for (std::uint8_t rank = 1; rank <= max_rank; ++rank) {
                const lowered_multiplier m{.kind = plan_kind::separable, .factors = width, .rank = rank};
                most = std::max({most, n_m_gemm_scratch_bytes(m, rows, in), shared_gemm_scratch_bytes(m, rows, in)});
            }
        return most;
    }
};

} // namespace LUTRA_ISA
} // namespace lutra
