// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"

#include <lutra/accelerator/memory_moves.hpp>
#include <lutra/accelerator/tiled.hpp>
#include <lutra/accelerator/tiled_event.hpp>
#include <lutra/nn/acceltran_conversion.hpp>
#include <lutra/nn/describe_training.hpp>
#include <lutra/nn/transformer_shapes.hpp>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lutra;

/// A workload in memory of its own.
struct network {
    std::vector<operation> operations;
    std::vector<std::uint32_t> dependencies;
    [[nodiscard]] workload view() const { return {operations, dependencies}; }
};

/// BERT-Tiny, half of all elements zero: with its own loads and stores as AccelTran has them, or without.
network bert(bool converted) {
    const encoder_workload_options options{.per_head = true, .bits = 20};
    network n{std::vector<operation>(converted ? acceltran_operation_count(bert_tiny) : operation_count(bert_tiny, options)),
              std::vector<std::uint32_t>(converted ? acceltran_dependency_count(bert_tiny)
                                                   : dependency_count(bert_tiny, options))};
    workload_builder out{n.operations, n.dependencies};
    if (converted)
        describe_acceltran(bert_tiny, 4, out);
    else
        describe(bert_tiny, 4, options, out);
    for (operation& op : n.operations)
        for (operand* o : {&op.lhs, &op.rhs, &op.out}) o->sparsity = 0.5;
    return n;
}
network training(const network& forward, bool (*learned)(const operation&)) {
    const training_workload_options options{.gradient_sparsity = 0.9, .learned = learned};
    network n{std::vector<operation>(training_operation_count(forward.view(), options)),
              std::vector<std::uint32_t>(training_dependency_count(forward.view(), options))};
    workload_builder out{n.operations, n.dependencies};
    describe_training(forward.view(), options, out);
    return n;
}

/// Edge whose weights have @p memory of @p bandwidth bits a cycle.
tiled_config with_weights_in(const memory_cost& memory, double bandwidth, double write = 1) {
    tiled_config c = acceltran_edge;
    c.weight_memory = memory, c.weight_memory_bandwidth = bandwidth, c.weight_memory_write = write;
    return c;
}
constexpr memory_cost dram = acceltran_memories[8], rram = acceltran_memories[4];

accelerator_report simulate(const auto& machine, const workload& w) {
    const auto r = machine.simulate(w);
    INFO((r ? std::string_view{} : r.error().message.view()));
    REQUIRE(r.has_value());
    return *r;
}
/// Runs @p check with the reports of both modes: on @p first, on @p second.
void in_both_modes(const tiled_config& first, const tiled_config& second, const workload& w, auto&& check) {
    check(simulate(tiled{first}, w), simulate(tiled{second}, w));
    check(simulate(tiled_event{first}, w), simulate(tiled_event{second}, w));
}
/// Elements that are not zero, bits with their masks, and reads in elements for energy, of all weights that are loaded.
struct moved {
    double elements = 0, bits = 0, accessed = 0;
    void add(const operand& o, double all) {
        elements += all * (1 - o.sparsity);
        bits += all * (1 - o.sparsity) * o.bits + all;
        accessed += all * (1 - o.sparsity) + all / o.bits;
    }
};
moved loads_of_weights(const workload& w) {
    moved m;
    const bool own = has_memory_moves(w);
    for (const operation& op : w.operations)
        if (op.kind == operation_kind::load) {
            if (op.out.cls == tensor_class::weight || op.lhs.cls == tensor_class::weight)
                m.add(op.out, static_cast<double>(op.elements()));
        } else if (!own && op.kind == operation_kind::matmul && op.rhs.cls == tensor_class::weight) {
            m.add(op.rhs, static_cast<double>(op.rhs_elements()));
        }
    return m;
}

} // namespace

