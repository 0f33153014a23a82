// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/nn/acceltran_conversion.hpp>
#include <lutra/nn/describe.hpp>
#include <lutra/nn/describe_training.hpp>
#include <lutra/nn/transformer_shapes.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace {

using lutra::encoder_config;
using lutra::encoder_head;
using lutra::head_kind;
using lutra::operation;
using lutra::operation_kind;
using lutra::tensor_class;
using indices = std::vector<std::uint32_t>;

struct described {
    std::vector<operation> operations;
    std::vector<std::uint32_t> dependencies;
    lutra::workload view;
    explicit described(const encoder_config& c, std::uint64_t batch = 1, const lutra::encoder_workload_options& o = {})
        : operations(lutra::operation_count(c, o)), dependencies(lutra::dependency_count(c, o)) {
        lutra::workload_builder out{operations, dependencies};
        view = lutra::describe(c, batch, o, out);
    }
    [[nodiscard]] indices waits_for(std::size_t i) const {
        const auto d = view.dependencies_of(i);
        return {d.begin(), d.end()};
    }
    [[nodiscard]] std::size_t find(std::string_view label, std::size_t from = 0) const {
        while (operations.at(from).label != label) ++from;
        return from;
    }
};

// As above, of the conversion.
struct converted {
    std::vector<operation> operations;
    std::vector<std::uint32_t> dependencies;
    lutra::workload view;
    converted(const encoder_config& c, std::uint64_t batch)
        : operations(lutra::acceltran_operation_count(c)), dependencies(lutra::acceltran_dependency_count(c)) {
        lutra::workload_builder out{operations, dependencies};
        view = lutra::describe_acceltran(c, batch, out);
    }
};

// The encoder in which everything differs.
constexpr std::array<encoder_head, 3> heads_1{
    {{head_kind::scaled_dot_product, 64}, {head_kind::weighted_multiplicative, 32}, {head_kind::convolution, 64, 9}}};
constexpr std::array<encoder_head, 5> heads_2{{{head_kind::dft, 64},
                                               {head_kind::dct, 64},
                                               {head_kind::scaled_dot_product, 128},
                                               {head_kind::scaled_dot_product, 128},
                                               {head_kind::convolution, 128, 5}}};
constexpr std::array<encoder_head, 2> heads_3{{{head_kind::convolution, 64, 13}, {head_kind::weighted_multiplicative, 64}}};
constexpr std::array<std::uint32_t, 1> ffn_1{512};
constexpr std::array<std::uint32_t, 3> ffn_2{256, 1024, 512};
constexpr std::array<std::uint32_t, 2> ffn_3{1024, 256};
constexpr std::array<lutra::encoder_layer, 3> mixed_layers{
    {{128, heads_1, ffn_1}, {256, heads_2, ffn_2}, {128, heads_3, ffn_3}}};
constexpr encoder_config mixed{mixed_layers};

// One sequence of an encoder of equal layers: projections, scores and context, feed-forward.
constexpr std::uint64_t macs_of(std::uint64_t layers, std::uint64_t hidden, std::uint64_t ffn, std::uint64_t tokens) {
    return layers * (tokens * hidden * 4 * hidden + 2 * tokens * tokens * hidden + 2 * tokens * hidden * ffn);
}
// One image of a ViT of 12 blocks at 224 x 224.
constexpr std::uint64_t vit_macs_of(std::uint64_t d, std::uint64_t prefix) {
    const std::uint64_t n = 196 + prefix;
    return 196 * 768 * d + 12 * (12 * n * d * d + 2 * n * n * d) + prefix * d * 1000;
}
std::uint64_t vit_macs(const lutra::vit_config& c) {
    REQUIRE(lutra::check(c));
    const std::vector<lutra::layer_choice> choices(c.depth);
    lutra::workload_buffer<160> out;
    const lutra::workload w = lutra::describe(c, choices, 1, out);
    REQUIRE(validate(w));
    return w.macs();
}

