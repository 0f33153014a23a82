// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "support/catch.hpp"

#include <lutra/accelerator/tiled.hpp>
#include <lutra/accelerator/tiled_event.hpp>
#include <lutra/core/random.hpp>
#include <lutra/nn/acceltran_conversion.hpp>
#include <lutra/nn/describe.hpp>
#include <lutra/nn/transformer_shapes.hpp>

#include <limits>
#include <optional>
#include <vector>

namespace {

using namespace lutra;

/// A workload in memory of its own.
struct network {
    std::vector<operation> operations;
    std::vector<std::uint32_t> dependencies;
    workload view{};

    static network bert(const encoder_config& c, std::uint64_t batch) {
        network n;
        n.operations.resize(acceltran_operation_count(c));
        n.dependencies.resize(acceltran_dependency_count(c));
        workload_builder out{n.operations, n.dependencies};
        n.view = describe_acceltran(c, batch, out);
        return n;
    }
};

accelerator_report simulate(const auto& machine, const workload& w) {
    const auto r = machine.simulate(w);
    INFO((r ? std::string_view{} : r.error().message.view()));
    REQUIRE(r.has_value());
    return *r;
}

double processing_element_energy(const accelerator_report& r) {
    double sum = 0;
    for (const component_report& c : r.components())
        if (c.kind == component_kind::module) sum += c.dynamic_energy;
    return sum;
}

tiled_config with(tiled_config c, tiled_semantics s) {
    c.semantics = s;
    return c;
}

/// The machine of tiled_event, one cycle after the other, as one would write it down: loads and stores on their buffers,
/// tiles on the lowest units that are free.
std::uint64_t cycle_by_cycle(const tiled_config& c, const workload& w) {
    struct stream {
        std::vector<std::uint32_t> operations;
        std::size_t at = 0;
    };
    std::vector<std::vector<stream>> queues[2]; // of transfers, of computations: groups of streams
    for (std::uint32_t i = 0; i < w.operations.size(); ++i) {
        const operation& op = w.operations[i];
        const bool opens = i == 0 || (op.stream != 0) != (w.operations[i - 1].stream != 0);
        const bool moves = op.kind == operation_kind::load || op.kind == operation_kind::store;
        for (auto& q : queues)
            if (opens) q.emplace_back();
        auto& group = queues[moves ? 0 : 1].back();
        const std::size_t s = op.stream == 0 ? 0 : op.stream - 1;
        if (group.size() <= s) group.resize(s + 1);
        group[s].operations.push_back(i);
    }
    std::vector<std::uint64_t> left[3]; // cycles until a unit is free
    left[0].resize(c.all_lanes());
    left[1].resize(c.all_softmax());
    left[2].resize(c.elements);
    std::uint64_t buffers[3]{}; // weight, activation, mask
    std::vector<std::optional<std::uint64_t>> end(w.operations.size());
    std::vector<std::uint64_t> issued(w.operations.size()), ends(w.operations.size());
    std::vector<tile_position> at(w.operations.size());
    std::vector<std::pair<std::optional<std::uint32_t>, tile_position>> held(c.all_lanes());
    std::size_t groups[2]{}, open = w.operations.size();
    std::uint64_t cycle = 0, last = 0;
    const auto ready = [&](std::uint32_t i) {
        for (const std::uint32_t d : w.dependencies_of(i))
            if (!end[d] || *end[d] > cycle) return false;
        return true;
    };
    const auto skip = [&](std::size_t q) {
        const auto done = [](const stream& s) { return s.at == s.operations.size(); };
        while (groups[q] < queues[q].size() && std::all_of(queues[q][groups[q]].begin(), queues[q][groups[q]].end(), done))
            ++groups[q];
    };
    skip(0), skip(1);
    const auto finish = [&](std::uint32_t i, std::uint64_t ended) {
        end[i] = ended;
        last = std::max(last, ended);
        --open;
    };
    while (open > 0) {
        REQUIRE(cycle < 1'000'000);
        if (groups[0] < queues[0].size()) {
            auto& group = queues[0][groups[0]];
            std::vector<stream*> order;
            for (stream& s : group)
                if (s.at < s.operations.size()) order.push_back(&s);
            std::sort(order.begin(), order.end(),
                      [](stream* a, stream* b) { return a->at < b->at || (a->at == b->at && a < b); });
            for (stream* s : order) {
                const std::uint32_t i = s->operations[s->at];
                const auto t = detail::tiled_transfer::of(w.operations[i], c);
                std::uint64_t& buffer = buffers[t.cls == tensor_class::weight ? 0 : 1];
                if (buffer > 0 || buffers[2] > 0 || !ready(i)) continue;
                buffer = t.cycles;
                buffers[2] = t.mask_cycles;
                finish(i, cycle + t.cycles);
                ++s->at;
            }
            skip(0);
        }
        if (groups[1] < queues[1].size()) {
            for (stream& s : queues[1][groups[1]]) {
                if (s.at == s.operations.size()) continue;
                const std::uint32_t i = s.operations[s.at];
                const auto t = detail::tiled_operation::of(w.operations[i], c);
                auto& units = left[static_cast<std::size_t>(t.unit)];
                const auto free = static_cast<std::uint64_t>(std::count(units.begin(), units.end(), 0u));
                const std::uint64_t window = std::min<std::uint64_t>(c.issue, t.tiles - issued[i]);
                const std::uint64_t some = std::min<std::uint64_t>(window, units.size());
                if (free < some || !ready(i)) continue;
                for (std::uint64_t n = 0; n < some; ++n) {
                    const auto unit = std::find(units.begin(), units.end(), 0u);
                    std::uint64_t busy = t.work;
                    if (t.unit == detail::tiled_unit::lane) {
                        auto& [by, where] = held[static_cast<std::size_t>(unit - units.begin())];
                        const bool same = t.product && by == i;
                        const int fetched =
                            !t.product ? 1 : 2 - (same && at[i].shares_lhs(where)) - (same && at[i].shares_rhs(where));
                        busy = std::max(busy, static_cast<std::uint64_t>(fetched) * t.fill);
                        by = i, where = at[i];
                    }
                    at[i].advance(t.extents, c.order);
                    *unit = busy + 1;
                    ends[i] = std::max(ends[i], cycle + busy + 1);
                }
                if ((issued[i] += some) < t.tiles) continue;
                finish(i, ends[i]);
                ++s.at;
            }
            skip(1);
        }
        for (auto& units : left)
            for (std::uint64_t& u : units) u -= u > 0;
        for (std::uint64_t& b : buffers) b -= b > 0;
        ++cycle;
    }
    return last;
}

} // namespace

