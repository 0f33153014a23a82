// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/nn/describe.hpp>
#include <lutra/nn/describe_training.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace {

using lutra::operand;
using lutra::operation;
using lutra::operation_kind;
using lutra::operation_pass;
using lutra::tensor_class;
using indices = std::vector<std::uint32_t>;

constexpr operand weight{.cls = tensor_class::weight};
constexpr operand activation{};

constexpr operation product(std::string_view label, std::uint64_t batch, std::uint64_t m, std::uint64_t k, std::uint64_t n,
                            const operand& rhs = weight) {
    return {.kind = operation_kind::matmul, .label = label, .batch = batch, .m = m, .n = n, .k = k, .rhs = rhs};
}
constexpr operation other(operation_kind kind, std::string_view label, std::uint64_t batch, std::uint64_t m, std::uint64_t n,
                          const operand& rhs = lutra::no_operand) {
    return {.kind = kind, .label = label, .batch = batch, .m = m, .n = n, .rhs = rhs};
}

indices waits_for(const lutra::workload& w, std::size_t i) {
    const auto d = w.dependencies_of(i);
    return {d.begin(), d.end()};
}

// Memory for a step of a network, and the step.
struct step {
    std::vector<operation> operations;
    std::vector<std::uint32_t> dependencies;
    lutra::workload view;
    explicit step(const lutra::workload& forward, const lutra::training_workload_options& o = {})
        : operations(lutra::training_operation_count(forward, o)),
          dependencies(lutra::training_dependency_count(forward, o)) {
        lutra::workload_builder out{operations, dependencies};
        view = lutra::describe_training(forward, o, out);
        CHECK(view.operations.size() == operations.size());
        CHECK(view.dependencies.size() == dependencies.size());
        CHECK(validate(view));
    }
    [[nodiscard]] std::size_t count(operation_pass pass, std::string_view label) const {
        std::size_t n = 0;
        for (const operation& op : operations) n += op.pass == pass && op.label == label;
        return n;
    }
};

// Usable at compile time.
constexpr std::uint64_t macs_of_step(bool training) {
    const std::array<lutra::layer_choice, 2> exact{};
    lutra::vit_config c;
    c.depth = 2;
    lutra::workload_buffer<32> forward;
    const lutra::workload f = lutra::describe(c, exact, 2, forward);
    lutra::workload_buffer<128> out;
    return training ? lutra::describe_training<32>(f, {}, out).macs() : 3 * f.macs() - f.operations[0].macs();
}
static_assert(macs_of_step(true) == macs_of_step(false));

} // namespace

