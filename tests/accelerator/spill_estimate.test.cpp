// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"

#include <lutra/accelerator/detail/spill_estimate.hpp>
#include <lutra/accelerator/tiled.hpp>
#include <lutra/accelerator/tiled_event.hpp>
#include <lutra/nn/describe_training.hpp>
#include <lutra/nn/transformer_shapes.hpp>

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <vector>

namespace {

using namespace lutra;

accelerator_report simulate(const auto& machine, const workload& w) {
    const auto r = machine.simulate(w);
    INFO((r ? std::string_view{} : r.error().message.view()));
    REQUIRE(r.has_value());
    return *r;
}
double memory_bits(const accelerator_report& r) { return r.component("main_memory").bits; }

constexpr double elements = 1024, bits = 8 * elements; // of each tensor below
operation tensor(operation_pass pass) { return {.kind = operation_kind::elementwise, .pass = pass, .m = 32, .n = 32}; }
constexpr auto forward = operation_pass::forward, backward = operation_pass::backward, update = operation_pass::update;

/// What leaves in a pass and comes back in another, in tensors.
struct trip {
    double tensors;
    operation_pass from, back;
};
/// Checks the round trips that are estimated where @p room tensors fit, once for want of bits and once for want of masks.
void check_trips(const workload& w, double room, std::initializer_list<trip> expected) {
    for (const bool masks : {false, true}) {
        std::vector<trip> found;
        detail::spill_estimate estimate{w, masks ? 1e9 : room * bits, masks ? room * elements : 1e9};
        estimate.for_each([&](const detail::tensor_volume& v, operation_pass from, operation_pass back) {
            CHECK(v.elements == Approx(v.bits / 8));
            CHECK(v.stored == Approx(v.elements));
            CHECK(v.words == Approx(v.elements / 8));
            found.push_back({v.bits / bits, from, back});
        });
        REQUIRE(found.size() == expected.size());
        for (std::size_t i = 0; i < found.size(); ++i) {
            CHECK(found[i].tensors == Approx(expected.begin()[i].tensors));
            CHECK(found[i].from == expected.begin()[i].from);
            CHECK(found[i].back == expected.begin()[i].back);
        }
    }
}
/// Four operations and four that go back through what they made.
workload_buffer<8> there_and_back() {
    workload_buffer<8> b;
    b.add(tensor(forward));
    for (std::uint32_t i = 1; i < 4; ++i) b.add(tensor(forward), {i - 1});
    b.add(tensor(backward), {3});
    for (std::uint32_t i = 1; i < 4; ++i) b.add(tensor(backward), {3 + i, 3 - i});
    return b;
}

} // namespace

TEST_CASE("spill_estimate: what a pass keeps for the next one leaves once, as far as it does not fit") {
    const auto b = there_and_back();
    check_trips(b.view(), 4, {});
    check_trips(b.view(), 2.5, {{1.5, forward, backward}});
    check_trips(b.view(), 1.5, {{2.5, forward, backward}});
}

TEST_CASE("spill_estimate: what is made for the update leaves beside what is still kept, and comes back in the update") {
    workload_buffer<16> b;
    for (int i = 0; i < 3; ++i) b.add(tensor(forward));
    for (std::uint32_t i = 0; i < 3; ++i) b.add(tensor(backward), {2 - i});
    for (std::uint32_t i = 0; i < 3; ++i) b.add(tensor(update), {5 - i});
    check_trips(b.view(), 3, {});
    check_trips(b.view(), 2, {{1, forward, backward}, {1, backward, update}});
}

TEST_CASE("spill_estimate: within a pass") {
    workload_buffer<16> b;
    for (int i = 0; i < 5; ++i) b.add(tensor(forward));
    for (std::uint32_t i = 0; i < 5; ++i) b.add(tensor(forward), {4 - i});
    check_trips(b.view(), 5, {});
    check_trips(b.view(), 3, {{2, forward, forward}});
    // weights have a buffer of their own, and where loads and stores are named, only these fill buffers
    operation weight = tensor(forward);
    weight.kind = operation_kind::load, weight.out.cls = tensor_class::weight;
    b.add(weight);
    check_trips(b.view(), 3, {});
    b.clear();
    weight.kind = operation_kind::elementwise;
    for (int i = 0; i < 5; ++i) b.add(weight);
    for (std::uint32_t i = 0; i < 5; ++i) b.add(tensor(forward), {4 - i});
    check_trips(b.view(), 3, {});
}

