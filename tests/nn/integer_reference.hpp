// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "nn/int8_reference.hpp"

#include <lutra/core/arena_memory.hpp>
#include <lutra/nn/integer_linear_attention.hpp>
#include <lutra/nn/integer_policy.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

/// The integer ViT as one would write it down: int8_reference's products, and references of what stands between them.
template <class Policy>
struct integer_reference {
    const int8_reference::network& products;
    int residual_fraction;

    using bytes = int8_reference::network::bytes;
    using words = std::vector<std::vector<std::int16_t>>;
    using sums_of = int8_reference::network::sums_of;
    using layer = int8_reference::layer;

    /// sums + bias in steps of @p to.
    template <class T>
    static std::vector<std::vector<T>> requantized(const sums_of& s, std::span<const float> bias, double to) {
        std::vector<std::vector<T>> out(s.sums.size(), std::vector<T>(bias.size()));
        for (std::size_t j = 0; j < bias.size(); ++j) {
            const auto by = lutra::requantizer::from_ratio(static_cast<double>(s.scale[j]) / to);
            for (std::size_t r = 0; r < out.size(); ++r)
                out[r][j] = lutra::requantize<T>(s.sums[r][j] + lutra::quantize<std::int32_t>(bias[j], s.scale[j]), by);
        }
        return out;
    }
    static void add(words& x, const words& y, std::size_t first_row) {
        for (std::size_t r = 0; r < y.size(); ++r)
            for (std::size_t j = 0; j < y[r].size(); ++j) {
                const int total = x[first_row + r][j] + y[r][j];
                x[first_row + r][j] = static_cast<std::int16_t>(std::clamp(total, -32767, 32767));
            }
    }
    bytes normed(const words& x, const lutra::layer_norm_parameters<const float>& n, float scale) const {
        using norm = typename Policy::layer_norm;
        const lutra::arena_memory memory{norm::bytes(n.weight.size())};
        lutra::arena a{memory.bytes()};
        const norm by = norm::make(n.weight, n.bias, products.p.config().layer_norm_epsilon,
                                   static_cast<float>(std::ldexp(1.0, -residual_fraction)), scale, a);
        bytes out;
        for (const auto& row : x) by.reference(row, out.emplace_back(row.size()));
        return out;
    }

    bytes linear_attention(const bytes& qkv, std::size_t block) const {
        const lutra::vit_config& c = products.p.config();
        const lutra::lowered_multiplier& m = products.choices[block].attention;
        const auto scale = [&](lutra::block_tensor t) { return static_cast<double>(products.scales.block(block, t)); };
        const auto by = lutra::requantizer::from_ratio(scale(lutra::block_tensor::value) / 256 /
                                                       scale(lutra::block_tensor::context));
        const std::size_t tokens = c.tokens(), width = c.head_dim(), d = c.dim;
        const auto cut = [](std::int8_t x) { return x > 0 ? x : std::int8_t{0}; };
        bytes out(tokens, std::vector<std::int8_t>(d));
        for (std::size_t first = 0; first < d; first += width) {
            std::vector<std::vector<std::int32_t>> sums(width, std::vector<std::int32_t>(width));
            std::int32_t most = 0;
            for (std::size_t i = 0; i < width; ++i)
                for (std::size_t j = 0; j < width; ++j) {
                    for (std::size_t t = 0; t < tokens; ++t)
                        sums[i][j] +=
                            products.product(layer::scores, m, cut(qkv[t][d + first + i]), qkv[t][2 * d + first + j]);
                    most = std::max(most, std::abs(sums[i][j]));
                }
            int exponent = 0;
            while (most >> exponent > 127) ++exponent;
            for (std::size_t t = 0; t < tokens; ++t) {
                std::int64_t divisor = 0;
                for (std::size_t i = 0; i < width; ++i)
                    for (std::size_t u = 0; u < tokens; ++u)
                        divisor += cut(qkv[t][first + i]) * cut(qkv[u][d + first + i]);
                // 1 / divisor = inverse / 2^(15 + power), from the table on [1, 2) in steps of 2^-15
                int power = 0;
                while (divisor >> power > 1) ++power;
                const std::int64_t mantissa = divisor * 32768 >> power;
                const std::int64_t inverse =
                    divisor == 0 ? 0 : lutra::integer_inverse<8>::table(static_cast<std::int32_t>(mantissa));
                for (std::size_t j = 0; j < width; ++j) {
                    std::int64_t sum = 0;
                    for (std::size_t i = 0; i < width; ++i) {
                        const double shared = std::floor(std::ldexp(sums[i][j], -exponent) + 0.5);
                        sum += products.product(layer::context, m, cut(qkv[t][first + i]),
                                                static_cast<std::int8_t>(std::clamp(shared, -127.0, 127.0)));
                    }
                    const double quotient =
                        std::floor(std::ldexp(static_cast<double>(sum * inverse), exponent + 8 - 15 - power) + 0.5);
                    out[t][first + j] = lutra::requantize(static_cast<std::int32_t>(quotient), by);
                }
            }
        }
        return out;
    }