TEST_CASE("describe_training: a residual layer, operation by operation") {
    lutra::workload_buffer<8> forward;
    const auto first = forward.add(product("first", 4, 5, 6, 7));
    const auto norm = forward.add(other(operation_kind::layer_norm, "norm", 4, 5, 7), {first});
    const auto wide = forward.add(product("wide", 4, 5, 7, 9), {norm});
    const auto bent = forward.add(other(operation_kind::elementwise, "gelu", 4, 5, 9), {wide});
    const auto back = forward.add(product("back", 4, 5, 9, 7), {bent});
    forward.add(other(operation_kind::elementwise, "add", 4, 5, 7, activation), {first, back});

    const step s{forward.view(), {.gradient_sparsity = 0.9, .weight_gradient_sparsity = 0.25, .gradient_bits = 16}};
    struct row {
        operation_kind kind;
        operation_pass pass;
        std::string_view label;
        std::uint64_t batch, m, n, k;
        indices waits_for;
    };
    using kind = operation_kind;
    constexpr operation_pass backward = operation_pass::backward, update = operation_pass::update;
    const std::vector<row> rows{
        {kind::matmul, backward, "back", 4, 5, 9, 7, {5}},           // 6: of the input
        {kind::matmul, backward, "back", 1, 9, 7, 4 * 5, {5, 3}},    // 7: of the weight
        {kind::elementwise, backward, "gelu", 4, 5, 9, 1, {6, 2}},   // 8
        {kind::matmul, backward, "wide", 4, 5, 7, 9, {8}},           // 9
        {kind::matmul, backward, "wide", 1, 7, 9, 4 * 5, {8, 1}},    // 10
        {kind::layer_norm, backward, "norm", 4, 5, 7, 1, {9, 0}},    // 11
        {kind::reduction, backward, "norm", 1, 2, 7, 4 * 5, {9, 0}}, // 12
        {kind::elementwise, backward, "gradient.add", 4, 5, 7, 1, {5, 11}},
        {kind::matmul, backward, "first", 1, 6, 7, 4 * 5, {13}},
        {kind::elementwise, update, "first", 1, 6, 7, 1, {14}},
        {kind::elementwise, update, "norm", 1, 2, 7, 1, {12, 11}},
        {kind::elementwise, update, "wide", 1, 7, 9, 1, {10, 9}},
        {kind::elementwise, update, "back", 1, 9, 7, 1, {7, 6}},
    };
    REQUIRE(s.operations.size() == 6 + rows.size());
    for (std::size_t i = 0; i < 6; ++i) {
        CHECK(s.operations[i].label == forward.view().operations[i].label);
        CHECK(waits_for(s.view, i) == waits_for(forward.view(), i));
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const operation& op = s.operations[6 + i];
        const row& expected = rows[i];
        INFO(6 + i << " " << expected.label);
        CHECK((op.kind == expected.kind && op.pass == expected.pass && op.label == expected.label));
        CHECK((op.batch == expected.batch && op.m == expected.m && op.n == expected.n && op.k == expected.k));
        CHECK(waits_for(s.view, 6 + i) == expected.waits_for);
        CHECK(op.out.cls == (op.pass == update ? tensor_class::weight : tensor_class::gradient));
    }
    const auto& op = s.operations;
    const operand gradient{.cls = tensor_class::gradient, .bits = 16, .sparsity = 0.9};
    const operand sum{.cls = tensor_class::gradient, .bits = 16, .sparsity = 0.25};
    CHECK((op[6].lhs == gradient && op[6].rhs == weight && op[6].out == gradient));
    CHECK((op[7].lhs == activation && op[7].rhs == gradient && op[7].out == sum));
    CHECK((op[8].lhs == gradient && op[8].rhs == activation && op[8].out == gradient));
    CHECK((op[12].lhs == gradient && op[12].out == sum));
    CHECK((op[13].lhs == gradient && op[13].rhs == gradient && op[13].out == gradient));
    CHECK((op[17].lhs == sum && op[17].rhs == weight && op[17].out == weight));
}

TEST_CASE("describe_training: a ViT") {
    for (const bool distilled : {false, true})
        for (const auto attention : {lutra::attention_kind::softmax, lutra::attention_kind::relu_linear}) {
            lutra::vit_config c = tiny_config(distilled);
            c.attention = attention;
            const std::vector<lutra::layer_choice> choices(c.depth);
            lutra::workload_buffer<64> forward;
            const lutra::workload f = lutra::describe(c, choices, 3, forward);
            const step s{f};
            // Each product has two of its size, but the embedding: nothing needs the gradient of an image.
            CHECK(s.view.macs() == 3 * f.macs() - f.operations[0].macs());
            CHECK(s.count(operation_pass::backward, "patch_embed") == 1);
            CHECK(s.count(operation_pass::backward, "mlp.fc1") == 2 * c.depth);
            CHECK(s.count(operation_pass::backward, "attn.add") == 0);
            std::uint64_t weights = 0, updated = 0;
            for (const operation& op : f.operations) {
                if (op.rhs.cls == tensor_class::weight) weights += op.rhs_elements();
                if (op.kind == operation_kind::layer_norm) weights += 2 * op.n;
            }
            for (const operation& op : s.operations)
                if (op.pass == operation_pass::update) updated += op.elements();
            CHECK(updated == weights);
            // A sum for each of two residuals a block; distilled, each head reads a token of its own.
            if (attention == lutra::attention_kind::softmax)
                CHECK(s.count(operation_pass::backward, "gradient.add") == 2 * c.depth);
        }
}

