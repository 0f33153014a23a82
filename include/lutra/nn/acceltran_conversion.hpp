// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/workload.hpp>
#include <lutra/nn/transformer_shapes.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

/// @file
/// The operations that the simulator released with AccelTran runs for an encoder, to compare with its published numbers.
/// For what an encoder really asks of hardware, use `describe` of transformer_shapes.hpp.

namespace lutra {

namespace detail {
[[nodiscard]] constexpr workload_size count_acceltran(const encoder_config& c) noexcept {
    workload_size n{1, 0}; // the embedding
    for (std::size_t i = 0; i < c.layers.size(); ++i) {
        const encoder_layer& l = c.layers[i];
        for (const encoder_head& h : l.heads) {
            const bool weighted = h.kind == head_kind::weighted_multiplicative;
            n.operations += attends(h) ? (weighted ? 21 : 18) : 3;
            n.dependencies += attends(h) ? (weighted ? 24 : 19) : 2;
        }
        const std::size_t linear = l.feed_forward.size() + (projects(c, i) ? 2 : 1);
        n.operations += 2 + 4 * linear;
        n.dependencies += 3 * linear;
    }
    return n;
}
} // namespace detail

/// How many operations describe_acceltran() emits.
[[nodiscard]] constexpr std::size_t acceltran_operation_count(const encoder_config& c) noexcept {
    return detail::count_acceltran(c).operations;
}
/// How many dependencies they have together.
[[nodiscard]] constexpr std::size_t acceltran_dependency_count(const encoder_config& c) noexcept {
    return detail::count_acceltran(c).dependencies;
}

/// The forward pass of @p c as AccelTran's simulator converts it (Tuli and Jha, 2023; github.com/jha-lab/acceltran,
/// dict2ops.py and ops.py): the same operations with the same sizes in the same order, its memory operations among them.
/// Operands have 20 bits, and half of their elements are zero. An attention head's operations carry `stream` = its index
/// + 1, all others 0. What differs from a network that computes something is the simulator's, and kept:
/// - weights are loaded once for each element of the batch; activations are never loaded;
/// - a dependency is a load or store that `required_in_buffer` names, or, of a store, the operation whose result it
///   stores; so layer norms wait for nothing, and queries, keys and values for their weights only;
/// - a feed-forward layer's non-linearity has the size of the layer's input, and follows the last layer, too;
/// - each head's output has all columns, and nothing adds the heads or the residual;
/// - a transform's fixed matrix, and a convolution's filters, are loaded as weights; both work on all columns.
///
/// A convolution becomes a product with m = tokens, k = taps and n = columns: its tiles are those of the simulator, and its
/// multiply-accumulates the real ones. Where a name is stored twice, as keys times the weights of
/// `weighted_multiplicative` are, the later store is meant.
/// @param batch sequences, at least 1
/// @param out takes acceltran_operation_count operations and acceltran_dependency_count dependencies
/// @return all that @p out holds
///
/// Panics when the encoder has no layers or a size of 0 (empty, bad_shape), the batch is 0 (bad_argument), or @p out is
/// full (out_of_range).
///
/// @code
/// lutra::workload_buffer<128, 128> out;
/// const lutra::workload w = lutra::describe_acceltran(lutra::bert_tiny, 4, out);
/// @endcode
template <class Builder>
constexpr workload describe_acceltran(const encoder_config& c, std::uint64_t batch, Builder& out) {
    detail::require_encoder(c, batch);
    struct extent {
        std::uint64_t batch, m, n;
    };
    using kind = operation_kind;
    using index = std::uint32_t;
    const operand weight{.cls = tensor_class::weight, .bits = 20, .sparsity = 0.5};
    const operand activation{.cls = tensor_class::activation, .bits = 20, .sparsity = 0.5};
    const std::uint64_t tokens = c.sequence;
    std::uint32_t layer = 0, stream = 0;
    const auto one = [&](kind what, std::string_view label, extent e, const operand& x) {
        return operation{.kind = what,
                         .label = label,
                         .layer = layer,
                         .stream = stream,
                         .batch = e.batch,
                         .m = e.m,
                         .n = e.n,
                         .lhs = x,
                         .out = x};
    };
    const auto load = [&](std::string_view label, std::uint64_t rows, std::uint64_t columns) -> index {
        return out.add(one(kind::load, label, {batch, rows, columns}, weight));
    };
    const auto store = [&](std::string_view label, std::uint64_t rows, std::uint64_t columns, index made_by) -> index {
        return out.add(one(kind::store, label, {batch, rows, columns}, activation), {made_by});
    };
    // of (m x k) * (k x n) for each element of the batch
    const auto product = [&](std::string_view label, std::uint64_t m, std::uint64_t k, std::uint64_t n, const operand& lhs,
                             const operand& rhs) {
        operation op = one(kind::matmul, label, {batch, m, n}, activation);
        op.k = k, op.lhs = lhs, op.rhs = rhs;
        return op;
    };
    const auto attend = [&](const encoder_head& head, std::uint64_t hidden) {
        const std::uint64_t width = head.hidden;
        const index q_weight = load("attn.q.load", hidden, width);
        const index k_weight = load("attn.k.load", hidden, width);
        const index v_weight = load("attn.v.load", hidden, width);
        const index q = out.add(product("attn.q", tokens, hidden, width, activation, weight), {q_weight});
        const index k = out.add(product("attn.k", tokens, hidden, width, activation, weight), {k_weight});
        const index v = out.add(product("attn.v", tokens, hidden, width, activation, weight), {v_weight});
        const index query = store("attn.q.store", tokens, width, q);
        index key = store("attn.k.store", tokens, width, k);
        const index value = store("attn.v.store", tokens, width, v);
        if (head.kind == head_kind::weighted_multiplicative) {
            const index matrix = load("attn.wma.load", width, width);
            const index keys =
                out.add(product("attn.wma", width, width, tokens, weight, activation), {matrix, key, query, value});
            key = store("attn.wma.store", tokens, width, keys);
        }
        const index scores =
            out.add(product("attn.scores", tokens, width, tokens, activation, activation), {query, key, value});
        const index logits = store("attn.scores.store", tokens, tokens, scores);
        const index softmax =
            out.add(one(kind::softmax, "attn.softmax", {batch, tokens, tokens}, activation), {logits, value});
        const index shares = store("attn.softmax.store", tokens, tokens, softmax);
        const index context =
            out.add(product("attn.context", tokens, tokens, width, activation, activation), {value, shares});
        const index kept = store("attn.context.store", tokens, width, context);
        const index o_weight = load("attn.proj.load", width, hidden);
        const index proj = out.add(product("attn.proj", tokens, width, hidden, activation, weight), {o_weight, kept});
        store("attn.proj.store", tokens, hidden, proj);
    };
    const auto mix = [&](const encoder_head& head, std::uint64_t hidden) {
        if (head.kind == head_kind::convolution) {
            const index filters = load("attn.conv.load", head.kernel, hidden);
            const index conv = out.add(product("attn.conv", tokens, head.kernel, hidden, activation, weight), {filters});
            store("attn.conv.store", tokens, hidden, conv);
        } else {
            const index matrix = load("attn.transform.load", tokens, tokens);
            const index transform = out.add(product("attn.transform", tokens, tokens, hidden, weight, activation), {matrix});
            store("attn.transform.store", tokens, hidden, transform);
        }
    };
    constexpr detail::feed_forward_labels projection{"ffn.proj.load", "ffn.proj", "ffn.proj.store", "ffn.proj.activation"};
    const auto linear = [&](const detail::feed_forward_labels& label, std::uint64_t inputs, std::uint64_t outputs) {
        const index w = load(label.load, inputs, outputs);
        const index y = out.add(product(label.product, tokens, inputs, outputs, activation, weight), {w});
        const index kept = store(label.store, tokens, outputs, y);
        out.add(one(kind::elementwise, label.activation, {batch, tokens, inputs}, activation), {kept});
    };
    out.add(
        one(kind::load, "embedding.load", {1, std::uint64_t{c.vocabulary} + c.sequence, c.layers.front().hidden}, weight));
    for (; layer < c.layers.size(); ++layer) {
        const encoder_layer& l = c.layers[layer];
        const std::uint64_t hidden = l.hidden;
        for (const encoder_head& head : l.heads) {
            ++stream;
            if (detail::attends(head))
                attend(head, hidden);
            else
                mix(head, hidden);
        }
        stream = 0;
        out.add(one(kind::layer_norm, "norm1", {batch, tokens, hidden}, activation));
        std::uint64_t width = hidden;
        std::size_t which = 0;
        for (const std::uint32_t next : l.feed_forward) {
            linear(detail::feed_forward_names[which++], width, next);
            width = next;
        }
        linear(detail::feed_forward_names[which], width, hidden);
        out.add(one(kind::layer_norm, "norm2", {batch, tokens, hidden}, activation));
        if (detail::projects(c, layer)) linear(projection, hidden, c.layers[layer + 1].hidden);
    }
    return out.view();
}

} // namespace lutra
