// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: train there and run the model with lutra/nn on firmware."
#endif

#include <lutra/core/arena.hpp>
#include <lutra/gemm/sparse/skip_zeros.hpp>
#include <lutra/gemm/sparse/skip_zeros_backward.hpp>
#include <lutra/nn/float_block.hpp>
#include <lutra/nn/packed_vit.hpp>
#include <lutra/nn/train/backward.hpp>
#include <lutra/nn/train/float_pass.hpp>
#include <lutra/nn/train/gradient_pruning.hpp>
#include <lutra/nn/train/loss.hpp>
#include <lutra/nn/train/pruned_attention.hpp>
#include <lutra/prune/compressed.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {

/// What passes have counted since `reset`; several threads may add to it at once.
struct pruning_totals {
    std::atomic<std::uint64_t> activations{0}; ///< elements that could be pruned, or were zero anyway
    std::atomic<std::uint64_t> zero_activations{0};
    std::atomic<std::uint64_t> gradients{0}; ///< elements of the gradients that the linear layers' products read
    std::atomic<std::uint64_t> zero_gradients{0};
    std::atomic<std::uint64_t> products{0}; ///< multiplications of the blocks' linear layers, forward and backward
    std::atomic<std::uint64_t> skipped_products{0};
    std::atomic<std::uint64_t> peak_bytes{0}; ///< of scratch in use at once, by one thread

    void reset() noexcept {
        for (auto* n :
             {&activations, &zero_activations, &gradients, &zero_gradients, &products, &skipped_products, &peak_bytes})
            n->store(0, std::memory_order_relaxed);
    }
    /// Shares in [0, 1]; 0 where nothing was counted.
    [[nodiscard]] double activation_sparsity() const noexcept { return share(zero_activations, activations); }
    [[nodiscard]] double gradient_sparsity() const noexcept { return share(zero_gradients, gradients); }
    [[nodiscard]] double skipped_share() const noexcept { return share(skipped_products, products); }

private:
    static double share(const std::atomic<std::uint64_t>& part, const std::atomic<std::uint64_t>& all) noexcept {
        const std::uint64_t n = all.load(std::memory_order_relaxed);
        return n == 0 ? 0 : static_cast<double>(part.load(std::memory_order_relaxed)) / static_cast<double>(n);
    }
};

/// What pruned_pass prunes.
struct pruned_pass_options {
    float tau = 0;                    ///< activations of at most this magnitude become 0, where is_pruned_at says
    gradient_pruning gradients{};     ///< of the outputs of the blocks' linear layers
    bool scores = false;              ///< those of attention scores too: their products are too small to skip
    bool compress = false;            ///< keep less: hidden units compressed, probabilities made again; the same bits
    std::size_t together = 2;         ///< images that pass through the network at a time
    pruning_totals* totals = nullptr; ///< where to count, or null; it must outlive the pass

    friend constexpr bool operator==(const pruned_pass_options&, const pruned_pass_options&) = default;
};