TEST_CASE("describe_training: attention whose queries, keys and values are parts of one result, or results of their own") {
    const std::uint64_t tokens = 8, width = 8, heads = 2, all = width * heads; // as many tokens as columns of a head
    const auto context = [&](auto& out, std::uint32_t q, std::uint32_t k, std::uint32_t v) {
        const auto scores = q == k ? out.add(product("scores", heads, tokens, width, tokens, activation), {q})
                                   : out.add(product("scores", heads, tokens, width, tokens, activation), {q, k});
        const auto shares = out.add(other(operation_kind::softmax, "softmax", heads, tokens, tokens), {scores});
        out.add(product("context", heads, tokens, tokens, width, activation), {shares, v});
    };
    lutra::workload_buffer<8> one;
    const auto x = one.add(product("first", 1, tokens, 3, all));
    const auto qkv = one.add(product("qkv", 1, tokens, all, 3 * all), {x});
    context(one, qkv, qkv, qkv);
    const step together{one.view()};
    CHECK(together.count(operation_pass::backward, "gradient.add") == 0);
    const auto& op = together.operations;
    CHECK((op[5].label == "context" && op[5].m == tokens && op[5].n == tokens && op[5].k == width)); // of the shares
    CHECK(waits_for(together.view, 5) == indices{4, 1});
    CHECK(waits_for(together.view, 6) == indices{4, 3}); // of the values
    CHECK((op[7].kind == operation_kind::softmax && waits_for(together.view, 7) == indices{5, 3}));
    CHECK((op[8].label == "scores" && waits_for(together.view, 8) == indices{7, 1}));
    CHECK((op[10].label == "qkv" && waits_for(together.view, 10) == indices{6, 8, 9}));
    CHECK(waits_for(together.view, 11) == indices{6, 8, 9, 0});

    lutra::workload_buffer<8> three;
    const auto y = three.add(product("first", 1, tokens, 3, all));
    const auto q = three.add(product("q", 1, tokens, all, all), {y}), k = three.add(product("k", 1, tokens, all, all), {y});
    const auto v = three.add(product("v", 1, tokens, all, all), {y});
    context(three, q, k, v);
    const step apart{three.view()};
    CHECK(apart.count(operation_pass::backward, "gradient.add") == 2); // of what all three read
    std::map<std::string, indices> first_of;
    for (std::size_t i = apart.operations.size(); i-- > 7;)
        if (apart.operations[i].pass == operation_pass::backward)
            first_of[std::string{apart.operations[i].label}] = waits_for(apart.view, i);
    CHECK(first_of["v"] == indices{8});  // of context: 7 is of the shares, 8 of the values
    CHECK(first_of["k"] == indices{11}); // of scores: 10 is of the queries, 11 of the keys
    CHECK(first_of["q"] == indices{10});
    CHECK(together.view.macs() == apart.view.macs());
}

