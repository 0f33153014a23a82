// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/workload.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace lutra {

/// Whether a forward operation's weights are learned: all are but the fixed matrices of "attn.transform".
[[nodiscard]] constexpr bool has_learned_weights(const operation& op) noexcept { return op.label != "attn.transform"; }

/// What describe_training() assumes.
struct training_workload_options {
    /// Share of zeros in the gradients of activations, in [0, 1]: ELECTOR assumes 0.9, DynaProp measures it.
    double gradient_sparsity = 0;
    /// Likewise of weights; they are sums over the batch, so few of them are zero unless they are pruned.
    double weight_gradient_sparsity = 0;
    int gradient_bits = 0; ///< of an element of a gradient, up to 64; 0: as many as the forward operation's result has
    /// Which weights are learned. Nothing is computed that leads only to others.
    bool (*learned)(const operation&) = has_learned_weights;
};

namespace detail {

/// Emits a training step; describe_training() says what that is. Forward operations are known by their position i, those
/// emitted by their id.
template <std::size_t MaxForward, class Builder>
class training_emitter {
public:
    constexpr training_emitter(const workload& forward, const training_workload_options& options, Builder& out)
        : forward_{forward}, ops_{forward.operations}, options_{options}, out_{out} {}

    constexpr void emit() {
        for (std::size_t i = 0; i < ops_.size(); ++i) {
            forget();
            known_[i].needed = learned(ops_[i]);
            for (const std::uint32_t d : forward_.dependencies_of(i)) {
                require(d < i, panic_code::bad_argument, "an operation may depend on earlier operations only", d,
                        static_cast<long long>(i));
                remember(known_[d].forward);
                known_[i].needed |= known_[d].needed;
            }
            known_[i].forward = out_.add(ops_[i], remembered());
        }
        for (std::size_t i = ops_.size(); i-- > 0;)
            if (known_[i].needed) emit_backward(i);
        for (std::size_t i = 0; i < ops_.size(); ++i)
            if (known_[i].weight != none) emit_update(i);
    }

private:
    static constexpr std::uint32_t none = 0xffff'ffff;
    struct record {
        std::uint32_t forward = none;                        // the operation itself
        std::uint32_t lhs = none, rhs = none, weight = none; // that make the gradients of its operands
        std::uint32_t result = none;                         // that makes its result's gradient, where that is one
        bool needed = false;                                 // whether that gradient leads to a learned weight
    };
    static constexpr unsigned left = 1, right = 2;

    static constexpr bool loads_weights(const operation& op) {
        return op.kind == operation_kind::load && op.out.cls == tensor_class::weight;
    }
    static constexpr bool looks_up(const operation& op) { // rows of a learned table
        return op.kind == operation_kind::load && op.lhs.cls == tensor_class::weight && !loads_weights(op);
    }
    static constexpr bool has_weights(const operation& op) {
        switch (op.kind) {
        case operation_kind::matmul: return op.lhs.cls == tensor_class::weight || op.rhs.cls == tensor_class::weight;
        case operation_kind::elementwise: return op.rhs.bits != 0 && op.rhs.cls == tensor_class::weight;
        case operation_kind::layer_norm: return true;
        case operation_kind::load: return op.lhs.cls == tensor_class::weight || loads_weights(op);
        default: return false;
        }
    }
    constexpr bool learned(const operation& op) const { return has_weights(op) && options_.learned(op); }
    // Whether the gradient of the result is that of the activations, too.
    static constexpr bool passes_on(const operation& op) {
        return op.kind == operation_kind::store || (op.kind == operation_kind::load && !has_weights(op)) ||
               (op.kind == operation_kind::elementwise && op.rhs.bits != 0 && op.label.ends_with("add"));
    }

    // Which operands of operation j come from operation d, one that it depends on.
    constexpr unsigned feeds(std::size_t j, std::uint32_t d) const {
        const operation& op = ops_[j];
        if (op.rhs.bits == 0) return left;
        const bool l = op.lhs.cls == tensor_class::weight, r = op.rhs.cls == tensor_class::weight;
        if (l || r) return loads_weights(ops_[d]) == l ? left : right;
        const auto from = forward_.dependencies_of(j);
        if (from.size() < 2 || (from.size() == 2 && from[0] == from[1])) return left | right;
        const auto fits = [&](std::uint32_t x, std::uint64_t elements) { return ops_[x].elements() == elements ? 1 : 0; };
        const std::uint64_t lhs = op.lhs_elements(), rhs = op.rhs_elements();
        if (from.size() == 2) {
            const bool swapped = fits(from[1], lhs) + fits(from[0], rhs) > fits(from[0], lhs) + fits(from[1], rhs);
            return (d == from[0]) != swapped ? left : right;
        }
        const bool as_lhs = fits(d, lhs) != 0, as_rhs = fits(d, rhs) != 0;
        return as_lhs == as_rhs ? left | right : as_lhs ? left : right;
    }

