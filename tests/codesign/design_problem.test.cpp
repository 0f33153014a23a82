// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/codesign/design_problem.hpp>
#include <lutra/codesign/sensitivity.hpp>
#include <lutra/core/threads.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/lowering.hpp>
#include <lutra/multiplier/operand_truncated.hpp>
#include <lutra/search/run.hpp>

#include <cmath>
#include <limits>

namespace {

using multipliers = std::vector<lutra::lowered_multiplier>;
const lutra::lowered_multiplier exact{}, coarse = lutra::lower(lutra::operand_truncated<3, 3>{}),
                                         drum = lutra::lower(lutra::drum<3>{});

/// A random network, images, and as labels what the exact network says of them: its accuracy is 1.
struct labelled_network {
    lutra::vit_config config = tiny_config();
    std::vector<float> values = random_parameters(config, 1);
    lutra::vit_parameters<const float> parameters{config, values};
    std::vector<float> scales = std::vector<float>(lutra::activation_scales<float>::count(config), 0.02f);
    std::vector<std::uint8_t> pixels = random_bytes(images * config.image_size(), 2), labels;
    static constexpr std::size_t images = 70; // two batches of 32 and a rest

    labelled_network() {
        const std::vector<lutra::layer_choice> choices(config.depth);
        const lutra::arena_memory memory{lutra::int8_vit<>::packed_bytes(config, choices)};
        lutra::arena packed{memory.bytes()};
        const lutra::int8_vit<> vit{parameters, scales, choices, packed};
        std::vector<float> normalized(pixels.size());
        lutra::normalize(config, pixels, normalized);
        const auto logits = logits_of(vit, normalized);
        for (std::size_t i = 0; i < images; ++i) {
            const auto first = logits.begin() + static_cast<std::ptrdiff_t>(i * config.classes);
            labels.push_back(static_cast<std::uint8_t>(std::max_element(first, first + config.classes) - first));
        }
    }
    [[nodiscard]] lutra::network_tester<> tester(const lutra::trial_options& o = {}, std::size_t workers = 1) const {
        return {parameters, scales, pixels, labels, workers, o};
    }
};
const labelled_network& net() {
    static const labelled_network n;
    return n;
}

/// The first tester, counting.
struct counting_tester {
    const lutra::network_tester<>* inner;
    mutable int trials = 0;
    [[nodiscard]] lutra::network_trial operator()(std::span<const lutra::layer_choice> c, std::size_t w) const {
        ++trials;
        return (*inner)(c, w);
    }
};

} // namespace

TEST_CASE("network_tester: counts what is right, and what the network asks of hardware") {
    const auto tester = net().tester({.observed = 10});
    const std::vector<lutra::layer_choice> choices(2);
    const lutra::network_trial t = tester(choices, 0);
    CHECK((t.images == 70 && t.correct == 70 && !t.stopped && t.accuracy() == 1));

    lutra::workload_buffer<64> out;
    const lutra::workload one = lutra::describe(net().config, choices, 1, out);
    REQUIRE(t.operations.size() == one.operations.size());
    const auto first_block = [](const lutra::operation& op) { return op.layer == 0; };
    CHECK(t.view().macs(first_block) == one.macs(first_block));
    CHECK(t.view().macs() < one.macs()); // of the last block only what the head reads

    // two labels that are wrong are two images that are not right
    auto labels = net().labels;
    for (const std::size_t i : {3u, 69u}) labels[i] = static_cast<std::uint8_t>((labels[i] + 1) % 5);
    const lutra::network_tester<> other{net().parameters, net().scales, net().pixels, labels, 1};
    CHECK(other(choices, 0).correct == 68);
}

TEST_CASE("network_tester: dropped tokens are dropped from the workload, zeros are counted") {
    std::vector<lutra::layer_choice> choices(2);
    choices[0].tokens = lutra::token_pruning::keep_top(0.5f, lutra::rest_tokens::drop);
    choices[1].pruning = {.kind = lutra::activation_pruning_kind::threshold, .tau = 0.5f};
    const lutra::network_trial t = net().tester()(choices, 0);
    double zeros = 0;
    for (const lutra::operation& op : t.operations) {
        if (op.layer == 0 && op.label == "mlp.fc1")
            CHECK((op.batch == 1 && op.m == 4)); // the class token and half of six patches
        if (op.layer == 1 && op.label == "mlp.fc2") zeros = op.lhs.sparsity;
    }
    CHECK(zeros > 0.05);
}