// Usable at compile time.
constexpr std::uint64_t tiny_macs(bool per_head) {
    lutra::workload_buffer<lutra::operation_count(lutra::bert_tiny, {.per_head = true})> out;
    return lutra::describe(lutra::bert_tiny, 1, {.per_head = per_head}, out).macs();
}
static_assert(tiny_macs(false) == macs_of(2, 128, 512, 128) && tiny_macs(true) == tiny_macs(false));
static_assert(lutra::operation_count(lutra::bert_base) == 3 + 12 * 14);
static_assert(lutra::acceltran_operation_count(lutra::bert_tiny) == 93);
constexpr std::size_t tiny_conversion() {
    lutra::workload_buffer<93> out;
    return lutra::describe_acceltran(lutra::bert_tiny, 1, out).operations.size();
}
static_assert(tiny_conversion() == 93);

} // namespace

TEST_CASE("transformer_shapes: ViT and DeiT presets have the published multiply-accumulates") {
    const auto giga = [](std::uint64_t macs) { return 1e-9 * static_cast<double>(macs); };
    CHECK(vit_macs(lutra::vit_tiny) == vit_macs_of(192, 1));
    CHECK(vit_macs(lutra::vit_small) == vit_macs_of(384, 1));
    CHECK(vit_macs(lutra::vit_base) == vit_macs_of(768, 1));
    CHECK(vit_macs(lutra::deit_tiny_distilled) == vit_macs_of(192, 2));
    CHECK(vit_macs(lutra::deit_small_distilled) == vit_macs_of(384, 2));
    CHECK(giga(vit_macs(lutra::vit_tiny)) == Approx(1.26).margin(0.01)); // published with norms and other small work
    CHECK(giga(vit_macs(lutra::vit_small)) == Approx(4.6).margin(0.05)); // Touvron et al. (2021), tables 1 and 5
    CHECK(giga(vit_macs(lutra::vit_base)) == Approx(17.6).margin(0.05));
    CHECK(giga(vit_macs(lutra::deit_small_distilled)) == Approx(4.6).margin(0.05));
}

TEST_CASE("transformer_shapes: BERT presets") {
    CHECK(described{lutra::bert_tiny}.view.macs() == macs_of(2, 128, 512, 128));
    CHECK(described{lutra::bert_mini}.view.macs() == macs_of(4, 256, 1024, 128));
    CHECK(described{lutra::bert_small, 3}.view.macs() == 3 * macs_of(4, 512, 2048, 128));
    CHECK(described{lutra::bert_base}.view.macs() == macs_of(12, 768, 3072, 128));
    CHECK(1e-9 * static_cast<double>(described{lutra::bert_base}.view.macs()) == Approx(11.2).margin(0.05));

    // The parameters that are published, with 512 positions, two kinds of segment and the pooler.
    const auto parameters = [](encoder_config c) {
        c.sequence = 512;
        const std::uint64_t hidden = c.layers.front().hidden;
        std::uint64_t sum = (c.vocabulary + 2) * hidden + hidden * (hidden + 1);
        const described encoder{c, 2}; // the batch does not count
        for (const operation& op : encoder.view.operations) {
            if (op.kind == operation_kind::matmul && op.rhs.cls == tensor_class::weight) sum += op.rhs_elements() + op.n;
            if (op.kind == operation_kind::elementwise && op.rhs.cls == tensor_class::weight && op.rhs.bits != 0)
                sum += op.rhs_elements();
            if (op.kind == operation_kind::layer_norm) sum += 2 * op.n;
        }
        return sum;
    };
    CHECK(parameters(lutra::bert_base) == 109'482'240);
    CHECK(parameters(lutra::bert_tiny) == 4'385'920); // Turc et al. (2019), table 1: 4.4 million
    CHECK(parameters(lutra::bert_mini) == 11'170'560);
    CHECK(parameters(lutra::bert_small) == 28'763'648);
}