    constexpr void forget(std::size_t but = 0) { used_ = but; }
    constexpr void remember(std::uint32_t id) {
        if (std::find(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(used_), id) !=
            ids_.begin() + static_cast<std::ptrdiff_t>(used_))
            return;
        require(used_ < ids_.size(), panic_code::out_of_range, "describe_training needs a larger MaxForward",
                static_cast<long long>(used_), static_cast<long long>(ids_.size()));
        ids_[used_++] = id;
    }
    constexpr std::span<const std::uint32_t> remembered() const { return std::span{ids_}.first(used_); }
    // What operation i depends on and what feeds one of @p operands, as values that were kept.
    constexpr void remember_values(std::size_t i, unsigned operands) {
        for (const std::uint32_t d : forward_.dependencies_of(i))
            if ((feeds(i, d) & operands) != 0) remember(known_[d].forward);
    }
    constexpr bool is_needed(std::size_t i, unsigned operands) const {
        for (const std::uint32_t d : forward_.dependencies_of(i))
            if (known_[d].needed && (feeds(i, d) & operands) != 0) return true;
        return false;
    }

    // Remembers all ids that make the gradient of i's result, and adds those up that overlap where @p sums.
    constexpr void remember_gradient(std::size_t i, bool sums) {
        if (known_[i].result != none) return remember(known_[i].result);
        const std::uint64_t all = ops_[i].elements();
        std::uint64_t covered = 0;
        bool consumed = false;
        const auto take = [&](std::uint64_t elements) {
            elements = std::min(elements, all);
            if (sums && covered + elements > all) {
                const std::uint32_t sum = emit_sum(i, covered + elements - all);
                forget();
                remember(sum);
            }
            covered = std::min(covered + elements, all);
        };
        for (std::size_t j = ops_.size(); --j > i;) {
            const auto from = forward_.dependencies_of(j);
            if (std::find(from.begin(), from.end(), i) == from.end()) continue;
            consumed = true;
            const operation& op = ops_[j];
            const unsigned operands = feeds(j, static_cast<std::uint32_t>(i));
            if (passes_on(op) && !loads_weights(ops_[i])) {
                remember_gradient(j, false);
                take(op.elements());
                continue;
            }
            const std::uint32_t lhs = op.lhs.cls == tensor_class::weight ? known_[j].weight : known_[j].lhs;
            const std::uint32_t rhs = op.rhs.cls == tensor_class::weight ? known_[j].weight : known_[j].rhs;
            if ((operands & left) != 0 && lhs != none) remember(lhs), take(op.lhs_elements());
            if ((operands & right) != 0 && rhs != none) remember(rhs), take(op.rhs_elements());
        }
        if (!consumed && ops_[i].kind != operation_kind::load) remember(known_[i].forward); // the loss reads it
        if (sums && used_ == 1) known_[i].result = ids_[0];
    }

    constexpr operand gradient_of(const operand& x, double sparsity) const {
        return {.cls = tensor_class::gradient,
                .bits = options_.gradient_bits != 0 ? options_.gradient_bits : x.bits,
                .sparsity = sparsity};
    }
    struct extent {
        std::uint64_t batch, m, n, k = 1;
    };
    constexpr operation make(std::size_t i, operation_kind kind, extent e, const operand& lhs, const operand& rhs,
                             const operand& out) const {
        return {.kind = kind,
                .label = ops_[i].label,
                .layer = ops_[i].layer,
                .pass = operation_pass::backward,
                .stream = ops_[i].stream,
                .batch = e.batch,
                .m = e.m,
                .n = e.n,
                .k = e.k,
                .lhs = lhs,
                .rhs = rhs,
                .out = out};
    }
    constexpr std::uint32_t emit_sum(std::size_t i, std::uint64_t elements) {
        const operation& op = ops_[i];
        const operand g = gradient_of(op.out, options_.gradient_sparsity);
        const std::uint64_t row = op.batch * op.n;
        const extent e = elements % row == 0 ? extent{op.batch, elements / row, op.n} : extent{1, 1, elements};
        operation sum = make(i, operation_kind::elementwise, e, g, g, g);
        sum.label = "gradient.add";
        return out_.add(sum, remembered());
    }