TEST_CASE("network_tester: stops where the accuracy is surely too low, and not where it may not be") {
    auto wrong = net().labels;
    for (std::uint8_t& l : wrong) l = static_cast<std::uint8_t>((l + 1) % 5);
    const std::vector<lutra::layer_choice> choices(2);
    const auto run = [&](std::span<const std::uint8_t> labels, double least) {
        return lutra::network_tester<>{
            net().parameters, net().scales, net().pixels, labels, 1, {.batch = 8, .least_accuracy = least}}(choices, 0);
    };
    // sqrt(ln 1000 / 2 n) < 0.7 from n = 8 on (0.657); < 0.6 from n = 16 on
    CHECK((run(wrong, 0.7).stopped && run(wrong, 0.7).images == 8));
    CHECK((run(wrong, 0.6).stopped && run(wrong, 0.6).images == 16));
    CHECK((!run(wrong, 0).stopped && run(wrong, 0).images == 70));
    CHECK((!run(net().labels, 1).stopped && run(net().labels, 1).images == 70));
}

TEST_CASE("network_tester: refuses what cannot be") {
    const auto make = [](std::size_t pixels, std::size_t labels, lutra::trial_options o) {
        return lutra::network_tester<>{net().parameters,
                                       net().scales,
                                       std::span{net().pixels}.first(pixels),
                                       std::span{net().labels}.first(labels),
                                       1,
                                       o};
    };
    const std::size_t size = net().config.image_size();
    REQUIRE_PANIC(make(0, 0, {}), empty);
    REQUIRE_PANIC(make(size, 2, {}), bad_shape);
    REQUIRE_PANIC(make(size + 1, 1, {}), bad_shape);
    REQUIRE_PANIC(make(size, 1, {.batch = 0}), bad_argument);
    REQUIRE_PANIC(make(size, 1, {.doubt = 0}), bad_argument);
    REQUIRE_PANIC(make(size, 1, {})(std::vector<lutra::layer_choice>(2), 1), out_of_range);
}

TEST_CASE("design_model: measures a network on an accelerator, and tries each network once") {
    const lutra::network_space network{net().config, {.linear = {exact, coarse}, .attention = {exact, drum}}};
    lutra::tiled_design_space designs;
    designs.tile_batch = {1}, designs.tile_side = {16}, designs.activation = {lutra::lane_function::gelu};
    designs.lanes = {16}, designs.macs = {16}, designs.softmax = {4}, designs.batch = {4, 16}, designs.weight_mb = {8};
    designs.activation_mb = {4}, designs.mask_mb = {1}, designs.memory = {lutra::acceltran_main_memories[8]};
    designs.elements = {64, 128};
    const lutra::hardware_space hardware = lutra::hardware_of(designs);
    REQUIRE(hardware.genes.size() == 2);
    CHECK(hardware.genes[0].name == "accelerator elements");
    CHECK(hardware.genes[1].alternatives == std::vector<std::string>{"4", "16"});
    const auto inner = net().tester();
    const counting_tester tester{&inner};
    const lutra::design_model model{network, hardware, tester};
    REQUIRE(model.space().size() == 16 * 4);
    CHECK(model.genes().back().name == "accelerator batch");

    for (std::uint64_t i = 0; i < model.space().size(); ++i) {
        const auto g = model.space().at(i);
        const auto m = model.measure(g, 0);
        const auto choices = network.decode(g.gene);
        const auto trial = inner(choices, 0);
        CHECK(m[0] == 1 - trial.accuracy());
        // the patch embedding goes with the first block's linear layers only where those are one gene: here it is
        std::vector<lutra::operation> four(trial.operations);
        for (lutra::operation& op : four) op.batch *= g[5] == 0 ? 4 : 16;
        lutra::tiled_config c = lutra::acceltran_edge;
        c.elements = g[4] == 0 ? 64 : 128;
        c.multiplier.area = lutra::multiplier_area(net().config, choices);
        const auto report = *lutra::tiled{c}.simulate({four, trial.dependencies});
        const double images = g[5] == 0 ? 4 : 16;
        CHECK(m[1] == trial.view().relative_power(lutra::is_linear_layer));
        CHECK(m[2] == report.energy() / images);
        CHECK(m[3] == report.seconds() / images);
        CHECK(m[4] == report.area());
    }
    CHECK(tester.trials == 16);
}

TEST_CASE("design_model: power is that of the linear layers, area that of each circuit once") {
    const lutra::network_space network{net().config,
                                       {.linear = {exact, coarse}, .attention = {exact, drum}, .by_layer = true}};
    const lutra::hardware_space edge = lutra::hardware_of(lutra::acceltran_edge);
    const auto tester = net().tester();
    const lutra::design_model model{network, edge, tester};
    CHECK(model.measure(network.uniform(0, 1), 0)[1] == 1); // attention is no linear layer
    const auto all = network.decode(network.uniform(1).gene);
    CHECK(lutra::multiplier_area(net().config, all) == Approx(1 + coarse.cost.area)); // exact: attention and embedding
    CHECK(lutra::multiplier_area(net().config, network.decode(network.uniform(1, 1).gene)) ==
          Approx(1 + coarse.cost.area + drum.cost.area));
    const double power = model.measure(network.uniform(1), 0)[1];
    CHECK((power < 1 && power > coarse.cost.power)); // the embedding and the head are exact
}

