// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/gemm/arch/softmax_rows.hpp>
#include <lutra/gemm/epilogue.hpp>
#include <lutra/gemm/lean_gemm.hpp>
#include <lutra/nn/attention.hpp>
#include <lutra/nn/float_block.hpp>
#include <lutra/nn/frozen_network.hpp>
#include <lutra/nn/integer_policy.hpp>
#include <lutra/numeric/requantize.hpp>
#include <lutra/numeric/saturate.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lutra {
inline namespace LUTRA_ISA {

/// Runs a frozen_network where it lies, for firmware: one image at a time, weights read from flash, memory for the
/// activations only. Its logits are those of the integer_vit that the network was frozen from, bit for bit, under the same
/// choices. It owns nothing: the network, the choices and the multipliers' tables must outlive it.
///
/// @code
/// #include "model.hpp" // of emit_firmware: namespace model, with network, choices, policy and arena_bytes
/// alignas(lutra::arena::alignment) std::byte memory[model::arena_bytes];
///
/// const lutra::frozen_vit<model::policy> vit{model::network, model::choices};
/// lutra::arena scratch{memory};
/// vit.forward(pixels, logits, scratch);
/// @endcode
///
/// @tparam Policy its `softmax` and `layer_norm`; the activation is in the network, the multipliers are the choices'
template <integer_vit_policy Policy = integer_vit_defaults>
class frozen_vit {
public:
    static constexpr int logit_fraction = 16; ///< a logit of 1 is 2^16

    /// @p choices one a block, of signed multipliers. Panics unless they are, where they drop tokens, activations or
    /// weights, where a multiplier's tables are missing, and where the network is not one of softmax with one frozen_block
    /// a block. Where both are constants, such a constant does not compile.
    constexpr frozen_vit(const frozen_network& network, std::span<const layer_choice> choices)
        : network_{&network}, choices_{choices} {
        const vit_config& c = network.config;
        require(c.attention == attention_kind::softmax, panic_code::unsupported, "a frozen_vit has softmax attention only");
        require(network.blocks.size() == c.depth && choices.size() == c.depth, panic_code::bad_shape,
                "a frozen_vit takes one frozen_block and one layer_choice a block", static_cast<long long>(choices.size()),
                c.depth);
        for (const layer_choice& choice : choices) {
            require(choice.signed_operands(), panic_code::unsupported, "a frozen_vit needs multipliers of signed operands");
            require(choice.drops_nothing(), panic_code::unsupported, "a frozen_vit drops nothing: choose multipliers only");
            choice.require_tables();
        }
    }

    /// Bytes of scratch that `forward` needs, a constant where both are: what activations are there at one time, and what
    /// their product needs. Panics unless there is one choice a block.
    [[nodiscard]] static constexpr std::size_t arena_bytes(const vit_config& c, std::span<const layer_choice> choices) {
        require(!choices.empty() && choices.size() == c.depth, panic_code::bad_shape,
                "a frozen_vit takes one frozen_block and one layer_choice a block", static_cast<long long>(choices.size()),
                c.depth);
        arena a = arena::counting();
        static_cast<void>(kept::take(c, a));
        const std::size_t mark = a.used();
        std::size_t most = 0;
        const auto stage = [&](auto&& take, const lowered_multiplier& m, std::size_t k) {
            a.release(mark);
            take();
            most = std::max(most, a.used() + lean_scratch_bytes(m, k));
        };
        const auto nothing = [] {};
        const auto normed = [&] { a.take<std::int8_t>(c.tokens() * c.dim); };
        const auto scores = [&] { static_cast<void>(attention_rows::take(c, a)); };
        stage([&] { a.take<std::int8_t>(c.patches() * c.patch_size()); }, choices.front().linear, c.patch_size());
        for (const layer_choice& choice : choices) {
            stage(normed, choice.of(block_layer::qkv), c.dim);
            stage(scores, choice.attention, c.head_dim());
            stage(scores, choice.attention, c.tokens());
            stage(nothing, choice.of(block_layer::proj), c.dim);
            stage(normed, choice.of(block_layer::fc1), c.dim);
            stage(nothing, choice.of(block_layer::fc2), c.mlp);
        }
        stage([&] { a.take<std::int8_t>(c.dim); }, choices.back().linear, c.dim);
        return most;
    }

    /// @p pixels: channels x height x width, 8 bits each; @p logits: one a class, in steps of 2^-logit_fraction. No floating
    /// point. Panics on other sizes and where @p scratch is too small, of which nothing is used afterwards.
    void forward(std::span<const std::uint8_t> pixels, std::span<std::int32_t> logits, arena& scratch) const {
        const frozen_network& net = *network_;
        const vit_config& c = net.config;
        require(pixels.size() == c.image_size(), panic_code::bad_shape, "a frozen_vit reads the pixels of one image",
                static_cast<long long>(pixels.size()), static_cast<long long>(c.image_size()));
        require(logits.size() == c.classes, panic_code::bad_shape, "a frozen_vit writes one logit a class",
                static_cast<long long>(logits.size()), c.classes);
        const std::size_t mark = scratch.used();
        const kept k = kept::take(c, scratch);
        embed(pixels, k.x, scratch);
        for (std::size_t i = 0; i < c.depth; ++i) {
            const frozen_block& b = net.blocks[i];
            const layer_choice& choice = choices_[i];
            normalized(b.norm1, k.x, scratch, [&](matrix_view<const std::int8_t> normed) {
                run(normed, b.qkv, choice.of(block_layer::qkv), scratch, requantize_sums{k.qkv, b.qkv.by, b.qkv.bias});
            });
            attend(b, choice.attention, k.qkv, scratch);
            const matrix_view<const std::int8_t> context = k.qkv.block(0, 0, c.tokens(), c.dim);
            run(context, b.proj, choice.of(block_layer::proj), scratch, requantize_add_sums{k.x, b.proj.by, b.proj.bias});
            normalized(b.norm2, k.x, scratch, [&](matrix_view<const std::int8_t> normed) {
                run(normed, b.fc1, choice.of(block_layer::fc1), scratch,
                    requantize_sums{k.hidden, b.fc1.by, b.fc1.bias, b.activation});
            });
            run(k.hidden, b.fc2, choice.of(block_layer::fc2), scratch, requantize_add_sums{k.x, b.fc2.by, b.fc2.bias});
        }
        classify(k.x, logits, scratch);
        scratch.release(mark);
    }

    [[nodiscard]] constexpr const vit_config& config() const noexcept { return network_->config; }

private:
    /// What stands from layer to layer. Queries, keys and values are gone when the hidden units come, in the same memory.
    struct kept {
        matrix_view<std::int16_t> x;
        matrix_view<std::int8_t> qkv, hidden;

        static constexpr kept take(const vit_config& c, arena& a) {
            const std::size_t tokens = c.tokens(), width = std::max<std::size_t>(3 * std::size_t{c.dim}, c.mlp);
            kept k;
            k.x = detail::take_matrix<std::int16_t>(a, tokens, c.dim);
            const auto wide = a.take<std::int8_t>(tokens * width);
            if (wide.empty()) return k;
            k.qkv = {wide.data(), tokens, 3 * std::size_t{c.dim}};
            k.hidden = {wide.data(), tokens, c.mlp};
            return k;
        }
    };
    /// Attention of some queries at a time.
    struct attention_rows {
        static constexpr std::size_t most = kernel::lean_rows;
        matrix_view<std::int16_t> scores; ///< rows x tokens
        matrix_view<std::int8_t> probabilities;

        static constexpr attention_rows take(const vit_config& c, arena& a) {
            attention_rows r;
            r.scores = detail::take_matrix<std::int16_t>(a, std::min(most, c.tokens()), c.tokens());
            r.probabilities = detail::take_matrix<std::int8_t>(a, std::min(most, c.tokens()), c.tokens());
            return r;
        }
    };

    template <class Use>
    static void run(matrix_view<const std::int8_t> x, const frozen_linear& layer, const lowered_multiplier& m,
                    arena& scratch, const Use& use) {
        lean_gemm(x, transposed(layer.weight), m, scratch, use);
    }
    /// Calls @p use with the rows of @p x normalised, in scratch.
    template <class Use>
    static void normalized(const layer_norm_integers& integers, matrix_view<const std::int16_t> x, arena& scratch,
                           const Use& use) {
        const std::size_t mark = scratch.used();
        const typename Policy::layer_norm norm{integers};
        const auto normed = detail::take_matrix<std::int8_t>(scratch, x.rows(), x.cols());
        for (std::size_t r = 0; r < x.rows(); ++r) norm(x.row(r), normed.row(r));
        use(normed);
        scratch.release(mark);
    }
    void embed(std::span<const std::uint8_t> pixels, matrix_view<std::int16_t> x, arena& scratch) const {
        const frozen_network& net = *network_;
        const vit_config& c = net.config;
        const std::size_t across = c.image_width / c.patch, plane = std::size_t{c.image_height} * c.image_width;
        const std::size_t mark = scratch.used(), prefix = c.prefix_tokens();
        const auto patches = detail::take_matrix<std::int8_t>(scratch, c.patches(), c.patch_size());
        for (std::size_t r = 0; r < patches.rows(); ++r) {
            std::int8_t* out = patches.row(r).data();
            for (std::size_t channel = 0; channel < c.channels; ++channel)
                for (std::size_t y = 0; y < c.patch; ++y) {
                    const std::size_t from =
                        channel * plane + (r / across * c.patch + y) * c.image_width + r % across * c.patch;
                    for (std::size_t i = 0; i < c.patch; ++i) *out++ = net.pixels[256 * channel + pixels[from + i]];
                }
        }
        std::copy_n(net.start.data(), x.rows() * x.cols(), x.data());
        run(patches, net.patch_embed, choices_.front().linear, scratch,
            requantize_add_sums{x.block(prefix, 0, c.patches(), c.dim), net.patch_embed.by, net.patch_embed.bias});
        scratch.release(mark);
    }
    /// Puts the context of each head in the place of its queries, some rows at a time: nobody asks for these again.
    void attend(const frozen_block& b, const lowered_multiplier& m, matrix_view<std::int8_t> qkv, arena& scratch) const {
        const vit_config& c = config();
        const std::size_t mark = scratch.used(), tokens = c.tokens(), width = c.head_dim();
        const attention_rows all = attention_rows::take(c, scratch);
        for (std::size_t head = 0; head < c.heads; ++head) {
            const auto [queries, key, value] = head_of(qkv, c, {0, tokens}, head);
            for (std::size_t first = 0; first < tokens; first += attention_rows::most) {
                const std::size_t rows = std::min(attention_rows::most, tokens - first);
                const auto query = queries.block(first, 0, rows, width);
                const auto scores = all.scores.block(0, 0, rows, tokens);
                const auto probabilities = all.probabilities.block(0, 0, rows, tokens);
                lean_gemm(query, transposed(key), m, scratch, requantized{scores, b.scores_by});
                kernel::softmax_rows<typename Policy::softmax>(scores, probabilities, best_isa());
                lean_gemm(probabilities, value, m, scratch, requantized{query, b.context_by});
            }
        }
        scratch.release(mark);
    }
    void classify(matrix_view<const std::int16_t> x, std::span<std::int32_t> logits, arena& scratch) const {
        const frozen_network& net = *network_;
        for (std::size_t which = 0; which < net.config.prefix_tokens(); ++which)
            normalized(net.norm, x.block(which, 0, 1, x.cols()), scratch, [&](matrix_view<const std::int8_t> normed) {
                const frozen_linear& head = which == 0 ? net.head : net.head_dist;
                const auto add = [&](std::size_t, std::size_t first, std::span<const std::int32_t> sums) {
                    for (std::size_t j = 0; j < sums.size(); ++j) {
                        const std::int32_t sum = saturating_add(sums[j], head.bias[first + j]);
                        const auto y = requantize<std::int32_t>(sum, head.by[first + j]);
                        std::int32_t& logit = logits[first + j];
                        logit = which == 0 ? y : saturating_add(logit, y);
                    }
                };
                run(normed, head, choices_.back().linear, scratch, add);
            });
    }
    /// Sums that all have one requantizer, and no bias.
    template <class T>
    struct requantized {
        matrix_view<T> out;
        std::array<requantizer, kernel::lean_columns> by; ///< of the columns that come at a time

        requantized(matrix_view<T> to, requantizer all) noexcept : out{to} { by.fill(all); }
        void operator()(std::size_t row, std::size_t first, std::span<const std::int32_t> sums) const {
            block(row, first, {sums.data(), 1, sums.size()});
        }
        void block(std::size_t row, std::size_t first, matrix_view<const std::int32_t> sums) const {
            T* const to = out.data() + row * out.stride() + first;
            kernel::requantize_rows<T>(sums, nullptr, by.data(), to, out.stride());
        }
    };

    const frozen_network* network_;
    std::span<const layer_choice> choices_;
};

} // namespace LUTRA_ISA
} // namespace lutra
