// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/dropped_weights.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/workload.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/nn/integer_vit.hpp>
#include <lutra/nn/observe.hpp>
#include <lutra/nn/train/fit_control_variate.hpp>
#include <lutra/nn/train/low_rank_layers.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

using lutra::block_layer;
using lutra::block_ranks;

lutra::vit_config wide_config() { // 2 images have more rows than pass through a thin layer at a time
    lutra::vit_config c = tiny_config();
    c.image_height = 32;
    c.image_width = 16;
    c.dim = 36;
    c.mlp = 70;
    return c;
}

std::vector<lutra::layer_choice> with_ranks(const block_ranks& ranks, const lutra::lowered_multiplier& m = {}) {
    return std::vector<lutra::layer_choice>(2, {.linear = m, .ranks = ranks});
}

} // namespace

TEST_CASE("low rank: int8_vit makes both products, and shifts what is between them, as written down") {
    for (const lutra::vit_config& c : {tiny_config(), wide_config()}) {
        const network n{c};
        for (const lutra::lowered_multiplier& m : {lutra::lowered_multiplier{}, lutra::lower(lutra::drum<4>{})}) {
            const auto dense = n.in_int8(with_ranks({}, m));
            for (const block_ranks& ranks :
                 {block_ranks{{4, 3, 5, 6}}, block_ranks{{0, 1, 12, 0}}, block_ranks{{7, 0, 0, 1}}}) {
                INFO("ranks " << ranks.of[0] << ' ' << ranks.of[1] << ' ' << ranks.of[2] << ' ' << ranks.of[3]
                              << ", multiplier " << m.name << ", dim " << c.dim);
                auto choices = with_ranks(ranks, m);
                const auto logits = n.in_int8(choices);
                CHECK(distance(logits, n.reference(choices)) < tolerance);
                CHECK(distance(logits, dense) > 100 * tolerance);
                choices[1].ranks = {}; // ranks a block
                CHECK(distance(n.in_int8(choices), n.reference(choices)) < tolerance);
            }
        }
        const auto tensor = lutra::weight_granularity::per_tensor;
        const auto choices = with_ranks({{4, 3, 5, 6}});
        CHECK(distance(n.in_int8(choices, tensor), n.reference(choices, false)) < tolerance);
        CHECK(distance(n.in_int8(choices, tensor), n.in_int8(choices)) > tolerance);
    }
}

TEST_CASE("low rank: all weights of a layer, or of one output, are zero") {
    network n{tiny_config()};
    const auto block = n.parameters.block(1);
    std::fill_n(n.values.begin() + (block.fc1.weight.data() - n.values.data()), 20 * 12, 0.0f);
    std::fill_n(n.values.begin() + (block.proj.weight.data() - n.values.data()), 12, 0.0f); // one output
    const auto choices = with_ranks({{4, 3, 5, 6}});
    CHECK(distance(n.in_int8(choices), n.reference(choices)) < tolerance);
    for (const float x : n.in_float(choices)) CHECK(std::isfinite(x));
}

TEST_CASE("low rank: a layer with a rank leaves out its rule for weights, the others follow it") {
    const network n{tiny_config()};
    auto choices = with_ranks({{4, 0, 5, 0}});
    for (auto& choice : choices) choice.weights = lutra::weight_pruning::keep_n_m({2, 4});
    CHECK(distance(n.in_int8(choices), n.reference(choices)) < tolerance);
    auto shared = with_ranks({{4, 0, 5, 0}});
    for (auto& choice : shared) choice.weights = lutra::weight_pruning::drop_blocks({4, 4}, 0.5);
    CHECK(distance(n.in_float(shared), n.in_float(with_ranks({{4, 0, 5, 0}}))) > 1e-2f);
}

