// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/workload.hpp>
#include <lutra/nn/describe.hpp>

#include <array>
#include <map>
#include <string>

namespace {

constexpr lutra::layer_choice choice(double linear, double attention) {
    lutra::layer_choice c;
    c.linear.cost.power = linear;
    c.linear.name = "linear";
    c.attention.cost.power = attention;
    c.attention.name = "attention";
    return c;
}
constexpr std::array choices{choice(0.5, 0.25), choice(0.125, 1)};

// Usable at compile time: the MACs of the default ViT on one image.
constexpr std::uint64_t macs_of_default() {
    const std::array<lutra::layer_choice, 4> exact{};
    lutra::workload_buffer<64, 128> out;
    return lutra::describe(lutra::vit_config{}, exact, 1, out).macs();
}
static_assert(macs_of_default() == 49 * 16 * 64 + 4 * (50 * 64 * (4 * 64) + 2 * 50 * 50 * 64 + 2 * 50 * 64 * 128) + 64 * 10);

} // namespace

TEST_CASE("describe: counts are exact and MACs have a closed form") {
    for (const bool distilled : {false, true}) {
        const lutra::vit_config c = tiny_config(distilled);
        std::vector<lutra::operation> operations(lutra::operation_count(c));
        std::vector<std::uint32_t> dependencies(lutra::dependency_count(c));
        lutra::workload_builder out{operations, dependencies};
        const std::uint64_t images = 3, n = c.tokens(), d = c.dim, prefix = c.prefix_tokens();
        const lutra::workload w = lutra::describe(c, choices, images, out);
        CHECK(w.operations.size() == operations.size());
        CHECK(w.dependencies.size() == dependencies.size());
        CHECK(validate(w));

        const std::uint64_t embed = 6 * 32 * d, linear = n * d * (3 * d + d + 2 * c.mlp), attention = 2 * n * n * d;
        CHECK(w.macs() == images * (embed + 2 * (linear + attention) + prefix * d * c.classes));
        const auto in_linear = [](const lutra::operation& op) { return op.multiplier == "linear"; };
        const auto in_attention = [](const lutra::operation& op) { return op.multiplier == "attention"; };
        CHECK(w.macs(in_attention) == images * 2 * attention);
        CHECK(w.relative_power(in_attention) == Approx((0.25 + 1) / 2));
        const auto first = static_cast<double>(embed + linear), last = static_cast<double>(linear + prefix * d * c.classes);
        CHECK(w.relative_power(in_linear) == Approx((0.5 * first + 0.125 * last) / (first + last)));

        std::map<std::string, int> labels;
        for (const auto& op : w.operations) ++labels[std::string{op.label}];
        CHECK(labels.size() == 12 + 3 + (distilled ? 1 : 0));
        CHECK(labels["attn.qkv"] == 2);
        CHECK(labels["head_dist"] == (distilled ? 1 : 0));
    }
}

TEST_CASE("describe: shapes, operands and dependencies of a block") {
    const lutra::vit_config c = tiny_config();
    lutra::workload_buffer<64> out;
    const lutra::workload w = lutra::describe(c, choices, 2, out);
    const auto& op = w.operations;
    const auto waits_for = [&](std::size_t i) {
        const auto d = w.dependencies_of(i);
        return std::vector<std::uint32_t>(d.begin(), d.end());
    };
    using indices = std::vector<std::uint32_t>;
    CHECK((op[3].label == "attn.scores" && op[3].batch == 2 * 3 && op[3].m == 7 && op[3].k == 4 && op[3].n == 7));
    CHECK((op[5].label == "attn.context" && op[5].batch == 2 * 3 && op[5].m == 7 && op[5].k == 7 && op[5].n == 4));
    CHECK((op[3].rhs.cls == lutra::tensor_class::activation && op[2].rhs.cls == lutra::tensor_class::weight));
    CHECK((op[10].label == "mlp.activation" && op[10].elements() == 2 * 7 * 20 && op[10].rhs.bits == 0));
    CHECK(op[13].layer == 1);
    CHECK(op.back().layer == 1);
    CHECK(waits_for(0).empty());
    CHECK(waits_for(5) == indices{2, 4}); // values and probabilities
    CHECK(waits_for(7) == indices{0, 6}); // the residual
    CHECK(waits_for(12) == indices{7, 11});
    CHECK(waits_for(13) == indices{12});
}

TEST_CASE("describe: a layer's own multiplier is that of its product alone") {
    const lutra::lowered_multiplier own{.cost = {.power = 0.25}, .name = "own"};
    std::vector<lutra::layer_choice> mixed(2);
    mixed[1].by_layer[static_cast<std::size_t>(lutra::block_layer::fc2)] = &own;
    lutra::workload_buffer<64> out;
    for (const lutra::operation& op : lutra::describe(tiny_config(), mixed, 1, out).operations)
        CHECK((op.multiplier == "own") == (op.layer == 1 && op.label == "mlp.fc2"));
}

TEST_CASE("describe: linear attention") {
    lutra::vit_config c = tiny_config();
    c.attention = lutra::attention_kind::relu_linear;
    std::vector<lutra::operation> operations(lutra::operation_count(c));
    std::vector<std::uint32_t> dependencies(lutra::dependency_count(c));
    lutra::workload_builder out{operations, dependencies};
    const lutra::workload w = lutra::describe(c, choices, 2, out);
    CHECK(w.operations.size() == operations.size());
    CHECK(w.dependencies.size() == dependencies.size());
    CHECK(validate(w));
    const auto in_attention = [](const lutra::operation& op) { return op.multiplier == "attention"; };
    const std::uint64_t n = c.tokens(), width = c.head_dim(), heads = 2 * 2 * 3; // images x blocks x heads
    CHECK(w.macs(in_attention) == heads * 2 * n * width * width);
    CHECK((operations[3].label == "attn.relu" && operations[3].elements() == 2 * n * 2 * c.dim));
    CHECK((operations[5].label == "attn.key_sum" && operations[5].k == n && operations[5].elements() == 6 * width));
}

TEST_CASE("describe: refuses what does not fit") {
    const lutra::vit_config c = tiny_config();
    lutra::workload_buffer<64> out;
    REQUIRE_PANIC(lutra::describe(c, std::span{choices}.first(1), 1, out), bad_shape);
    lutra::workload_buffer<10> small;
    REQUIRE_PANIC(lutra::describe(c, choices, 1, small), out_of_range);
}
