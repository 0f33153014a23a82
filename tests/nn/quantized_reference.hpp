// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "nn/reference.hpp"

#include <lutra/core/arena_memory.hpp>
#include <lutra/gemm/epilogue.hpp>
#include <lutra/multiplier/product_slopes.hpp>
#include <lutra/nn/activation_scales.hpp>
#include <lutra/nn/policy.hpp>
#include <lutra/nn/token_flow.hpp>
#include <lutra/nn/vit_parameters.hpp>
#include <lutra/nonlinear/float_functions.hpp>
#include <lutra/numeric/quantize.hpp>
#include <lutra/numeric/requantize.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

/// The derivative of an int8 network's loss in one direction of its parameters, carried forward in double beside the values:
/// by definition a quantisation passes what comes from within +-127 scale, and a product moves by its slopes.
namespace quantized_reference {

/// A matrix of real values, or of integers, and their derivatives.
template <class T>
struct moving {
    std::vector<std::vector<T>> v;
    std::vector<std::vector<double>> d;
    moving(std::size_t rows, std::size_t cols) : v(rows, std::vector<T>(cols)), d(rows, std::vector<double>(cols)) {}
};
using reals = moving<float>;
using integers = moving<std::int8_t>; // derivatives in units of an integer

struct network {
    const lutra::vit_parameters<const float>& p;
    const lutra::vit_parameters<const double>& to; ///< the direction
    lutra::activation_scales<const float> scales;
    std::span<const lutra::layer_choice> choices;
    std::span<const lutra::layer_slopes> slopes;

    static double inside(double real, float scale) { return std::abs(real) <= 127 * static_cast<double>(scale) ? 1 : 0; }
    static integers quantized(const reals& x, float scale) {
        integers q(x.v.size(), x.v[0].size());
        for (std::size_t r = 0; r < x.v.size(); ++r)
            for (std::size_t j = 0; j < x.v[r].size(); ++j) {
                q.v[r][j] = lutra::quantize(x.v[r][j], scale);
                q.d[r][j] = x.d[r][j] / static_cast<double>(scale) * inside(static_cast<double>(x.v[r][j]), scale);
            }
        return q;
    }
    /// The derivative of a product.
    static double moved(const lutra::product_slopes& s, std::int8_t a, double da, std::int8_t w, double dw) {
        return s.lhs.at(a, w) * da + s.rhs.at(w, a) * dw;
    }