// 75,817 and 79,324 cycles, 126.1 and 1,425.7 uJ, 9,514 cycles and the areas are what AccelTran's public simulator answers.
TEST_CASE("tiled: BERT-Tiny on AccelTran's Edge and Server is what its simulator says") {
    const network bert = network::bert(bert_tiny, 4);
    const auto released = simulate(tiled_event{with(acceltran_edge, tiled_semantics::released)}, bert.view);
    CHECK(static_cast<double>(released.cycles) == Approx(79324).epsilon(0.005));
    CHECK(released.cycles == 79272);
    CHECK(released.energy() * 1e-3 == Approx(1425.7).epsilon(1e-4));
    const auto mended = simulate(tiled_event{with(acceltran_edge, tiled_semantics::released_mended)}, bert.view);
    CHECK(mended.cycles == 75817);
    CHECK(processing_element_energy(mended) * 1e-3 == Approx(126.1).epsilon(0.001));
    const auto corrected = simulate(tiled_event{acceltran_edge}, bert.view);
    CHECK(corrected.cycles == 77029);
    CHECK(processing_element_energy(corrected) == Approx(processing_element_energy(mended)).epsilon(1e-9));
    CHECK(simulate(tiled_event{with(acceltran_server, tiled_semantics::released)}, bert.view).cycles == 9514);
    CHECK(tiled{acceltran_edge}.area() == Approx(54.064).epsilon(0.0001));
    CHECK(tiled{acceltran_server}.area() == Approx(1829.70).epsilon(0.0001));
    CHECK(corrected.area() == tiled{acceltran_edge}.area());
}