TEST_CASE("describe_training: heads whose results lie side by side, and results that are read in part") {
    lutra::workload_buffer<16> forward;
    const auto x = forward.add(product("first", 1, 6, 3, 8));
    const auto left = forward.add(product("left", 1, 6, 8, 4), {x}), right = forward.add(product("right", 1, 6, 8, 4), {x});
    const auto joined = forward.add(product("joined", 1, 6, 8, 8), {left, right});
    forward.add(other(operation_kind::elementwise, "add", 1, 2, 8, activation), {x, joined}); // of two tokens of six
    const step s{forward.view()};
    const auto& op = s.operations;
    CHECK((op[5].label == "joined" && waits_for(s.view, 5) == indices{4}));
    CHECK(waits_for(s.view, 6) == indices{4, 1, 2});
    CHECK((op[7].label == "right" && waits_for(s.view, 7) == indices{5}));
    CHECK((op[9].label == "left" && waits_for(s.view, 9) == indices{5}));
    // Two tokens of the residual beneath one head's gradient, then all of the other's.
    std::vector<std::uint64_t> sums;
    for (const operation& o : op)
        if (o.label == "gradient.add") sums.push_back(o.elements());
    CHECK(sums == std::vector<std::uint64_t>{16, 48});
}

TEST_CASE("describe_training: loads, stores and look-ups") {
    lutra::workload_buffer<16> forward;
    operation look_up = other(operation_kind::load, "words", 4, 5, 6);
    look_up.lhs = weight;
    operation fetch = other(operation_kind::load, "fc.load", 1, 6, 7);
    fetch.lhs = fetch.out = weight;
    const auto words = forward.add(look_up);
    const auto placed = forward.add(other(operation_kind::elementwise, "positions.add", 4, 5, 6, weight), {words});
    const auto kept = forward.add(other(operation_kind::store, "kept", 4, 5, 6), {placed});
    const auto loaded = forward.add(fetch);
    const auto y = forward.add(product("fc", 4, 5, 6, 7), {loaded, kept});
    operation mean = other(operation_kind::reduction, "mean", 4, 1, 7);
    mean.k = 5;
    forward.add(mean, {y});
    const step s{forward.view()};
    const auto& op = s.operations;
    CHECK((op[6].label == "mean" && op[6].kind == operation_kind::elementwise && op[6].elements() == 4 * 5 * 7));
    CHECK(waits_for(s.view, 6) == indices{5});
    CHECK((op[7].label == "fc" && op[7].rhs.cls == tensor_class::weight && waits_for(s.view, 7) == indices{6, 3}));
    CHECK((op[8].label == "fc" && op[8].k == 4 * 5 && waits_for(s.view, 8) == indices{6, 2}));
    CHECK((op[9].label == "fc.load" && op[9].kind == operation_kind::store && waits_for(s.view, 9) == indices{8}));
    CHECK((op[9].out.cls == tensor_class::gradient && op[9].elements() == 6 * 7));
    CHECK((op[10].label == "positions.add" && op[10].kind == operation_kind::reduction && op[10].k == 4));
    CHECK((op[10].elements() == 5 * 6 && waits_for(s.view, 10) == indices{7}));
    CHECK((op[11].label == "words" && op[11].kind == operation_kind::store && op[11].elements() == 4 * 5 * 6));
    CHECK(waits_for(s.view, 11) == indices{7});
    REQUIRE(op.size() == 15); // three updates
    CHECK((op[12].label == "words" && op[12].elements() == 4 * 5 * 6 && waits_for(s.view, 12) == indices{11}));
    CHECK((op[13].label == "positions.add" && op[13].elements() == 5 * 6 && waits_for(s.view, 13) == indices{10}));
    CHECK((op[14].label == "fc" && op[14].elements() == 6 * 7 && waits_for(s.view, 14) == indices{8, 7}));
}

TEST_CASE("describe_training: weights that are not learned") {
    const lutra::vit_config c = tiny_config();
    const std::vector<lutra::layer_choice> choices(c.depth);
    lutra::workload_buffer<64> forward;
    const lutra::workload f = lutra::describe(c, choices, 2, forward);
    const step head{f, {.learned = [](const operation& op) { return op.label == "head"; }}};
    CHECK(head.operations.size() == f.operations.size() + 2); // its gradient and its update
    CHECK(head.view.macs() == f.macs() + f.operations.back().macs());
    const step norms{f, {.learned = [](const operation& op) { return op.kind == operation_kind::layer_norm; }}};
    CHECK(norms.count(operation_pass::backward, "mlp.fc1") == c.depth); // of inputs only
    CHECK(norms.count(operation_pass::backward, "patch_embed") == 0);
    CHECK(norms.count(operation_pass::update, "norm1") == c.depth);
    const step none{f, {.learned = [](const operation&) { return false; }}};
    CHECK(none.operations.size() == f.operations.size());
}