    struct sums_of {
        moving<std::int32_t> sums;
        std::vector<float> scale; ///< what a sum of 1 is worth, an output
    };
    sums_of linear(const integers& x, float scale, const lutra::linear_parameters<const float>& l,
                   const lutra::linear_parameters<const double>& dl, std::size_t block) const {
        const std::size_t outputs = l.weight.rows(), inputs = l.weight.cols();
        sums_of out{{x.v.size(), outputs}, std::vector<float>(outputs)};
        for (std::size_t o = 0; o < outputs; ++o) {
            const float weight_scale = lutra::scale_for(lutra::max_abs(l.weight.row(o)));
            out.scale[o] = weight_scale * scale;
            for (std::size_t r = 0; r < x.v.size(); ++r)
                for (std::size_t i = 0; i < inputs; ++i) {
                    const std::int8_t a = x.v[r][i], w = lutra::quantize(l.weight(o, i), weight_scale);
                    out.sums.v[r][o] += choices[block].linear.multiply(a, w);
                    out.sums.d[r][o] +=
                        moved(slopes[block].linear, a, x.d[r][i], w, dl.weight(o, i) / static_cast<double>(weight_scale));
                }
        }
        return out;
    }
    static void add_real(const sums_of& s, std::span<const float> bias, std::span<const double> dbias, reals& y,
                         std::size_t first_row) {
        for (std::size_t r = 0; r < s.sums.v.size(); ++r)
            for (std::size_t j = 0; j < bias.size(); ++j) {
                const std::size_t row = first_row + r;
                lutra::dequantize_sums{{&y.v[row][j], 1, 1}, {&s.scale[j], 1}, {&bias[j], 1}, true}(0, 0,
                                                                                                    {&s.sums.v[r][j], 1});
                y.d[row][j] += s.sums.d[r][j] * static_cast<double>(s.scale[j]) + dbias[j];
            }
    }
    static reals normed(const reals& x, const lutra::layer_norm_parameters<const float>& n,
                        const lutra::layer_norm_parameters<const double>& dn, float epsilon) {
        reals y = x;
        for (std::size_t r = 0; r < x.v.size(); ++r) {
            const auto s = lutra::layer_norm(x.v[r], n.weight, n.bias, epsilon, y.v[r]);
            const double inverse = static_cast<double>(s.inverse_deviation), count = static_cast<double>(x.v[r].size());
            double mean_d = 0, mean_dx = 0;
            const auto hat = [&](std::size_t j) {
                return (static_cast<double>(x.v[r][j]) - static_cast<double>(s.mean)) * inverse;
            };
            for (std::size_t j = 0; j < x.v[r].size(); ++j) {
                mean_d += x.d[r][j] / count;
                mean_dx += x.d[r][j] * hat(j) / count;
            }
            for (std::size_t j = 0; j < x.v[r].size(); ++j)
                y.d[r][j] = static_cast<double>(n.weight[j]) * inverse * (x.d[r][j] - mean_d - hat(j) * mean_dx) +
                            dn.weight[j] * hat(j) + dn.bias[j];
        }
        return y;
    }
    /// Integers of @p scale from a sum that is worth @p worth.
    static void requantize(std::int32_t sum, double d, double worth, float scale, std::int8_t& q, double& dq) {
        const auto by = lutra::requantizer::from_ratio(worth / static_cast<double>(scale));
        q = lutra::requantize(sum, by);
        dq = d * worth / static_cast<double>(scale) * inside(static_cast<double>(sum) * worth, scale);
    }

    /// The tokens of the image: what they stand for, and class attention as integers, summed over heads, with its
    /// derivative.
    struct token_state {
        std::vector<float> sizes;
        bool merged = false;
        std::vector<std::int32_t> paid;
        std::vector<double> dpaid;
    };
    /// Drops tokens by @p rule. Which ones, and where to, is taken from select_tokens, which other tests are about.
    void drop(const lutra::token_pruning& rule, const integers& qkv, token_state& state, reals& x) const {
        using enum lutra::token_rule;
        const lutra::vit_config& c = p.config();
        const std::size_t count = x.v.size(), d = c.dim;
        if (rule.rule == none) return;
        if (rule.rule == merge_similar && !state.merged) {
            state.sizes.assign(count, 1.0f);
            state.merged = true;
        }
        lutra::arena_memory memory{1 << 20};
        lutra::arena arena{memory.bytes()};
        lutra::token_map map = lutra::token_map::take(1, count, arena);
        map.before = {1, count};
        std::vector<std::int8_t> keys;
        for (const auto& row : qkv.v) keys.insert(keys.end(), row.begin(), row.end());
        const float one = 127.0f * static_cast<float>(c.heads);
        lutra::select_tokens<std::int8_t>(c, rule, {keys.data(), count, 3 * d},
                                          rule.reads_class_attention() ? std::span{state.paid} : std::span<std::int32_t>{},
                                          one, state.merged ? std::span{state.sizes} : std::span<float>{}, map,
                                          lutra::token_scratch<std::int8_t>::take(c, arena));
        const std::size_t after = map.after.rows();
        std::vector<float> from;
        for (const auto& row : x.v) from.insert(from.end(), row.begin(), row.end());
        std::vector<float> sent(after * d);
        lutra::send_tokens(map, 0, {from.data(), count, d}, {sent.data(), after, d});
        reals y(after, d);
        for (std::size_t t = 0; t < after; ++t)
            std::copy_n(sent.begin() + static_cast<std::ptrdiff_t>(t * d), d, y.v[t].begin());
        // a weight of the fused token is w = paid / one, or paid / the sum of those it holds
        double sum = 0, dsum = 0;
        const auto fused = [&](std::size_t t) {
            return rule.reads_class_attention() && rule.rest != lutra::rest_tokens::drop && map.to[t] + 1 == after &&
                   after < count && t >= c.prefix_tokens();
        };
        for (std::size_t t = 0; t < count; ++t)
            if (fused(t)) sum += state.paid[t], dsum += state.dpaid[t];
        for (std::size_t t = 0; t < count; ++t) {
            if (map.to[t] == lutra::no_token) continue;
            const auto w = static_cast<double>(map.weight[t]);
            double dw = 0;
            if (fused(t))
                dw = rule.rest == lutra::rest_tokens::mean ? (state.dpaid[t] - w * dsum) / sum
                                                           : state.dpaid[t] / static_cast<double>(one);
            for (std::size_t j = 0; j < d; ++j) y.d[map.to[t]][j] += w * x.d[t][j] + dw * static_cast<double>(x.v[t][j]);
        }
        x = y;
        if (state.merged) state.sizes.resize(after);
    }

