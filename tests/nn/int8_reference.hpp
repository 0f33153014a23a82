// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "nn/reference.hpp"

#include <lutra/core/arena_memory.hpp>
#include <lutra/gemm/epilogue.hpp>
#include <lutra/nn/activation_scales.hpp>
#include <lutra/nn/policy.hpp>
#include <lutra/nn/vit_parameters.hpp>
#include <lutra/nonlinear/float_functions.hpp>
#include <lutra/numeric/quantize.hpp>
#include <lutra/numeric/requantize.hpp>
#include <lutra/prune/low_rank.hpp>
#include <lutra/prune/weight_pruning.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

/// The quantised ViT as one would write it down: one image, one product after the other, each through
/// lowered_multiplier::multiply with the activation on the left.
namespace int8_reference {

/// The kinds of layers; to exchange the operands of one of them shows that a test would notice.
enum class layer { none, patch_embed, qkv, scores, context, proj, fc1, fc2, head };

struct network {
    const lutra::vit_parameters<const float>& p;
    lutra::activation_scales<const float> scales;
    std::span<const lutra::layer_choice> choices;
    bool per_channel = true;
    layer exchanged = layer::none;

    using floats = std::vector<std::vector<float>>; // rows
    using bytes = std::vector<std::vector<std::int8_t>>;

    std::int32_t product(layer kind, const lutra::lowered_multiplier& m, std::int8_t a, std::int8_t b) const {
        return kind == exchanged ? m.multiply(b, a) : m.multiply(a, b);
    }
    struct sums_of {
        std::vector<std::vector<std::int32_t>> sums;
        std::vector<float> scale; // of each output's sums
    };
    /// What DynaTran or top-k leaves of a row whose integers are worth @p scale.
    template <class T>
    static void prune(std::span<T> row, double scale, const lutra::activation_pruning& rule) {
        using enum lutra::activation_pruning_kind;
        if (rule.kind == threshold)
            for (T& x : row)
                if (std::abs(static_cast<double>(x)) * scale <= static_cast<double>(rule.tau)) x = 0;
        if (rule.kind != top_k) return;
        const std::vector<T> was(row.begin(), row.end());
        for (std::size_t i = 0; i < was.size(); ++i) { // as many greater ones or earlier equal ones may stand before it
            std::size_t before = 0;
            for (std::size_t j = 0; j < was.size(); ++j)
                before += std::abs(was[j]) > std::abs(was[i]) || (j < i && std::abs(was[j]) == std::abs(was[i]));
            if (before >= rule.kept(was.size())) row[i] = 0;
        }
    }
    template <class T>
    static void prune_rows(std::vector<std::vector<T>>& x, double scale, const lutra::activation_pruning& rule) {
        for (auto& row : x) prune(std::span{row}, scale, rule);
    }
    /// y += what the layer's sums are worth, pruned before it is added where there is a rule.
    static void join(const sums_of& s, std::span<const float> bias, floats& y, const lutra::activation_pruning& rule) {
        if (!rule.active()) return to_float(s, bias, y, 0, true);
        floats apart(y.size(), std::vector<float>(bias.size()));
        to_float(s, bias, apart, 0, false);
        prune_rows(apart, 1, rule);
        for (std::size_t r = 0; r < y.size(); ++r)
            for (std::size_t j = 0; j < bias.size(); ++j) y[r][j] += apart[r][j];
    }

    static bytes quantized(const floats& x, float scale) {
        bytes out;
        for (const auto& row : x) {
            out.emplace_back(row.size());
            for (std::size_t j = 0; j < row.size(); ++j) out.back()[j] = lutra::quantize(row[j], scale);
        }
        return out;
    }