// 64 x 64 elements of 8 bits and their mask: 785.365 bits a cycle, 13.44 nJ for 64 elements; a mask counts by its bits.
static_assert([] {
    const operation product{.m = 16, .n = 64, .k = 64, .rhs = {.cls = tensor_class::weight}};
    tiled_config c = acceltran_edge;
    const auto shared = tiled{c}.simulate({{&product, 1}, {}});
    c.weight_memory = {memory_kind::rram, 32, 2, 1, 6.4}, c.weight_memory_bandwidth = 64;
    const auto apart = tiled{c}.simulate({{&product, 1}, {}});
    const component_report& weights = apart->component("weight_memory");
    return weights.busy == 64 * 64 * 8 / 64 && weights.reads == 64 * 64 && weights.bits == 64 * 64 * 9 &&
           weights.dynamic_energy > 460.79 && weights.dynamic_energy < 460.81 && // 0.1 x (4096 + 512)
           weights.writes == 0 && apart->component("main_memory").bits == 0 &&
           apart->cycles == shared->cycles + 512 - 42; // ceil(32768 / 785.365)
}());

TEST_CASE("weight memory: energy moves from one memory to the other by the weights' share and nothing else changes") {
    for (const bool converted : {true, false}) {
        const network n = bert(converted);
        const moved weights = loads_of_weights(n.view());
        REQUIRE(weights.bits > 0);
        const auto check = [&](const accelerator_report& shared, const accelerator_report& apart) {
            CHECK(apart.cycles == shared.cycles);
            CHECK(apart.dynamic_energy() == Approx(shared.dynamic_energy()).epsilon(1e-12));
            CHECK(apart.components().size() == shared.components().size() + 1);
            const component_report &own = apart.component("weight_memory"), &rest = apart.component("main_memory"),
                                   &all = shared.component("main_memory");
            CHECK(own.kind == component_kind::memory);
            CHECK(own.bits == Approx(weights.bits).epsilon(1e-12));
            CHECK(own.reads == Approx(weights.elements).epsilon(1e-12));
            CHECK(own.writes == 0);
            CHECK(own.dynamic_energy == Approx(weights.accessed * dram.access / 64).epsilon(1e-12));
            CHECK(own.bits + rest.bits == Approx(all.bits).epsilon(1e-12));
            CHECK(own.dynamic_energy + rest.dynamic_energy == Approx(all.dynamic_energy).epsilon(1e-12));
            CHECK(own.busy + rest.busy == all.busy);
        };
        in_both_modes(acceltran_edge, with_weights_in(dram, acceltran_edge.memory_bandwidth), n.view(), check);
    }
}

TEST_CASE("weight memory: a cheaper and faster one saves its part of the energy, and time") {
    const network n = bert(false);
    const moved weights = loads_of_weights(n.view());
    in_both_modes(acceltran_edge, with_weights_in(rram, acceltran_server.memory_bandwidth), n.view(),
                  [&](const accelerator_report& shared, const accelerator_report& apart) {
                      const double saved = weights.accessed * (dram.access - rram.access) / 64;
                      CHECK(shared.dynamic_energy() - apart.dynamic_energy() == Approx(saved).epsilon(1e-9));
                      CHECK(apart.cycles < shared.cycles);
                  });
}