    integers attention(const integers& qkv, std::size_t block, token_state& state) const {
        const lutra::vit_config& c = p.config();
        const auto& m = choices[block].attention;
        const auto& s = slopes[block].attention;
        const std::size_t tokens = qkv.v.size(), width = c.head_dim(), d = c.dim;
        state.paid.assign(tokens, 0);
        state.dpaid.assign(tokens, 0);
        const auto scale = [&](lutra::block_tensor t) { return scales.block(block, t); };
        const float worth =
            scale(lutra::block_tensor::query) * scale(lutra::block_tensor::key) / std::sqrt(static_cast<float>(width));
        integers out(tokens, d);
        for (std::size_t first = 0; first < d; first += width)
            for (std::size_t t = 0; t < tokens; ++t) {
                reals p1(1, tokens);
                for (std::size_t u = 0; u < tokens; ++u) {
                    std::int32_t sum = 0;
                    for (std::size_t j = first; j < first + width; ++j) {
                        sum += m.multiply(qkv.v[t][j], qkv.v[u][d + j]);
                        p1.d[0][u] += static_cast<double>(worth) *
                                      moved(s, qkv.v[t][j], qkv.d[t][j], qkv.v[u][d + j], qkv.d[u][d + j]);
                    }
                    const float log_size = state.merged ? std::log(state.sizes[u]) : 0.0f;
                    p1.v[0][u] = std::fma(static_cast<float>(sum), worth, log_size);
                }
                lutra::softmax(p1.v[0]);
                double mean = 0;
                for (std::size_t u = 0; u < tokens; ++u) mean += static_cast<double>(p1.v[0][u]) * p1.d[0][u];
                for (std::size_t u = 0; u < tokens; ++u) p1.d[0][u] = static_cast<double>(p1.v[0][u]) * (p1.d[0][u] - mean);
                const integers q = quantized(p1, 1.0f / 127);
                for (std::size_t u = 0; t == 0 && u < tokens; ++u) {
                    state.paid[u] += q.v[0][u];
                    state.dpaid[u] += q.d[0][u];
                }
                for (std::size_t j = first; j < first + width; ++j) {
                    std::int32_t sum = 0;
                    double moves = 0;
                    for (std::size_t u = 0; u < tokens; ++u) {
                        sum += m.multiply(q.v[0][u], qkv.v[u][2 * d + j]);
                        moves += moved(s, q.v[0][u], q.d[0][u], qkv.v[u][2 * d + j], qkv.d[u][2 * d + j]);
                    }
                    requantize(sum, moves, static_cast<double>(scale(lutra::block_tensor::value)) / 127,
                               scale(lutra::block_tensor::context), out.v[t][j], out.d[t][j]);
                }
            }
        return out;
    }