TEST_CASE("tiled: the 24 loop orders of a product of 64 take the same time and one of two energies") {
    operation product{.batch = 4, .m = 64, .n = 64, .k = 64, .rhs = {}};
    product.lhs.sparsity = product.rhs.sparsity = 0.5;
    const workload w{{&product, 1}, {}};
    std::size_t reused = 0;
    for (std::size_t n = 0; n < loop_order::count; ++n) {
        tiled_config c = acceltran_edge;
        c.elements = 1, c.lanes = 4, c.issue = 4, c.order = loop_order::nth(n);
        for (std::size_t m = 0; m < n; ++m) CHECK(!(loop_order::nth(m) == c.order));
        const auto run = detail::tiled_run{c, w}.run(0, [](const tiled_sample&) {});
        REQUIRE(run.has_value());
        CHECK(run->cycles == 8256);
        const double energy = run->component("mac_lane").dynamic_energy + run->component("operand_fetch").dynamic_energy;
        const operand_reuse reuse = operand_reuse::of({4, 4, 4, 4}, c.order, 4);
        CHECK((reuse.lhs + reuse.rhs == 192 || reuse.lhs + reuse.rhs == 0));
        CHECK(energy == Approx(reuse.lhs + reuse.rhs == 192 ? 446.2 : 567.9).epsilon(0.0002));
        CHECK(run->component("operand_fetch").reads == Approx(256.0 * static_cast<double>(512 - reuse.lhs - reuse.rhs)));
        reused += reuse.lhs + reuse.rhs == 192;
    }
    CHECK(reused == 12);
}

TEST_CASE("operand_reuse: the closed form counts what taking turns would find") {
    random_generator random{1};
    for (int n = 0; n < 400; ++n) {
        const auto some = [&](int most) { return static_cast<std::uint64_t>(random.between(1, most)); };
        const tile_extents e{some(4), some(5), some(5), some(5)};
        const loop_order o = loop_order::nth(static_cast<std::size_t>(random.between(0, 23)));
        const std::uint64_t lanes = some(30);
        std::vector<tile_position> held(e.tiles());
        tile_position at;
        std::uint64_t lhs = 0, rhs = 0;
        for (std::uint64_t t = 0; t < e.tiles(); ++t) {
            held[t] = at;
            if (t >= lanes) lhs += at.shares_lhs(held[t - lanes]), rhs += at.shares_rhs(held[t - lanes]);
            at.advance(e, o);
        }
        const operand_reuse reuse = operand_reuse::of(e, o, lanes);
        INFO(e.b << ' ' << e.i << ' ' << e.j << ' ' << e.k << ' ' << std::string{o.name().view()} << ' ' << lanes);
        CHECK(reuse.lhs == lhs);
        CHECK(reuse.rhs == rhs);
    }
}