TEST_CASE("tiled: round trips take main memory's energy and time, in their passes") {
    const auto b = there_and_back();
    tiled_config c = acceltran_edge;
    const auto roomy = simulate(tiled{c}, b.view());
    CHECK(memory_bits(roomy) == 0);
    constexpr double megabyte = 8.0 * 1024 * 1024;
    c.activation_mb = 2.5 * bits / megabyte;
    const auto tight = simulate(tiled{c}, b.view());
    const component_report& memory = tight.component("main_memory");
    CHECK(memory.writes == Approx(1.5 * elements));
    CHECK(memory.reads == Approx(1.5 * elements));
    CHECK(memory.bits == Approx(2 * 1.5 * (bits + elements)));
    CHECK(memory.dynamic_energy == Approx(2 * 1.5 * (elements + elements / 8) * c.memory.access / 64));
    const auto cycles = static_cast<std::uint64_t>(std::ceil(1.5 * bits / c.memory_bandwidth));
    CHECK(tight.cycles == roomy.cycles + 2 * cycles);
    CHECK(tight.passes[0].cycles == roomy.passes[0].cycles + cycles);
    CHECK(tight.passes[1].cycles == roomy.passes[1].cycles + cycles);
    tiled_config masks = acceltran_edge;
    masks.mask_mb = 2.5 * elements / megabyte;
    CHECK(memory_bits(simulate(tiled{masks}, b.view())) == Approx(memory.bits));
    c.memory.access *= 2;
    const auto dear = simulate(tiled{c}, b.view());
    for (const std::size_t p : {0u, 1u})
        CHECK(dear.passes[p].dynamic_energy - tight.passes[p].dynamic_energy == Approx(memory.dynamic_energy / 2));
    CHECK(tight.passes[0].dynamic_energy + tight.passes[1].dynamic_energy == Approx(tight.dynamic_energy()));
    CHECK(tight.component("mac_lane").dynamic_energy == roomy.component("mac_lane").dynamic_energy);
}

TEST_CASE("tiled: tensors that are read four operations later are four at a time") {
    workload_buffer<32> b;
    for (std::uint32_t i = 0; i < 20; ++i)
        if (i < 4)
            b.add(tensor(forward));
        else
            b.add(tensor(forward), {i - 4});
    for (const bool masks : {false, true}) {
        const auto moved_in = [&](double room) {
            tiled_config c = acceltran_edge;
            (masks ? c.mask_mb : c.activation_mb) = room * (masks ? elements : bits) / (8.0 * 1024 * 1024);
            return memory_bits(simulate(tiled{c}, b.view()));
        };
        CHECK(moved_in(4) == 0);
        CHECK(moved_in(3.9) == Approx(2 * 0.1 * (bits + elements)));
    }
}

TEST_CASE("tiled: a training step in buffers of any size is what scheduling every tile says, within 13 %") {
    int spilled = 0, kept = 0;
    for (const int width : {8, 20})
        for (const double zeros : {0.0, 0.5, 0.8}) {
            const encoder_workload_options options{.per_head = true, .bits = width};
            std::vector<operation> operations(operation_count(bert_tiny, options));
            std::vector<std::uint32_t> dependencies(dependency_count(bert_tiny, options));
            workload_builder out{operations, dependencies};
            describe(bert_tiny, 4, options, out);
            for (operation& op : operations)
                for (operand* o : {&op.lhs, &op.rhs, &op.out}) o->sparsity = zeros;
            const workload inference{operations, dependencies};
            const training_workload_options learning{.gradient_sparsity = 0.9};
            std::vector<operation> step(training_operation_count(inference, learning));
            std::vector<std::uint32_t> waits(training_dependency_count(inference, learning));
            workload_builder both{step, waits};
            const workload training = describe_training(inference, learning, both);
            for (const double mb : {0.5, 1.0, 2.0, 4.0, 8.0}) {
                tiled_config c = acceltran_edge;
                c.activation_mb = mb, c.mask_mb = mb / 4;
                if (!tiled_event{c}.simulate(training)) continue; // a tensor is larger than its buffer
                const auto exact = simulate(tiled_event{c}, training), fast = simulate(tiled{c}, training);
                CAPTURE(width, zeros, mb, exact.cycles, fast.cycles);
                CHECK(static_cast<double>(fast.cycles) == Approx(static_cast<double>(exact.cycles)).epsilon(0.13));
                CHECK(fast.dynamic_energy() == Approx(exact.dynamic_energy()).epsilon(0.11));
                const bool spills = exact.component("main_memory").writes > 0;
                if (!spills) CHECK(memory_bits(fast) == Approx(memory_bits(exact)));
                spilled += spills, kept += !spills;
                const auto forward_only = simulate(tiled_event{c}, inference);
                CHECK(memory_bits(simulate(tiled{c}, inference)) == Approx(memory_bits(forward_only)));
            }
        }
    CHECK(spilled > 10);
    CHECK(kept > 8);
}

TEST_CASE("spill_estimate: a workload with too many operations has none") {
    std::vector<operation> operations(detail::spill_estimate::most_operations + 1, tensor(forward));
    std::vector<std::uint32_t> dependencies(operations.size());
    for (std::size_t i = 0; i < operations.size(); ++i) { // each reads the first one and the one before it
        operations[i].first_dependency = static_cast<std::uint32_t>(i);
        operations[i].dependency_count = i > 0;
        dependencies[i] = static_cast<std::uint32_t>(i / 2);
    }
    tiled_config c = acceltran_edge;
    c.activation_mb = 0.01;
    CHECK(memory_bits(simulate(tiled{c}, {operations, dependencies})) == 0);
    operations.pop_back();
    CHECK(memory_bits(simulate(tiled{c}, {operations, dependencies})) > 0);
}