TEST_CASE("transformer_shapes: counts are exact, shapes and dependencies are right") {
    for (const bool per_head : {false, true})
        for (const encoder_config& c : {lutra::bert_tiny, lutra::bert_small, lutra::bert_base, mixed}) {
            const described encoder{c, 2, {.per_head = per_head}};
            CHECK(encoder.view.operations.size() == encoder.operations.size());
            CHECK(encoder.view.dependencies.size() == encoder.dependencies.size());
            CHECK(validate(encoder.view));
        }
    const described tiny{lutra::bert_tiny, 3, {.bits = 20}};
    const auto& op = tiny.operations;
    CHECK((op[0].label == "embedding.words" && op[0].kind == operation_kind::load && op[0].elements() == 3 * 128 * 128));
    CHECK((op[0].lhs.cls == tensor_class::weight && op[0].out.cls == tensor_class::activation && op[0].out.bits == 20));
    CHECK((op[3].label == "attn.q" && op[3].batch == 3 && op[3].m == 128 && op[3].k == 128 && op[3].n == 128));
    CHECK((op[6].label == "attn.scores" && op[6].batch == 3 * 2 && op[6].m == 128 && op[6].k == 64 && op[6].n == 128));
    CHECK((op[6].rhs.cls == tensor_class::activation && op[6].stream == 0));
    CHECK((op[8].label == "attn.context" && op[8].k == 128 && op[8].n == 64));
    CHECK((op[13].label == "ffn.1.activation" && op[13].elements() == 3 * 128 * 512));
    CHECK(tiny.waits_for(3) == indices{2});
    CHECK(tiny.waits_for(6) == indices{3, 4});
    CHECK(tiny.waits_for(8) == indices{7, 5});
    CHECK(tiny.waits_for(9) == indices{8});
    CHECK(tiny.waits_for(10) == indices{2, 9});   // the residual
    CHECK(tiny.waits_for(15) == indices{11, 14}); // likewise, from behind the norm
    CHECK(tiny.waits_for(17) == indices{16});

    const described apart{lutra::bert_tiny, 3, {.per_head = true}};
    CHECK((apart.operations[12].label == "attn.scores" && apart.operations[12].stream == 2));
    CHECK((apart.operations[12].batch == 3 && apart.operations[9].n == 64));
    CHECK(apart.waits_for(12) == indices{9, 10});
    CHECK(apart.waits_for(15) == indices{8, 14});
    CHECK((apart.operations[15].label == "attn.proj" && apart.operations[15].k == 128 && apart.operations[15].stream == 0));
}

TEST_CASE("transformer_shapes: an encoder whose layers and heads differ") {
    const std::uint64_t t = 128, attention = 2 * t * t;
    const std::uint64_t first = t * 128 * 64 * 3 + attention * 64                 // scaled dot product
                                + t * 128 * 32 * 3 + t * 32 * 32 + attention * 32 // weighted
                                + t * 128 * 64 + t * 64 * 9                       // convolution
                                + t * 160 * 128 + 2 * t * 128 * 512 + t * 128 * 256;
    const std::uint64_t second = 2 * (t * 256 * 64 + t * t * 64)             // transforms
                                 + 2 * (t * 256 * 128 * 3 + attention * 128) // two heads
                                 + t * 256 * 128 + t * 128 * 5               // convolution
                                 + t * 512 * 256 + t * (256 * 256 + 256 * 1024 + 1024 * 512 + 512 * 256) + t * 256 * 128;
    const std::uint64_t third = t * 128 * 64 + t * 64 * 13 + t * 128 * 64 * 3 + t * 64 * 64 + attention * 64 +
                                t * 128 * 128 + t * (128 * 1024 + 1024 * 256 + 256 * 128);
    const described encoder{mixed, 2}, apart{mixed, 2, {.per_head = true}};
    CHECK(encoder.view.macs() == 2 * (first + second + third));
    CHECK(apart.view.macs() == encoder.view.macs());
    CHECK(apart.operations.size() == encoder.operations.size() + 6); // two equal heads in one layer
    const std::size_t transform = encoder.find("attn.transform");
    CHECK((encoder.operations[transform].lhs.cls == tensor_class::weight && encoder.operations[transform].stream == 1));
    const std::size_t pair = encoder.find("attn.scores", transform);
    CHECK((encoder.operations[pair].batch == 2 * 2 && encoder.operations[pair].stream == 3));
    const std::size_t proj = encoder.find("attn.proj", transform);
    CHECK(encoder.waits_for(proj).size() == 4);
    const std::size_t step = encoder.find("ffn.proj");
    CHECK((encoder.operations[step].k == 128 && encoder.operations[step].n == 256 && encoder.operations[step].layer == 0));
    CHECK(encoder.waits_for(step + 1) == indices{static_cast<std::uint32_t>(step)});

    // A training step: the transforms' matrices are fixed, and have neither gradient nor update.
    lutra::workload_buffer<512> out;
    const lutra::workload training = lutra::describe_training(encoder.view, {}, out);
    CHECK(validate(training));
    CHECK(training.operations.size() == lutra::training_operation_count(encoder.view));
    CHECK(training.macs() == 3 * encoder.view.macs() - 2 * 2 * t * t * 64);
}