    sums_of linear(layer kind, const bytes& x, float scale, const lutra::linear_parameters<const float>& l,
                   const lutra::lowered_multiplier& m, const lutra::weight_pruning& pruning = {},
                   bool skip_zeros = false) const {
        const std::size_t outputs = l.weight.rows(), inputs = l.weight.cols();
        std::vector<std::uint8_t> kept(outputs * inputs);
        const lutra::arena_memory memory{lutra::weight_mask_scratch_bytes(pruning, outputs, inputs)};
        lutra::arena scratch{memory.bytes()};
        lutra::weight_mask(l.weight, pruning, lutra::matrix_view{kept.data(), outputs, inputs}, scratch);
        sums_of out{std::vector(x.size(), std::vector<std::int32_t>(outputs)), std::vector<float>(outputs)};
        for (std::size_t o = 0; o < outputs; ++o) {
            float most = 0;
            for (std::size_t row = per_channel ? o : 0; row < (per_channel ? o + 1 : outputs); ++row)
                for (std::size_t i = 0; i < inputs; ++i)
                    if (kept[row * inputs + i] != 0) most = std::max(most, std::abs(l.weight(row, i)));
            const float weight_scale = most > 0 ? most / 127 : 1;
            out.scale[o] = weight_scale * scale;
            for (std::size_t r = 0; r < x.size(); ++r)
                for (std::size_t i = 0; i < inputs; ++i)
                    if (kept[o * inputs + i] != 0 && (!skip_zeros || x[r][i] != 0))
                        out.sums[r][o] += product(kind, m, x[r][i], lutra::quantize(l.weight(o, i), weight_scale));
        }
        return out;
    }
    /// A layer of low rank: the integers of V x of a row share a power of two.
    sums_of thin(layer kind, const bytes& x, float scale, const lutra::linear_parameters<const float>& l,
                 const lutra::lowered_multiplier& m, std::size_t rank) const {
        const std::size_t outputs = l.weight.rows(), inputs = l.weight.cols();
        std::vector<float> u(outputs * rank), v(rank * inputs);
        const lutra::arena_memory memory{lutra::low_rank_scratch_bytes(outputs, inputs)};
        lutra::arena scratch{memory.bytes()};
        lutra::low_rank(l.weight, lutra::matrix_view{u.data(), outputs, rank}, {v.data(), rank, inputs}, scratch);
        const auto scale_of = [](auto begin, auto end) {
            float most = 0;
            for (auto i = begin; i != end; ++i) most = std::max(most, std::abs(*i));
            return most > 0 ? most / 127 : 1;
        };
        bytes between;
        std::vector<int> shifts;
        std::vector<float> v_scale(rank);
        for (std::size_t k = 0; k < rank; ++k)
            v_scale[k] =
                scale_of(v.begin() + static_cast<long>(k * inputs), v.begin() + static_cast<long>((k + 1) * inputs));
        for (const auto& row : x) {
            std::vector<std::int64_t> sums(rank);
            std::int64_t most = 0;
            for (std::size_t k = 0; k < rank; ++k) {
                for (std::size_t i = 0; i < inputs; ++i)
                    sums[k] += product(kind, m, row[i], lutra::quantize(v[k * inputs + i], v_scale[k]));
                most = std::max(most, std::abs(sums[k]));
            }
            int shift = 0;
            while (most >> shift >= 128) ++shift;
            shifts.push_back(shift);
            between.emplace_back();
            for (const std::int64_t s : sums)
                between.back().push_back(static_cast<std::int8_t>(
                    std::clamp(std::floor(static_cast<double>(s) / std::ldexp(1.0, shift) + 0.5), -127.0, 127.0)));
        }
        for (std::size_t i = 0; i < u.size(); ++i) u[i] *= v_scale[i % rank];
        sums_of out{std::vector(x.size(), std::vector<std::int32_t>(outputs)), std::vector<float>(outputs)};
        for (std::size_t o = 0; o < outputs; ++o) {
            const auto row = u.begin() + static_cast<long>(o * rank);
            const float u_scale = per_channel ? scale_of(row, row + static_cast<long>(rank)) : scale_of(u.begin(), u.end());
            out.scale[o] = u_scale * scale;
            for (std::size_t r = 0; r < x.size(); ++r) {
                std::int64_t sum = 0;
                for (std::size_t k = 0; k < rank; ++k)
                    sum += product(kind, m, between[r][k], lutra::quantize(u[o * rank + k], u_scale));
                out.sums[r][o] = static_cast<std::int32_t>(sum << shifts[r]);
            }
        }
        return out;
    }
    /// A layer of block @p i, of full rank or not.
    sums_of linear_of(std::size_t i, lutra::block_layer which, layer kind, const bytes& x, float scale,
                      const lutra::linear_parameters<const float>& l) const {
        const lutra::layer_choice& choice = choices[i];
        if (const std::size_t rank = choice.ranks[which]; rank != 0) return thin(kind, x, scale, l, choice.of(which), rank);
        return linear(kind, x, scale, l, choice.of(which), choice.weights,
                      choice.skip_zeros && which == lutra::block_layer::fc2);
    }
    static void to_float(const sums_of& s, std::span<const float> bias, floats& y, std::size_t first_row, bool add) {
        for (std::size_t r = 0; r < s.sums.size(); ++r)
            lutra::dequantize_sums{{y[first_row + r].data(), 1, bias.size()}, s.scale, bias, add}(0, 0, s.sums[r]);
    }
    bytes normed(const floats& x, const lutra::layer_norm_parameters<const float>& n, float scale) const {
        floats y = x;
        for (auto& row : y) lutra::layer_norm(row, n.weight, n.bias, p.config().layer_norm_epsilon, row);
        return quantized(y, scale);
    }

