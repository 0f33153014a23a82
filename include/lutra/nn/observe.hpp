// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena.hpp>
#include <lutra/core/workload.hpp>
#include <lutra/nn/activation_counter.hpp>
#include <lutra/nn/describe.hpp>
#include <lutra/nn/float_block.hpp>
#include <lutra/nn/policy.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

namespace lutra {

namespace detail {

/// What the operands of an operation of describe() were, by its label; an empty one is not an activation that is told of.
struct operand_points {
    std::string_view label;
    std::optional<activation_point> lhs, rhs, out;
    activation_point rows; ///< whose rows there are
};
inline constexpr auto operand_points_v = [] {
    using enum activation_point;
    constexpr auto none = std::optional<activation_point>{};
    return std::array<operand_points, 15>{{{"patch_embed", patches, none, none, patches},
                                           {"norm1", none, none, normed1, normed1},
                                           {"attn.qkv", normed1, none, none, normed1},
                                           {"attn.scores", query, key, scores, scores},
                                           {"attn.softmax", scores, none, probabilities, scores},
                                           {"attn.context", probabilities, value, context, scores},
                                           {"attn.key_value", none, value, none, normed1},
                                           {"attn.proj", context, none, attention_output, context},
                                           {"attn.add", none, attention_output, none, context},
                                           {"norm2", none, none, normed2, normed2},
                                           {"mlp.fc1", normed2, none, none, normed2},
                                           {"mlp.activation", none, none, hidden, normed2},
                                           {"mlp.fc2", hidden, none, mlp_output, normed2},
                                           {"mlp.add", none, mlp_output, none, normed2},
                                           {"head", head, none, none, head}}};
}();

/// A builder that puts what was counted into the operations on their way to another.
template <class Builder>
class observed_builder {
public:
    observed_builder(const activation_counter& counted, std::uint64_t images, Builder& out) noexcept
        : counted_{counted}, images_{images}, out_{out} {}

    std::uint32_t add(operation op, std::span<const std::uint32_t> depends_on) {
        for (operand_points points : operand_points_v) {
            std::string_view part = op.label;
            if (!part.starts_with(points.label)) continue;
            part.remove_prefix(points.label.size()); // of a layer of low rank
            if (part == ".down") points.out = {};
            if (part == ".up") points.lhs = {};
            if (part.empty() || part == ".down" || part == ".up") observe(op, points);
        }
        return out_.add(op, depends_on);
    }
    std::uint32_t add(const operation& op, std::initializer_list<std::uint32_t> depends_on = {}) {
        return add(op, std::span{depends_on.begin(), depends_on.size()});
    }
    [[nodiscard]] workload view() const { return out_.view(); }

private:
    void fill(operand& to, std::uint32_t layer, std::optional<activation_point> p) const {
        if (!p) return;
        const activation_counts& seen = counted_.at(layer, *p);
        to.sparsity = seen.sparsity();
        to.skipped = seen.skipped_share();
    }
    void observe(operation& op, const operand_points& points) const {
        fill(op.lhs, op.layer, points.lhs);
        fill(op.rhs, op.layer, points.rhs);
        fill(op.out, op.layer, points.out);
        if (op.label == "attn.qkv" || op.label == "attn.qkv.up") { // three outputs in one
            activation_counts all = counted_.at(op.layer, activation_point::query);
            all += counted_.at(op.layer, activation_point::key);
            all += counted_.at(op.layer, activation_point::value);
            op.out.sparsity = all.sparsity();
        }
        if (points.rows != activation_point::scores) return set_rows(op, counted_.at(op.layer, points.rows).rows);
        const activation_counts& maps = counted_.at(op.layer, activation_point::scores);
        const std::uint64_t queries = maps.rows, pairs = maps.elements;
        if (maps.matrices != op.batch || queries % op.batch != 0 || pairs % std::max<std::uint64_t>(queries, 1) != 0) {
            set_pairs(op, pairs);
        } else if (op.label == "attn.context") {
            op.m = queries / op.batch, op.k = queries == 0 ? 0 : pairs / queries;
        } else {
            op.m = queries / op.batch, op.n = queries == 0 ? 0 : pairs / queries;
        }
    }
    /// The rows of all images together: as many of each if that is so, else as one batch.
    void set_rows(operation& op, std::uint64_t rows) const noexcept {
        if (op.label == "head" || op.label == "attn.key_value") return; // never pruned; not of one shape a token
        op.batch = rows % images_ == 0 ? images_ : 1;
        op.m = rows / op.batch;
    }
    /// Heads of images that have different numbers of tokens: one product of as many pairs of query and key in all.
    static void set_pairs(operation& op, std::uint64_t pairs) noexcept {
        op.batch = 1;
        if (op.label == "attn.context")
            op.m = 1, op.k = pairs;
        else
            op.m = pairs, op.n = 1;
    }

    const activation_counter& counted_;
    std::uint64_t images_;
    Builder& out_;
};

} // namespace detail

/// What forward passes over @p images images, of which @p counted was told, asked of hardware: see observe, which makes one.
template <class Builder>
workload observed_workload(const vit_config& c, std::span<const layer_choice> choices, std::uint64_t images,
                           const activation_counter& counted, Builder& out) {
    detail::observed_builder builder{counted, images, out};
    return describe(c, choices, images, builder);
}

inline namespace LUTRA_ISA {

/// Bytes of scratch that `observe` needs for @p images images at once.
template <class Model>
[[nodiscard]] constexpr std::size_t observe_scratch_bytes(const vit_config& c, std::size_t images) {
    arena a = arena::counting();
    a.take<activation_counts>(activation_counter::size(c));
    a.take<float>(images * c.classes);
    return a.used() + Model::scratch_bytes(c, images);
}

/// What a forward pass of @p model over @p images really asked of hardware: the workload of describe(), with the sizes that
/// dropped tokens left and the measured share of zeros of each activation (`sparsity`), and apart from it of those whose
/// products were not made (`skipped`). The rows of fc2's weights that were read, one a token and hidden unit that is not
/// skipped, are executed_macs() / n of mlp.fc2. With heads whose images kept different numbers of tokens, the pairs of query
/// and key are counted as one product; operations of linear attention inside a head keep the sizes of describe().
/// @param choices the model's, one a block
/// @param scratch observe_scratch_bytes of it, given back
/// @param out as for describe()
///
/// @code
/// lutra::workload_buffer<64> out;
/// const lutra::workload w = lutra::observe(vit, images, choices, scratch, out);
/// @endcode
template <class Model, class Builder>
workload observe(const Model& model, matrix_view<const float> images, std::span<const layer_choice> choices, arena& scratch,
                 Builder& out) {
    const vit_config& c = model.config();
    require(images.rows() > 0, panic_code::empty, "observe needs at least one image");
    const std::size_t mark = scratch.used();
    const auto counts = scratch.take<activation_counts>(activation_counter::size(c));
    std::fill(counts.begin(), counts.end(), activation_counts{});
    const activation_counter counter{c, counts};
    model.forward(images, lutra::detail::take_matrix<float>(scratch, images.rows(), c.classes), scratch, counter);
    const workload observed = observed_workload(c, choices, images.rows(), counter, out);
    scratch.release(mark);
    return observed;
}

} // namespace LUTRA_ISA
} // namespace lutra
