// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/arch/skip_rows.hpp>
#include <lutra/gemm/int8_gemm.hpp>
#include <lutra/gemm/operand.hpp>
#include <lutra/gemm/sparse/skip_count.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

/// @file
/// Integer products that skip the zeros of the activations: C = A B where only the products of activations that are not 0
/// are made. Under a multiplier with f(0, w) != 0 that is another result than that of the dense product, and this one is
/// meant: a skipped product does not exist.

namespace lutra {
inline namespace LUTRA_ISA {

/// A right operand (weights, K x N) from which rows can be skipped, beside the same packed for the dense product; made by
/// `pack_skipping_b`. It points into memory and tables of others.
struct skipping_int8_b {
    packed_int8_b dense;
    const std::int16_t* weights = nullptr; ///< factors, 16 bits wide, in groups of columns; null: dense only
    bool zero_is_neutral = true;           ///< f(0, w) = 0 for all w, so that the dense product is the same
};

namespace kernel {

/// Whether @p m is one term of factors, so that its products are sums of listed rows.
constexpr bool is_one_term(const lowered_multiplier& m) noexcept {
    return m.kind == plan_kind::exact || (m.kind == plan_kind::separable && m.rank == 1);
}
/// Columns of the group that starts with column @p j of @p n.
template <class Skip>
constexpr std::size_t skip_width(std::size_t j, std::size_t n) noexcept {
    return std::min(skip_group, lutra::detail::round_up(n - j, Skip::columns));
}
/// A map of factors with one more before it, which kernels may read.
constexpr std::size_t skip_map_bytes = arena::alignment + 256 * sizeof(std::int16_t);

/// Bytes of what pack_skipping_b adds to the dense operand.
constexpr std::size_t skipping_bytes(const lowered_multiplier& m, std::size_t k, std::size_t n, isa instructions) {
    if (!is_one_term(m)) return 0;
    return with_skip(instructions, [&]<class Skip>(Skip) {
        return skip_map_bytes + k * lutra::detail::round_up(n, Skip::columns) * sizeof(std::int16_t);
    });
}

/// Rows of A that are listed at a time: many, for a group of columns of B to stay in the L2 cache while they pass.
constexpr std::size_t listed_rows(std::size_t rows, std::size_t k) noexcept {
    constexpr std::size_t room = std::size_t{1} << 18; // elements: 1.5 MiB if none is zero
    return std::min(rows, std::clamp<std::size_t>(room / std::max<std::size_t>(k, 1), 16, 256));
}

/// The lists of some rows of A.
struct kept_rows {
    std::size_t stride;
    std::span<std::int16_t> values;
    std::span<std::uint32_t> rows, counts;

    static constexpr kept_rows take(std::size_t rows, std::size_t k, arena& a) {
        const std::size_t listed = listed_rows(rows, k), stride = lutra::detail::round_up(k, skip_slack) + skip_slack;
        const auto values = a.take<std::int16_t>(listed * stride);
        const auto of = a.take<std::uint32_t>(listed * stride);
        return {stride, values, of, a.take<std::uint32_t>(listed)};
    }
    [[nodiscard]] kept_row row(std::size_t i) const noexcept {
        return {values.data() + i * stride, rows.data() + i * stride, counts[i]};
    }
};

/// The product by lists.
template <class Skip>
void skip_zeros_product(matrix_view<const std::int8_t> a, const skipping_int8_b& b, arena& scratch,
                        const lutra::detail::sum_sink& sink) {
    constexpr std::size_t together = 8; // rows of sums given to the sink at once
    const std::size_t mark = scratch.used(), k = b.dense.k, n = b.dense.n, listed = listed_rows(a.rows(), k);
    const auto kept = kept_rows::take(a.rows(), k, scratch);
    const std::int16_t* map = b.dense.multiplier.lhs_factors == nullptr ? nullptr : b.weights - 256;
    const unsigned shift = b.dense.multiplier.shifts[0];
    alignas(64) std::int32_t sums[together * skip_group];
    for (std::size_t i0 = 0; i0 < a.rows(); i0 += listed) {
        const std::size_t rows = std::min(listed, a.rows() - i0);
        for (std::size_t i = 0; i < rows; ++i) {
            std::int16_t* values = kept.values.data() + i * kept.stride;
            std::uint32_t* of = kept.rows.data() + i * kept.stride;
            const std::size_t count = Skip::keep(a.data() + (i0 + i) * a.stride(), k, map, values, of);
            values[count] = 0, of[count] = 0; // what an odd last row is paired with
            kept.counts[i] = static_cast<std::uint32_t>(count);
        }
        for (std::size_t j = 0; j < n; j += skip_group) {
            const std::size_t width = skip_width<Skip>(j, n);
            for (std::size_t i = 0; i < rows; i += together) {
                const std::size_t height = std::min(together, rows - i);
                matrix_view<std::int32_t> to{sums, height, width, skip_group};
                const bool placed = sink.keeps() && width <= n - j;
                if (placed) to = sink.place(i0 + i, j, height, width);
                for (std::size_t r = 0; r < height; ++r) {
                    Skip::add(kept.row(i + r), b.weights + j * k, width, &to(r, 0));
                    for (std::size_t c = 0; c < width && shift != 0; ++c)
                        to(r, c) = static_cast<std::int32_t>(static_cast<std::uint32_t>(to(r, c)) << shift);
                }
                if (!placed) sink.block(i0 + i, j, to.block(0, 0, height, std::min(width, n - j)));
            }
        }
    }
    scratch.release(mark);
}

} // namespace kernel

/// Bytes that `pack_skipping_b` needs for a K x N operand.
[[nodiscard]] constexpr std::size_t skipping_b_bytes(const lowered_multiplier& m, std::size_t k, std::size_t n,
                                                     isa instructions) {
    return lutra::detail::round_up(packed_b_bytes(m, k, n, instructions), arena::alignment) +
           kernel::skipping_bytes(m, k, n, instructions);
}
[[nodiscard]] constexpr std::size_t skipping_b_bytes(const lowered_multiplier& m, std::size_t k, std::size_t n) {
    return skipping_b_bytes(m, k, n, best_isa());
}

/// Packs @p b (K x N) for products with @p m that skip zeros into @p memory: skipping_b_bytes of it, on a 64-byte boundary.
/// Plans of one term (the exact one among them) skip; the others are dense only, and panic (unsupported) where f(0, w) is
/// not 0 for some w. Panics also as `pack_b` does.
[[nodiscard]] LUTRA_INLINE skipping_int8_b pack_skipping_b(gemm_operand<std::int8_t> b, const lowered_multiplier& m,
                                                           std::span<std::byte> memory, isa instructions = best_isa()) {
    const std::size_t dense = lutra::detail::round_up(packed_b_bytes(m, b.rows, b.cols, instructions), arena::alignment),
                      need = dense + kernel::skipping_bytes(m, b.rows, b.cols, instructions);
    require(memory.size() >= need, panic_code::arena_too_small, "the memory for an int8 operand that skips is too small",
            static_cast<long long>(memory.size()), static_cast<long long>(need));
    skipping_int8_b packed{.dense = pack_b(b, m, memory.first(dense), instructions)};
    for (int w = -128; w < 128; ++w)
        packed.zero_is_neutral = packed.zero_is_neutral && m.multiply(0, static_cast<std::int8_t>(w)) == 0;
    if (!kernel::is_one_term(m)) {
        require(packed.zero_is_neutral, panic_code::unsupported,
                "zeros can be skipped under a multiplier of one term, or one whose product with a zero activation is 0");
        return packed;
    }
    auto* map = reinterpret_cast<std::int16_t*>(memory.data() + dense + arena::alignment);
    packed.weights = map + 256;
    kernel::with_skip(instructions, [&]<class Skip>(Skip) {
        map[-1] = 0;
        for (std::size_t x = 0; x < 256 && m.lhs_factors != nullptr; ++x) map[x] = m.lhs_factors[x];
        const auto factor = [&](std::int8_t w) {
            return m.rhs_factors == nullptr ? std::int16_t{w} : m.rhs_factors[kernel::index_of(w)];
        };
        for (std::size_t j = 0; j < b.cols; j += kernel::skip_group) {
            const std::size_t width = kernel::skip_width<Skip>(j, b.cols);
            for (std::size_t k = 0; k < b.rows; ++k) {
                std::int16_t* out = map + 256 + j * b.rows + k * width;
                for (std::size_t c = 0; c < width; ++c)
                    out[c / Skip::columns * Skip::columns + Skip::place(c % Skip::columns)] =
                        j + c < b.cols ? factor(b(k, j + c)) : std::int16_t{0};
            }
        }
    });
    return packed;
}

namespace kernel {
LUTRA_INLINE skip_count int8_skip_product(matrix_view<const std::int8_t> a, const skipping_int8_b& b, arena& scratch,
                                          const lutra::detail::sum_sink& sink, skip_path how) {
    lutra::detail::require_inner_dimension(gemm_operand<std::int8_t>{a}, b.dense.k);
    skip_count counted{.elements = a.rows() * a.cols()};
    for (std::size_t i = 0; i < a.rows(); ++i) counted.zeros += count_zeros(a.row(i));
    const bool can_skip = b.weights != nullptr;
    require(how == skip_path::best || (how == skip_path::lists ? can_skip : b.zero_is_neutral), panic_code::unsupported,
            "gemm_skip_zeros: this multiplier's zeros can only be skipped the other way", static_cast<long long>(how));
    const bool pays = counted.share() >= least_zeros_to_skip(b.dense.instructions);
    counted.skipped = can_skip && (how == skip_path::lists || (how == skip_path::best && (pays || !b.zero_is_neutral)));
    if (counted.skipped)
        with_skip(b.dense.instructions, [&]<class Skip>(Skip) { skip_zeros_product<Skip>(a, b, scratch, sink); });
    else
        int8_product(a, b.dense, scratch, sink);
    return counted;
}
} // namespace kernel

/// Bytes of scratch that suffice for `gemm_skip_zeros` with @p rows rows of A, or fewer.
[[nodiscard]] constexpr std::size_t skip_zeros_scratch_bytes(const lowered_multiplier& m, std::size_t rows, std::size_t k,
                                                             std::size_t n, isa instructions) {
    arena a = arena::counting();
    static_cast<void>(kernel::kept_rows::take(rows, k, a));
    return std::max(a.used(), int8_gemm_scratch_bytes(m, rows, k, n, instructions));
}
[[nodiscard]] constexpr std::size_t skip_zeros_scratch_bytes(const lowered_multiplier& m, std::size_t rows, std::size_t k,
                                                             std::size_t n) {
    return skip_zeros_scratch_bytes(m, rows, k, n, best_isa());
}

/// The integer product A B without the products of zero activations: sums over k with a(i, k) != 0 of f(a(i, k), b(k, j)),
/// exact int32 on every instruction set. A is M x K. Where as few elements of A are zero as the dense product pays for, and
/// it gives the same sums, that is taken: `how` may ask for either. @p use, @p scratch (skip_zeros_scratch_bytes) and panics
/// as for `gemm`; asking for what this operand cannot do panics (unsupported).
/// @return how many elements of A are zero, and whether they were skipped
///
/// @code
/// const auto b = lutra::pack_skipping_b(lutra::transposed(weight), lutra::lowered_v<lutra::exact>, memory);
/// lutra::gemm_skip_zeros(hidden, b, scratch, lutra::store_sums{sums});
/// @endcode
template <class Use>
skip_count gemm_skip_zeros(matrix_view<const std::int8_t> a, const skipping_int8_b& b, arena& scratch, Use&& use,
                           skip_path how = skip_path::best) {
    kernel::require_output_apart(use, gemm_operand<std::int8_t>{a}, b.dense);
    return kernel::int8_skip_product(a, b, scratch, lutra::detail::sum_sink{use}, how);
}

} // namespace LUTRA_ISA
} // namespace lutra