    constexpr void emit_backward(std::size_t i) {
        forget();
        remember_gradient(i, true);
        if (used_ == 0) return;
        const operation& op = ops_[i];
        record& r = known_[i];
        const operand result = gradient_of(op.out, options_.gradient_sparsity);
        const operand input = gradient_of(op.lhs, options_.gradient_sparsity);
        const operand weight = gradient_of(op.rhs.bits != 0 ? op.rhs : op.lhs, options_.weight_gradient_sparsity);
        const std::size_t gradients = used_;
        const auto add = [&](const operation& made, unsigned values) {
            remember_values(i, values);
            const std::uint32_t id = out_.add(made, remembered());
            forget(gradients);
            return id;
        };
        const bool learns = learned(op);
        const extent same{op.batch, op.m, op.n};
        using kind = operation_kind;
        switch (op.kind) {
        case kind::matmul: {
            const bool l = op.lhs.cls == tensor_class::weight, w = op.rhs.cls == tensor_class::weight;
            if (l && learns)
                r.weight = add(make(i, kind::matmul, {1, op.m, op.k, op.batch * op.n}, result, op.rhs,
                                    gradient_of(op.lhs, options_.weight_gradient_sparsity)),
                               right);
            if (!l && is_needed(i, left))
                r.lhs = add(make(i, kind::matmul, {op.batch, op.m, op.k, op.n}, result, op.rhs, input), right);
            if (w && learns)
                r.weight = add(make(i, kind::matmul, {1, op.k, op.n, op.batch * op.m}, op.lhs, result, weight), left);
            if (!w && is_needed(i, right))
                r.rhs = add(make(i, kind::matmul, {op.batch, op.k, op.n, op.m}, op.lhs, result,
                                 gradient_of(op.rhs, options_.gradient_sparsity)),
                            left);
            break;
        }
        case kind::softmax: {
            if (!is_needed(i, left)) break;
            remember(r.forward);
            r.lhs = add(make(i, kind::softmax, same, result, op.out, input), 0);
            break;
        }
        case kind::layer_norm:
            if (is_needed(i, left)) r.lhs = add(make(i, kind::layer_norm, same, result, op.lhs, input), left);
            if (learns)
                r.weight = add(make(i, kind::reduction, {1, 2, op.n, op.batch * op.m}, result, op.lhs, weight), left);
            break;
        case kind::elementwise: {
            const bool sum = passes_on(op), w = has_weights(op);
            if (!sum && is_needed(i, left))
                r.lhs = add(make(i, kind::elementwise, same, result, op.lhs, input), left | right);
            if (w && learns)
                r.weight =
                    add(make(i, kind::reduction, {1, op.m, op.n, op.batch}, result, sum ? no_operand : op.lhs, weight),
                        sum ? 0 : left);
            if (!sum && !w && op.rhs.bits != 0 && is_needed(i, right))
                r.rhs =
                    add(make(i, kind::elementwise, same, result, op.rhs, gradient_of(op.rhs, options_.gradient_sparsity)),
                        left | right);
            break;
        }
        case kind::reduction:
            if (is_needed(i, left))
                r.lhs = add(make(i, kind::elementwise, {op.batch, op.m * op.k, op.n}, result, no_operand, input), 0);
            break;
        case kind::load:
            if (learns) {
                const operand g = gradient_of(op.out, options_.weight_gradient_sparsity);
                const std::uint32_t id = add(make(i, kind::store, same, g, no_operand, g), 0);
                if (looks_up(op)) r.weight = id;
            }
            break;
        case kind::store: break;
        }
    }

    constexpr void emit_update(std::size_t i) {
        const operation& op = ops_[i];
        const record& r = known_[i];
        const bool l = op.kind == operation_kind::matmul && op.lhs.cls == tensor_class::weight;
        operand weight = l || op.rhs.bits == 0 ? op.lhs : op.rhs;
        weight.cls = tensor_class::weight;
        if (op.kind == operation_kind::layer_norm) weight.sparsity = weight.skipped = 0; // its input's, not its own
        extent e{1, op.m, op.n};
        std::uint32_t reader = none; // of the weight as it was
        switch (op.kind) {
        case operation_kind::matmul:
            e = l ? extent{1, op.m, op.k} : extent{1, op.k, op.n};
            reader = l ? r.rhs : r.lhs;
            break;
        case operation_kind::layer_norm: e = {1, 2, op.n}, reader = r.lhs; break;
        case operation_kind::load: e.batch = op.batch; break;
        default: reader = r.lhs;
        }
        operation update =
            make(i, operation_kind::elementwise, e, gradient_of(weight, options_.weight_gradient_sparsity), weight, weight);
        update.pass = operation_pass::update;
        forget();
        remember(r.weight);
        if (reader != none) remember(reader);
        out_.add(update, remembered());
    }

    workload forward_;
    std::span<const operation> ops_;
    training_workload_options options_;
    Builder& out_;
    std::array<record, MaxForward> known_{};
    std::array<std::uint32_t, 2 * MaxForward> ids_{};
    std::size_t used_ = 0;
};

/// Takes operations as a builder does, and only counts them.
struct counting_builder {
    std::size_t operations = 0, dependencies = 0;
    constexpr std::uint32_t add(const operation&, std::span<const std::uint32_t> depends_on) {
        dependencies += depends_on.size();
        return static_cast<std::uint32_t>(operations++);
    }
    [[nodiscard]] constexpr workload view() const noexcept { return {}; }
};

} // namespace detail

