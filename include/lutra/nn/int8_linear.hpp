// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/config.hpp>
#include <lutra/gemm/epilogue.hpp>
#include <lutra/gemm/int8_gemm.hpp>
#include <lutra/gemm/sparse/skip_zeros_int8.hpp>
#include <lutra/nn/control_variate.hpp>
#include <lutra/nn/int8_low_rank.hpp>
#include <lutra/nn/sparse_int8_weights.hpp>
#include <lutra/nn/vit_parameters.hpp>
#include <lutra/numeric/quantize.hpp>
#include <lutra/numeric/requantize.hpp>
#include <lutra/prune/mask.hpp>
#include <lutra/prune/weight_pruning.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// How finely weights are scaled: one scale a tensor, or one an output channel. Activations always have one a tensor.
enum class weight_granularity : std::uint8_t { per_tensor, per_channel };

inline namespace LUTRA_ISA {

/// A linear layer in int8, after training: weights quantised and packed for a multiplier, the float bias kept. The
/// activation is the multiplier's left operand, the weight its right. It points into memory and tables of others.
struct int8_linear {
    matrix_view<const std::int8_t> weight;       ///< outputs x inputs; 0 where dropped; empty for one of low rank
    packed_int8_b packed;                        ///< its transpose, for the multiplier; empty unless that is all
    std::span<const float> sum_scale;            ///< input scale x weight scale, one an output: what a sum of 1 is worth
    std::span<const float> bias;                 ///< outputs
    sum_correction correction{};                 ///< of the sums, or none
    const sparse_int8_weights* sparse = nullptr; ///< what is kept, where weights are dropped
    const int8_low_rank* thin = nullptr;         ///< the two products of one of low rank

    /// Quantises and packs @p p in memory of @p memory (`bytes` of it); where @p skipping is not null also such that zeros
    /// of the input can be skipped. Panics where a weight is infinite, where sums of as many products as there are inputs
    /// can leave int32, and where the multiplier's zeros cannot be skipped though they are to be.
    [[nodiscard]] LUTRA_INLINE static int8_linear make(const linear_parameters<const float>& p, float input_scale,
                                                       weight_granularity granularity, const lowered_multiplier& m,
                                                       arena& memory, skipping_int8_b* skipping = nullptr) {
        const std::size_t out = p.weight.rows(), in = p.weight.cols();
        const auto scale = memory.take<float>(out);
        if (granularity == weight_granularity::per_channel)
            channel_scales(p.weight, scale);
        else
            std::fill(scale.begin(), scale.end(), tensor_scale(p.weight));
        const matrix_view<std::int8_t> weight{memory.take<std::int8_t>(out * in).data(), out, in};
        quantize_rows(p.weight, std::span<const float>{scale}, weight);
        for (float& s : scale) s *= input_scale;
        if (skipping != nullptr) {
            *skipping = pack_skipping_b(transposed(weight), m, memory.take<std::byte>(skipping_b_bytes(m, in, out)));
            return {weight, skipping->dense, scale, p.bias};
        }
        const auto packed = pack_b(transposed(weight), m, memory.take<std::byte>(packed_b_bytes(m, in, out)));
        return {weight, packed, scale, p.bias};
    }
    /// The same of the weights that @p pruning, a rule that is not none, keeps; their scales are those of what is left.
    /// While it works it takes make_scratch_bytes more. Panics (unsupported) also where @p m has no kernel that skips.
    [[nodiscard]] LUTRA_INLINE static int8_linear make_sparse(const linear_parameters<const float>& p, float input_scale,
                                                              weight_granularity granularity, const lowered_multiplier& m,
                                                              arena& memory, const weight_pruning& pruning) {
        const std::size_t out = p.weight.rows(), in = p.weight.cols();
        const auto scale = memory.take<float>(out);
        const matrix_view<std::int8_t> weight{memory.take<std::int8_t>(out * in).data(), out, in};
        const auto sparse = memory.take<sparse_int8_weights>(1);
        const auto packed = memory.take<std::byte>(sparse_int8_weights::bytes(pruning, m, out, in));
        const std::size_t mark = memory.used();
        const matrix_view<std::uint8_t> mask{memory.take<std::uint8_t>(out * in).data(), out, in};
        weight_mask(p.weight, pruning, mask, memory);
        float most = 0; // of a tensor, or of a row
        for (std::size_t r = 0; r < out; ++r) {
            if (granularity == weight_granularity::per_channel) most = 0;
            for (std::size_t k = 0; k < in; ++k)
                if (mask(r, k) != 0) most = std::max(most, max_abs({&p.weight(r, k), 1}));
            scale[r] = scale_for(most);
        }
        if (granularity == weight_granularity::per_tensor) std::fill(scale.begin(), scale.end(), scale_for(most));
        quantize_rows(p.weight, std::span<const float>{scale}, weight);
        zero_dropped(mask, weight);
        sparse.front() = sparse_int8_weights::pack(weight, mask, pruning, m, packed);
        memory.release(mark);
        for (float& s : scale) s *= input_scale;
        return {.weight = weight, .packed = {}, .sum_scale = scale, .bias = p.bias, .sparse = sparse.data()};
    }
    /// The nearest layer of @p rank; while it works it takes int8_low_rank::make_scratch_bytes more.
    [[nodiscard]] LUTRA_INLINE static int8_linear make_thin(const linear_parameters<const float>& p, float input_scale,
                                                            weight_granularity granularity, const lowered_multiplier& m,
                                                            arena& memory, std::size_t rank) {
        const auto scale = memory.take<float>(p.weight.rows());
        int8_low_rank& thin = memory.take<int8_low_rank>(1).front();
        thin = int8_low_rank::make(p.weight, rank, input_scale, granularity == weight_granularity::per_channel, m, scale,
                                   memory);
        return {.weight = {}, .packed = {}, .sum_scale = scale, .bias = p.bias, .thin = &thin};
    }
    /// Bytes that make_thin keeps.
    [[nodiscard]] static constexpr std::size_t thin_bytes(std::size_t out, std::size_t in, const lowered_multiplier& m,
                                                          std::size_t rank) {
        arena a = arena::counting();
        a.take<float>(out);
        a.take<int8_low_rank>(1);
        return a.used() + int8_low_rank::bytes(m, out, in, rank);
    }
    /// Bytes that make_sparse keeps.
    [[nodiscard]] static constexpr std::size_t sparse_bytes(std::size_t out, std::size_t in, const lowered_multiplier& m,
                                                            const weight_pruning& pruning) {
        arena a = arena::counting();
        a.take<float>(out);
        a.take<std::int8_t>(out * in);
        a.take<sparse_int8_weights>(1);
        a.take<std::byte>(sparse_int8_weights::bytes(pruning, m, out, in));
        return a.used();
    }
    /// Bytes that make_sparse takes besides and gives back.
    [[nodiscard]] static constexpr std::size_t make_scratch_bytes(std::size_t out, std::size_t in,
                                                                  const weight_pruning& pruning) {
        arena a = arena::counting();
        a.take<std::uint8_t>(out * in);
        return a.used() + weight_mask_scratch_bytes(pruning, out, in);
    }
    /// Bytes that `make` takes.
    [[nodiscard]] static constexpr std::size_t bytes(std::size_t out, std::size_t in, const lowered_multiplier& m,
                                                     bool skipping = false) {
        arena a = arena::counting();
        a.take<float>(out);
        a.take<std::int8_t>(out * in);
        a.take<std::byte>(skipping ? skipping_b_bytes(m, in, out) : packed_b_bytes(m, in, out));
        return a.used();
    }

    /// The sums of x W^T, corrected where there is a correction, for the epilogue @p use: x is rows x inputs in int8 at the
    /// scale given to `make`. @p scratch: scratch_bytes.
    template <class Use>
    void multiply(matrix_view<const std::int8_t> x, arena& scratch, const Use& use) const {
        correct(x, scratch, use, [&](const auto& to) { product(x, scratch, to); });
    }
    /// The same without a correction.
    template <class Use>
    void product(matrix_view<const std::int8_t> x, arena& scratch, const Use& use) const {
        if (thin != nullptr)
            thin->multiply(x, scratch, use);
        else if (sparse != nullptr)
            sparse->multiply(x, scratch, use);
        else
            gemm(x, packed, scratch, use);
    }
    /// Calls `product(epilogue)` with @p use, or where there is a correction with one that corrects the sums first.
    template <class Use, class Product>
    void correct(matrix_view<const std::int8_t> x, arena& scratch, const Use& use, Product&& product) const {
        if (correction.empty()) {
            product(use);
            return;
        }
        const std::size_t mark = scratch.used();
        const auto row_sums = scratch.take<std::int32_t>(x.rows());
        add_up_rows(x, row_sums);
        product(corrected_sums<Use>{use, correction, row_sums});
        scratch.release(mark);
    }
    /// y = x W^T + bias in float (+ y), y rows x outputs.
    void operator()(matrix_view<const std::int8_t> x, matrix_view<float> y, arena& scratch, bool accumulate = false) const {
        multiply(x, scratch, dequantize_sums{y, sum_scale, bias, accumulate});
    }
    /// Bytes of scratch that suffice for @p rows rows.
    [[nodiscard]] static constexpr std::size_t scratch_bytes(const lowered_multiplier& m, std::size_t rows, std::size_t in,
                                                             std::size_t out) {
        arena a = arena::counting();
        a.take<std::int32_t>(rows);
        return a.used() + int8_gemm_scratch_bytes(m, rows, in, out);
    }
};

} // namespace LUTRA_ISA

/// What turns the sums of an int8_linear into int8 of a given scale: a requantizer and an integer bias an output.
struct output_requantizer {
    std::span<requantizer> by;
    std::span<std::int32_t> bias; ///< in units of a sum

    /// Takes room for @p outputs of each from @p memory.
    [[nodiscard]] static constexpr output_requantizer take(std::size_t outputs, arena& memory) {
        const auto by = memory.take<requantizer>(outputs);
        return {by, memory.take<std::int32_t>(outputs)};
    }
    /// Sets outputs first to first + count - 1 for an output of @p scale. Panics where a ratio of scales is 2^30 or more.
    void set(const int8_linear& layer, std::size_t first, std::size_t count, float scale) const {
        for (std::size_t j = first; j < first + count; ++j) {
            by[j] = requantizer::from_ratio(static_cast<double>(layer.sum_scale[j]) / static_cast<double>(scale));
            bias[j] = quantize<std::int32_t>(layer.bias[j], layer.sum_scale[j]);
        }
    }
};

} // namespace lutra
