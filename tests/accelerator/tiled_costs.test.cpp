// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/accelerator/tiled.hpp>
#include <lutra/nn/acceltran_conversion.hpp>
#include <lutra/nn/transformer_shapes.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <string>
#include <vector>

using namespace lutra;

namespace {

accelerator_report bert_tiny_on(const tiled_config& c) {
    std::vector<operation> operations(acceltran_operation_count(bert_tiny));
    std::vector<std::uint32_t> dependencies(acceltran_dependency_count(bert_tiny));
    workload_builder out{operations, dependencies};
    const auto r = tiled{c}.simulate(describe_acceltran(bert_tiny, 4, out));
    REQUIRE(r.has_value());
    return *r;
}
std::vector<module_cost> modules_of(const tiled_costs& c) {
    return {c.lane1_relu,
            c.lane1_gelu,
            c.lane16_relu,
            c.lane16_gelu,
            c.pwl_unit,
            c.pre_sparsity,
            c.post_sparsity,
            c.fifo,
            c.dataflow,
            c.stochastic_rounding,
            c.dma,
            c.softmax.tile8,
            c.softmax.tile16,
            c.softmax.tile32,
            c.layer_norm.tile8,
            c.layer_norm.tile16,
            c.layer_norm.tile32};
}
std::vector<buffer_cost> buffers_of(const tiled_costs& c) { return {c.activation, c.weight, c.mask}; }

static_assert(module_cost{1, 2, 3} + module_cost{10, 20, 30} == module_cost{11, 22, 33});
static_assert(acceltran_14nm.moved_to(node_14nm) == acceltran_14nm);
// nothing of the costs is forgotten above: beside the node and what an access moves, they are modules and buffers
static_assert(sizeof(tiled_costs) ==
              sizeof(process_node) + 17 * sizeof(module_cost) + 3 * sizeof(buffer_cost) + sizeof(double));

} // namespace

TEST_CASE("tiled_costs: modules and buffers move to another node and its clock") {
    const tiled_costs moved = acceltran_14nm.moved_to(node_28nm);
    CHECK(moved.node == node_28nm);
    CHECK(moved.elements_per_access == 64);
    const double energy = 2 * (0.9 / 0.8) * (0.9 / 0.8); // feature size times the square of the supply
    const auto before = modules_of(acceltran_14nm), after = modules_of(moved);
    for (std::size_t i = 0; i < before.size(); ++i) {
        CAPTURE(i);
        CHECK(after[i].area == Approx(4 * before[i].area));
        CHECK(after[i].dynamic_energy(1000) == Approx(energy * before[i].dynamic_energy(700)));
        CHECK(after[i].leakage == Approx(4 * before[i].leakage));
    }
    for (std::size_t i = 0; i < 3; ++i) {
        const buffer_cost old = buffers_of(acceltran_14nm)[i], now = buffers_of(moved)[i];
        CHECK(now.area == Approx(4 * old.area));
        CHECK(now.access == Approx(energy * old.access));
        CHECK(now.leakage == Approx(4 * old.leakage));
        CHECK(now.bandwidth == old.bandwidth);
    }
    for (std::size_t i = 0; i < before.size(); ++i)
        CHECK(modules_of(moved.moved_to(node_14nm))[i].dynamic == Approx(before[i].dynamic));
    REQUIRE_PANIC(acceltran_14nm.moved_to({"none", 14, 0, 700}), bad_argument);
    REQUIRE_PANIC(acceltran_14nm.moved_to({"none", 0, 1, 700}), bad_argument);
    REQUIRE_PANIC(acceltran_14nm.moved_to({"none", 14, 1, 0}), bad_argument);
}

TEST_CASE("tiled_costs: a machine on another node computes the same for other energies, but those of main memory") {
    tiled_config c = acceltran_edge;
    const accelerator_report before = bert_tiny_on(c);
    c.costs = c.costs.moved_to(node_28nm);
    const accelerator_report after = bert_tiny_on(c);
    CHECK(after.cycles == before.cycles);
    CHECK(after.frequency == 1e9);
    CHECK(after.area() == Approx(4 * before.area()));
    for (const component_report& old : before.components()) {
        const component_report& now = after.component(old.name);
        const bool moves = old.kind != component_kind::memory;
        CHECK(now.dynamic_energy == Approx((moves ? 2 * 81.0 / 64 : 1) * old.dynamic_energy));
        CHECK(now.leakage_energy == Approx((moves ? 4 * 0.7 : 1) * old.leakage_energy)); // for a shorter time
        CHECK(now.bits == old.bits);
    }
    c.costs.node.volts = 0;
    CHECK(validate(c).error().message.view() ==
          "tiled_config: costs.node.volts is 0; expected a finite number above 0 and at most 1000000");
    c.costs.node = node_14nm, c.costs.node.nanometres = -1;
    CHECK(validate(c).error().message.view().find("costs.node.nanometres is -1;") != std::string_view::npos);
}

TEST_CASE("tiled_costs: a piecewise-linear unit beside a ReLU lane") {
    // GQA-LUT's unit, 28 nm at 500 MHz, comes back from 14 nm as it was published
    const module_cost published = acceltran_14nm.moved_to({"28 nm, 500 MHz", 28, 0.9, 500}).pwl_unit;
    CHECK(published.area == Approx(961));
    CHECK(published.dynamic == Approx(0.40));
    CHECK(acceltran_14nm.pwl_unit.area == Approx(961.0 / 4));
    CHECK(acceltran_14nm.pwl_unit.dynamic == Approx(0.40 / 2 * 64 / 81 * 700 / 500));
    for (const std::uint32_t macs : {1u, 16u}) {
        const auto lane = [&](lane_function f) { return acceltran_14nm.lane(f, macs); };
        CHECK(lane(lane_function::pwl) == lane(lane_function::relu) + acceltran_14nm.pwl_unit);
        CHECK(lane(lane_function::pwl).area < lane(lane_function::gelu).area);
        CHECK(lane(lane_function::relu).area == (macs == 1 ? 597.964253 : 8819.484999));
        CHECK(lane(lane_function::gelu).area == (macs == 1 ? 1209.955838 : 9418.667591));
    }
    const auto with = [](lane_function f) {
        tiled_config c = acceltran_edge;
        c.activation = f;
        return bert_tiny_on(c);
    };
    const accelerator_report relu = with(lane_function::relu), pwl = with(lane_function::pwl);
    CHECK(pwl.cycles == relu.cycles);
    CHECK(pwl.area() - relu.area() == Approx(1e-6 * 1024 * 961 / 4));
    const component_report &lane = pwl.component("mac_lane"), &plain = relu.component("mac_lane");
    CHECK(lane.busy == plain.busy);
    CHECK(lane.dynamic_energy - plain.dynamic_energy ==
          Approx(static_cast<double>(lane.busy) * acceltran_14nm.pwl_unit.dynamic / 700).epsilon(1e-9));
    CHECK(pwl.passes[0].dynamic_energy - relu.passes[0].dynamic_energy ==
          Approx(lane.dynamic_energy - plain.dynamic_energy).epsilon(1e-9));
}