TEST_CASE("weight memory: updates are written to it, for the energy and time of a write, and no frozen weight is") {
    const network forward = bert(false);
    const auto written = [](const network& n) {
        moved m;
        for (const operation& op : n.operations)
            if (op.kind != operation_kind::load && op.out.cls == tensor_class::weight)
                m.add(op.out, static_cast<double>(op.elements()));
        return m;
    };
    const network all = training(forward, has_learned_weights),
                  last = training(forward, [](const operation&op) { return op.label == "ffn.2" && op.layer == 1; });
    CHECK(written(last).elements < 0.2 * written(all).elements);
    const tiled_config once = with_weights_in(rram, 7853.65), twenty = with_weights_in(rram, 7853.65, 20);
    for (const network* n : {&all, &last}) {
        const moved updates = written(*n);
        REQUIRE(updates.elements > 0);
        in_both_modes(once, twenty, n->view(), [&](const accelerator_report& cheap, const accelerator_report& dear) {
            CHECK(cheap.cycles == dear.cycles);
            CHECK(dear.component("weight_memory").writes == Approx(updates.elements).epsilon(1e-12));
            CHECK(dear.component("weight_memory").reads == Approx(loads_of_weights(n->view()).elements).epsilon(1e-12));
            CHECK(dear.component("weight_memory").dynamic_energy - cheap.component("weight_memory").dynamic_energy ==
                  Approx(19 * updates.accessed * rram.access / 64).epsilon(1e-9));
            CHECK(dear.passes[2].dynamic_energy - cheap.passes[2].dynamic_energy ==
                  Approx(19 * updates.accessed * rram.access / 64).epsilon(1e-9));
            CHECK(dear.component("main_memory").writes == 0);
        });
    }
    // an update is there when the slower of buffer and memory has it
    const operation update{.kind = operation_kind::elementwise,
                           .pass = operation_pass::update,
                           .n = 4096,
                           .out = {.cls = tensor_class::weight}};
    in_both_modes(acceltran_edge, with_weights_in(rram, 32), {{&update, 1}, {}},
                  [&](const accelerator_report& shared, const accelerator_report& apart) {
                      CHECK(apart.cycles == shared.cycles + 1024 - 3); // ceil(32768 / 11350.98)
                      CHECK(shared.component("main_memory").bits == 0);
                      CHECK(apart.component("weight_memory").busy == 1024);
                  });
}

TEST_CASE("weight memory: an update that leaves its buffer is there already and comes back from there") {
    constexpr std::uint32_t count = 24;
    network n{std::vector<operation>(2 * count), std::vector<std::uint32_t>(4 * count)};
    workload_builder out{n.operations, n.dependencies};
    operation update{.kind = operation_kind::elementwise, .m = 256, .n = 256, .out = {.cls = tensor_class::weight}};
    for (std::uint32_t i = 0; i < count; ++i) out.add(update);
    update.out = {};
    for (std::uint32_t i = 0; i < count; ++i) out.add(update, {i, count - 1}); // the first one waits for all
    constexpr double all = 256 * 256;
    tiled_config c = acceltran_edge;
    c.weight_mb = 0.5; // eight of them
    const auto shared = simulate(tiled_event{c}, n.view());
    CHECK(shared.component("main_memory").writes >= (count - 8) * all);
    CHECK(shared.component("main_memory").reads == shared.component("main_memory").writes);
    c.weight_memory = rram, c.weight_memory_bandwidth = 7853.65;
    const auto apart = simulate(tiled_event{c}, n.view());
    CHECK(apart.component("weight_memory").writes == count * all); // each once
    CHECK(apart.component("weight_memory").reads >= (count - 8) * all);
    CHECK(apart.component("weight_memory").reads <= count * all);
    CHECK(apart.component("main_memory").bits == 0);
}

TEST_CASE("weight memory: an energy without a bandwidth, or the reverse, is a sentence") {
    const auto says = [](const tiled_config& c, std::string_view words) {
        const status s = validate(c);
        REQUIRE(!s);
        INFO(std::string{s.error().message.view()});
        CHECK(s.error().code == error_code::malformed);
        CHECK(s.error().message.view() == words);
    };
    CHECK(validate(with_weights_in(rram, 1)));
    says(with_weights_in(rram, 0), "tiled_config: weight_memory takes 8.632816 nJ an access and weight_memory_bandwidth is "
                                   "0; expected both above 0, or neither");
    says(with_weights_in({}, 64), "tiled_config: weight_memory takes 0 nJ an access and weight_memory_bandwidth is 64; "
                                  "expected both above 0, or neither");
    says(with_weights_in({}, -1), "tiled_config: weight_memory_bandwidth is -1; expected a finite number of at least 0 and "
                                  "at most 1000000000000");
    says(with_weights_in(rram, std::numeric_limits<double>::infinity()),
         "tiled_config: weight_memory_bandwidth is infinity; expected a finite number of at least 0 and at most "
         "1000000000000");
    says(with_weights_in(rram, 64, -2),
         "tiled_config: weight_memory_write is -2; expected a finite number of at least 0 and "
         "at most 1000000");
}