TEST_CASE("low rank: corrections act on the sums of both products") {
    const network n{tiny_config()};
    const auto choices = with_ranks({{4, 3, 5, 6}});
    std::vector<std::int32_t> corrections(lutra::control_variates<std::int32_t>::count(n.config));
    const auto plain = n.in_int8(choices);
    CHECK(n.in_int8(choices, lutra::weight_granularity::per_channel, corrections) == plain);
    lutra::control_variates<std::int32_t>{n.config, corrections}.block(1, block_layer::fc2).constant[3] = 5000;
    CHECK(distance(n.in_int8(choices, lutra::weight_granularity::per_channel, corrections), plain) > tolerance);
    const std::vector<std::uint8_t> pixels(n.config.image_size());
    REQUIRE_PANIC(lutra::fit_control_variates(n.parameters, n.scales, choices, pixels), unsupported);
}

TEST_CASE("low rank: float_vit is the network of the nearest weights, and lower_ranks makes these") {
    for (const lutra::vit_config& c : {tiny_config(), wide_config()}) {
        const network n{c};
        const auto choices = with_ranks({{4, 0, 5, 6}});
        network near{c};
        lutra::lower_ranks({c, near.values}, choices);
        const auto logits = n.in_float(choices);
        CHECK(distance(logits, near.in_float(with_ranks({}))) < 1e-4f);
        CHECK(distance(logits, n.in_float(with_ranks({}))) > 1e-2f);
        CHECK(distance(near.in_float(choices), logits) < 1e-4f); // of that rank already
        for (std::size_t i = 0; i < 2; ++i) {                    // nothing else is touched
            const auto before = n.parameters.block(i), after = near.parameters.block(i);
            CHECK(std::ranges::equal(before.proj.weight.row(1), after.proj.weight.row(1)));
            CHECK(std::ranges::equal(before.fc1.bias, after.fc1.bias));
            CHECK(!std::ranges::equal(before.fc1.weight.row(1), after.fc1.weight.row(1)));
        }
        const auto full = static_cast<std::uint32_t>(c.dim);
        CHECK(distance(n.in_float(with_ranks({{full, full, full, full}})), n.in_float(with_ranks({}))) < 1e-3f);
    }
}

TEST_CASE("low rank: ranks by products and by energy") {
    const lutra::vit_config c = wide_config();
    const block_ranks half = lutra::ranks_for_macs(c, 0.5);
    for (std::size_t l = 0; l < lutra::block_layer_count; ++l) {
        const auto [out, in] = lutra::block_shapes(c)[l];
        CHECK(half.of[l] * (out + in) <= out * in / 2);
        CHECK((half.of[l] + 1) * (out + in) > out * in / 2);
    }
    CHECK(lutra::ranks_for_macs(tiny_config(), 0.001) == block_ranks{{1, 1, 1, 1}});

    network n{c};
    lutra::lower_ranks({c, n.values}, with_ranks({{5, 6, 7, 8}}));
    for (const block_ranks& found : lutra::ranks_for_energy(n.parameters, 1 - 1e-9))
        CHECK(found == block_ranks{{5, 6, 7, 8}});
    const auto less = lutra::ranks_for_energy(n.parameters, 0.5);
    for (std::size_t l = 0; l < lutra::block_layer_count; ++l) CHECK((less[1].of[l] >= 1 && less[1].of[l] < 5 + l));
    const network random{c}; // needs nearly its full rank: more products than without
    for (const block_ranks& found : lutra::ranks_for_energy(random.parameters, 1)) CHECK(!found.active());
}

