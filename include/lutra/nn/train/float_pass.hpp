// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: train there and run the model with lutra/nn on firmware."
#endif

#include <lutra/core/arena.hpp>
#include <lutra/nn/float_block.hpp>
#include <lutra/nn/packed_vit.hpp>
#include <lutra/nn/train/backward.hpp>
#include <lutra/nn/train/loss.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>

namespace lutra {

/// What computes the gradient of a network for vit_trainer, on one thread: `scratch_bytes` for so many images at once, and
/// `run`, which adds to the gradient and says what the images cost. It may be shared by several threads.
template <class P>
concept training_pass = std::copyable<P> &&
    requires(const P& pass, const vit_config& c, const vit_parameters<const float>& parameters,
             matrix_view<const float> images, const training_targets& targets, const vit_parameters<float>& gradient,
             arena& scratch) {
    { pass.scratch_bytes(c, std::size_t{1}) } -> std::same_as<std::size_t>;
    { pass.run(parameters, images, targets, gradient, scratch) } -> std::same_as<loss_report>;
};

inline namespace LUTRA_ISA {

/// How float_pass uses memory. The gradient depends on `together` in its last digits and on nothing else here.
struct float_pass_options {
    std::size_t together = 2; ///< images that pass through the network at a time: few stay in the caches
    bool recompute = false;   ///< keep the input of each block only and run the block again in backward: the same bits

    friend constexpr bool operator==(const float_pass_options&, const float_pass_options&) = default;
};

/// Forward and backward in float.
template <vit_policy Policy = vit_defaults>
class float_pass {
public:
    float_pass() = default;
    /// Panics unless at least one image is to pass at a time.
    explicit float_pass(const float_pass_options& options) : options_{options} {
        require(options.together > 0, panic_code::bad_argument, "float_pass: at least one image must pass at a time");
    }

    /// Bytes of scratch for @p images images in one `run`.
    [[nodiscard]] std::size_t scratch_bytes(const vit_config& c, std::size_t images) const {
        arena a = arena::counting();
        static_cast<void>(buffers::take(c, std::min(images, options_.together), options_.recompute, a));
        return a.used() + packed_vit::forward_bytes(c) + packed_vit::backward_bytes(c);
    }

    /// @p images: count x (channels * height * width), normalised. Adds to @p gradient. Panics where shapes do not fit.
    loss_report run(const vit_parameters<const float>& p, matrix_view<const float> images, const training_targets& targets,
                    const vit_parameters<float>& gradient, arena& scratch) const {
        require(targets.labels.size() == images.rows(), panic_code::bad_shape, "a training pass needs one label an image",
                static_cast<long long>(targets.labels.size()), static_cast<long long>(images.rows()));
        const std::size_t mark = scratch.used();
        const network n{p, gradient, packed_vit::forward(p, scratch), packed_vit::backward(p, scratch)};
        loss_report report;
        for (std::size_t first = 0; first < images.rows(); first += options_.together) {
            const std::size_t count = std::min(options_.together, images.rows() - first), part = scratch.used();
            const buffers b = buffers::take(p.config(), count, options_.recompute, scratch);
            const loss_report r = run_part(n, images.block(first, 0, count, images.cols()), targets.part(first, count), b);
            report.loss += r.loss;
            report.correct += r.correct;
            scratch.release(part);
        }
        scratch.release(mark);
        return report;
    }

private:
    struct network {
        const vit_parameters<const float>& p;
        const vit_parameters<float>& gradient;
        packed_vit forth, back;
    };
    /// What forward keeps for backward, and what backward needs besides.
    struct buffers {
        matrix_view<float> patches;
        std::span<block_activations> blocks;
        head_activations head;
        matrix_view<float> dx; ///< rows x dim
        block_gradients scratch;

        /// @p shared: all blocks have one set of buffers but for their inputs and outputs.
        static buffers take(const vit_config& c, std::size_t images, bool shared, arena& memory) {
            const std::size_t tokens = c.tokens(), rows = images * tokens, d = c.dim;
            const auto matrix = [&](std::size_t r, std::size_t n) { return detail::take_matrix<float>(memory, r, n); };
            buffers b;
            b.patches = matrix(images * c.patches(), c.patch_size());
            b.blocks = memory.take<block_activations>(c.depth);
            block_activations a;
            a.tokens = {images, tokens};
            a.output = matrix(rows, d);
            for (std::size_t i = 0; i < c.depth; ++i) {
                a.input = a.output;
                if (i == 0 || !shared) {
                    a.normed1 = matrix(rows, d);
                    a.qkv = matrix(rows, 3 * d);
                    a.probabilities = memory.take<float>(images * c.heads * c.attention_floats());
                    a.context = matrix(rows, d);
                    a.middle = matrix(rows, d);
                    a.normed2 = matrix(rows, d);
                    a.hidden = matrix(rows, c.mlp);
                    a.slope = matrix(rows, c.mlp);
                    a.statistics1 = memory.take<float>(2 * rows);
                    a.statistics2 = memory.take<float>(2 * rows);
                }
                a.output = matrix(rows, d);
                if (!b.blocks.empty()) b.blocks[i] = a;
            }
            b.head = head_activations::take(c, images, memory);
            b.dx = matrix(rows, d);
            b.scratch = {matrix(rows, d), matrix(rows, 3 * d), matrix(rows, c.mlp),
                         memory.take<float>(attention_gradient_floats(c))};
            return b;
        }
    };

    loss_report run_part(const network& n, matrix_view<const float> images, const training_targets& targets,
                         const buffers& b) const {
        using activation = typename Policy::activation;
        const vit_config& c = n.p.config();
        const std::size_t last = c.depth - 1;
        extract_patches(c, images, b.patches);
        embed(n.p, b.patches, b.blocks.front().input, n.forth.patch_embed);
        for (std::size_t i = 0; i < last; ++i) forward<activation>(c, n.p.block(i), b.blocks[i], n.forth.blocks[i]);
        const block_activations end = forward_last<activation>(c, n.p.block(last), b.blocks[last], n.forth.blocks[last]);
        classify(n.p, end.tokens, end.output, b.head.normed, b.head.logits, b.head.statistics);
        const loss_report report = loss_of(b.head.logits, targets, b.head.dlogits);

        head_backward(n.p, b.head, end.tokens, end.output, n.gradient, b.dx.block(0, 0, end.output.rows(), c.dim));
        backward_last(c, n.p.block(last), b.blocks[last], n.gradient.block(last), b.dx, b.scratch, n.back.blocks[last]);
        for (std::size_t i = last; i-- > 0;) {
            if (options_.recompute) forward<activation>(c, n.p.block(i), b.blocks[i], n.forth.blocks[i]);
            backward(c, n.p.block(i), b.blocks[i], n.gradient.block(i), b.dx, b.scratch, n.back.blocks[i]);
        }
        embed_backward(n.p, b.patches, b.dx, n.gradient);
        return report;
    }

    float_pass_options options_{};
};
static_assert(training_pass<float_pass<>>);

#if LUTRA_USE_COMPILED
extern template class float_pass<vit_defaults>;
#endif

} // namespace LUTRA_ISA
} // namespace lutra
