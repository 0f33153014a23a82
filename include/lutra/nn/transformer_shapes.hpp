// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/workload.hpp>
#include <lutra/nn/vit_config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

/// @file
/// Transformers as shapes only, to be simulated without their arithmetic: presets of ViT and DeiT, and encoders of
/// sequences whose layers and heads can all differ.

namespace lutra {

/// How one head mixes the tokens.
enum class head_kind : std::uint8_t {
    scaled_dot_product,      ///< softmax(Q K^T / sqrt(hidden)) V (Vaswani et al., 2017)
    weighted_multiplicative, ///< softmax(Q W K^T / sqrt(hidden)) V, W learned (Luong et al., 2015)
    dft,                     ///< a fixed matrix over the sequence, of the Fourier transform (Lee-Thorp et al., 2021)
    dct,                     ///< likewise, of the cosine transform
    convolution,             ///< over the sequence, one filter a column (Jiang et al., 2020)
};

/// One head of an encoder layer.
struct encoder_head {
    head_kind kind = head_kind::scaled_dot_product;
    std::uint32_t hidden = 64; ///< columns that the head works on
    std::uint32_t kernel = 9;  ///< taps of a convolution (5, 9 or 13 in FlexiBERT); others say nothing
    friend constexpr bool operator==(const encoder_head&, const encoder_head&) = default;
};

/// One layer of an encoder. The memory behind the spans is the caller's.
struct encoder_layer {
    std::uint32_t hidden = 0;                      ///< columns of a token
    std::span<const encoder_head> heads{};         ///< 1 to 64
    std::span<const std::uint32_t> feed_forward{}; ///< hidden units of 1 to 3 layers; another one leads back to hidden
};

/// The shape of an encoder such as BERT (Devlin et al., 2019), in which each layer can have a width, heads and
/// feed-forward layers of its own, as in FlexiBERT 2.0 (Tuli and Jha, 2023).
struct encoder_config {
    std::span<const encoder_layer> layers{};
    std::uint32_t sequence = 128;     ///< tokens
    std::uint32_t vocabulary = 30522; ///< words that have an embedding
};

namespace detail {
inline constexpr std::size_t max_heads = 64; // of a layer

/// The memory behind an encoder whose layers and heads are all alike.
template <std::size_t Layers, std::uint32_t Hidden, std::size_t Heads, std::uint32_t FeedForward>
struct uniform_encoder {
    static_assert(Layers != 0 && Heads != 0 && Hidden % Heads == 0, "The hidden size must be a multiple of the heads.");
    static constexpr auto heads = [] {
        std::array<encoder_head, Heads> all{};
        for (encoder_head& h : all) h.hidden = Hidden / Heads;
        return all;
    }();
    static constexpr std::array<std::uint32_t, 1> feed_forward{FeedForward};
    static constexpr auto layers = [] {
        std::array<encoder_layer, Layers> all{};
        for (encoder_layer& l : all) l = {Hidden, heads, feed_forward};
        return all;
    }();
};

/// Panics where an encoder cannot exist, and where @p batch is 0.
constexpr void require_encoder(const encoder_config& c, std::uint64_t batch) {
    require(batch != 0, panic_code::bad_argument, "an encoder needs a batch of at least 1", 0, 1);
    require(!c.layers.empty(), panic_code::empty, "an encoder needs at least one layer", 0, 1);
    require(c.sequence != 0 && c.vocabulary != 0, panic_code::bad_shape, "an encoder needs tokens and words", 0, 1);
    for (const encoder_layer& l : c.layers) {
        require(l.hidden != 0, panic_code::bad_shape, "an encoder layer needs a hidden size", 0, 1);
        require(!l.heads.empty(), panic_code::empty, "an encoder layer needs at least one head", 0, 1);
        require(l.heads.size() <= max_heads, panic_code::bad_shape, "an encoder layer has too many heads",
                static_cast<long long>(l.heads.size()), static_cast<long long>(max_heads));
        require(!l.feed_forward.empty() && l.feed_forward.size() <= 3, panic_code::bad_shape,
                "an encoder layer has 1 to 3 feed-forward layers", static_cast<long long>(l.feed_forward.size()), 3);
        for (const encoder_head& h : l.heads) {
            require(h.kind <= head_kind::convolution, panic_code::bad_argument, "a head is of a kind that exists",
                    static_cast<long long>(h.kind), static_cast<long long>(head_kind::convolution));
            require(h.hidden != 0 && h.kernel != 0, panic_code::bad_shape, "a head needs a hidden size and taps", 0, 1);
        }
        for (const std::uint32_t f : l.feed_forward)
            require(f != 0, panic_code::bad_shape, "a feed-forward layer needs hidden units", 0, 1);
    }
}

[[nodiscard]] constexpr bool attends(const encoder_head& h) noexcept {
    return h.kind == head_kind::scaled_dot_product || h.kind == head_kind::weighted_multiplicative;
}
/// How many of the first of @p heads, which are not none, one operation can take together.
[[nodiscard]] constexpr std::size_t equal_heads(std::span<const encoder_head> heads, bool per_head) noexcept {
    if (per_head || heads.front().kind == head_kind::weighted_multiplicative) return 1; // its weights differ by head
    std::size_t n = 1;
    while (n < heads.size() && heads[n] == heads.front()) ++n;
    return n;
}
/// Whether layer @p i is followed by one of another hidden size.
[[nodiscard]] constexpr bool projects(const encoder_config& c, std::size_t i) noexcept {
    return i + 1 < c.layers.size() && c.layers[i].hidden != c.layers[i + 1].hidden;
}

struct workload_size {
    std::size_t operations = 0, dependencies = 0;
};
[[nodiscard]] constexpr workload_size count_encoder(const encoder_config& c, bool per_head) noexcept {
    workload_size n{3, 2}; // the embedding
    for (std::size_t layer = 0; layer < c.layers.size(); ++layer) {
        const encoder_layer& l = c.layers[layer];
        for (std::size_t i = 0; i < l.heads.size(); i += equal_heads(l.heads.subspan(i), per_head)) {
            const std::size_t weighted = l.heads[i].kind == head_kind::weighted_multiplicative;
            n.operations += attends(l.heads[i]) ? 6 + weighted : 2;
            n.dependencies += attends(l.heads[i]) ? 9 + weighted : 3; // one of them that of the projection
        }
        const std::size_t linear = 2 * l.feed_forward.size() + 1 + (projects(c, layer) ? 1 : 0);
        n.operations += 5 + linear;
        n.dependencies += 6 + linear;
    }
    return n;
}

struct feed_forward_labels {
    std::string_view load, product, store, activation;
};
inline constexpr std::array<feed_forward_labels, 4> feed_forward_names{
    {{"ffn.1.load", "ffn.1", "ffn.1.store", "ffn.1.activation"},
     {"ffn.2.load", "ffn.2", "ffn.2.store", "ffn.2.activation"},
     {"ffn.3.load", "ffn.3", "ffn.3.store", "ffn.3.activation"},
     {"ffn.4.load", "ffn.4", "ffn.4.store", "ffn.4.activation"}}};

[[nodiscard]] constexpr vit_config imagenet_vit(std::uint32_t dim, std::uint32_t heads, bool distilled) noexcept {
    return {.image_height = 224,
            .image_width = 224,
            .channels = 3,
            .patch = 16,
            .dim = dim,
            .depth = 12,
            .heads = heads,
            .mlp = 4 * dim,
            .classes = 1000,
            .distilled = distilled};
}
} // namespace detail

/// An encoder of @p Layers layers that are alike, its memory static.
template <std::size_t Layers, std::uint32_t Hidden, std::size_t Heads, std::uint32_t FeedForward>
inline constexpr encoder_config uniform_encoder{detail::uniform_encoder<Layers, Hidden, Heads, FeedForward>::layers};

/// Presets: BERT-Tiny, -Mini and -Small (Turc et al., 2019) and BERT-Base (Devlin et al., 2019) at a sequence of 128.
inline constexpr encoder_config bert_tiny = uniform_encoder<2, 128, 2, 512>;
inline constexpr encoder_config bert_mini = uniform_encoder<4, 256, 4, 1024>;
inline constexpr encoder_config bert_small = uniform_encoder<4, 512, 8, 2048>;
inline constexpr encoder_config bert_base = uniform_encoder<12, 768, 12, 3072>;

/// Presets: ViT-Ti/16, -S/16 and -B/16 at 224 x 224 pixels, 1000 classes (Dosovitskiy et al., 2021). They have the shapes of
/// DeiT-Ti, -S and -B without distillation (Touvron et al., 2021). Means and deviations of the pixels are not set.
inline constexpr vit_config vit_tiny = detail::imagenet_vit(192, 3, false);
inline constexpr vit_config vit_small = detail::imagenet_vit(384, 6, false);
inline constexpr vit_config vit_base = detail::imagenet_vit(768, 12, false);
/// Likewise with a distillation token and its head (Touvron et al., 2021).
inline constexpr vit_config deit_tiny_distilled = detail::imagenet_vit(192, 3, true);
inline constexpr vit_config deit_small_distilled = detail::imagenet_vit(384, 6, true);

/// How describe() emits an encoder.
struct encoder_workload_options {
    /// Each head apart; otherwise neighbouring heads that are equal are batched. Where a layer's heads are in more than one
    /// part, an operation's `stream` is the index of its first head + 1.
    bool per_head = false;
    int bits = 8; ///< of an element of every operand, 1 to 64
};

/// How many operations describe() emits for an encoder.
[[nodiscard]] constexpr std::size_t operation_count(const encoder_config& c,
                                                    const encoder_workload_options& options = {}) noexcept {
    return detail::count_encoder(c, options.per_head).operations;
}
/// How many dependencies they have together.
[[nodiscard]] constexpr std::size_t dependency_count(const encoder_config& c,
                                                     const encoder_workload_options& options = {}) noexcept {
    return detail::count_encoder(c, options.per_head).dependencies;
}

/// What a forward pass of @p batch sequences asks of hardware: every operation of the encoder in order, from the look-up of
/// words (a load) to the last layer's norm, post-norm as in BERT, without pooler or classifier. Activations are
/// non-linear on the hidden units of each feed-forward layer, not after the one that leads back.
/// - Attention: queries, keys and values, scores, softmax and context; `weighted_multiplicative` multiplies the keys by
///   a matrix of its own, and is never batched with other heads.
/// - A transform or a convolution mixes the tokens of a projection to the head's columns ("attn.v"). A transform is a
///   product by a fixed, real sequence x sequence matrix of class weight; fast algorithms for it are not assumed. A
///   convolution has m = tokens, k = taps and n = columns: its multiplications and weights are right, its left operand's
///   elements are counted once a tap.
/// - One product ("attn.proj") takes the columns of all heads side by side to `hidden`; heads need not fill it.
/// - Between layers of different hidden sizes, a product ("ffn.proj") leads from one to the other.
///
/// @param batch sequences, at least 1
/// @param out takes operation_count operations and dependency_count dependencies
/// @return all that @p out holds
///
/// Panics when the encoder has no layers or a size of 0 (empty, bad_shape), the batch is 0 or the bits are out of range
/// (bad_argument), or @p out is full (out_of_range).
///
/// @code
/// lutra::workload_buffer<256> out;
/// const double gigamacs = 1e-9 * static_cast<double>(lutra::describe(lutra::bert_base, 1, {}, out).macs());
/// @endcode
template <class Builder>
constexpr workload describe(const encoder_config& c, std::uint64_t batch, const encoder_workload_options& options,
                            Builder& out) {
    detail::require_encoder(c, batch);
    require(options.bits >= 1 && options.bits <= 64, panic_code::bad_argument, "an operand has 1 to 64 bits", options.bits,
            64);
    struct extent {
        std::uint64_t batch, m, n, k = 1;
    };
    using kind = operation_kind;
    using index = std::uint32_t;
    const operand weight{.cls = tensor_class::weight, .bits = options.bits};
    const operand activation{.cls = tensor_class::activation, .bits = options.bits};
    const std::uint64_t tokens = c.sequence;
    std::uint32_t layer = 0, stream = 0;
    const auto make = [&](kind what, std::string_view label, extent e, const operand& lhs, const operand& rhs) {
        return operation{.kind = what,
                         .label = label,
                         .layer = layer,
                         .stream = stream,
                         .batch = e.batch,
                         .m = e.m,
                         .n = e.n,
                         .k = e.k,
                         .lhs = lhs,
                         .rhs = rhs,
                         .out = activation};
    };
    const auto linear = [&](std::string_view label, std::uint64_t inputs, std::uint64_t outputs, index from) -> index {
        return out.add(make(kind::matmul, label, {batch, tokens, outputs, inputs}, activation, weight), {from});
    };
    const auto norm = [&](std::string_view label, std::uint64_t columns, index from) -> index {
        return out.add(make(kind::layer_norm, label, {batch, tokens, columns}, activation, no_operand), {from});
    };
    const auto sum = [&](std::string_view label, std::uint64_t columns, index a, index b) -> index {
        return out.add(make(kind::elementwise, label, {batch, tokens, columns}, activation, activation), {a, b});
    };
    // of `count` equal heads; returns what they hand to the projection
    const auto mix = [&](const encoder_head& head, std::uint64_t count, std::uint64_t hidden, index x) -> index {
        const std::uint64_t width = head.hidden, columns = count * width, maps = batch * count;
        if (detail::attends(head)) {
            const index q = linear("attn.q", hidden, columns, x);
            index k = linear("attn.k", hidden, columns, x);
            const index v = linear("attn.v", hidden, columns, x);
            if (head.kind == head_kind::weighted_multiplicative) k = linear("attn.wma", width, width, k);
            const index scores =
                out.add(make(kind::matmul, "attn.scores", {maps, tokens, tokens, width}, activation, activation), {q, k});
            const index shares =
                out.add(make(kind::softmax, "attn.softmax", {maps, tokens, tokens}, activation, no_operand), {scores});
            return out.add(make(kind::matmul, "attn.context", {maps, tokens, width, tokens}, activation, activation),
                           {shares, v});
        }
        const index v = linear("attn.v", hidden, columns, x);
        if (head.kind == head_kind::convolution)
            return out.add(make(kind::matmul, "attn.conv", {batch, tokens, columns, head.kernel}, activation, weight), {v});
        return out.add(make(kind::matmul, "attn.transform", {batch, tokens, columns, tokens}, weight, activation), {v});
    };
    const std::uint64_t first = c.layers.front().hidden;
    const index words = out.add(make(kind::load, "embedding.words", {batch, tokens, first}, weight, no_operand));
    const index placed =
        out.add(make(kind::elementwise, "embedding.add", {batch, tokens, first}, activation, weight), {words});
    index x = norm("embedding.norm", first, placed);
    for (; layer < c.layers.size(); ++layer) {
        const encoder_layer& l = c.layers[layer];
        const std::uint64_t hidden = l.hidden;
        std::array<index, detail::max_heads> mixed{};
        std::size_t runs = 0;
        std::uint64_t columns = 0;
        for (std::size_t i = 0, count = 0; i < l.heads.size(); i += count) {
            count = detail::equal_heads(l.heads.subspan(i), options.per_head);
            stream = count == l.heads.size() ? 0 : static_cast<std::uint32_t>(i + 1);
            mixed[runs++] = mix(l.heads[i], count, hidden, x);
            columns += count * l.heads[i].hidden;
        }
        stream = 0;
        const index proj = out.add(make(kind::matmul, "attn.proj", {batch, tokens, hidden, columns}, activation, weight),
                                   std::span<const index>{mixed}.first(runs));
        x = norm("norm1", hidden, sum("attn.add", hidden, x, proj));
        std::uint64_t width = hidden;
        std::size_t which = 0;
        index y = x;
        for (const std::uint32_t next : l.feed_forward) {
            const detail::feed_forward_labels& label = detail::feed_forward_names[which++];
            y = linear(label.product, width, next, y);
            y = out.add(make(kind::elementwise, label.activation, {batch, tokens, next}, activation, no_operand), {y});
            width = next;
        }
        y = linear(detail::feed_forward_names[which].product, width, hidden, y);
        x = norm("norm2", hidden, sum("ffn.add", hidden, x, y));
        if (detail::projects(c, layer)) x = linear("ffn.proj", hidden, c.layers[layer + 1].hidden, x);
    }
    return out.view();
}

} // namespace lutra
