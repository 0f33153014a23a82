// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/gemm/epilogue.hpp>
#include <lutra/gemm/int8_gemm.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>
#include <lutra/numeric/quantize.hpp>
#include <lutra/prune/low_rank.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {
inline namespace LUTRA_ISA {

/// The least shift at which all of @p sums, below 2^31 in magnitude, fit int8: block floating point, a row a block.
[[nodiscard]] constexpr unsigned shift_to_int8(std::span<const std::int32_t> sums) noexcept {
    std::int32_t most = 0;
    for (const std::int32_t s : sums) most = std::max(most, s < 0 ? -s : s);
    const int bits = static_cast<int>(std::bit_width(static_cast<std::uint32_t>(most)));
    return bits > 7 ? static_cast<unsigned>(bits - 7) : 0;
}
/// out = sums / 2^shift, halves up, saturated to +-127.
constexpr void shift_to_int8(std::span<const std::int32_t> sums, unsigned shift, std::span<std::int8_t> out) noexcept {
    for (std::size_t j = 0; j < sums.size(); ++j)
        out[j] = static_cast<std::int8_t>(
            std::clamp<std::int32_t>(shift == 0 ? sums[j] : ((sums[j] >> (shift - 1)) + 1) >> 1, -127, 127));
}

/// An epilogue that gives another one the sums of row r times 2^(shifts[r] - unit), halves up.
template <class Use>
struct shifted_sums {
    const Use& use;
    std::span<const std::uint8_t> shifts; ///< one a row of A
    unsigned unit = 0;
    std::size_t above = 0; ///< rows of the other epilogue before these

    void operator()(std::size_t row, std::size_t first, std::span<const std::int32_t> sums) const {
        block(row, first, {sums.data(), 1, sums.size()});
    }
    /// The same for a block of sums.
    void block(std::size_t row, std::size_t first, const matrix_view<const std::int32_t>& sums) const {
        lutra::detail::use_changed(use, above + row, first, sums,
                                   [&](std::size_t r, std::size_t, std::span<const std::int32_t> from, auto to) {
                                       const int shift = int{shifts[row + r]} - static_cast<int>(unit);
                                       if (shift >= 0)
                                           for (std::size_t k = 0; k < from.size(); ++k) to[k] = from[k] << shift;
                                       else
                                           for (std::size_t k = 0; k < from.size(); ++k)
                                               to[k] = ((from[k] >> (-shift - 1)) + 1) >> 1;
                                   });
    }
};

/// A linear layer of low rank in int8, y = U (V x), after training: two thin products under one multiplier, whose left
/// operands are x and V x. The sums of a row of V x are shifted right until the greatest fits int8, and the sums that they
/// go into left again, so that nothing has to be calibrated and all stays integer. It points into memory of others.
struct int8_low_rank {
    packed_int8_b down, up; ///< V^T, inputs x rank, and U^T, rank x outputs; the scales of V's rows are in U
    unsigned unit = 0;      ///< the sums come in units of 2^unit, so that they fit int32

    static constexpr std::size_t rows = 64; ///< that pass through both products at a time, for the caches' sake

    /// Packs the nearest of @p rank to @p weight (outputs x inputs) into @p memory, `bytes` of it, and make_scratch_bytes
    /// that are given back; @p sum_scale, one an output, receives what a sum is worth for inputs of @p input_scale.
    /// @p per_channel: U has a scale for each output. Panics where a weight is not finite and where sums can leave int32.
    [[nodiscard]] LUTRA_INLINE static int8_low_rank make(matrix_view<const float> weight, std::size_t rank,
                                                         float input_scale, bool per_channel, const lowered_multiplier& m,
                                                         std::span<float> sum_scale, arena& memory) {
        const std::size_t out = weight.rows(), in = weight.cols();
        const auto down = memory.take<std::byte>(packed_b_bytes(m, in, rank));
        const auto up = memory.take<std::byte>(packed_b_bytes(m, rank, out));
        const std::size_t mark = memory.used();
        const auto u = take<float>(memory, out, rank), v = take<float>(memory, rank, in);
        const auto u8 = take<std::int8_t>(memory, out, rank), v8 = take<std::int8_t>(memory, rank, in);
        const auto v_scale = memory.take<float>(rank);
        low_rank(weight, u, v, memory);
        channel_scales(matrix_view<const float>{v}, v_scale);
        quantize_rows(matrix_view<const float>{v}, std::span<const float>{v_scale}, v8);
        for (std::size_t j = 0; j < out; ++j)
            for (std::size_t r = 0; r < rank; ++r) u(j, r) *= v_scale[r];
        if (per_channel)
            channel_scales(matrix_view<const float>{u}, sum_scale);
        else
            std::fill(sum_scale.begin(), sum_scale.end(), tensor_scale(matrix_view<const float>{u}));
        quantize_rows(matrix_view<const float>{u}, std::span<const float>{sum_scale}, u8);
        const int8_low_rank layer{pack_b(transposed(v8), m, down), pack_b(transposed(u8), m, up), unit_of(m, in, rank)};
        for (float& s : sum_scale) s *= input_scale * static_cast<float>(1u << layer.unit);
        memory.release(mark);
        return layer;
    }
    /// Bytes that `make` keeps.
    [[nodiscard]] static constexpr std::size_t bytes(const lowered_multiplier& m, std::size_t out, std::size_t in,
                                                     std::size_t rank) {
        arena a = arena::counting();
        a.take<std::byte>(packed_b_bytes(m, in, rank));
        a.take<std::byte>(packed_b_bytes(m, rank, out));
        return a.used();
    }
    /// Bytes that `make` takes besides and gives back.
    [[nodiscard]] static constexpr std::size_t make_scratch_bytes(std::size_t out, std::size_t in, std::size_t rank) {
        arena a = arena::counting();
        for (const std::size_t n : {out * rank, rank * in}) a.take<float>(n);
        for (const std::size_t n : {out * rank, rank * in}) a.take<std::int8_t>(n);
        a.take<float>(rank);
        return a.used() + low_rank_scratch_bytes(out, in);
    }

    /// The sums for the epilogue @p use; @p x is rows x inputs. @p scratch: scratch_bytes.
    template <class Use>
    void multiply(matrix_view<const std::int8_t> x, arena& scratch, const Use& use) const {
        const std::size_t rank = up.k, most = std::min(rows, x.rows()), mark = scratch.used();
        const auto sums = take<std::int32_t>(scratch, most, rank);
        const auto between = take<std::int8_t>(scratch, most, rank);
        const auto shifts = scratch.take<std::uint8_t>(most);
        for (std::size_t first = 0; first < x.rows(); first += most) {
            const std::size_t count = std::min(most, x.rows() - first);
            gemm(x.block(first, 0, count, x.cols()), down, scratch, store_sums{sums});
            for (std::size_t r = 0; r < count; ++r) {
                shifts[r] = static_cast<std::uint8_t>(shift_to_int8(sums.row(r)));
                shift_to_int8(sums.row(r), shifts[r], between.row(r));
            }
            gemm(between.block(0, 0, count, rank), up, scratch, shifted_sums<Use>{use, shifts, unit, first});
        }
        scratch.release(mark);
    }
    /// Bytes of scratch that suffice for @p count rows, or fewer, whatever the rank.
    [[nodiscard]] static constexpr std::size_t scratch_bytes(const lowered_multiplier& m, std::size_t count, std::size_t in,
                                                             std::size_t out) {
        const std::size_t most = std::min(rows, count), rank = std::min(in, out);
        arena a = arena::counting();
        a.take<std::int32_t>(most * rank);
        a.take<std::int8_t>(most * rank);
        a.take<std::uint8_t>(most);
        return a.used() + std::max(int8_gemm_scratch_bytes(m, most, in, rank), int8_gemm_scratch_bytes(m, most, rank, out));
    }

private:
    template <class T>
    static constexpr matrix_view<T> take(arena& memory, std::size_t r, std::size_t c) {
        return {memory.take<T>(r * c).data(), r, c};
    }
    /// The least unit in which no sum of @p rank products, shifted as far as sums of @p in products can ask for, leaves
    /// int32.
    static constexpr unsigned unit_of(const lowered_multiplier& m, std::size_t in, std::size_t rank) noexcept {
        const std::int64_t largest = std::max<std::int64_t>({m.max_product, -std::int64_t{m.min_product}, 1});
        const auto bits = [&](std::size_t k) {
            return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(largest) * k));
        };
        return static_cast<unsigned>(std::max(0, std::max(0, bits(in) - 7) + bits(rank) - 31));
    }
};

} // namespace LUTRA_ISA
} // namespace lutra