TEST_CASE("low rank: a workload has both products") {
    const lutra::vit_config c = tiny_config();
    const block_ranks ranks{{4, 0, 5, 6}};
    const auto choices = with_ranks(ranks);
    std::vector<lutra::operation> operations(lutra::operation_count(c, choices));
    std::vector<std::uint32_t> dependencies(lutra::dependency_count(c, choices));
    lutra::workload_builder out{operations, dependencies};
    const lutra::workload w = lutra::describe(c, choices, 3, out);
    CHECK(w.operations.size() == operations.size());
    CHECK(w.dependencies.size() == dependencies.size());
    CHECK(validate(w));
    lutra::workload_buffer<64> whole;
    const auto dense = lutra::describe(c, with_ranks({}), 3, whole);
    const std::uint64_t d = c.dim, h = c.mlp, rows = 3 * c.tokens();
    CHECK(dense.macs() - w.macs() == 2 * rows * (3 * d * d - 4 * 4 * d + h * d - 5 * (h + d) + d * h - 6 * (d + h)));

    const network n{c};
    const lutra::arena_memory memory{lutra::float_vit<>::packed_bytes(c, choices)};
    lutra::arena packed{memory.bytes()};
    const lutra::float_vit<> vit{n.parameters, packed, choices};
    const lutra::arena_memory work{lutra::observe_scratch_bytes<lutra::float_vit<>>(c, 2)};
    lutra::arena scratch{work.bytes()};
    lutra::workload_buffer<64> seen;
    for (const lutra::operation& op :
         lutra::observe(vit, {n.images.data(), 2, c.image_size()}, choices, scratch, seen).operations) {
        if (op.label == "attn.qkv.up") CHECK((op.layer > 1 || (op.batch * op.m == 14 && op.k == 4 && op.n == 36)));
        if (op.label == "mlp.fc2.down") CHECK((op.k == 20 && op.n == 6));
        CHECK(op.label != "mlp.fc2");
    }
}

TEST_CASE("low rank: sums are shifted to int8 and back") {
    const std::vector<std::int32_t> sums{127, -127, 128, 255, -300, 0, 2147483647, -2147483647};
    CHECK(lutra::shift_to_int8(std::span{sums}.first(2)) == 0);
    CHECK(lutra::shift_to_int8(std::span{sums}.first(3)) == 1);
    CHECK(lutra::shift_to_int8(std::span{sums}.first(5)) == 2);
    CHECK(lutra::shift_to_int8(sums) == 24);
    std::vector<std::int8_t> out(8);
    lutra::shift_to_int8(std::span{sums}.first(5), 2, std::span{out}.first(5));
    CHECK((out[0] == 32 && out[1] == -32 && out[2] == 32 && out[3] == 64 && out[4] == -75));
    lutra::shift_to_int8(sums, 24, out);
    CHECK((out[6] == 127 && out[7] == -127 && out[0] == 0));
}

TEST_CASE("low rank: refuses what cannot be") {
    const network n{tiny_config()};
    REQUIRE_PANIC(n.in_int8(with_ranks({{13, 0, 0, 0}})), out_of_range);
    REQUIRE_PANIC(n.in_float(with_ranks({{0, 0, 0, 13}})), out_of_range);
    REQUIRE_PANIC(n.in_float(std::vector<lutra::layer_choice>(1)), bad_shape);
    auto skipping = with_ranks({{0, 0, 0, 3}});
    skipping[0].skip_zeros = true;
    REQUIRE_PANIC(n.in_int8(skipping), unsupported);
    REQUIRE_PANIC(n.in_float(skipping), unsupported);
    for (const double share : {0.0, 1.0, -0.5, std::numeric_limits<double>::quiet_NaN()}) {
        REQUIRE_PANIC(lutra::ranks_for_macs(n.config, share), out_of_range);
        if (share != 1) REQUIRE_PANIC(lutra::ranks_for_energy(n.parameters, share), out_of_range);
    }
    std::vector<float> values = n.values;
    REQUIRE_PANIC(lutra::lower_ranks({n.config, values}, std::span{skipping}.first(1)), bad_shape);
    REQUIRE_PANIC(lutra::lower_ranks({n.config, values}, with_ranks({{0, 0, 99, 0}})), out_of_range);
    values[static_cast<std::size_t>(n.parameters.block(1).fc1.weight.data() - n.values.data())] =
        std::numeric_limits<float>::infinity();
    REQUIRE_PANIC(lutra::lower_ranks({n.config, values}, with_ranks({{0, 0, 2, 0}})), bad_argument);
    const auto thin = with_ranks({{2, 2, 2, 2}});
    const lutra::arena_memory memory{lutra::integer_vit<>::packed_bytes(n.config, thin)};
    lutra::arena packed{memory.bytes()};
    REQUIRE_PANIC((lutra::integer_vit<>{n.parameters, n.scales, thin, packed}), unsupported);
}