TEST_CASE("tiled_event: skipping idle cycles changes nothing, and small buffers end it in some way") {
    int ended = 0;
    random_generator random{2};
    const auto some = [&](int most) { return static_cast<std::uint64_t>(random.between(1, most)); };
    for (int n = 0; n < 60; ++n) {
        tiled_config c = acceltran_edge;
        c.elements = static_cast<std::uint32_t>(some(3));
        c.lanes = static_cast<std::uint32_t>(some(5));
        c.softmax = static_cast<std::uint32_t>(some(2));
        c.issue = static_cast<std::uint32_t>(some(6));
        c.tile_side = 8;
        c.memory_bandwidth = static_cast<double>(some(300));
        std::vector<operation> operations;
        std::vector<std::uint32_t> dependencies(400);
        operations.resize(40);
        workload_builder out{operations, dependencies};
        constexpr operation_kind kinds[]{operation_kind::load,        operation_kind::matmul,  operation_kind::store,
                                         operation_kind::elementwise, operation_kind::softmax, operation_kind::layer_norm};
        for (std::uint32_t i = 0; i < 40; ++i) {
            operation op{.kind = kinds[random.between(0, 5)], .batch = some(2), .m = some(40), .n = some(40), .k = some(40)};
            op.stream = i / 10 % 2 == 0 ? 0 : static_cast<std::uint32_t>(some(3));
            op.lhs.sparsity = op.out.sparsity = 0.25 * static_cast<double>(random.between(0, 3));
            op.out.cls = op.kind == operation_kind::load ? tensor_class::weight : tensor_class::activation;
            std::vector<std::uint32_t> waits;
            // of an earlier group or of its own stream, so that streams cannot wait for each other in a circle
            if (i > 0 && random.between(0, 2) > 0) {
                const auto d = static_cast<std::uint32_t>(random.between(0, static_cast<int>(i) - 1));
                if (d / 10 != i / 10 || operations[d].stream == op.stream) waits.push_back(d);
            }
            out.add(op, waits);
        }
        CHECK(simulate(tiled_event{c}, out.view()).cycles == cycle_by_cycle(c, out.view()));
        for (const double mb : {0.0003, 0.0006, 0.002}) { // ends, whatever fits
            c.activation_mb = c.weight_mb = mb;
            const auto r = tiled_event{c}.simulate(out.view());
            CHECK((r.has_value() || r.error().code == error_code::wrong_size));
            ended += r.has_value();
        }
    }
    CHECK(ended > 20);
    CHECK(ended < 160);
}

TEST_CASE("tiled: the closed form stays within 3 % of scheduling every tile, and spends the same energy") {
    for (const tiled_config& machine : {acceltran_edge, acceltran_server})
        for (const std::uint64_t batch : {1u, 4u})
            for (const encoder_config& c : {bert_tiny, bert_mini}) {
                if (c.layers.size() == 4 && machine == acceltran_edge) continue; // its embedding does not fit
                const network bert = network::bert(c, batch);
                const auto exact = simulate(tiled_event{machine}, bert.view), fast = simulate(tiled{machine}, bert.view);
                INFO(exact.cycles << " and " << fast.cycles);
                CHECK(static_cast<double>(fast.cycles) == Approx(static_cast<double>(exact.cycles)).epsilon(0.03));
                CHECK(fast.energy() == Approx(exact.energy()).epsilon(0.03));
                CHECK(fast.macs == exact.macs);
            }
}

TEST_CASE("tiled: the closed form stays within 10 % of scheduling 64 heads side by side") {
    const network many = network::bert(uniform_encoder<2, 1024, 64, 1024>, 1);
    const auto exact = simulate(tiled_event{acceltran_server}, many.view),
               fast = simulate(tiled{acceltran_server}, many.view);
    INFO(exact.cycles << " and " << fast.cycles);
    CHECK(static_cast<double>(fast.cycles) == Approx(static_cast<double>(exact.cycles)).epsilon(0.1));
}

TEST_CASE("tiled: the closed form stays within 10 % where heads wait for each other's transfers") {
    const encoder_workload_options options{.per_head = true, .bits = 20};
    std::vector<operation> operations(operation_count(bert_tiny, options));
    std::vector<std::uint32_t> dependencies(dependency_count(bert_tiny, options));
    workload_builder out{operations, dependencies};
    describe(bert_tiny, 4, options, out);
    for (operation& op : operations)
        for (operand* o : {&op.lhs, &op.rhs, &op.out}) o->sparsity = 0.5;
    for (const tiled_config& machine : {acceltran_edge, acceltran_server}) {
        const auto exact = simulate(tiled_event{machine}, {operations, dependencies});
        const auto fast = simulate(tiled{machine}, {operations, dependencies});
        INFO(exact.cycles << " and " << fast.cycles);
        CHECK(static_cast<double>(fast.cycles) == Approx(static_cast<double>(exact.cycles)).epsilon(0.1));
        CHECK(fast.energy() == Approx(exact.energy()).epsilon(0.03));
    }
}

