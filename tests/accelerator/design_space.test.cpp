// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <lutra/accelerator/design_space.hpp>
#include <lutra/accelerator/tiled.hpp>
#include <lutra/nn/acceltran_conversion.hpp>
#include <lutra/search/genetic.hpp>

#include "support/catch.hpp"
#include "support/panic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using namespace lutra;

namespace {

using genome = tiled_design_space::genome;
constexpr std::size_t axes = tiled_design_space::axis_names.size();
constexpr tiled_design_space whole;
static_assert(whole.size() == 14'850'000);
static_assert(whole.size() == 2ull * 3 * 2 * 5 * 5 * 2 * 6 * 3 * 5 * 5 * 5 * 11);

// The ends, and the published machines: Server issues other numbers of tiles than the default base.
static_assert(whole.at(0) == whole.at(genome{}));
static_assert(whole.at(14'849'999).config.memory == acceltran_memories[10]);
static_assert(whole.at(whole.index_of(tiled_design{acceltran_edge, 4}).value()) == tiled_design{acceltran_edge, 4});
constexpr tiled_design_space server_space{.base = acceltran_server};
static_assert(!whole.genome_of({acceltran_server, 4}) && server_space.genome_of({acceltran_server, 4}));
static_assert(server_space.genome_of({acceltran_server, 16}).value() == genome{0, 1, 1, 3, 2, 1, 4, 1, 3, 3, 3, 4});

/// Two values on each axis.
constexpr tiled_design_space small_space() {
    tiled_design_space s;
    s.tile_side = {8, 32};
    s.elements = {64, 1024};
    s.lanes = {16, 8};
    s.softmax = {2, 3};
    s.batch = {1, 7};
    s.activation_mb = {0.5, 12};
    s.weight_mb = {8, 128};
    s.mask_mb = {0.5, 1};
    s.memory = {acceltran_main_memories[3], tiled_memory{acceltran_memories[3], 100}};
    return s;
}
/// One point.
constexpr tiled_design_space edge_alone() {
    tiled_design_space s;
    s.tile_batch = {1};
    s.tile_side = {16};
    s.activation = {lane_function::gelu};
    s.elements = {64};
    s.lanes = {16};
    s.macs = {16};
    s.softmax = {4};
    s.batch = {4};
    s.activation_mb = {4};
    s.weight_mb = {8};
    s.mask_mb = {1};
    s.memory = {acceltran_main_memories[8]};
    return s;
}
std::size_t changes(const genome& a, const genome& b) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < axes; ++i) n += a[i] != b[i];
    return n;
}
std::string fault(const tiled_design_space& s, const tiled_design& d) {
    const auto r = s.index_of(d);
    return r ? "" : std::string{r.error().message.view()};
}

/// An encoder as workloads of 4, 16 and 32 sequences.
template <std::size_t Operations>
struct encoder_workloads {
    std::array<workload_buffer<Operations, Operations>, 3> of{};
    explicit encoder_workloads(const encoder_config& c) {
        for (std::size_t i = 0; i < 3; ++i) describe_acceltran(c, whole.batch[i], of[i]);
    }
    result<accelerator_report> simulate(const tiled_design& d) const {
        return tiled{d.config}.simulate(of[whole.batch.find(d.batch)].view());
    }
};
using tiny_workloads = encoder_workloads<acceltran_operation_count(bert_tiny)>;
using mini_workloads = encoder_workloads<acceltran_operation_count(bert_mini)>;

constexpr double infinite = std::numeric_limits<double>::infinity();

