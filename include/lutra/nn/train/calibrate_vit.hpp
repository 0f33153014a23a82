// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: calibrate there and ship the scales to firmware."
#endif

#include <lutra/core/arena_memory.hpp>
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

inline namespace LUTRA_ISA {

/// Runs the float network over 8-bit images (whole, channel-major) and collects a histogram of each activation that
/// int8_vit quantises, of the tokens that @p choices (none, or one a block) leave. The result does not depend on the number
/// of workers. Panics where there is no image, or not a whole number of them, or another number of choices.
template <vit_policy Policy = vit_defaults, executor Executor>
[[nodiscard]] vit_histograms observe_activations(Executor& ex, const vit_parameters<const float>& p,
                                                 std::span<const std::uint8_t> pixels,
                                                 std::span<const layer_choice> choices = {}) {
    const vit_config& c = p.config();
    detail::require_token_rules(c, choices);
    const std::size_t size = c.image_size(), count = pixels.size() / size, d = c.dim;
    require(count > 0, panic_code::empty, "calibration needs at least one whole image");
    require(pixels.size() % size == 0, panic_code::bad_shape, "the pixels are not whole images of the network's size",
            static_cast<long long>(pixels.size()), static_cast<long long>(size));
    constexpr std::size_t batch = 8;
    const auto take = [&](std::size_t images, arena& memory) {
        struct {
            matrix_view<float> images, logits;
            forward_buffers network;
            token_flow<float> flow;
        } b{detail::take_matrix<float>(memory, images, size), detail::take_matrix<float>(memory, images, c.classes),
            forward_buffers::take(c, images, memory, true), token_flow<float>::take(c, images, memory)};
        return b;
    };
    struct worker_state {
        vit_histograms seen;
        arena_memory memory;
    };
    std::vector<worker_state> workers(workers_of(ex));
    ex.run((count + batch - 1) / batch, [&](std::size_t task, std::size_t worker) {
        worker_state& w = workers[worker];
        if (w.seen.empty()) {
            w.seen.resize(activation_scales<float>::count(c));
            arena counted = arena::counting();
            static_cast<void>(take(batch, counted));
            w.memory = arena_memory{counted.used()};
        }
        const activation_scales<activation_histogram> at{c, w.seen};
        const std::size_t first = task * batch, n = std::min(batch, count - first);
        arena memory{w.memory.bytes()};
        auto [images, logits, network, flow] = take(n, memory);
        normalize(c, pixels.subspan(first * size, n * size), detail::elements_of(images));
        extract_patches(c, images, network.patches);
        at.patches().add(detail::elements_of(network.patches));
        embed(p, network.patches, network.block.input);
        for (std::size_t i = 0; i < c.depth; ++i) {
            const token_rows before = flow.rows();
            const token_pruning pruning = choices.empty() ? token_pruning{} : choices[i].tokens;
            forward<typename Policy::activation>(c, p.block(i), network.block, {}, pruning, flow);
            const block_activations b = network.block.with_tokens(before), after = network.block.with_tokens(flow.rows());
            at.block(i, block_tensor::normed1).add(detail::elements_of(b.normed1));
            for (std::size_t r = 0; r < b.qkv.rows(); ++r) {
                at.block(i, block_tensor::query).add(b.qkv.row(r).subspan(0, d));
                at.block(i, block_tensor::key).add(b.qkv.row(r).subspan(d, d));
                at.block(i, block_tensor::value).add(b.qkv.row(r).subspan(2 * d, d));
            }
            at.block(i, block_tensor::context).add(detail::elements_of(
                pruning.rule == token_rule::keep_prefix ? after.context : b.context));
            at.block(i, block_tensor::normed2).add(detail::elements_of(after.normed2));
            at.block(i, block_tensor::hidden).add(detail::elements_of(after.hidden));
        }
        classify(p, flow.rows(), network.block.output, network.head_normed, logits);
        at.head().add(detail::elements_of(network.head_normed));
    });
    vit_histograms all(activation_scales<float>::count(c));
    for (const worker_state& w : workers)
        for (std::size_t i = 0; i < w.seen.size(); ++i) all[i].merge(w.seen[i]);
    return all;
}

} // namespace LUTRA_ISA

/// The scale of each activation, in the order of activation_scales, as int8_vit takes them. @p percentile is of the
/// percentile calibrator.
[[nodiscard]] inline std::vector<float> scales_of(const vit_histograms& histograms, calibrator method,
                                                  double percentile = 99.99) {
    std::vector<float> scales;
    scales.reserve(histograms.size());
    for (const activation_histogram& h : histograms) scales.push_back(calibrated_scale(h, method, percentile));
    return scales;
}

} // namespace lutra