TEST_CASE("tiled: a ViT without loads and stores of its own, and what approximate multipliers save") {
    const vit_config c = vit_tiny;
    std::vector<layer_choice> choices(c.depth);
    std::vector<operation> operations(operation_count(c));
    std::vector<std::uint32_t> dependencies(dependency_count(c));
    const auto of = [&] {
        workload_builder out{operations, dependencies};
        return describe(c, choices, 1, out);
    };
    const auto exact = simulate(tiled_event{}, of()), fast = simulate(tiled{}, of());
    INFO(exact.cycles << " and " << fast.cycles);
    CHECK(static_cast<double>(fast.cycles) == Approx(static_cast<double>(exact.cycles)).epsilon(0.05));
    CHECK(exact.macs == of().macs());
    for (layer_choice& choice : choices) choice.linear.cost.power = choice.attention.cost.power = 0.25;
    const auto less = simulate(tiled{}, of());
    CHECK(less.cycles == fast.cycles);
    const double lane = fast.component("mac_lane").dynamic_energy, lower = less.component("mac_lane").dynamic_energy;
    CHECK(lower < 0.26 * lane);
    CHECK(lower > 0.24 * lane); // the activation functions keep theirs
}

TEST_CASE("tiled_event: what does not fit goes to main memory and comes back") {
    // a chain of products whose results are all read again at the end, in the order in which they were made
    constexpr std::uint32_t count = 24;
    std::vector<operation> operations(2 * count);
    std::vector<std::uint32_t> dependencies(4 * count);
    workload_builder out{operations, dependencies};
    operation product{.m = 256, .n = 256, .k = 256, .rhs = {.cls = tensor_class::weight}}, again = product;
    again.rhs = {};
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t before[]{i - 1};
        out.add(product, std::span{before}.first(i > 0 ? 1 : 0));
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t reads[]{count - 1 + i, i};
        out.add(again, reads);
    }
    tiled_config c = acceltran_edge;
    const auto roomy = simulate(tiled_event{c}, out.view());
    c.activation_mb = 0.5; // eight results of 64 KB
    const auto tight = simulate(tiled_event{c}, out.view());
    CHECK(tight.cycles > roomy.cycles);
    const double result = 256.0 * 256 * 8;
    const auto moved = [](const accelerator_report& r) { return r.component("main_memory").bits; };
    const double extra = (moved(tight) - moved(roomy)) / (result + 256 * 256); // with its mask
    INFO(extra);
    CHECK(extra >= 2 * (count - 9)); // out and back
    CHECK(extra <= 2 * 2 * count);
    CHECK(tight.component("mac_lane").dynamic_energy == roomy.component("mac_lane").dynamic_energy);
    CHECK(tight.component("activation_buffer").area < roomy.component("activation_buffer").area);
}

TEST_CASE("tiled: passes share out the time and the dynamic energy") {
    const network bert = network::bert(bert_tiny, 4);
    network later = bert;
    for (std::size_t i = later.operations.size() / 2; i < later.operations.size(); ++i)
        later.operations[i].pass = operation_pass::backward;
    later.view.operations = later.operations;
    const auto check = [&](const auto& machine) {
        const auto r = simulate(machine, later.view);
        CHECK(r.passes[0].cycles + r.passes[1].cycles == r.cycles);
        CHECK(r.passes[2].cycles == 0);
        CHECK(r.passes[0].dynamic_energy > 0);
        CHECK(r.passes[0].dynamic_energy + r.passes[1].dynamic_energy == Approx(r.dynamic_energy()));
    };
    check(tiled{});
    check(tiled_event{});
    check(tiled_event{with(acceltran_edge, tiled_semantics::released)});
}