    /// The derivative of the cross entropy of one image.
    double derivative(std::span<const float> image, std::size_t label) const {
        using enum lutra::block_tensor;
        const lutra::vit_config& c = p.config();
        const std::size_t prefix = c.prefix_tokens(), d = c.dim;
        const auto patches = reference::patches_of<float>(c, image);
        reals pixels(patches.size(), c.patch_size()), x(c.tokens(), d);
        pixels.v = patches;
        for (std::size_t t = 0; t < c.tokens(); ++t)
            for (std::size_t j = 0; j < d; ++j) {
                x.v[t][j] = p.pos_embed(t, j) + (t == 0 ? p.cls_token[j] : t < prefix ? p.dist_token[j] : 0.0f);
                x.d[t][j] = to.pos_embed(t, j) + (t == 0 ? to.cls_token[j] : t < prefix ? to.dist_token[j] : 0.0);
            }
        add_real(linear(quantized(pixels, scales.patches()), scales.patches(), p.patch_embed, to.patch_embed, 0),
                 p.patch_embed.bias, to.patch_embed.bias, x, prefix);
        token_state state;
        for (std::size_t i = 0; i < c.depth; ++i) {
            const auto b = p.block(i);
            const auto db = to.block(i);
            const auto scale = [&](lutra::block_tensor t) { return scales.block(i, t); };
            const auto quantized_norm = [&](const auto& n, const auto& dn, lutra::block_tensor t) {
                return quantized(normed(x, n, dn, c.layer_norm_epsilon), scale(t));
            };
            const sums_of sums = linear(quantized_norm(b.norm1, db.norm1, normed1), scale(normed1), b.qkv, db.qkv, i);
            const std::size_t tokens = x.v.size();
            integers qkv(tokens, 3 * d);
            for (std::size_t j = 0; j < 3 * d; ++j) {
                const auto worth = static_cast<double>(sums.scale[j]);
                const auto bias = lutra::quantize<std::int32_t>(b.qkv.bias[j], sums.scale[j]);
                for (std::size_t t = 0; t < tokens; ++t)
                    requantize(sums.sums.v[t][j] + bias, sums.sums.d[t][j] + db.qkv.bias[j] / worth, worth,
                               scale(j < d       ? query
                                     : j < 2 * d ? key
                                                 : value),
                               qkv.v[t][j], qkv.d[t][j]);
            }
            add_real(linear(attention(qkv, i, state), scale(context), b.proj, db.proj, i), b.proj.bias, db.proj.bias, x, 0);
            drop(choices[i].tokens, qkv, state, x);
            reals inner(x.v.size(), c.mlp);
            add_real(linear(quantized_norm(b.norm2, db.norm2, normed2), scale(normed2), b.fc1, db.fc1, i), b.fc1.bias,
                     db.fc1.bias, inner, 0);
            for (std::size_t t = 0; t < x.v.size(); ++t) {
                for (std::size_t j = 0; j < c.mlp; ++j) {
                    const auto h = static_cast<double>(inner.v[t][j]);
                    inner.d[t][j] *= std::erfc(-h / std::sqrt(2.0)) / 2 + h * std::exp(-h * h / 2) * 0.3989422804014327;
                }
                lutra::apply<lutra::gelu>(inner.v[t]);
            }
            add_real(linear(quantized(inner, scale(hidden)), scale(hidden), b.fc2, db.fc2, i), b.fc2.bias, db.fc2.bias, x,
                     0);
        }
        reals logits(1, c.classes);
        const reals last = normed(x, p.norm, to.norm, c.layer_norm_epsilon);
        for (std::size_t which = 0; which < prefix; ++which) {
            reals token(1, d);
            token.v[0] = last.v[which];
            token.d[0] = last.d[which];
            const auto& head = which == 0 ? p.head : p.head_dist;
            const auto& dhead = which == 0 ? to.head : to.head_dist;
            add_real(linear(quantized(token, scales.head()), scales.head(), head, dhead, c.depth - 1), head.bias, dhead.bias,
                     logits, 0);
        }
        double sum = 0, moves = 0;
        const double share = 1.0 / static_cast<double>(prefix);
        for (std::size_t j = 0; j < c.classes; ++j) {
            const double e = std::exp(share * static_cast<double>(logits.v[0][j]));
            sum += e;
            moves += e * share * logits.d[0][j];
        }
        return moves / sum - share * logits.d[0][label];
    }
};

} // namespace quantized_reference