/// Seconds x energy x area for each sequence, of what can run; the rest costs more than anything.
template <class Workloads>
struct design_problem {
    using genome = tiled_design_space::genome;
    const tiled_design_space* space;
    const Workloads* workloads;
    double evaluate(const genome& g) const {
        const tiled_design d = space->at(g);
        const auto report = workloads->simulate(d);
        if (!report) return infinite;
        return report->seconds() / d.batch * report->energy() / d.batch * report->area();
    }
};
struct any_design {
    const tiled_design_space* space;
    genome operator()(random_generator& random) const { return space->sample(random); }
};
struct another_design {
    const tiled_design_space* space;
    void operator()(genome& g, random_generator& random) const { space->mutate(g, random, 0.1); }
};
template <class Workloads>
auto search_over(const tiled_design_space& space, const Workloads& workloads, std::uint64_t seed) {
    using problem = design_problem<Workloads>;
    static_assert(cost_problem<problem>);
    using operators = genetic_operators<any_design, another_design>;
    return genetic_search<problem, operators, 50>{
        {&space, &workloads}, {{&space}, {&space}}, {.population = 50, .mutation_rate = 0.6, .seed = seed}};
}
/// The least cost of @p count sampled points.
template <class Workloads>
double best_of_random(const tiled_design_space& space, const Workloads& workloads, std::size_t count, std::uint64_t seed) {
    const design_problem<Workloads> problem{&space, &workloads};
    random_generator random{seed};
    double least = infinite;
    for (std::size_t i = 0; i < count; ++i) least = std::min(least, problem.evaluate(space.sample(random)));
    return least;
}

} // namespace

TEST_CASE("an index and its design name each other") {
    random_generator random{1};
    std::size_t wrong = 0;
    for (int i = 0; i < 300'000; ++i) {
        const std::uint64_t index = random.below(whole.size());
        const genome g = whole.genome_at(index);
        wrong += !whole.valid(g) || whole.index_of(g) != index;
    }
    for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t index = random.below(whole.size());
        const tiled_design d = whole.at(index);
        wrong += !validate(d.config) || whole.index_of(d).value() != index;
    }
    for (std::uint64_t i = 0; i < 1000; ++i)
        for (const std::uint64_t index : {i, whole.size() - 1 - i}) wrong += whole.index_of(whole.genome_at(index)) != index;
    CHECK(wrong == 0);
}

TEST_CASE("a restricted space is its product, the last axis fastest") {
    static constexpr tiled_design_space space = small_space();
    static_assert(space.size() == 4096);
    std::size_t wrong = 0;
    for (std::uint64_t index = 0; index < space.size(); ++index) {
        const genome g = space.genome_at(index);
        for (std::size_t i = 0; i < axes; ++i) wrong += g[i] != (index >> (axes - 1 - i)) % 2;
        const tiled_design d = space.at(g);
        wrong += d != space.at(index) || space.genome_of(d).value() != g || space.index_of(d).value() != index;
    }
    CHECK(wrong == 0);
    const tiled_design last = space.at(4095);
    CHECK(last.batch == 7);
    CHECK(last.config == tiled_config{.tile_batch = 4,
                                      .tile_side = 32,
                                      .activation = lane_function::gelu,
                                      .elements = 1024,
                                      .lanes = 8,
                                      .macs = 16,
                                      .softmax = 3,
                                      .activation_mb = 12,
                                      .weight_mb = 128,
                                      .mask_mb = 1,
                                      .memory = acceltran_memories[3],
                                      .memory_bandwidth = 100});
    CHECK(edge_alone().size() == 1);
    CHECK(edge_alone().at(0) == tiled_design{acceltran_edge, 4});
}

TEST_CASE("the memories have the bandwidths of their presets") {
    for (const tiled_memory& m : whole.memory.values())
        CHECK(m.bandwidth == (m.cost.kind == memory_kind::dram ? 785.365 : 7853.65));
    CHECK(whole.memory.values()[8] == tiled_memory{acceltran_edge.memory, acceltran_edge.memory_bandwidth});
    CHECK(whole.memory.values()[4] == tiled_memory{acceltran_server.memory, acceltran_server.memory_bandwidth});
}

TEST_CASE("a design from outside of the space is an error that names the axis") {
    tiled_design d{acceltran_edge, 4};
    CHECK(fault(whole, d).empty());
    d.batch = 5;
    CHECK(fault(whole, d) == "the design's batch is not on the axis; expected one of its 3 values");
    d = {acceltran_edge, 4};
    d.config.memory_bandwidth = 786;
    CHECK(fault(whole, d) == "the design's memory is not on the axis; expected one of its 11 values");
    d = {acceltran_edge, 4};
    d.config.fifo = 33;
    CHECK(fault(whole, d).find("differs from the base") != std::string::npos);
    CHECK(whole.index_of(d).error().code == error_code::malformed);
}