TEST_CASE("tiled: what cannot be is a sentence") {
    const network bert = network::bert(bert_tiny, 4);
    const auto says = [&](const tiled_config& c, std::string_view words) {
        const auto check = [&](const auto& machine) {
            const auto r = machine.simulate(bert.view);
            REQUIRE(!r.has_value());
            INFO(std::string{r.error().message.view()});
            CHECK(r.error().message.view().find(words) != std::string_view::npos);
        };
        check(tiled{c});
        check(tiled_event{c});
    };
    tiled_config c = acceltran_edge;
    c.lanes = 0;
    says(c, "tiled_config: lanes is 0; expected 1 to 4096");
    c = acceltran_edge, c.macs = 3;
    says(c, "tiled_config: macs is 3; expected 1 or 16");
    c = acceltran_edge, c.weight_mb = 0;
    says(c, "tiled_config: weight_mb is 0; expected a finite number above 0");
    c.weight_mb = 1e12;
    says(c, "tiled_config: weight_mb is 1000000000000; expected a finite number above 0 and at most 1000000");
    c.weight_mb = std::numeric_limits<double>::quiet_NaN();
    says(c, "tiled_config: weight_mb is NaN");
    c = acceltran_edge, c.weight_mb = 1;
    says(c, "embedding.load");
    c = acceltran_edge, c.mask_mb = 0.25;
    says(c, "mask buffer");
    // two weights of 600 KB that one product reads do not fit 1 MB together
    workload_buffer<4> out;
    operation load{.kind = operation_kind::load, .m = 768, .n = 800, .out = {.cls = tensor_class::weight}};
    load.lhs = load.out;
    const auto left = out.add(load), right = out.add(load);
    out.add({.m = 16, .n = 16, .k = 16, .rhs = {}}, {left, right});
    c = acceltran_edge, c.weight_mb = 1;
    const auto full = tiled_event{c}.simulate(out.view());
    REQUIRE(!full.has_value());
    CHECK(full.error().message.view().find("finds no room beside what is still needed") != std::string_view::npos);
    const operation endless{.batch = std::uint64_t{1} << 60, .rhs = {}};
    const auto many = tiled{}.simulate({{&endless, 1}, {}}), scheduled = tiled_event{}.simulate({{&endless, 1}, {}});
    REQUIRE(!many.has_value());
    REQUIRE(!scheduled.has_value());
    CHECK(scheduled.error().message.view().find("tiles to schedule") != std::string_view::npos);
    for (const std::string_view order : {"", "bij", "b_i_j_j", "bijkb", "abcd"}) {
        const auto o = loop_order::from(order);
        REQUIRE(!o.has_value());
        CHECK(o.error().message.view().find("is no permutation") != std::string_view::npos);
    }
    CHECK(*loop_order::from("k_j_i_b") == loop_order::nth(23));
    CHECK(*loop_order::from("bijk") == loop_order{});
    CHECK(loop_order::nth(23).name().view() == "k_j_i_b");
}

TEST_CASE("tiled_event: samples tell what is busy") {
    const network bert = network::bert(bert_tiny, 1);
    std::size_t samples = 0;
    std::uint64_t most = 0, before = 0;
    double room = 0;
    const auto r = tiled_event{}.simulate(bert.view, 100, [&](const tiled_sample& s) {
        CHECK((samples == 0 || s.cycle == before + 100));
        before = s.cycle;
        most = std::max(most, s.lanes);
        room = std::max(room, s.weight_bits);
        ++samples;
    });
    REQUIRE(r.has_value());
    CHECK(samples == (r->cycles + 99) / 100);
    CHECK(most > 100);
    CHECK(most <= 1024);
    CHECK(room > 30e6);
}

// A closed form costs nothing when the compiler runs it.
static_assert([] {
    workload_buffer<8> out;
    out.add({.m = 64, .n = 64, .k = 64, .rhs = {.cls = tensor_class::weight}});
    const auto r = tiled{}.simulate(out.view());
    return r.has_value() && r->cycles > 128 && r->macs == 64 * 64 * 64;
}());