TEST_CASE("transformer_shapes: AccelTran's conversion of BERT-Tiny, layer 0, head 0") {
    const converted tiny{lutra::bert_tiny, 4};
    CHECK(validate(tiny.view));
    CHECK(tiny.view.operations.size() == 93);
    CHECK(tiny.view.dependencies.size() == tiny.dependencies.size());
    struct row {
        operation_kind kind;
        std::string_view label;
        std::uint64_t batch, m, n, k;
        tensor_class rhs, out;
        indices waits_for;
    };
    using kind = operation_kind;
    constexpr tensor_class w = tensor_class::weight, a = tensor_class::activation;
    const std::vector<row> head{
        {kind::load, "embedding.load", 1, 30522 + 128, 128, 1, a, w, {}},
        {kind::load, "attn.q.load", 4, 128, 64, 1, a, w, {}},
        {kind::load, "attn.k.load", 4, 128, 64, 1, a, w, {}},
        {kind::load, "attn.v.load", 4, 128, 64, 1, a, w, {}},
        {kind::matmul, "attn.q", 4, 128, 64, 128, w, a, {1}},
        {kind::matmul, "attn.k", 4, 128, 64, 128, w, a, {2}},
        {kind::matmul, "attn.v", 4, 128, 64, 128, w, a, {3}},
        {kind::store, "attn.q.store", 4, 128, 64, 1, a, a, {4}},
        {kind::store, "attn.k.store", 4, 128, 64, 1, a, a, {5}},
        {kind::store, "attn.v.store", 4, 128, 64, 1, a, a, {6}},
        {kind::matmul, "attn.scores", 4, 128, 128, 64, a, a, {7, 8, 9}},
        {kind::store, "attn.scores.store", 4, 128, 128, 1, a, a, {10}},
        {kind::softmax, "attn.softmax", 4, 128, 128, 1, a, a, {11, 9}},
        {kind::store, "attn.softmax.store", 4, 128, 128, 1, a, a, {12}},
        {kind::matmul, "attn.context", 4, 128, 64, 128, a, a, {9, 13}},
        {kind::store, "attn.context.store", 4, 128, 64, 1, a, a, {14}},
        {kind::load, "attn.proj.load", 4, 64, 128, 1, a, w, {}},
        {kind::matmul, "attn.proj", 4, 128, 128, 64, w, a, {16, 15}},
        {kind::store, "attn.proj.store", 4, 128, 128, 1, a, a, {17}},
    };
    for (std::size_t i = 0; i < head.size(); ++i) {
        const operation& op = tiny.operations[i];
        const row& expected = head[i];
        INFO(i << " " << expected.label);
        CHECK((op.kind == expected.kind && op.label == expected.label && op.layer == 0));
        CHECK((op.batch == expected.batch && op.m == expected.m && op.n == expected.n && op.k == expected.k));
        CHECK(op.stream == (i == 0 ? 0u : 1u));
        CHECK(op.out.cls == expected.out);
        CHECK((op.lhs.bits == 20 && op.lhs.sparsity == 0.5 && op.out.bits == 20 && op.out.sparsity == 0.5));
        if (op.kind == kind::matmul) CHECK((op.rhs.cls == expected.rhs && op.rhs.bits == 20 && op.rhs.sparsity == 0.5));
        const auto d = tiny.view.dependencies_of(i);
        CHECK(indices(d.begin(), d.end()) == expected.waits_for);
    }
    // The second head, then what follows the heads: a norm that waits for nothing, and non-linearities of inputs' size.
    const auto& op = tiny.operations;
    CHECK((op[19].stream == 2 && op[36].stream == 2 && op[36].label == "attn.proj.store"));
    CHECK((op[37].label == "norm1" && op[37].stream == 0 && op[37].dependency_count == 0));
    CHECK((op[41].label == "ffn.1.activation" && op[41].n == 128 && tiny.view.dependencies_of(41)[0] == 40));
    CHECK((op[45].label == "ffn.2.activation" && op[45].n == 512));
    CHECK((op[46].label == "norm2" && op[47].layer == 1 && op[47].stream == 1));
}