TEST_CASE("what is outside of a space panics") {
    REQUIRE_PANIC(whole.at(whole.size()), out_of_range);
    REQUIRE_PANIC(whole.genome_at(std::numeric_limits<std::uint64_t>::max()), out_of_range);
    random_generator random;
    for (std::size_t i = 0; i < axes; ++i) {
        genome g{};
        g[i] = static_cast<std::uint8_t>(whole.extents()[i] - 1);
        CHECK(whole.valid(g));
        ++g[i];
        CHECK(!whole.valid(g));
        REQUIRE_PANIC(whole.at(g), out_of_range);
        REQUIRE_PANIC(whole.index_of(g), out_of_range);
        REQUIRE_PANIC(whole.mutate(g, random), out_of_range);
        REQUIRE_PANIC(whole.for_each_neighbour(g, [](const genome&) {}), out_of_range);
    }
    genome g{};
    REQUIRE_PANIC(whole.mutate(g, random, 1.5), bad_argument);
    REQUIRE_PANIC(whole.mutate(g, random, std::numeric_limits<double>::quiet_NaN()), bad_argument);
    using axis = design_axis<std::uint32_t>;
    const std::vector<std::uint32_t> none, many{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
    REQUIRE_PANIC(axis{std::span{none}}, empty);
    REQUIRE_PANIC(axis{std::span{many}}, out_of_range);
    REQUIRE_PANIC((axis{1, 2, 1}), bad_argument);
    CHECK(axis{std::span{many}.first(16)}.size() == 16);
    REQUIRE_PANIC((axis{1, 2}[2]), out_of_range);
}

TEST_CASE("samples cover every value of every axis evenly") {
    constexpr int samples = 20'000;
    random_generator random{3}, again{3};
    std::array<std::array<int, 16>, axes> seen{};
    for (int i = 0; i < samples; ++i) {
        const genome g = whole.sample(random);
        REQUIRE(g == whole.sample(again));
        for (std::size_t a = 0; a < axes; ++a) ++seen[a][g[a]];
    }
    for (std::size_t a = 0; a < axes; ++a)
        for (std::size_t v = 0; v < whole.extents()[a]; ++v) {
            const double share = 1.0 / static_cast<double>(whole.extents()[a]);
            const double deviation = std::sqrt(samples * share * (1 - share));
            INFO(tiled_design_space::axis_names[a] << " " << v);
            CHECK(std::abs(seen[a][v] - samples * share) < 5 * deviation);
        }
}

TEST_CASE("mutation moves one axis and each other at the rate, and stays inside") {
    tiled_design_space space;
    space.macs = {16};
    space.batch = {4};
    random_generator random{4}, again{4};
    std::array<std::array<int, 16>, axes> moved{};
    std::size_t at_rate = 0;
    for (int i = 0; i < 10'000; ++i) {
        const genome before = space.sample(random);
        REQUIRE(before == space.sample(again));
        genome one = before, some = before, all = before, same = before;
        space.mutate(one, random);
        space.mutate(some, random, 0.25);
        space.mutate(all, random, 1);
        REQUIRE((space.valid(one) && space.valid(some) && space.valid(all)));
        REQUIRE((changes(before, one) == 1 && changes(before, some) >= 1 && changes(before, all) == 10));
        space.mutate(same, again);
        REQUIRE(same == one);
        space.mutate(same, again, 0.25);
        space.mutate(same, again, 1);
        at_rate += changes(before, some);
        for (std::size_t a = 0; a < axes; ++a)
            if (one[a] != before[a]) ++moved[a][(one[a] + space.extents()[a] - before[a]) % space.extents()[a]];
    }
    CHECK(static_cast<double>(at_rate) / 10'000 == Approx(1 + 9 * 0.25).margin(0.1));
    for (std::size_t a = 0; a < axes; ++a) // 1,000 each; to every other value
        for (std::size_t v = 0; v < space.extents()[a]; ++v) {
            const double expected = v == 0 ? 0 : 1000.0 / static_cast<double>(space.extents()[a] - 1);
            CHECK(moved[a][v] == Approx(expected).margin(5 * std::sqrt(expected)));
        }
    const tiled_design_space alone = edge_alone();
    genome g{};
    alone.mutate(g, random, 1);
    CHECK(g == genome{});
}

TEST_CASE("neighbours are one step away, and so is the way back") {
    random_generator random{5};
    for (int i = 0; i < 500; ++i) {
        const genome g = whole.sample(random);
        std::size_t expected = 0, count = 0, wrong = 0;
        for (std::size_t a = 0; a < axes; ++a) expected += (g[a] > 0) + (g[a] + 1u < whole.extents()[a]);
        whole.for_each_neighbour(g, [&](const genome& n) {
            ++count;
            int far = 0;
            for (std::size_t a = 0; a < axes; ++a) far += std::abs(n[a] - g[a]);
            bool back = false;
            whole.for_each_neighbour(n, [&](const genome& m) { back = back || m == g; });
            wrong += !whole.valid(n) || far != 1 || !back;
        });
        REQUIRE(count == expected);
        REQUIRE(wrong == 0);
    }
    edge_alone().for_each_neighbour({}, [](const genome&) { FAIL("a single point has no neighbour"); });
}

TEST_CASE("crossover of genomes stays inside") {
    random_generator random{6};
    for (int i = 0; i < 2000; ++i) {
        genome a = whole.sample(random), b = whole.sample(random);
        two_point_crossover{}(a, b, random);
        REQUIRE((whole.valid(a) && whole.valid(b)));
    }
}

TEST_CASE("a tensor that does not fit is an error of that point") {
    // BERT-Mini's words take 9.4 MB of weights; the hidden units of 32 sequences 5 MB of activations.
    const mini_workloads workloads{bert_mini};
    random_generator random{7};
    int fitting = 0, wrong = 0;
    for (int i = 0; i < 1000; ++i) {
        const tiled_design d = whole.at(whole.sample(random));
        const auto report = workloads.simulate(d);
        const bool fits = d.config.weight_mb > 8 && !(d.batch == 32 && d.config.activation_mb == 4);
        fitting += fits;
        wrong += report.has_value() != fits || (!report && report.error().code != error_code::wrong_size);
    }
    CHECK(wrong == 0);
    CHECK((fitting > 600 && fitting < 900));

    tiled_design_space with_nonsense;
    with_nonsense.macs = {4, 16};
    const tiled_design d = with_nonsense.at(0);
    CHECK((!workloads.simulate(d) && workloads.simulate(d).error().code == error_code::malformed));

    auto search = search_over(whole, workloads, 1);
    search.run({.evaluations = 300});
    CHECK(search.cost() < infinite);
    CHECK(whole.at(search.best()).config.weight_mb > 8);

    tiled_design_space hopeless;
    hopeless.weight_mb = {8};
    auto vain = search_over(hopeless, workloads, 1);
    vain.run({.evaluations = 60});
    CHECK(vain.cost() == infinite);
}

TEST_CASE("a genetic search finds better designs for BERT-Tiny than as many random ones") {
    const tiny_workloads workloads{bert_tiny};
    auto search = search_over(whole, workloads, 1), again = search_over(whole, workloads, 1);
    search.run({.evaluations = 2000});
    again.run({.evaluations = 2000});
    CHECK(search.best() == again.best());
    CHECK(search.spent().evaluations < 2050);
    CHECK(whole.valid(search.best()));
    const double random = best_of_random(whole, workloads, 2050, 1);
    CHECK(search.cost() < random);
    UNSCOPED_INFO("genetic " << search.cost() << ", random " << random);
    CHECK(design_problem<tiny_workloads>{&whole, &workloads}.evaluate(search.best()) == search.cost());
}