    bytes attention(const bytes& qkv, std::size_t block) const {
        using enum lutra::block_tensor;
        if (products.p.config().attention == lutra::attention_kind::relu_linear) return linear_attention(qkv, block);
        const lutra::vit_config& c = products.p.config();
        const lutra::lowered_multiplier& m = products.choices[block].attention;
        const auto scale = [&](lutra::block_tensor t) { return static_cast<double>(products.scales.block(block, t)); };
        const std::size_t tokens = c.tokens(), width = c.head_dim(), d = c.dim;
        const auto to_score = Policy::softmax::scores_by(scale(query) * scale(key) / std::sqrt(static_cast<double>(width)));
        const auto to_context = lutra::requantizer::from_ratio(scale(value) / 127 / scale(context));
        bytes out(tokens, std::vector<std::int8_t>(d));
        for (std::size_t h = 0; h < c.heads; ++h)
            for (std::size_t t = 0; t < tokens; ++t) {
                std::vector<std::int16_t> scores(tokens);
                for (std::size_t u = 0; u < tokens; ++u) {
                    std::int32_t sum = 0;
                    for (std::size_t j = h * width; j < (h + 1) * width; ++j)
                        sum += products.product(layer::scores, m, qkv[t][j], qkv[u][d + j]);
                    scores[u] = lutra::requantize<std::int16_t>(sum, to_score);
                }
                std::vector<std::int8_t> shares(tokens);
                Policy::softmax::reference(scores, shares);
                for (std::size_t j = h * width; j < (h + 1) * width; ++j) {
                    std::int32_t sum = 0;
                    for (std::size_t u = 0; u < tokens; ++u)
                        sum += products.product(layer::context, m, shares[u], qkv[u][2 * d + j]);
                    out[t][j] = lutra::requantize(sum, to_context);
                }
            }
        return out;
    }

    std::vector<std::int32_t> logits(std::span<const std::int8_t> image) const {
        using enum lutra::block_tensor;
        const auto& p = products.p;
        const lutra::vit_config& c = p.config();
        const std::size_t d = c.dim;
        const double residual = std::ldexp(1.0, -residual_fraction);
        const bytes patches = reference::patches_of<std::int8_t>(c, image);
        words x(c.tokens(), std::vector<std::int16_t>(d));
        for (std::size_t t = 0; t < c.tokens(); ++t)
            for (std::size_t j = 0; j < d; ++j) {
                float v = p.pos_embed(t, j);
                if (t == 0) v += p.cls_token[j];
                if (t == 1 && c.distilled) v += p.dist_token[j];
                x[t][j] = lutra::quantize<std::int16_t>(v, static_cast<float>(residual));
            }
        const auto sums = [&](layer kind, const bytes& in, float scale, const lutra::linear_parameters<const float>& l,
                              const lutra::lowered_multiplier& m) { return products.linear(kind, in, scale, l, m); };
        const auto patch =
            sums(layer::patch_embed, patches, products.scales.patches(), p.patch_embed, products.choices.front().linear);
        add(x, requantized<std::int16_t>(patch, p.patch_embed.bias, residual), c.prefix_tokens());
        for (std::size_t i = 0; i < c.depth; ++i) {
            const auto b = p.block(i);
            const auto scale = [&](lutra::block_tensor t) { return products.scales.block(i, t); };
            const lutra::lowered_multiplier& m = products.choices[i].linear;
            const auto qkv_sums = sums(layer::qkv, normed(x, b.norm1, scale(normed1)), scale(normed1), b.qkv, m);
            bytes qkv = requantized<std::int8_t>(qkv_sums, b.qkv.bias, static_cast<double>(scale(query)));
            const bytes keys = requantized<std::int8_t>(qkv_sums, b.qkv.bias, static_cast<double>(scale(key))),
                        values = requantized<std::int8_t>(qkv_sums, b.qkv.bias, static_cast<double>(scale(value)));
            for (std::size_t t = 0; t < c.tokens(); ++t)
                for (std::size_t j = d; j < 3 * d; ++j) qkv[t][j] = (j < 2 * d ? keys : values)[t][j];
            add(x,
                requantized<std::int16_t>(sums(layer::proj, attention(qkv, i), scale(context), b.proj, m), b.proj.bias,
                                          residual),
                0);
            const auto to = static_cast<double>(scale(hidden));
            const int fraction = lutra::activation_input_fraction(to);
            using trained = std::is_same<typename Policy::activation, lutra::trained_activation>;
            using function = std::conditional_t<trained::value, lutra::pwl<lutra::gelu, 8>, typename Policy::activation>;
            const auto table = trained::value && c.activation == lutra::activation_kind::relu
                ? lutra::activation_values<lutra::relu>(fraction, to)
                : lutra::activation_values<function>(fraction, to);
            bytes inner =
                requantized<std::int8_t>(sums(layer::fc1, normed(x, b.norm2, scale(normed2)), scale(normed2), b.fc1, m),
                                         b.fc1.bias, std::ldexp(1.0, -fraction));
            for (auto& row : inner)
                for (std::int8_t& v : row) v = table[static_cast<std::uint8_t>(v)];
            add(x, requantized<std::int16_t>(sums(layer::fc2, inner, scale(hidden), b.fc2, m), b.fc2.bias, residual), 0);
        }
        std::vector<std::int32_t> out(c.classes);
        for (std::size_t which = 0; which < c.prefix_tokens(); ++which) {
            const auto& head = which == 0 ? p.head : p.head_dist;
            const auto one = sums(layer::head, normed({x[which]}, p.norm, products.scales.head()), products.scales.head(),
                                  head, products.choices.back().linear);
            const double unit = std::ldexp(static_cast<double>(c.prefix_tokens()), -16);
            const auto logit = requantized<std::int32_t>(one, head.bias, unit);
            for (std::size_t k = 0; k < out.size(); ++k) out[k] += logit[0][k];
        }
        return out;
    }
};