TEST_CASE("describe_training: a product of a result with itself, and of two that are not added") {
    lutra::workload_buffer<8> forward;
    const auto x = forward.add(product("first", 1, 4, 3, 4));
    const auto square = forward.add(product("square", 1, 4, 4, 4, activation), {x, x});
    const auto gate = forward.add(product("gate", 1, 4, 4, 4), {x});
    forward.add(other(operation_kind::elementwise, "multiply", 1, 4, 4, activation), {square, gate});
    const step s{forward.view()};
    const auto& op = s.operations;
    CHECK((waits_for(s.view, 4) == indices{3, 1, 2} && waits_for(s.view, 5) == indices{3, 1, 2})); // of each factor
    CHECK((op[6].label == "gate" && waits_for(s.view, 6) == indices{5}));
    CHECK((op[8].label == "square" && waits_for(s.view, 8) == indices{4, 0} && waits_for(s.view, 9) == indices{4, 0}));
    CHECK(s.count(operation_pass::backward, "gradient.add") == 2); // of three uses
}

TEST_CASE("describe_training: dependencies count from what the builder holds already") {
    lutra::workload_buffer<4> forward;
    forward.add(product("second", 1, 2, 3, 4), {forward.add(product("first", 1, 2, 3, 3))});
    const step alone{forward.view()};
    lutra::workload_buffer<32> out;
    lutra::describe_training(forward.view(), {}, out);
    const std::size_t n = out.size(), d = out.view().dependencies.size();
    const lutra::workload twice = lutra::describe_training(forward.view(), {}, out);
    REQUIRE((twice.operations.size() == 2 * n && n == alone.operations.size()));
    for (std::size_t i = 0; i < d; ++i) CHECK(twice.dependencies[d + i] == twice.dependencies[i] + n);
    CHECK(validate(twice));
}

TEST_CASE("describe_training: refuses what does not fit") {
    lutra::workload_buffer<4> forward;
    lutra::workload_buffer<32> out;
    REQUIRE_PANIC(lutra::describe_training(forward.view(), {}, out), empty);
    forward.add(product("second", 1, 2, 3, 4), {forward.add(product("first", 1, 2, 3, 3))});
    REQUIRE_PANIC(lutra::describe_training<1>(forward.view(), {}, out), out_of_range);
    REQUIRE_PANIC(lutra::describe_training(forward.view(), {.gradient_sparsity = 1.5}, out), bad_argument);
    REQUIRE_PANIC(lutra::describe_training(forward.view(), {.weight_gradient_sparsity = -1}, out), bad_argument);
    REQUIRE_PANIC(lutra::describe_training(forward.view(), {.gradient_bits = 65}, out), bad_argument);
    REQUIRE_PANIC(lutra::describe_training(forward.view(), {.learned = nullptr}, out), bad_argument);
    lutra::workload_buffer<5> little;
    REQUIRE_PANIC(lutra::describe_training(forward.view(), {}, little), out_of_range);
    out.clear();
    const lutra::workload step = lutra::describe_training(forward.view(), {}, out);
    lutra::workload_buffer<64> again;
    REQUIRE_PANIC(lutra::describe_training(step, {}, again), bad_argument);
    operation ahead = product("ahead", 1, 2, 3, 4);
    ahead.dependency_count = 1;
    constexpr std::uint32_t itself = 0;
    REQUIRE_PANIC(lutra::training_operation_count(lutra::workload{{&ahead, 1}, {&itself, 1}}), bad_argument);
}