inline namespace LUTRA_ISA {

/// Forward and backward in float with pruned activations and activation gradients: DynaProp (Tuli and Jha, TransCODE, 2023).
/// Forward is that of float_vit with the same threshold; a pruned activation passes no gradient on. In backward the gradient
/// of each linear layer's output is pruned before both products that read it, which skip what is zero where that pays, as
/// fc2 does forward; biases, layer norms and the residual stream receive the gradient as it was. Without any threshold the
/// gradient is float_pass's, bit for bit. The patch embedding and the head, whose products are few, are dense.
///
/// It keeps less than float_pass does: backward reads the weights where they lie, normalises again, takes the slopes of relu
/// from its outputs, and of the last block keeps only what the head depends on. With `compress` it keeps hidden units as a
/// compressed_matrix of at most a third of them, runs fc1 again for a block that has more (and for one whose activation
/// function has slopes of its own), and runs attention again in backward.
///
/// @code
/// lutra::pruning_totals totals;
/// lutra::vit_trainer trainer{config, options, lutra::pruned_pass<>{{.gradients = {.sparsity = 0.9}, .totals = &totals}}};
/// @endcode
template <vit_policy Policy = vit_defaults>
class pruned_pass {
public:
    pruned_pass() = default;
    /// Panics unless thresholds are at least 0, the sparsity is in [0, 1) and at least one image is to pass at a time.
    explicit pruned_pass(const pruned_pass_options& options) : options_{options} {
        require(options.tau >= 0, panic_code::bad_argument, "a pruning threshold must be at least 0");
        require_valid(options.gradients);
        require(options.together > 0, panic_code::bad_argument, "pruned_pass: at least one image must pass at a time");
    }

    [[nodiscard]] const pruned_pass_options& options() const noexcept { return options_; }

    /// Bytes of scratch for @p images images in one `run`.
    [[nodiscard]] std::size_t scratch_bytes(const vit_config& c, std::size_t images) const {
        arena a = arena::counting();
        const std::size_t count = std::min(images, options_.together), rows = count * c.tokens();
        static_cast<void>(buffers::take(c, count, keeps_slope(c), options_.compress, a));
        return a.used() + packed_vit::forward_bytes(c) +
               std::max(skip_zeros_scratch_bytes(rows, c.mlp),
                        skip_zeros_backward_scratch_bytes(rows, std::max(3 * std::size_t{c.dim}, std::size_t{c.mlp})));
    }

    /// As float_pass.
    loss_report run(const vit_parameters<const float>& p, matrix_view<const float> images, const training_targets& targets,
                    const vit_parameters<float>& gradient, arena& scratch) const {
        require(targets.labels.size() == images.rows(), panic_code::bad_shape, "a training pass needs one label an image",
                static_cast<long long>(targets.labels.size()), static_cast<long long>(images.rows()));
        const std::size_t mark = scratch.used();
        const packed_vit packed = packed_vit::forward(p, scratch);
        loss_report report;
        counts seen;
        for (std::size_t first = 0; first < images.rows(); first += options_.together) {
            const std::size_t count = std::min(options_.together, images.rows() - first), part = scratch.used();
            const buffers b = buffers::take(p.config(), count, keeps_slope(p.config()), options_.compress, scratch);
            step s{*this, p, gradient, packed, b, scratch, seen, targets.weight, mark};
            const loss_report r = s.run(images.block(first, 0, count, images.cols()), targets.part(first, count));
            report.loss += r.loss;
            report.correct += r.correct;
            scratch.release(part);
        }
        scratch.release(mark);
        if (options_.totals != nullptr) seen.add_to(*options_.totals);
        return report;
    }

private:
    static bool keeps_slope(const vit_config& c) {
        return with_activation<typename Policy::activation>(c, []<class A>(A) { return !std::is_same_v<A, relu>; });
    }

    struct counts {
        std::uint64_t activations = 0, zero_activations = 0, gradients = 0, zero_gradients = 0;
        std::uint64_t products = 0, skipped_products = 0, peak_bytes = 0;

        void activation(const skip_count& s) noexcept {
            activations += s.elements;
            zero_activations += s.zeros;
        }
        /// Of a product of which each element counted is in @p each multiplications.
        void product(const skip_count& s, std::size_t each) noexcept {
            products += s.elements * each;
            if (s.skipped) skipped_products += s.zeros * each;
        }
        void add_to(pruning_totals& t) const noexcept {
            const auto add = [](std::atomic<std::uint64_t>& to, std::uint64_t n) {
                to.fetch_add(n, std::memory_order_relaxed);
            };
            add(t.activations, activations);
            add(t.zero_activations, zero_activations);
            add(t.gradients, gradients);
            add(t.zero_gradients, zero_gradients);
            add(t.products, products);
            add(t.skipped_products, skipped_products);
            for (std::uint64_t most = t.peak_bytes.load(std::memory_order_relaxed);
                 most < peak_bytes && !t.peak_bytes.compare_exchange_weak(most, peak_bytes, std::memory_order_relaxed);) {
            }
        }
    };

    struct buffers {
        matrix_view<float> patches;
        std::span<block_activations>
            blocks; ///< without normed2; those of the last are of the prefix tokens behind attention
        head_activations head;
        std::span<compressed_matrix> hidden; ///< of all blocks but the last; empty where they keep it as it is
        matrix_view<float> dx, pruned;       ///< rows x dim
        block_gradients scratch;             ///< its `attention`: also forward

        /// @p slope: the activation function's is kept. @p shared: blocks have one set of what is made again or compressed.
        static buffers take(const vit_config& c, std::size_t images, bool slope, bool shared, arena& memory) {
            const std::size_t tokens = c.tokens(), rows = images * tokens, d = c.dim;
            const auto matrix = [&](std::size_t r, std::size_t n) { return detail::take_matrix<float>(memory, r, n); };
            buffers b;
            b.patches = matrix(images * c.patches(), c.patch_size());
            b.blocks = memory.take<block_activations>(c.depth);
            block_activations a;
            a.tokens = {images, tokens};
            a.normed1 = a.normed2 = matrix(rows, d);
            a.output = matrix(rows, d);
            for (std::size_t i = 0; i < c.depth; ++i) {
                const std::size_t after = i + 1 < c.depth ? rows : images * c.prefix_tokens();
                a.input = a.output;
                a.qkv = matrix(rows, 3 * d);
                if (i == 0 || !shared) a.probabilities = memory.take<float>(images * c.heads * c.attention_floats());
                a.context = matrix(after, d);
                a.middle = matrix(after, d);
                if (i == 0 || !shared || after < rows) {
                    a.hidden = matrix(after, c.mlp);
                    if (slope) a.slope = matrix(after, c.mlp);
                }
                a.statistics1 = memory.take<float>(2 * rows);
                a.statistics2 = memory.take<float>(2 * after);
                a.output = matrix(after, d);
                if (!b.blocks.empty()) b.blocks[i] = a;
            }
            if (shared) {
                b.hidden = memory.take<compressed_matrix>(c.depth - 1);
                for (std::size_t i = 0; i + 1 < c.depth && !slope; ++i) {
                    const auto kept = compressed_matrix::take(rows, c.mlp, rows * c.mlp / 3, memory);
                    if (!b.hidden.empty()) b.hidden[i] = kept;
                }
                if (slope) std::ranges::fill(b.hidden, compressed_matrix{});
            }
            b.head = head_activations::take(c, images, memory);
            b.dx = matrix(rows, d);
            b.pruned = matrix(rows, d);
            b.scratch = {matrix(rows, d), matrix(rows, 3 * d), matrix(rows, c.mlp),
                         memory.take<float>(std::max(attention_gradient_floats(c), pruned_attention_floats(c)))};
            return b;
        }
    };

    /// One part of the images, forward and backward.
    struct step {
        const pruned_pass& pass;
        const vit_parameters<const float>& p;
        const vit_parameters<float>& gradient;
        const packed_vit& packed;
        const buffers& b;
        arena& scratch;
        counts& seen;
        float weight;
        std::size_t mark;
        const vit_config& c = p.config();
        const pruned_pass_options& o = pass.options_;
        const bool prunes = o.tau > 0;

        loss_report run(matrix_view<const float> images, const training_targets& targets) {
            const std::size_t last = c.depth - 1;
            extract_patches(c, images, b.patches);
            embed(p, b.patches, b.blocks.front().input, packed.patch_embed);
            for (std::size_t i = 0; i < c.depth; ++i) forward(i);
            const token_rows prefix{b.blocks[last].tokens.images(), c.prefix_tokens()};
            const block_activations& end = b.blocks[last];
            classify(p, prefix, end.output, b.head.normed, b.head.logits, b.head.statistics);
            const loss_report report = loss_of(b.head.logits, targets, b.head.dlogits);

            head_backward(p, b.head, prefix, end.output, gradient, b.dx.block(0, 0, prefix.rows(), c.dim));
            for (std::size_t i = c.depth; i-- > 0;) backward(i);
            embed_backward(p, b.patches, b.dx, gradient);
            return report;
        }

        bool is_last(std::size_t i) const { return i + 1 == c.depth; }

        void prune(matrix_view<float> x) {
            if (prunes) seen.activation({x.rows() * x.cols(), prune_threshold(x, o.tau)});
        }
        void used(const skip_count& s, std::size_t lists) {
            seen.peak_bytes = std::max<std::uint64_t>(seen.peak_bytes, scratch.used() - mark + (s.skipped ? lists : 0));
        }

        void forward(std::size_t i) {
            const block_parameters<const float> w = p.block(i);
            const packed_block& k = packed.blocks[i];
            const block_activations& a = b.blocks[i];
            layer_norm(a.input, w.norm1, c.layer_norm_epsilon, a.normed1, a.statistics1);
            linear(a.normed1, w.qkv, a.qkv, {}, k.qkv);
            prune(a.qkv);
            seen.product({a.qkv.rows() * a.qkv.cols()}, c.dim);
            const std::size_t zeros = attend(i, a.context);
            if (prunes && c.attention == attention_kind::softmax)
                seen.activation(
                    {2 * a.tokens.images() * c.heads * (is_last(i) ? c.prefix_tokens() : c.tokens()) * c.tokens(), zeros});
            prune(a.context);
            matrix_view<const float> stream = a.input;
            if (is_last(i)) {
                for (std::size_t r = 0; r < a.middle.rows(); ++r)
                    std::ranges::copy(prefix_row(a, r), a.middle.row(r).begin());
                stream = a.middle;
            }
            join(a.middle, stream, [&](matrix_view<float> y, matrix_view<const float> add) {
                linear(a.context, w.proj, y, add, k.proj);
                seen.product({a.context.rows() * c.dim}, c.dim);
            });
            const matrix_view<float> normed = a.normed2.block(0, 0, a.middle.rows(), c.dim);
            layer_norm(a.middle, w.norm2, c.layer_norm_epsilon, normed, a.statistics2);
            make_hidden(i, normed);
            seen.product({a.hidden.rows() * c.mlp}, c.dim);
            join(a.output, a.middle, [&](matrix_view<float> y, matrix_view<const float> add) {
                const skip_count s =
                    gemm_skip_zeros(a.hidden, k.fc2, y, scratch, {.bias = w.fc2.bias.data(), .scale = 1, .add = add});
                seen.activation(s);
                seen.product(s, c.dim);
                used(s, skip_zeros_scratch_bytes(a.hidden.rows(), c.mlp));
            });
            if (i < b.hidden.size() && a.slope.empty()) static_cast<void>(b.hidden[i].assign(a.hidden));
        }
        /// Attention of block @p i, from its qkv; returns zeros among pruned scores and probabilities.
        std::size_t attend(std::size_t i, matrix_view<float> context) const {
            const block_activations& a = b.blocks[i];
            if (c.attention == attention_kind::softmax && (prunes || o.scores))
                return pruned_softmax_attention(c, a.tokens, a.qkv, a.probabilities, context, o.tau, b.scratch.attention,
                                                is_last(i));
            attention(c, a.tokens, a.qkv, a.probabilities, context, {.prefix_only = is_last(i)});
            return 0;
        }
        /// The hidden units of block @p i, and their slopes, from what its MLP reads.
        void make_hidden(std::size_t i, matrix_view<const float> normed) const {
            const block_activations& a = b.blocks[i];
            linear(normed, p.block(i).fc1, a.slope.empty() ? a.hidden : a.slope, {}, packed.blocks[i].fc1);
            with_activation<typename Policy::activation>(c, [&]<class A>(A) {
                if (a.slope.empty())
                    apply<A>(detail::elements_of(a.hidden));
                else
                    apply_with_slope<A>(detail::elements_of(a.slope), detail::elements_of(a.hidden));
            });
            if (prunes) prune_threshold(a.hidden, o.tau);
        }
        /// Row @p r of the input of the last block's part behind attention.
        std::span<const float> prefix_row(const block_activations& a, std::size_t r) const {
            return a.input.row(a.tokens[r / c.prefix_tokens()].first + r % c.prefix_tokens());
        }
        /// @p to = @p stream + a layer's output, pruned where that is to be; `product(y, add)` makes y = add + the output.
        template <class Product>
        void join(matrix_view<float> to, matrix_view<const float> stream, Product&& product) {
            if (!prunes) return product(to, stream);
            const matrix_view<float> y = b.pruned.block(0, 0, to.rows(), c.dim);
            product(y, {});
            prune(y);
            for (std::size_t r = 0; r < to.rows(); ++r)
                for_each_register(c.dim,
                                  [&, s = &stream(r, 0), v = &y(r, 0), out = &to(r, 0)](std::size_t j, std::size_t n) {
                                      store_some(out + j, load_some(s + j, n) + load_some(v + j, n), n);
                                  });
        }

        /// Both products of a layer that read @p dy, which is pruned into @p to; and its bias.
        void linear_backward(matrix_view<const float> x, const linear_parameters<const float>& w,
                             matrix_view<const float> dy, matrix_view<float> to, const linear_parameters<float>& g,
                             matrix_view<float> dx) {
            if (o.gradients.active()) {
                prune_gradient(dy, threshold_for(dy, o.gradients, weight), o.gradients.dither, g.bias, to);
                dy = to;
            } else {
                add_row_sum(dy, g.bias);
            }
            const skip_count s = gemm_skip_zeros_backward({dy, x, g.weight, w.weight, dx}, scratch);
            seen.gradients += s.elements;
            seen.zero_gradients += s.zeros;
            seen.product(s, 2 * x.cols());
            used(s, skip_zeros_backward_scratch_bytes(dy.rows(), dy.cols()));
        }

        /// The first rows of b.dx hold the gradient of the output of block @p i; b.dx receives that of its input.
        void backward(std::size_t i) {
            const block_parameters<const float> w = p.block(i);
            const block_parameters<float> g = gradient.block(i);
            const block_activations& a = b.blocks[i];
            const std::size_t after = a.output.rows();
            const matrix_view<float> d = b.dx.block(0, 0, after, c.dim), pruned = b.pruned.block(0, 0, after, c.dim);
            const block_gradients some = b.scratch.first(after);
            const matrix_view<float> normed2 = a.normed2.block(0, 0, after, c.dim);

            layer_norm(a.middle, w.norm2, c.layer_norm_epsilon, normed2);
            if (i < b.hidden.size()) {
                if (b.hidden[i].holds())
                    b.hidden[i].expand(a.hidden);
                else
                    make_hidden(i, normed2);
            }
            linear_backward(a.hidden, w.fc2, of_output(a.middle, a.output, d, pruned), pruned, g.fc2, some.rows_mlp);
            if (a.slope.empty()) {
                zero_where_zero(a.hidden, some.rows_mlp);
            } else {
                multiply_by_slope(a.slope, some.rows_mlp);
                if (prunes) zero_where_zero(a.hidden, some.rows_mlp);
            }
            linear_backward(normed2, w.fc1, some.rows_mlp, some.rows_mlp, g.fc1, some.rows_dim);
            layer_norm_backward(a.middle, w.norm2, a.statistics2, some.rows_dim, g.norm2, d);

            matrix_view<const float> dproj = d;
            if (prunes && is_last(i)) { // the rows of the input that middle was made from lie apart
                for (std::size_t r = 0; r < after; ++r) std::ranges::copy(prefix_row(a, r), normed2.row(r).begin());
                dproj = of_output(normed2, a.middle, d, pruned);
            } else {
                dproj = of_output(a.input, a.middle, d, pruned);
            }
            linear_backward(a.context, w.proj, dproj, pruned, g.proj, some.rows_dim);
            if (prunes) zero_where_zero(a.context, some.rows_dim);
            if (o.compress) attend(i, a.normed1.block(0, 0, after, c.dim));
            attention_backward(a, some.rows_dim, is_last(i));
            if (prunes) zero_where_zero(a.qkv, b.scratch.rows_qkv);
            layer_norm(a.input, w.norm1, c.layer_norm_epsilon, a.normed1);
            linear_backward(a.normed1, w.qkv, b.scratch.rows_qkv, b.scratch.rows_qkv, g.qkv, b.scratch.rows_dim);
            if (is_last(i)) spread_prefix(a.tokens, c.prefix_tokens(), b.dx);
            layer_norm_backward(a.input, w.norm1, a.statistics1, b.scratch.rows_dim, g.norm1, b.dx);
        }
        /// The gradient of what was added to @p before and gave @p after: @p d, or where activations are pruned @p to.
        matrix_view<const float> of_output(matrix_view<const float> before, matrix_view<const float> after,
                                           matrix_view<const float> d, matrix_view<float> to) const {
            if (!prunes) return d;
            keep_where_changed(before, after, d, to);
            return to;
        }
        void attention_backward(const block_activations& a, matrix_view<const float> dcontext, bool prefix_only) {
            if (c.attention != attention_kind::softmax || !(prunes || o.scores))
                return lutra::attention_backward(c, a, dcontext, b.scratch.rows_qkv, b.scratch.attention, prefix_only);
            pruned_softmax_attention_backward(c, a.tokens, a.qkv, a.probabilities, a.context, dcontext, b.scratch.rows_qkv,
                                              o.tau, b.scratch.attention, prefix_only, [&](matrix_view<float> ds) {
                                                  if (o.scores && o.gradients.active())
                                                      prune_threshold(ds, threshold_for(ds, o.gradients, weight));
                                              });
        }
    };

    pruned_pass_options options_{};
};
static_assert(training_pass<pruned_pass<>>);

} // namespace LUTRA_ISA
} // namespace lutra
