// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/gemm/int8_gemm_batch.hpp>
#include <lutra/gemm/sparse/skip_zeros_int8.hpp>
#include <lutra/nn/activation_hook.hpp>
#include <lutra/nn/activation_scales.hpp>
#include <lutra/nn/control_variate.hpp>
#include <lutra/nn/int8_linear.hpp>
#include <lutra/nn/policy.hpp>
#include <lutra/nn/token_flow.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

namespace lutra {
inline namespace LUTRA_ISA {

/// What one block of an int8 network multiplies by, and how its sums become int8 for the next product.
struct int8_block {
    int8_linear qkv, proj, fc1, fc2;
    output_requantizer qkv_output;     ///< to the scales of queries, keys and values
    std::span<requantizer> context_by; ///< of A V, one a column of a head
    lowered_multiplier attention;
    token_pruning tokens;
    activation_rules activations;
    const std::int16_t* fc2_rows; ///< fc2's factors by rows, where its zeros are skipped
    bool fc2_zero_is_neutral;

    [[nodiscard]] skipping_int8_b fc2_skipping() const noexcept { return {fc2.packed, fc2_rows, fc2_zero_is_neutral}; }
};

/// The matrix products of an int8 network: weights quantised and packed, whatever stands between them. It points into
/// memory and tables of others.
struct int8_layers {
    int8_linear patch_embed, head, head_dist; ///< head_dist only where distilled
    std::span<int8_block> blocks;

    /// Quantises and packs the weights in `bytes` of @p memory. @p corrections, as control_variates has them, may be empty.
    /// Panics where the numbers of @p scales, @p choices or @p corrections are wrong, a scale is not positive and finite, a
    /// weight is infinite, a multiplier's operands are unsigned, or sums of products can leave int32.
    /// @tparam Sparse whether the choices may drop weights or have ranks; where not, no program text is there for it
    template <bool Sparse = true>
    [[nodiscard]] static int8_layers make(const vit_parameters<const float>& parameters,
                                          const activation_scales<const float>& scales,
                                          std::span<const layer_choice> choices, weight_granularity granularity,
                                          arena& memory, std::span<const std::int32_t> corrections = {}) {
        const vit_config& c = parameters.config();
        require_one_a_block(c, choices);
        detail::require_weight_rules(c, choices);
        for (const layer_choice& choice : choices)
            require(Sparse || (!choice.weights.active() && !choice.ranks.active()), panic_code::unsupported,
                    "this network keeps all its weights and their rank: drop them in float_vit or int8_vit");
        const control_variates<const std::int32_t> correct{c, corrections};
        const std::span<const float> all = scales.flat();
        for (std::size_t i = 0; i < all.size(); ++i)
            require(all[i] > 0 && all[i] <= std::numeric_limits<float>::max(), panic_code::bad_argument,
                    "an activation scale of an int8_vit must be positive and finite; this is the index of one that is not",
                    static_cast<long long>(i));
        for (const layer_choice& choice : choices)
            require(choice.signed_operands(), panic_code::unsupported, "an int8_vit needs multipliers of signed operands");
        const auto linear = [&](const linear_parameters<const float>& p, float scale, const lowered_multiplier& m,
                                const sum_correction& correction, skipping_int8_b* skipping = nullptr) {
            int8_linear layer = int8_linear::make(p, scale, granularity, m, memory, skipping);
            layer.correction = correction;
            return layer;
        };
        const auto chosen = [&](const linear_parameters<const float>& p, float scale, const layer_choice& choice,
                                block_layer which, const sum_correction& correction, skipping_int8_b* skipping = nullptr) {
            const lowered_multiplier& m = choice.of(which);
            if constexpr (Sparse)
                if (const std::size_t rank = choice.ranks[which]; rank != 0 || choice.weights.active()) {
                    int8_linear layer = rank != 0
                                            ? int8_linear::make_thin(p, scale, granularity, m, memory, rank)
                                            : int8_linear::make_sparse(p, scale, granularity, m, memory, choice.weights);
                    layer.correction = correction;
                    return layer;
                }
            return linear(p, scale, m, correction, skipping);
        };
        int8_layers layers;
        layers.patch_embed = linear(parameters.patch_embed, scales.patches(), choices.front().linear, correct.patch_embed());
        layers.blocks = memory.take<int8_block>(c.depth);
        for (std::size_t i = 0; i < c.depth; ++i) {
            const auto scale = [&](block_tensor t) { return scales.block(i, t); };
            const auto p = parameters.block(i);
            const layer_choice& choice = choices[i];
            int8_block& b = layers.blocks[i];
            b.attention = choices[i].attention;
            b.tokens = detail::token_rule_of(c, choices, i);
            const auto layer = [&](const linear_parameters<const float>& l, block_layer which, block_tensor input,
                                   skipping_int8_b* skipping = nullptr) {
                return chosen(l, scale(input), choice, which, correct.block(i, which), skipping);
            };
            b.qkv = layer(p.qkv, block_layer::qkv, block_tensor::normed1);
            b.proj = layer(p.proj, block_layer::proj, block_tensor::context);
            b.fc1 = layer(p.fc1, block_layer::fc1, block_tensor::normed2);
            skipping_int8_b skipping;
            b.fc2 = layer(p.fc2, block_layer::fc2, block_tensor::hidden, choice.skip_zeros ? &skipping : nullptr);
            b.activations = activation_rules{choice};
            b.fc2_rows = skipping.weights;
            b.fc2_zero_is_neutral = skipping.zero_is_neutral;
            b.qkv_output = output_requantizer::take(3 * c.dim, memory);
            b.qkv_output.set(b.qkv, 0, c.dim, scale(block_tensor::query));
            b.qkv_output.set(b.qkv, c.dim, c.dim, scale(block_tensor::key));
            b.qkv_output.set(b.qkv, 2 * std::size_t{c.dim}, c.dim, scale(block_tensor::value));
            b.context_by = memory.take<requantizer>(c.head_dim());
            std::fill(b.context_by.begin(), b.context_by.end(),
                      requantizer::from_ratio(static_cast<double>(scale(block_tensor::value)) / 127 /
                                              static_cast<double>(scale(block_tensor::context))));
        }
        layers.head = linear(parameters.head, scales.head(), choices.back().linear, correct.head(0));
        if (c.distilled)
            layers.head_dist = linear(parameters.head_dist, scales.head(), choices.back().linear, correct.head(1));
        return layers;
    }

    /// Bytes that `make` needs. Panics unless there is one choice a block, and on a rule for weights out of its range.
    [[nodiscard]] static constexpr std::size_t bytes(const vit_config& c, std::span<const layer_choice> choices) {
        require_one_a_block(c, choices);
        detail::require_weight_rules(c, choices);
        const std::size_t d = c.dim;
        arena a = arena::counting();
        a.take<int8_block>(c.depth);
        std::size_t bytes = a.used() + int8_linear::bytes(d, c.patch_size(), choices.front().linear) +
                            c.prefix_tokens() * int8_linear::bytes(c.classes, d, choices.back().linear);
        std::size_t scratch = 0;
        for (const layer_choice& choice : choices) {
            arena b = arena::counting();
            static_cast<void>(output_requantizer::take(3 * d, b));
            b.take<requantizer>(c.head_dim());
            bytes += b.used();
            for (const block_layer which : {block_layer::qkv, block_layer::proj, block_layer::fc1, block_layer::fc2}) {
                const auto [out, in] = block_shapes(c)[static_cast<std::size_t>(which)];
                const weight_pruning& p = choice.weights;
                const lowered_multiplier& m = choice.of(which);
                if (const std::size_t rank = choice.ranks[which]; rank != 0) {
                    bytes += int8_linear::thin_bytes(out, in, m, rank);
                    scratch = std::max(scratch, int8_low_rank::make_scratch_bytes(out, in, rank));
                } else if (p.active()) {
                    bytes += int8_linear::sparse_bytes(out, in, m, p);
                    scratch = std::max(scratch, int8_linear::make_scratch_bytes(out, in, p));
                } else {
                    bytes += int8_linear::bytes(out, in, m, choice.skip_zeros && which == block_layer::fc2);
                }
            }
        }
        return bytes + scratch;
    }
    /// Bytes of scratch that suffice for any one of the products with @p images images at once, whatever the choices, but
    /// for those of weights that are dropped unless @p Sparse.
    template <bool Sparse = true>
    [[nodiscard]] static constexpr std::size_t scratch_bytes(const vit_config& c, std::size_t images) {
        const std::size_t rows = images * c.tokens(), d = c.dim;
        const std::pair<std::size_t, std::size_t> linear[]{{c.patch_size(), d}, {d, 3 * d}, {d, d},
                                                           {d, c.mlp},          {c.mlp, d}, {d, c.classes}};
        struct shape {
            std::size_t rows, k, n;
        };
        const std::size_t tokens = c.tokens(), width = c.head_dim();
        const shape softmax[]{{tokens, width, tokens}, {tokens, tokens, width}};
        const shape relu_linear[]{{width, tokens, width}, {tokens, width, width}};
        const std::span<const shape> attention{c.attention == attention_kind::softmax ? softmax : relu_linear};
        constexpr std::int16_t any{};
        const lowered_multiplier plans[]{
            {.kind = plan_kind::separable, .factors = factor_width::bits8_but_128, .rank = max_rank},
            {.kind = plan_kind::error_plane},
            {.kind = plan_kind::table, .rank = 0},
            {.kind = plan_kind::table, .rank = 0, .products16 = &any}};
        arena corrected = arena::counting();
        corrected.take<std::int32_t>(rows); // the sums of a correction
        std::size_t most = 0;
        for (const lowered_multiplier& m : plans) {
            for (const auto& [k, n] : linear) most = std::max(most, int8_linear::scratch_bytes(m, rows, k, n));
            if constexpr (Sparse)
                for (const auto& [out, in] : block_shapes(c))
                    most = std::max(most, corrected.used() + int8_low_rank::scratch_bytes(m, rows, in, out));
            most = std::max(most, corrected.used() + skip_zeros_scratch_bytes(m, rows, c.mlp, d));
            for (const auto& [r, k, n] : attention) most = std::max(most, unpacked_scratch_bytes(m, r, k, n));
        }
        if constexpr (Sparse)
            for (const std::size_t k : {d, std::size_t{c.mlp}})
                most = std::max(most, corrected.used() + sparse_int8_weights::scratch_bytes(rows, k));
        return most;
    }

    /// What a sum of Q K^T of block @p i is worth: softmax of that.
    [[nodiscard]] static float score_scale(const vit_config& c, const activation_scales<const float>& scales,
                                           std::size_t i) {
        return scales.block(i, block_tensor::query) * scales.block(i, block_tensor::key) /
               std::sqrt(static_cast<float>(c.head_dim()));
    }
    /// Adds the embedded patches (@p patches, in int8) to the tokens @p x, of which place_prefix has made the rest.
    void embed(const vit_config& c, matrix_view<const std::int8_t> patches, matrix_view<float> x, arena& scratch) const {
        const std::size_t prefix = c.prefix_tokens(), tokens = c.tokens(), count = c.patches();
        const dequantize_sums add{x, patch_embed.sum_scale, patch_embed.bias, true};
        patch_embed.multiply(patches, scratch, [&](std::size_t r, std::size_t first, auto sums) {
            add(r / count * tokens + prefix + r % count, first, sums);
        });
    }

private:
    static constexpr void require_one_a_block(const vit_config& c, std::span<const layer_choice> choices) {
        require(!choices.empty() && choices.size() == c.depth, panic_code::bad_shape,
                "an int8_vit takes one layer_choice a block", static_cast<long long>(choices.size()), c.depth);
    }
};

} // namespace LUTRA_ISA
} // namespace lutra
