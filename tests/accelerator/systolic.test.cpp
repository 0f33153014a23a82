// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/accelerator/systolic.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

using namespace lutra;

namespace {

constexpr operand weight8{.cls = tensor_class::weight};
constexpr std::array dataflows{systolic_dataflow::weight_stationary, systolic_dataflow::output_stationary,
                               systolic_dataflow::input_stationary};

constexpr result<accelerator_report> run(const systolic_config& c, const operation& op) {
    return systolic{c}.simulate(workload{{&op, 1}, {}});
}
constexpr operation matmul(std::uint64_t m, std::uint64_t k, std::uint64_t n, std::uint64_t batch = 1) {
    return {.label = "product", .batch = batch, .m = m, .n = n, .k = k, .rhs = weight8};
}
constexpr systolic_config array_of(std::uint64_t rows, std::uint64_t columns, systolic_dataflow dataflow) {
    systolic_config c = scale_sim_32;
    c.rows = rows, c.columns = columns, c.dataflow = dataflow;
    return c;
}
constexpr systolic_config in_event_mode(systolic_config c) {
    c.mode = systolic_mode::event;
    return c;
}
std::string fault(const systolic_config& c) {
    const auto s = validate(c);
    if (s) return "";
    const auto r = run(c, matmul(1, 1, 1));
    CHECK((!r && r.error().message == s.error().message && r.error().code == s.error().code));
    return std::string{s.error().message.view()};
}

// AlexNet's first layer: 3025 x 363 by 363 x 96.
constexpr operation conv1 = convolution_as_matmul({224, 224, 11, 11, 3, 96, 4});
static_assert(conv1.m == 55 * 55 && conv1.k == 363 && conv1.n == 96);
static_assert(run(scale_sim_32, conv1)->cycles == 112'283);
static_assert(run(in_event_mode(array_of(2, 3, systolic_dataflow::output_stationary)), matmul(3, 5, 4))->cycles == 31);

void check_same(const accelerator_report& a, const accelerator_report& b) {
    CHECK(a.cycles == b.cycles);
    CHECK(a.macs == b.macs);
    REQUIRE(a.components().size() == b.components().size());
    for (std::size_t i = 0; i < a.components().size(); ++i) {
        const component_report &x = a.components()[i], &y = b.components()[i];
        CHECK(x.name == y.name);
        CHECK(x.reads == y.reads);
        CHECK(x.writes == y.writes);
        CHECK(x.bits == y.bits);
        CHECK(x.busy == y.busy);
        CHECK(x.energy() == y.energy());
    }
}

} // namespace

TEST_CASE("the figures of SCALE-Sim v2 for AlexNet's first layer") {
    // Its test/golden_trace: COMPUTE_REPORT.csv and DETAILED_ACCESS_REPORT.csv.
    for (const systolic_config& c : {scale_sim_32, in_event_mode(scale_sim_32)}) {
        const accelerator_report r = run(c, conv1).value();
        CHECK(r.cycles == 112'283);
        CHECK(r.macs == 3025 * 363 * 96);
        CHECK(r.component("mac_array").utilization(r.cycles) == Approx(0.9168309650614964).epsilon(1e-14));
        CHECK(mapping_efficiency(c, conv1) == 0.9453125);
        CHECK(r.component("ifmap_sram").reads == 3'294'225);
        CHECK(r.component("filter_sram").reads == 34'848);
        CHECK(r.component("ofmap_sram").writes == 3'484'800);
    }
}

TEST_CASE("the figures of SCALE-Sim v2 for small products in all dataflows") {
    struct expected {
        systolic_dataflow dataflow;
        std::uint64_t rows, columns, m, k, n, cycles;
        double ifmap_reads, filter_reads, ofmap_writes, mapping;
    };
    // Made by its compute and memory classes (64 KiB, CALC bandwidth). Writes of stationary outputs are those in its demand
    // matrix: its own counter adds rows + columns for each fold.
    constexpr auto ws = systolic_dataflow::weight_stationary, os = systolic_dataflow::output_stationary,
                   is = systolic_dataflow::input_stationary;
    const expected table[]{{ws, 4, 4, 7, 9, 5, 101, 126, 45, 105, 0.46875},
                           {ws, 8, 4, 13, 20, 11, 278, 780, 220, 429, 0.7638888888888888},
                           {ws, 3, 5, 1, 7, 9, 59, 14, 63, 27, 0.7},
                           {ws, 1, 1, 3, 4, 5, 79, 60, 20, 60, 1.0},
                           {ws, 1, 6, 5, 1, 8, 21, 10, 8, 40, 0.6666666666666666},
                           {ws, 5, 1, 6, 11, 1, 44, 66, 11, 18, 0.7333333333333334},
                           {ws, 16, 16, 50, 40, 33, 863, 6000, 1320, 4950, 0.5729166666666666},
                           {os, 4, 4, 7, 9, 5, 59, 126, 90, 35, 0.546875},
                           {os, 8, 4, 13, 20, 11, 179, 780, 440, 143, 0.7447916666666666},
                           {os, 3, 5, 1, 7, 9, 25, 14, 63, 9, 0.3},
                           {os, 1, 1, 3, 4, 5, 59, 60, 60, 15, 1.0},
                           {os, 1, 6, 5, 1, 8, 59, 10, 40, 40, 0.6666666666666665},
                           {os, 5, 1, 6, 11, 1, 29, 66, 22, 6, 0.6},
                           {os, 16, 16, 50, 40, 33, 839, 6000, 5280, 1650, 0.537109375},
                           {is, 4, 4, 7, 9, 5, 89, 63, 90, 105, 0.65625},
                           {is, 8, 4, 13, 20, 11, 347, 260, 880, 429, 0.6770833333333334},
                           {is, 3, 5, 1, 7, 9, 53, 7, 63, 27, 0.15555555555555556},
                           {is, 1, 1, 3, 4, 5, 71, 12, 60, 60, 1.0},
                           {is, 1, 6, 5, 1, 8, 13, 5, 8, 40, 0.8333333333333334},
                           {is, 5, 1, 6, 11, 1, 179, 66, 66, 18, 0.7333333333333333},
                           {is, 16, 16, 50, 40, 33, 947, 2000, 5280, 4950, 0.6510416666666666}};
    for (const expected& e : table) {
        const systolic_config c = array_of(e.rows, e.columns, e.dataflow);
        const operation op = matmul(e.m, e.k, e.n);
        CHECK(mapping_efficiency(c, op) == Approx(e.mapping));
        for (const systolic_config& mode : {c, in_event_mode(c)}) {
            const accelerator_report r = run(mode, op).value();
            CHECK(r.cycles == e.cycles);
            CHECK(r.component("ifmap_sram").reads == e.ifmap_reads);
            CHECK(r.component("filter_sram").reads == e.filter_reads);
            CHECK(r.component("ofmap_sram").writes == e.ofmap_writes);
            CHECK(r.component("mac_array").busy == e.m * e.k * e.n);
        }
    }
}

TEST_CASE("the event mode finds what the closed forms say") {
    std::mt19937 random{7};
    const auto up_to = [&](std::uint64_t most) { return 1 + random() % most; };
    // One in five is 1: lone rows, columns and elements.
    const auto extent = [&](std::uint64_t most) { return random() % 5 == 0 ? 1 : up_to(most); };
    for (int i = 0; i < 600; ++i) {
        systolic_config c = array_of(extent(19), extent(19), dataflows[static_cast<std::size_t>(i) % 3]);
        c.ifmap_kib = up_to(3), c.filter_kib = up_to(3), c.ofmap_kib = up_to(3), c.dram_bits = up_to(500);
        const operation op = matmul(extent(70), extent(70), extent(70), extent(3));
        CAPTURE(c.rows, c.columns, static_cast<int>(c.dataflow), op.m, op.k, op.n, op.batch);
        const detail::systolic_space space = detail::systolic_space_of(c.dataflow, op);
        CHECK(detail::walk_folds(c.rows, c.columns, space) == detail::systolic_edges_of(c, space));
        const auto analytical = run(c, op), event = run(in_event_mode(c), op);
        REQUIRE((analytical && event));
        check_same(*analytical, *event);
        CHECK(analytical->macs == op.macs());
    }
}

TEST_CASE("the cells that work in a cycle, counted one by one") {
    for (const bool sums_stay : {false, true}) {
        const detail::systolic_space space{.down = 3, .across = 4, .through = 5, .sums_stay = sums_stay};
        std::uint64_t last = 0, macs = 0;
        for (std::uint64_t row = 0; row < 3; ++row)
            for (std::uint64_t column = 0; column < 4; ++column)
                for (std::uint64_t i = 0; i < 5; ++i) {
                    ++macs;
                    last = std::max(last, (sums_stay ? 0 : 6) + row + column + i);
                }
        const auto edges = detail::walk_folds(6, 7, space);
        CHECK(edges.macs == macs);
        CHECK(edges.cycles > last);
        // A fold on more rows and columns than it uses lasts until the last of these is empty.
        CHECK(edges.cycles == (sums_stay ? 6 + 7 + 5 - 2 : 2 * 6 + 7 + 5 - 2));
        CHECK(edges.left == 3 * 5);
        CHECK(edges.top == (sums_stay ? 4 * 5 : 3 * 4));
        CHECK(edges.bottom == (sums_stay ? 3 * 4 : 4 * 5));
    }
}

TEST_CASE("each product of a batch is a run of its own") {
    const auto one = run(scale_sim_32, matmul(50, 64, 40)).value(), four = run(scale_sim_32, matmul(50, 64, 40, 4)).value();
    CHECK(four.cycles == 4 * one.cycles);
    CHECK(four.macs == 4 * one.macs);
    CHECK(four.component("ifmap_sram").reads == 4 * one.component("ifmap_sram").reads);
    // A weight that its SRAM holds comes from main memory once.
    CHECK(four.component("filter_sram").writes == one.component("filter_sram").writes);
    operation scores = matmul(50, 64, 40, 4);
    scores.rhs.cls = tensor_class::activation;
    CHECK(run(scale_sim_32, scores)->component("filter_sram").writes == 4 * 64 * 40);
}

TEST_CASE("what does not stay in half of its SRAM goes to main memory again") {
    systolic_config c = array_of(8, 8, systolic_dataflow::weight_stationary);
    const operation op = matmul(64, 64, 32); // 4 KiB of ifmap, 4 x 8 folds; partial sums: 64 x 8 x 4 bytes
    auto r = run(c, op).value();
    CHECK(r.component("dram").reads == 64 * 64 + 64 * 32);
    CHECK(r.component("dram").writes == 64 * 32);
    CHECK(r.component("dram").bits == 8 * (64 * 64 + 2 * 64 * 32));
    CHECK(r.component("ofmap_sram").bits == 2 * 64 * 32 * (7 * 32 + 8));
    c.ifmap_kib = 8;
    CHECK(run(c, op)->component("dram").reads == 64 * 64 + 64 * 32);
    c.ifmap_kib = 7; // half of it is less than the ifmap: four sweeps, one a column of folds
    r = run(c, op).value();
    CHECK(r.component("dram").reads == 4 * 64 * 64 + 64 * 32);
    CHECK(r.component("ifmap_sram").writes == 4 * 64 * 64);
    CHECK(r.component("ifmap_sram").reads == 4 * 64 * 64);
    c.ifmap_kib = 8, c.ofmap_kib = 3; // half of it is less than a column's partial sums
    r = run(c, op).value();
    CHECK(r.component("dram").writes == 8 * 64 * 32);
    CHECK(r.component("dram").reads == 64 * 64 + 64 * 32 + 7 * 64 * 32);
    CHECK(r.component("ofmap_sram").writes == 8 * 64 * 32);
    CHECK(r.component("ofmap_sram").reads == 8 * 64 * 32);
}

TEST_CASE("an operation takes the longer of computing and moving") {
    systolic_config c = scale_sim_32;
    const operation op = matmul(50, 64, 40);
    const auto free = run(c, op).value();
    CHECK(free.cycles == 2 * 2 * (2 * 32 + 32 + 50 - 2) - 1);
    c.dram_bits = 1;
    const auto slow = run(c, op).value();
    CHECK(slow.cycles == 8 * (50 * 64 + 64 * 40 + 50 * 40));
    CHECK(slow.component("dram").busy == slow.cycles);
    CHECK(slow.component("dram").utilization(slow.cycles) == 1);
    CHECK(slow.component("mac_array").busy == free.component("mac_array").busy);
}

TEST_CASE("SCALE-Sim's array never waits for tensors of 32 bits") {
    std::mt19937 random{11};
    for (int i = 0; i < 300; ++i) {
        const systolic_config c = array_of(32, 32, dataflows[static_cast<std::size_t>(i) % 3]);
        operation op = matmul(1 + random() % 4000, 1 + random() % 4000, 1 + random() % 4000);
        if (i % 4 == 0) op.m = 1;
        op.lhs.bits = op.rhs.bits = op.out.bits = 32;
        CHECK(run(c, op)->cycles == detail::systolic_cycles(c, detail::systolic_space_of(c.dataflow, op)).value() - 1);
    }
}

TEST_CASE("operations that multiply no matrices") {
    systolic_config c = scale_sim_32;
    c.vector_lanes = 10;
    const operation add{.kind = operation_kind::elementwise, .batch = 2, .m = 3, .n = 7, .rhs = {}};
    auto r = run(c, add).value();
    CHECK(r.cycles == 5); // 42 elements
    CHECK(r.macs == 0);
    CHECK(r.component("vector_unit").busy == 42);
    CHECK(r.component("vector_unit").utilization(r.cycles) == Approx(0.84));
    CHECK(r.component("mac_array").busy == 0);
    CHECK(r.component("dram").reads == 84);
    CHECK(r.component("dram").writes == 42);
    CHECK(run(c, {.kind = operation_kind::softmax, .m = 4, .n = 10})->cycles == 12);
    CHECK(run(c, {.kind = operation_kind::layer_norm, .m = 4, .n = 10})->cycles == 12);
    CHECK(run(c, {.kind = operation_kind::reduction, .m = 4, .n = 10, .k = 6})->cycles == 24);
    c.dram_bits = 16;
    r = run(c, {.kind = operation_kind::load, .m = 5, .n = 5, .lhs = weight8}).value();
    CHECK(r.cycles == 13);
    CHECK(r.component("filter_sram").writes == 25);
    CHECK(r.component("dram").reads == 25);
    r = run(c, {.kind = operation_kind::load, .m = 5, .n = 5}).value();
    CHECK(r.component("ifmap_sram").writes == 25);
    r = run(c, {.kind = operation_kind::store, .m = 5, .n = 6}).value();
    CHECK(r.cycles == 15);
    CHECK(r.component("ofmap_sram").reads == 30);
    CHECK(r.component("dram").writes == 30);
}

TEST_CASE("a network's operations run one after the other") {
    workload_buffer<4> b;
    b.add(matmul(50, 64, 40));
    b.add({.kind = operation_kind::softmax, .m = 50, .n = 40}, {0});
    b.add(matmul(50, 40, 64), {1});
    const auto whole = systolic{scale_sim_32}.simulate(b.view()).value();
    std::uint64_t cycles = 0;
    double energy = 0;
    for (operation op : b.view().operations) {
        op.first_dependency = op.dependency_count = 0; // on its own
        const auto part = run(scale_sim_32, op).value();
        cycles += part.cycles, energy += part.energy();
    }
    CHECK(whole.cycles == cycles);
    CHECK(whole.energy() == Approx(energy));
    CHECK(whole.macs == b.view().macs());
    REQUIRE(whole.components().size() == 6);
    CHECK(systolic{}.simulate({})->cycles == 0);
    CHECK(systolic{}.simulate({})->energy() == 0);
}

TEST_CASE("passes add up to the whole, each what its operations take alone") {
    workload_buffer<4> b;
    operation op = matmul(50, 64, 40);
    b.add(op);
    op = {.kind = operation_kind::softmax, .pass = operation_pass::backward, .m = 50, .n = 40};
    b.add(op, {0});
    op = matmul(50, 40, 64), op.pass = operation_pass::backward;
    b.add(op, {1});
    b.add({.kind = operation_kind::elementwise, .pass = operation_pass::update, .m = 64, .n = 40}, {2});
    for (const systolic_config& c : {scale_sim_32, in_event_mode(scale_sim_32)}) {
        const auto whole = systolic{c}.simulate(b.view()).value();
        std::array<pass_report, 3> passes{};
        for (operation one : b.view().operations) {
            pass_report& p = passes[static_cast<std::size_t>(one.pass)];
            one.first_dependency = one.dependency_count = 0; // on its own
            const auto part = run(c, one).value();
            p.cycles += part.cycles, p.dynamic_energy += part.dynamic_energy();
        }
        std::uint64_t cycles = 0;
        double energy = 0;
        for (std::size_t p = 0; p < 3; ++p) {
            CHECK(whole.passes[p].cycles == passes[p].cycles);
            CHECK(whole.passes[p].dynamic_energy == Approx(passes[p].dynamic_energy).epsilon(1e-12));
            CHECK(whole.passes[p].dynamic_energy > 0);
            cycles += whole.passes[p].cycles, energy += whole.passes[p].dynamic_energy;
        }
        CHECK(cycles == whole.cycles);
        CHECK(energy == Approx(whole.dynamic_energy()).epsilon(1e-12));
    }
}

TEST_CASE("extents of 0 take nothing") {
    for (const systolic_config& c : {scale_sim_32, in_event_mode(scale_sim_32)})
        for (const operation& op : {matmul(0, 2, 3), matmul(2, 0, 3), matmul(2, 3, 0), matmul(2, 3, 4, 0)}) {
            const auto r = run(c, op).value();
            CHECK((r.cycles == 0 && r.energy() == 0));
            CHECK(mapping_efficiency(c, op) == 0);
        }
}

TEST_CASE("energy follows the multipliers, the skipped share and the node") {
    operation op = matmul(50, 64, 40);
    const auto exact = run(scale_sim_32, op).value();
    CHECK(exact.component("mac_array").dynamic_energy == Approx(50 * 64 * 40 * 0.425 / 500));
    CHECK(exact.component("mac_array").area == Approx(1024 * 729.8e-6));
    CHECK(exact.component("dram").dynamic_energy == Approx(exact.component("dram").bits * 1.3 / 64));
    CHECK(exact.component("ifmap_sram").dynamic_energy == Approx(exact.component("ifmap_sram").bits / 64 * 0.1 / 4));
    CHECK(exact.seconds() == Approx(static_cast<double>(exact.cycles) / 500e6));
    CHECK(exact.leakage_energy() == 0);
    op.mac.power = 0.5, op.lhs.skipped = 0.25;
    systolic_config c = scale_sim_32;
    c.multiplier_area = 0.75;
    auto r = run(c, op).value();
    CHECK(r.executed_macs == Approx(0.75 * 50 * 64 * 40));
    CHECK(r.component("mac_array").dynamic_energy == Approx(0.375 * exact.component("mac_array").dynamic_energy));
    CHECK(r.component("mac_array").area == Approx(0.75 * exact.component("mac_array").area));
    CHECK(r.cycles == exact.cycles);

    c = scale_sim_32, c.node = node_14nm;
    c.mac.leakage = 0.01, c.sram.leakage = 8;
    r = run(c, matmul(50, 64, 40)).value();
    const double size = 14.0 / 45, supply = 0.8 / 1.1, cycles = static_cast<double>(r.cycles);
    CHECK(r.frequency == 700e6);
    CHECK(r.component("mac_array").dynamic_energy ==
          Approx(exact.component("mac_array").dynamic_energy * size * supply * supply));
    CHECK(r.component("mac_array").area == Approx(exact.component("mac_array").area * size * size));
    CHECK(r.component("mac_array").leakage_energy == Approx(1024 * 0.01 * size * size / 700 * cycles));
    CHECK(r.component("filter_sram").leakage_energy == Approx(8.0 / 16 * size * size / 700 * cycles));
    CHECK(r.component("filter_sram").area == Approx(0.346e-6 * 64 * 1024 * 8 * size * size));
    CHECK(r.component("dram").energy() == exact.component("dram").energy());
    CHECK(r.component("dram").area == 0);
}

TEST_CASE("a configuration that cannot be built is an error with a sentence") {
    CHECK(fault(scale_sim_32).empty());
    struct count_case {
        std::uint64_t systolic_config::*field;
        std::string name;
        std::uint64_t most;
    };
    constexpr std::uint64_t wide = std::uint64_t{1} << 20, large = std::uint64_t{1} << 30;
    for (const count_case& f : {count_case{&systolic_config::rows, "rows", wide},
                                {&systolic_config::columns, "columns", wide},
                                {&systolic_config::ifmap_kib, "ifmap_kib", large},
                                {&systolic_config::filter_kib, "filter_kib", large},
                                {&systolic_config::ofmap_kib, "ofmap_kib", large},
                                {&systolic_config::accumulator_bits, "accumulator_bits", 64},
                                {&systolic_config::vector_lanes, "vector_lanes", wide},
                                {&systolic_config::dram_bits, "dram_bits", wide}}) {
        systolic_config c = scale_sim_32;
        for (const std::uint64_t bad :
             {std::uint64_t{0}, f.most + 1, std::uint64_t{10'000'000'000'000}, ~std::uint64_t{0}}) {
            c.*f.field = bad;
            CHECK(fault(c) ==
                  "systolic_config: " + f.name + " is " + std::to_string(bad) + "; expected 1 to " + std::to_string(f.most));
            CHECK(validate(c).error().code == error_code::wrong_size);
        }
        c.*f.field = f.most;
        CHECK(fault(c).empty());
    }
    systolic_config c = scale_sim_32;
    c.mac.dynamic = -0.5;
    CHECK(fault(c) == "systolic_config: mac.dynamic is -0.5; expected a finite number of at least 0");
    c = scale_sim_32, c.sram.access = std::numeric_limits<double>::quiet_NaN();
    CHECK(fault(c) == "systolic_config: sram.access is NaN; expected a finite number of at least 0");
    c = scale_sim_32, c.node.volts = 0;
    CHECK(fault(c) == "systolic_config: node.volts is 0; expected a finite number above 0");
    c = scale_sim_32, c.dram_energy = -std::numeric_limits<double>::infinity();
    CHECK(fault(c) == "systolic_config: dram_energy is -infinity; expected a finite number of at least 0");
    c = scale_sim_32, c.multiplier_area = -1e300;
    CHECK(fault(c) == "systolic_config: multiplier_area is below -1e12; expected a finite number of at least 0");
    c = scale_sim_32, c.dataflow = static_cast<systolic_dataflow>(3);
    CHECK(fault(c).find("dataflow is 3") != std::string::npos);
    c = scale_sim_32, c.mode = static_cast<systolic_mode>(9);
    CHECK(fault(c).find("mode is 9") != std::string::npos);
    CHECK(mapping_efficiency({.rows = 0}, conv1) == 0);
}

TEST_CASE("what is too large is an error and no wrong number") {
    const std::uint64_t big = std::uint64_t{1} << 31;
    const auto code = [](const result<accelerator_report>& r) { return r.error().code; };
    CHECK(code(run(scale_sim_32, matmul(big, big, big))) == error_code::wrong_size); // products past 2^64
    CHECK(run(scale_sim_32, matmul(1 << 20, 1 << 20, 1 << 16)).has_value());
    // 2^62 folds of 95 cycles
    const auto cycles = run(scale_sim_32, matmul(1, 1, 1, std::uint64_t{1} << 62));
    REQUIRE(!cycles);
    CHECK(code(cycles) == error_code::wrong_size);
    CHECK(cycles.error().message.view().find("product") != std::string_view::npos);
    // each fits, but their sum does not
    std::vector<operation> many(7, matmul(1, 1, 1, std::uint64_t{1} << 54));
    CHECK(systolic{scale_sim_32}.simulate({std::span{many}.first(1), {}}).has_value());
    many.resize(400, many.front());
    CHECK(code(systolic{scale_sim_32}.simulate({many, {}})) == error_code::wrong_size);
    // the event mode does not set out on a walk without end
    const auto walk = run(in_event_mode(scale_sim_32), matmul(1 << 20, 1 << 20, 1 << 16));
    REQUIRE(!walk);
    CHECK(walk.error().message.view().find("10000000000 cycles") != std::string_view::npos);
    for (const auto dataflow : dataflows)
        CHECK(code(run(in_event_mode(array_of(1, 1, dataflow)), matmul(1, std::uint64_t{1} << 63, 1))) ==
              error_code::wrong_size);
    // a workload that validate() refuses
    operation odd = matmul(1, 1, 1);
    odd.mac.power = -1;
    CHECK(code(run(scale_sim_32, odd)) == error_code::malformed);
}

TEST_CASE("a convolution as a matrix product") {
    const operation op =
        convolution_as_matmul({.height = 7, .width = 9, .kernel_h = 3, .kernel_w = 2, .channels = 5, .filters = 6});
    CHECK(op.m == 5 * 8);
    CHECK(op.k == 3 * 2 * 5);
    CHECK(op.n == 6);
    CHECK(op.rhs_elements() == 30 * 6);
    CHECK(op.rhs.cls == tensor_class::weight);
    CHECK(convolution_as_matmul({4, 4, 4, 4, 1, 1, 9}).m == 1);
    REQUIRE_PANIC(convolution_as_matmul({4, 4, 5, 4, 1, 1, 1}), bad_shape);
    REQUIRE_PANIC(convolution_as_matmul({4, 4, 3, 3, 1, 1, 0}), bad_shape);
    REQUIRE_PANIC(convolution_as_matmul({4, 4, 3, 3, 0, 1, 1}), bad_shape);
    const std::uint64_t big = std::uint64_t{1} << 33;
    REQUIRE_PANIC(convolution_as_matmul({big, big, 1, 1, 1, 1, 1}), overflow);
    REQUIRE_PANIC(convolution_as_matmul({big, 1, big, 1, big, 1, 1}), overflow);
}