/// A training step of the network that @p forward describes: its operations as they are (but a dependency that is there
/// twice, once); then, in reverse order, what makes their gradients (pass = backward, the label of the forward operation);
/// then an update of each weight (pass = update).
/// - A product C = A B gives dA = dC B^T and dB = A^T dC; the gradient of a weight is one sum over the batch.
/// - Softmax gives a softmax that reads the shares it made; layer norm a layer norm, and a reduction for its scales
///   and offsets together (2 x n); a reduction an elementwise operation that spreads the gradient.
/// - An elementwise operation gives one for each tensor that it reads; but where it reads two and its label ends in "add",
///   the gradient is passed on and costs nothing.
/// - A store, and a load of activations, pass the gradient on. A load of weights gives a store of their gradient. A load
///   from weights (lhs) to activations (out) is a look-up: it stores the gradient of the rows it read, and these are
///   updated.
/// - Where several operations use a result, elementwise operations ("gradient.add") sum its gradient, unless they use
///   different parts of it, as queries, keys and values of one product: then together they read no more than it has.
/// - An update is elementwise, lhs the gradient, rhs and out the weight; AdamW also reads and writes two moments of each
///   element. It waits for the gradient, and for the operation that still reads the old weight.
///
/// No gradient is made that leads to no learned weight: none of the image, for one. Backward products are exact. The loss
/// is no operation: the backward pass starts from the results that nothing reads, and waits for these. Biases of
/// products, which no operand shows, are left out. Dependencies must be complete: those of `describe_acceltran` are not. Of
/// a product of two activations with two dependencies the first one makes the left operand, unless their sizes say
/// otherwise.
/// @tparam MaxForward how many operations @p forward may have; about 32 bytes of stack each
/// @param out takes training_operation_count operations and training_dependency_count dependencies
/// @return all that @p out holds
///
/// Panics when @p forward is empty (empty), too long (out_of_range) or has operations that are not forward, or that depend
/// on later ones (bad_argument), when an option is out of its range (bad_argument), and when @p out is full (out_of_range).
///
/// @code
/// std::vector<lutra::operation> operations(lutra::training_operation_count(forward));
/// std::vector<std::uint32_t> dependencies(lutra::training_dependency_count(forward));
/// lutra::workload_builder out{operations, dependencies};
/// const lutra::workload step = lutra::describe_training(forward, {.gradient_sparsity = 0.9}, out);
/// @endcode
template <std::size_t MaxForward = 512, class Builder>
constexpr workload describe_training(const workload& forward, const training_workload_options& options, Builder& out) {
    require(!forward.operations.empty(), panic_code::empty, "describe_training needs a forward pass", 0, 1);
    require(forward.operations.size() <= MaxForward, panic_code::out_of_range, "describe_training needs a larger MaxForward",
            static_cast<long long>(forward.operations.size()), static_cast<long long>(MaxForward));
    require(detail::is_share(options.gradient_sparsity) && detail::is_share(options.weight_gradient_sparsity),
            panic_code::bad_argument, "a sparsity is a share in [0, 1]");
    require(options.gradient_bits >= 0 && options.gradient_bits <= 64, panic_code::bad_argument,
            "a gradient has 1 to 64 bits, or 0 for those of the result", options.gradient_bits, 64);
    if (!std::is_constant_evaluated()) // where it would not compile anyway, and GCC's sanitised builds cannot compare
        require(options.learned != nullptr, panic_code::bad_argument,
                "describe_training must know which weights are learned");
    for (const operation& op : forward.operations)
        require(op.pass == operation_pass::forward, panic_code::bad_argument,
                "describe_training takes forward operations only", static_cast<long long>(op.pass), 0);
    detail::training_emitter<MaxForward, Builder>{forward, options, out}.emit();
    return out.view();
}

/// How many operations describe_training() emits, those of @p forward among them.
template <std::size_t MaxForward = 512>
[[nodiscard]] constexpr std::size_t training_operation_count(const workload& forward,
                                                             const training_workload_options& options = {}) {
    detail::counting_builder out;
    describe_training<MaxForward>(forward, options, out);
    return out.operations;
}
/// How many dependencies they have together.
template <std::size_t MaxForward = 512>
[[nodiscard]] constexpr std::size_t training_dependency_count(const workload& forward,
                                                              const training_workload_options& options = {}) {
    detail::counting_builder out;
    describe_training<MaxForward>(forward, options, out);
    return out.dependencies;
}

} // namespace lutra