TEST_CASE("design_model: what does not fit is infeasible") {
    const lutra::network_space network{net().config, {.linear = {exact, coarse}}};
    lutra::tiled_config small = lutra::acceltran_edge;
    small.weight_mb = 1e-4;
    const lutra::hardware_space tight = lutra::hardware_of(small);
    const auto tester = net().tester();
    const lutra::design_model model{network, tight, tester};
    CHECK(!lutra::feasible(model.measure(network.uniform(0), 0)));
    CHECK(!model.simulate(network.uniform(0), 0).has_value());
}

TEST_CASE("design_model: refuses a design without a choice") {
    const lutra::network_space network{net().config, {}};
    const lutra::hardware_space edge = lutra::hardware_of(lutra::acceltran_edge);
    const auto tester = net().tester();
    REQUIRE_PANIC((lutra::design_model{network, edge, tester}), empty);
    REQUIRE_PANIC(lutra::hardware_of(lutra::acceltran_edge, 0), bad_argument);
}

TEST_CASE("design_problem: the same on any number of workers") {
    const lutra::network_space network{net().config, {.linear = {exact, coarse, drum}, .attention = {exact, drum}}};
    for (const lutra::accelerator_config& config :
         {lutra::accelerator_config{lutra::acceltran_edge}, lutra::accelerator_config{lutra::scale_sim_32},
          lutra::accelerator_config{lutra::low_power_vit}}) {
        const lutra::hardware_space hardware = lutra::hardware_of(config);
        const auto records = [&](std::size_t workers) {
            const auto tester = net().tester({}, workers);
            const lutra::design_model model{network, hardware, tester};
            const lutra::design_problem<decltype(model), 3> problem{
                &model,
                {lutra::design_objective::error, lutra::design_objective::energy, lutra::design_objective::area},
                {1, 1000, 1}};
            lutra::thread_executor on{workers};
            std::vector<lutra::design_genome> asked;
            std::vector<lutra::objectives<3>> costs;
            for (std::uint64_t i = 0; i < model.space().size(); i += 3) asked.push_back(model.space().at(i));
            costs.resize(asked.size());
            lutra::evaluate_batch(problem, std::span<const lutra::design_genome>{asked}, std::span{costs}, on);
            return costs;
        };
        const auto one = records(1);
        CHECK(one == records(3));
        for (const auto& c : one) CHECK(lutra::feasible(c));
    }
}

TEST_CASE("sensitivity: one product at a time") {
    const auto tester = net().tester({}, 2);
    lutra::thread_executor on{2};
    const lutra::sensitivity_map map = lutra::sensitivity(tester, coarse, on);
    CHECK(map.exact == 1);
    REQUIRE(map.accuracy.size() == 2);
    for (std::size_t block = 0; block < 2; ++block)
        for (std::size_t kind = 0; kind < 5; ++kind) {
            std::vector<lutra::layer_choice> choices(2);
            if (kind < 4)
                choices[block].by_layer[kind] = &coarse;
            else
                choices[block].attention = coarse;
            CHECK(map.drop(block, kind) == 1 - tester(choices, 0).accuracy());
        }
}

TEST_CASE("make_prior: prefers what saves much and loses little") {
    lutra::design_choices space{.length = 2};
    space.alternatives = {4, 1};
    CHECK(lutra::single_changes(space).size() == 3);
    using enum lutra::design_objective;
    const lutra::design_measures first{0.1, 1, 100, 1, 1};
    const std::vector<lutra::design_measures> changed{
        {0.1, 1, 50, 1, 1}, {0.1 + 0.005, 1, 50, 1, 1}, lutra::infeasible<lutra::design_objective_count>()};
    const std::array judged{error, energy};
    const lutra::sensitivity_prior prior = lutra::make_prior(space, first, changed, judged);
    const std::vector<std::uint16_t> none, one{0};
    CHECK(prior(none, 0) == 0.01);
    CHECK(prior(none, 1) == 1);
    CHECK(prior(none, 2) == Approx(std::exp(-1.0)));
    CHECK(prior(none, 3) == 0.01);
    CHECK(prior(one, 0) == 1);
    REQUIRE_PANIC(lutra::make_prior(space, first, std::span{changed}.first(2), judged), bad_shape);
    REQUIRE_PANIC(lutra::make_prior(space, first, changed, judged, 0), bad_argument);
}
