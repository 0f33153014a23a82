// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: calibrate there and ship the scales to firmware."
#endif

#include <lutra/core/executor.hpp>
#include <lutra/nn/activation_scales.hpp>
#include <lutra/nn/float_vit.hpp>
#include <lutra/numeric/calibrate.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lutra {

/// What was seen of each quantised activation of a ViT, in the order of activation_scales.
using vit_histograms = std::vector<activation_histogram>;

/// Runs the float network over 8-bit images and collects a histogram of each activation that int8_vit quantises. The result
/// does not depend on the number of workers.
template <vit_policy Policy = vit_defaults, executor Executor>
[[nodiscard]] vit_histograms observe_activations(Executor& ex, const vit_parameters<const float>& p, std::span<const std::uint8_t> pixels) {
    const vit_config& c = p.config();
    const std::size_t size = c.image_size(), count = pixels.size() / size, d = c.dim, tokens = c.tokens();
    require(count > 0, panic_code::empty, "calibration needs at least one whole image");
    constexpr std::size_t batch = 8;
    std::vector<vit_histograms> seen(ex.workers());
    ex.run((count + batch - 1) / batch, [&](std::size_t task, std::size_t worker) {
        vit_histograms& h = seen[worker];
        if (h.empty()) h.resize(activation_scales<float>::count(c));
        const activation_scales<activation_histogram> at{c, h};
        const std::size_t first = task * batch, n = std::min(batch, count - first), rows = n * tokens;
        std::vector<float> memory(n * size + n * c.patches() * c.patch_size() + rows * (8 * d + c.mlp) + n * c.heads * tokens * tokens +
                                  n * (c.prefix_tokens() * d + c.classes));
        float* next = memory.data();
        const auto take = [&](std::size_t r, std::size_t w) {
            float* const here = next;
            next += r * w;
            return matrix_view<float>{here, r, w};
        };
        const auto flat = [](matrix_view<float> m) { return std::span<const float>{m.data(), m.rows() * m.cols()}; };
        const auto images = take(n, size), patches = take(n * c.patches(), c.patch_size()), x = take(rows, d);
        const block_activations b{.input = x, .normed1 = take(rows, d), .qkv = take(rows, 3 * d),
                                  .probabilities = {take(n * c.heads, tokens * tokens).data(), n * c.heads * tokens * tokens},
                                  .context = take(rows, d), .middle = x, .normed2 = take(rows, d), .hidden = take(rows, c.mlp),
                                  .slope = {}, .output = x, .statistics1 = {}, .statistics2 = {}};
        const auto head_normed = take(n * c.prefix_tokens(), d), logits = take(n, c.classes);
        normalize(c, pixels.subspan(first * size, n * size), {images.data(), n * size});
        extract_patches(c, images, patches);
        at.patches().add(flat(patches));
        embed(p, patches, x);
        for (std::size_t i = 0; i < c.depth; ++i) {
            forward<typename Policy::activation>(c, p.block(i), b);
            at.block(i, block_tensor::normed1).add(flat(b.normed1));
            for (std::size_t r = 0; r < rows; ++r) {
                at.block(i, block_tensor::query).add(b.qkv.row(r).subspan(0, d));
                at.block(i, block_tensor::key).add(b.qkv.row(r).subspan(d, d));
                at.block(i, block_tensor::value).add(b.qkv.row(r).subspan(2 * d, d));
            }
            at.block(i, block_tensor::context).add(flat(b.context));
            at.block(i, block_tensor::normed2).add(flat(b.normed2));
            at.block(i, block_tensor::hidden).add(flat(b.hidden));
        }
        classify(p, x, head_normed, logits);
        at.head().add(flat(head_normed));
    });
    vit_histograms all(activation_scales<float>::count(c));
    for (const vit_histograms& h : seen)
        for (std::size_t i = 0; i < h.size(); ++i) all[i].merge(h[i]);
    return all;
}

/// The scales of all activations, as int8_vit takes them.
[[nodiscard]] inline std::vector<float> scales_of(const vit_histograms& histograms, calibrator method, double percentile = 99.99) {
    std::vector<float> scales;
    scales.reserve(histograms.size());
    for (const activation_histogram& h : histograms) scales.push_back(calibrated_scale(h, method, percentile));
    return scales;
}

} // namespace lutra