    bytes attention(const bytes& qkv, std::size_t block, const std::vector<double>& sizes, std::vector<double>& paid) const {
        const lutra::vit_config& c = p.config();
        const lutra::lowered_multiplier& m = choices[block].attention;
        const std::size_t tokens = qkv.size(), width = c.head_dim(), d = c.dim;
        const float q = scales.block(block, lutra::block_tensor::query), k = scales.block(block, lutra::block_tensor::key);
        const auto by =
            lutra::requantizer::from_ratio(static_cast<double>(scales.block(block, lutra::block_tensor::value)) / 127 /
                                           static_cast<double>(scales.block(block, lutra::block_tensor::context)));
        bytes out(tokens, std::vector<std::int8_t>(d));
        for (std::size_t h = 0; h < c.heads; ++h)
            for (std::size_t t = 0; t < tokens; ++t) {
                std::vector<float> scores(tokens);
                for (std::size_t u = 0; u < tokens; ++u) {
                    std::int32_t sum = 0;
                    for (std::size_t j = h * width; j < (h + 1) * width; ++j)
                        sum += product(layer::scores, m, qkv[t][j], qkv[u][d + j]);
                    scores[u] = static_cast<float>(sum) * (q * k / std::sqrt(static_cast<float>(width))) +
                                std::log(static_cast<float>(sizes[u]));
                }
                prune(std::span{scores}, 1, choices[block].pruning);
                lutra::softmax(scores);
                std::vector<std::int8_t> shares(tokens);
                for (std::size_t u = 0; u < tokens; ++u) shares[u] = lutra::quantize(scores[u], 1.0f / 127);
                prune(std::span{shares}, static_cast<double>(1.0f / 127), choices[block].pruning);
                for (std::size_t u = 0; u < tokens && t == 0; ++u) paid[u] += shares[u];
                for (std::size_t j = h * width; j < (h + 1) * width; ++j) {
                    std::int32_t sum = 0;
                    for (std::size_t u = 0; u < tokens; ++u) sum += product(layer::context, m, shares[u], qkv[u][2 * d + j]);
                    out[t][j] = lutra::requantize(sum, by);
                }
            }
        return out;
    }