TEST_CASE("transformer_shapes: AccelTran's conversion has as many operations and tiles as the released one") {
    // Compute operations in tiles of 1 x 16 x 16, memory operations whole, as dict2ops.py counts them.
    const auto tiles = [](const converted& c) {
        const auto of = [](std::uint64_t extent) { return (extent + 15) / 16; };
        std::uint64_t sum = 0;
        for (const operation& op : c.view.operations) {
            const bool moves = op.kind == operation_kind::load || op.kind == operation_kind::store;
            sum += moves ? 1 : op.batch * of(op.m) * of(op.n) * of(op.k);
        }
        return sum;
    };
    CHECK(tiles({lutra::bert_tiny, 4}) == 62'005);
    // The encoder in which all differs, without the second of two equal heads.
    constexpr std::array<encoder_head, 4> heads{{heads_2[0], heads_2[1], heads_2[2], heads_2[4]}};
    auto layers = mixed_layers;
    layers[1].heads = heads;
    const converted all{{layers}, 4};
    CHECK(validate(all.view));
    CHECK(all.view.operations.size() == 144);
    CHECK(all.view.dependencies.size() == all.dependencies.size());
    CHECK(tiles(all) == 258'513);
    for (const encoder_config& c : {lutra::bert_mini, lutra::bert_base, mixed}) CHECK(validate(converted{c, 2}.view));
}

TEST_CASE("transformer_shapes: refuses what does not fit") {
    lutra::workload_buffer<256> out;
    const auto both = [&](const encoder_config& c, std::uint64_t batch, lutra::panic_code code) {
        for (const bool conversion : {false, true}) {
            lutra::panic_code got{};
            try {
                conversion ? lutra::describe_acceltran(c, batch, out) : lutra::describe(c, batch, {}, out);
            } catch (const panicked& p) {
                got = p.info.code;
            }
            CHECK(got == code);
        }
    };
    const auto with = [](lutra::encoder_layer l) { return std::array<lutra::encoder_layer, 1>{l}; };
    constexpr std::array<encoder_head, 1> no_width{{{head_kind::dft, 0}}}, no_taps{{{head_kind::convolution, 64, 0}}};
    constexpr std::array<std::uint32_t, 4> four{1, 2, 3, 4};
    constexpr std::array<std::uint32_t, 2> none{256, 0};
    using code = lutra::panic_code;
    both(lutra::bert_tiny, 0, code::bad_argument);
    both({}, 1, code::empty);
    both({.layers = mixed_layers, .sequence = 0}, 1, code::bad_shape);
    both({with({0, heads_1, ffn_1})}, 1, code::bad_shape);
    both({with({128, {}, ffn_1})}, 1, code::empty);
    both({with({128, no_width, ffn_1})}, 1, code::bad_shape);
    both({with({128, no_taps, ffn_1})}, 1, code::bad_shape);
    both({with({128, heads_1, {}})}, 1, code::bad_shape);
    both({with({128, heads_1, four})}, 1, code::bad_shape);
    both({with({128, heads_1, none})}, 1, code::bad_shape);
    both({with({128, std::array<encoder_head, 65>{}, ffn_1})}, 1, code::bad_shape);
    REQUIRE_PANIC(lutra::describe(lutra::bert_tiny, 1, {.bits = 0}, out), bad_argument);
    lutra::workload_buffer<20> little;
    REQUIRE_PANIC(lutra::describe(lutra::bert_tiny, 1, {}, little), out_of_range);
    REQUIRE_PANIC(lutra::describe_acceltran(lutra::bert_tiny, 1, little), out_of_range);
}
