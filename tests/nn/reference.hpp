// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "nn/token_reference.hpp"

#include <lutra/nn/policy.hpp>
#include <lutra/nn/vit_parameters.hpp>

#include <cmath>
#include <span>
#include <vector>

/// A Vision Transformer in double, as one would write it down: one image, no buffers shared, no library kernel.
namespace reference {

using matrix = std::vector<std::vector<double>>; // rows

struct gelu {
    static double value(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }
};
struct relu {
    static double value(double x) { return x > 0 ? x : 0; }
};

template <class T>
matrix linear(const matrix& x, const lutra::linear_parameters<const T>& p) {
    matrix y(x.size(), std::vector<double>(p.weight.rows()));
    for (std::size_t r = 0; r < x.size(); ++r)
        for (std::size_t o = 0; o < p.weight.rows(); ++o) {
            double sum = static_cast<double>(p.bias[o]);
            for (std::size_t i = 0; i < p.weight.cols(); ++i) sum += x[r][i] * static_cast<double>(p.weight(o, i));
            y[r][o] = sum;
        }
    return y;
}

template <class T>
matrix layer_norm(const matrix& x, const lutra::layer_norm_parameters<const T>& p, double epsilon) {
    matrix y = x;
    for (auto& row : y) {
        double mean = 0, variance = 0;
        for (const double v : row) mean += v / static_cast<double>(row.size());
        for (const double v : row) variance += (v - mean) * (v - mean) / static_cast<double>(row.size());
        for (std::size_t j = 0; j < row.size(); ++j)
            row[j] = (row[j] - mean) / std::sqrt(variance + epsilon) * static_cast<double>(p.weight[j]) +
                     static_cast<double>(p.bias[j]);
    }
    return y;
}

inline void add(matrix& x, const matrix& y) {
    for (std::size_t r = 0; r < x.size(); ++r)
        for (std::size_t j = 0; j < x[r].size(); ++j) x[r][j] += y[r][j];
}

/// What is of magnitude at most @p tau becomes 0; below 0: nothing does.
inline double pruned(double x, double tau) { return std::fabs(x) <= tau ? 0 : x; }
inline matrix pruned(matrix x, double tau) {
    for (auto& row : x)
        for (double& v : row) v = pruned(v, tau);
    return x;
}

inline matrix linear_attention(const lutra::vit_config& c, const matrix& qkv) {
    const std::size_t tokens = qkv.size(), width = c.dim / c.heads;
    matrix out(tokens, std::vector<double>(c.dim));
    for (std::size_t h = 0; h < c.heads; ++h)
        for (std::size_t t = 0; t < tokens; ++t) {
            double total = 1e-6;
            for (std::size_t u = 0; u < tokens; ++u) {
                double weight = 0;
                for (std::size_t j = 0; j < width; ++j)
                    weight += std::fmax(qkv[t][h * width + j], 0) * std::fmax(qkv[u][c.dim + h * width + j], 0);
                total += weight;
                for (std::size_t j = 0; j < width; ++j) out[t][h * width + j] += weight * qkv[u][2 * c.dim + h * width + j];
            }
            for (std::size_t j = 0; j < width; ++j) out[t][h * width + j] /= total;
        }
    return out;
}

/// A token counts as often as it is large: proportional attention. @p paid receives the sum over the heads of what the class
/// token pays. Scores and probabilities are pruned by @p tau.
inline matrix attention(const lutra::vit_config& c, const matrix& qkv, const std::vector<double>& sizes,
                        std::vector<double>& paid, double tau = -1) {
    if (c.attention == lutra::attention_kind::relu_linear) return linear_attention(c, qkv);
    const std::size_t tokens = qkv.size(), width = c.dim / c.heads;
    matrix out(tokens, std::vector<double>(c.dim));
    for (std::size_t h = 0; h < c.heads; ++h)
        for (std::size_t t = 0; t < tokens; ++t) {
            std::vector<double> p(tokens);
            double total = 0;
            for (std::size_t u = 0; u < tokens; ++u) {
                double score = 0;
                for (std::size_t j = 0; j < width; ++j) score += qkv[t][h * width + j] * qkv[u][c.dim + h * width + j];
                p[u] = sizes[u] * std::exp(pruned(score / std::sqrt(static_cast<double>(width)), tau));
                total += p[u];
            }
            for (std::size_t u = 0; u < tokens && t == 0; ++u) paid[u] += p[u] / total;
            for (std::size_t u = 0; u < tokens; ++u)
                for (std::size_t j = 0; j < width; ++j)
                    out[t][h * width + j] += pruned(p[u] / total, tau) * qkv[u][2 * c.dim + h * width + j];
        }
    return out;
}

/// The patches of one image, channel-major, a row each.
template <class To, class From>
std::vector<std::vector<To>> patches_of(const lutra::vit_config& c, std::span<const From> image) {
    std::vector<std::vector<To>> patches;
    for (std::size_t top = 0; top < c.image_height; top += c.patch)
        for (std::size_t left = 0; left < c.image_width; left += c.patch) {
            patches.emplace_back();
            for (std::size_t ch = 0; ch < c.channels; ++ch)
                for (std::size_t y = top; y < top + c.patch; ++y)
                    for (std::size_t x = left; x < left + c.patch; ++x)
                        patches.back().push_back(static_cast<To>(image[(ch * c.image_height + y) * c.image_width + x]));
        }
    return patches;
}

/// The keys in @p qkv, summed over the heads.
template <class Qkv>
matrix summed_keys(const lutra::vit_config& c, const Qkv& qkv) {
    matrix keys(qkv.size(), std::vector<double>(c.head_dim()));
    for (std::size_t t = 0; t < qkv.size(); ++t)
        for (std::size_t j = 0; j < c.dim; ++j) keys[t][j % c.head_dim()] += static_cast<double>(qkv[t][c.dim + j]);
    return keys;
}

/// The logits of one normalised image, channel-major. Of @p choices, none or one a block, the tokens and the
/// threshold of activations count.
template <class Activation = gelu, class T>
std::vector<double> logits(const lutra::vit_parameters<const T>& p, std::span<const float> image,
                           std::span<const lutra::layer_choice> choices = {}) {
    const lutra::vit_config& c = p.config();
    const auto epsilon = static_cast<double>(c.layer_norm_epsilon);
    const matrix patches = patches_of<double>(c, image);
    token_reference::tokens left{{{p.cls_token.begin(), p.cls_token.end()}}};
    matrix& tokens = left.rows;
    if (c.distilled) tokens.emplace_back(p.dist_token.begin(), p.dist_token.end());
    for (const auto& row : linear(patches, p.patch_embed)) tokens.push_back(row);
    for (std::size_t t = 0; t < tokens.size(); ++t)
        for (std::size_t j = 0; j < c.dim; ++j) tokens[t][j] += static_cast<double>(p.pos_embed(t, j));

    left.sizes.assign(tokens.size(), 1.0);
    for (std::size_t i = 0; i < c.depth; ++i) {
        const auto b = p.block(i);
        const bool prunes = !choices.empty() && choices[i].pruning.kind == lutra::activation_pruning_kind::threshold;
        const double tau = prunes ? static_cast<double>(choices[i].pruning.tau) : -1;
        const matrix qkv = pruned(linear(layer_norm(tokens, b.norm1, epsilon), b.qkv), tau);
        std::vector<double> paid(tokens.size());
        add(tokens, pruned(linear(pruned(attention(c, qkv, left.sizes, paid, tau), tau), b.proj), tau));
        if (!choices.empty())
            token_reference::drop(choices[i].tokens, c.prefix_tokens(), paid, static_cast<double>(c.heads),
                                  summed_keys(c, qkv), left);
        matrix hidden = linear(layer_norm(tokens, b.norm2, epsilon), b.fc1);
        for (auto& row : hidden)
            for (double& v : row) v = c.activation == lutra::activation_kind::relu ? relu::value(v) : Activation::value(v);
        add(tokens, pruned(linear(pruned(hidden, tau), b.fc2), tau));
    }

    tokens = layer_norm(tokens, p.norm, epsilon);
    std::vector<double> out = linear({tokens[0]}, p.head)[0];
    if (!c.distilled) return out;
    const std::vector<double> other = linear({tokens[1]}, p.head_dist)[0];
    for (std::size_t j = 0; j < out.size(); ++j) out[j] = (out[j] + other[j]) / 2;
    return out;
}

/// Cross entropy with label smoothing.
inline double loss(const std::vector<double>& logits, std::size_t label, double smoothing) {
    double total = 0, out = 0;
    for (const double x : logits) total += std::exp(x);
    for (std::size_t j = 0; j < logits.size(); ++j)
        out -= (smoothing / static_cast<double>(logits.size()) + (j == label ? 1 - smoothing : 0)) *
               (logits[j] - std::log(total));
    return out;
}

} // namespace reference