    std::vector<float> logits(std::span<const float> image) const {
        using enum lutra::block_tensor;
        const lutra::vit_config& c = p.config();
        const std::size_t prefix = c.prefix_tokens(), d = c.dim;
        const floats patches = reference::patches_of<float>(c, image);
        floats x;
        for (std::size_t t = 0; t < c.tokens(); ++t) x.emplace_back(p.pos_embed.row(t).begin(), p.pos_embed.row(t).end());
        for (std::size_t j = 0; j < d; ++j) {
            x[0][j] += p.cls_token[j];
            if (c.distilled) x[1][j] += p.dist_token[j];
        }
        to_float(linear(layer::patch_embed, quantized(patches, scales.patches()), scales.patches(), p.patch_embed,
                        choices.front().linear),
                 p.patch_embed.bias, x, prefix, true);

        std::vector<double> sizes(c.tokens(), 1.0);
        for (std::size_t i = 0; i < c.depth; ++i) {
            const auto b = p.block(i);
            const auto scale = [&](lutra::block_tensor t) { return scales.block(i, t); };
            const sums_of sums =
                linear_of(i, lutra::block_layer::qkv, layer::qkv, normed(x, b.norm1, scale(normed1)), scale(normed1), b.qkv);
            bytes qkv(x.size(), std::vector<std::int8_t>(3 * d));
            for (std::size_t j = 0; j < 3 * d; ++j) {
                const float to = scale(j < d ? query : j < 2 * d ? key : value);
                const auto by = lutra::requantizer::from_ratio(static_cast<double>(sums.scale[j]) / static_cast<double>(to));
                for (std::size_t t = 0; t < x.size(); ++t)
                    qkv[t][j] =
                        lutra::requantize(sums.sums[t][j] + lutra::quantize<std::int32_t>(b.qkv.bias[j], sums.scale[j]), by);
            }
            const lutra::activation_pruning& rule = choices[i].pruning;
            for (auto& row : qkv) {
                prune(std::span{row}.subspan(0, d), static_cast<double>(scale(query)), rule);
                prune(std::span{row}.subspan(d, d), static_cast<double>(scale(key)), rule);
                prune(std::span{row}.subspan(2 * d, d), static_cast<double>(scale(value)), rule);
            }
            std::vector<double> paid(x.size());
            bytes attended = attention(qkv, i, sizes, paid);
            prune_rows(attended, static_cast<double>(scale(context)), rule);
            join(linear_of(i, lutra::block_layer::proj, layer::proj, attended, scale(context), b.proj), b.proj.bias, x,
                 rule);
            if (choices[i].tokens.rule != lutra::token_rule::none) {
                token_reference::tokens left{{}, sizes};
                for (const auto& row : x) left.rows.emplace_back(row.begin(), row.end());
                token_reference::drop(choices[i].tokens, prefix, paid, 127.0 * c.heads, reference::summed_keys(c, qkv),
                                      left);
                sizes = left.sizes;
                x.clear();
                for (const auto& row : left.rows) {
                    x.emplace_back(row.size());
                    for (std::size_t j = 0; j < row.size(); ++j) x.back()[j] = static_cast<float>(row[j]);
                }
            }
            floats inner(x.size(), std::vector<float>(c.mlp));
            to_float(
                linear_of(i, lutra::block_layer::fc1, layer::fc1, normed(x, b.norm2, scale(normed2)), scale(normed2), b.fc1),
                b.fc1.bias, inner, 0, false);
            for (auto& row : inner)
                c.activation == lutra::activation_kind::relu ? lutra::apply<lutra::relu>(row)
                                                             : lutra::apply<lutra::gelu>(row);
            bytes units = quantized(inner, scale(hidden));
            prune_rows(units, static_cast<double>(scale(hidden)), rule);
            if (choices[i].hidden_threshold > 0)
                prune_rows(units, static_cast<double>(scale(hidden)),
                           {.kind = lutra::activation_pruning_kind::threshold, .tau = choices[i].hidden_threshold});
            join(linear_of(i, lutra::block_layer::fc2, layer::fc2, units, scale(hidden), b.fc2), b.fc2.bias, x, rule);
        }

        floats out(1, std::vector<float>(c.classes));
        for (std::size_t which = 0; which < prefix; ++which) {
            const auto& head = which == 0 ? p.head : p.head_dist;
            to_float(
                linear(layer::head, normed({x[which]}, p.norm, scales.head()), scales.head(), head, choices.back().linear),
                head.bias, out, 0, which > 0);
        }
        if (c.distilled)
            for (float& v : out[0]) v *= 0.5f;
        return out[0];
    }
};

} // namespace int8_reference
