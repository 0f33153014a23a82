// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How fast accelerators are simulated (CPU time, one thread): the event mode, by workloads; the analytical mode, by points
// of the design space. Nothing is remembered from point to point: each is a design of its own, drawn inside the timed loop,
// and the network's twelve layers all differ in ranks, tokens and shares of zeros. Then both modes over depth and sequence.
#include <lutra/accelerator/design_space.hpp>
#include <lutra/accelerator/tiled.hpp>
#include <lutra/accelerator/tiled_event.hpp>
#include <lutra/nn/acceltran_conversion.hpp>
#include <lutra/nn/describe.hpp>
#include <lutra/nn/transformer_shapes.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

/// Operations and the memory behind them.
struct described {
    std::vector<lutra::operation> operations;
    std::vector<std::uint32_t> dependencies;
    [[nodiscard]] lutra::workload view() const { return {operations, dependencies}; }
};

described encoder(const lutra::encoder_config& c, std::uint64_t batch) {
    described d{std::vector<lutra::operation>(lutra::acceltran_operation_count(c)),
                std::vector<std::uint32_t>(lutra::acceltran_dependency_count(c))};
    lutra::workload_builder out{d.operations, d.dependencies};
    lutra::describe_acceltran(c, batch, out);
    return d;
}

/// Twelve blocks, no two alike: ranks of some layers, blocks of weights of the others, and fewer tokens block by block.
std::vector<lutra::layer_choice> differing_choices() {
    const auto& c = lutra::vit_tiny;
    std::vector<lutra::layer_choice> choices(c.depth);
    for (std::uint32_t i = 0; i < c.depth; ++i) {
        lutra::layer_choice& choice = choices[i];
        choice.tokens = i % 2 == 0 ? lutra::token_pruning::merge_similar(5 + i)
                                   : lutra::token_pruning::keep_top(0.98f - 0.01f * static_cast<float>(i));
        choice.weights = lutra::weight_pruning::drop_blocks({16, 16}, 0.03 * (i + 1));
        for (std::uint32_t l = 0; l < lutra::block_layer_count; ++l)
            if ((i + l) % 3 == 0) choice.ranks.of[l] = 40 + 8 * i + 3 * l;
    }
    return choices;
}

/// The network with @p choices for @p images images into @p d, which it sizes; each operation with zeros of its own.
void describe_vit(const std::vector<lutra::layer_choice>& choices, std::uint64_t images, described& d) {
    d.operations.resize(lutra::operation_count(lutra::vit_tiny, choices));
    d.dependencies.resize(lutra::dependency_count(lutra::vit_tiny, choices));
    lutra::workload_builder out{d.operations, d.dependencies};
    lutra::describe(lutra::vit_tiny, choices, images, out);
    for (std::size_t i = 0; i < d.operations.size(); ++i)
        d.operations[i].lhs.sparsity = d.operations[i].out.sparsity = 0.2 + 0.003 * static_cast<double>(i);
}

/// Simulates one point after the other; `make(batch, i)` yields the workload of the `i`th.
template <class Make>
void simulate_points(benchmark::State& state, Make make) {
    const lutra::tiled_design_space space;
    lutra::random_generator random{1};
    std::size_t points = 0, fitting = 0;
    for (auto _ : state) {
        const lutra::tiled_design d = space.at(space.sample(random));
        const auto report = lutra::tiled{d.config}.simulate(make(d.batch, points++));
        fitting += report.has_value();
        benchmark::DoNotOptimize(report ? report->cycles : 0);
    }
    // a point that does not fit ends early: it takes time and counts for nothing
    state.counters["points_per_second"] = benchmark::Counter(static_cast<double>(fitting), benchmark::Counter::kIsRate);
    state.counters["fitting"] = static_cast<double>(fitting) / static_cast<double>(points);
}

void event_mode(benchmark::State& state, const lutra::tiled_config& machine, const lutra::encoder_config& network) {
    const described d = encoder(network, 4);
    std::uint64_t cycles = 0;
    for (auto _ : state) {
        const auto report = lutra::tiled_event{machine}.simulate(d.view());
        if (!report) return state.SkipWithError(std::string{report.error().message.view()}.c_str());
        benchmark::DoNotOptimize(cycles = report->cycles);
    }
    state.counters["cycles"] = static_cast<double>(cycles);
    state.counters["cycles_per_second"] =
        benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsIterationInvariantRate);
}

/// One network, as it is for each batch of the space.
void designs(benchmark::State& state) {
    const lutra::tiled_design_space space;
    const auto choices = differing_choices();
    std::array<described, 3> networks;
    for (std::size_t i = 0; i < networks.size(); ++i) describe_vit(choices, space.batch[i], networks[i]);
    state.counters["operations"] = static_cast<double>(networks[0].operations.size());
    simulate_points(state, [&](std::uint32_t batch, std::size_t) { return networks[space.batch.find(batch)].view(); });
}
/// A network of its own for each point: one rank changes, and it is described again.
void designs_and_networks(benchmark::State& state) {
    auto choices = differing_choices();
    described network;
    simulate_points(state, [&](std::uint32_t batch, std::size_t i) {
        choices[i % choices.size()].ranks.of[i / choices.size() % lutra::block_layer_count] =
            static_cast<std::uint32_t>(i * 7 % 97);
        describe_vit(choices, batch, network);
        return network.view();
    });
}

/// An encoder as wide as BERT-Mini, of state.range(0) layers on state.range(1) tokens, on Server: for the event mode time
/// should be in proportion to tiles, for the closed form to operations.
template <class Machine>
void depth_and_sequence(benchmark::State& state) {
    constexpr lutra::encoder_config deepest = lutra::uniform_encoder<24, 256, 4, 1024>;
    const lutra::encoder_config c{deepest.layers.first(static_cast<std::size_t>(state.range(0))),
                                  static_cast<std::uint32_t>(state.range(1))};
    const lutra::encoder_workload_options options{.per_head = true};
    described d{std::vector<lutra::operation>(lutra::operation_count(c, options)),
                std::vector<std::uint32_t>(lutra::dependency_count(c, options))};
    lutra::workload_builder out{d.operations, d.dependencies};
    lutra::describe(c, 1, options, out);
    const Machine machine{lutra::acceltran_server};
    double tiles = 0;
    for (const lutra::operation& op : d.operations)
        tiles += static_cast<double>(lutra::detail::tiled_operation::of(op, machine.config).tiles);
    for (auto _ : state) {
        const auto report = machine.simulate(d.view());
        if (!report) return state.SkipWithError(std::string{report.error().message.view()}.c_str());
        benchmark::DoNotOptimize(report->cycles);
    }
    const auto operations = static_cast<double>(d.operations.size());
    const auto inverse = benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert;
    state.counters["operations"] = operations;
    state.counters["tiles"] = tiles;
    state.counters["seconds_a_tile"] = benchmark::Counter(tiles, inverse);
    state.counters["seconds_an_operation"] = benchmark::Counter(operations, inverse);
}
/// Depths and sequences of both.
void ranges(benchmark::internal::Benchmark* b) {
    b->ArgNames({"layers", "tokens"})->ArgsProduct({{1, 2, 4, 8, 12, 24}, {64, 128, 256, 512, 1024}});
    b->Unit(benchmark::kMillisecond)->MinTime(0.1);
}

BENCHMARK_CAPTURE(event_mode, bert_tiny_on_edge, lutra::acceltran_edge, lutra::bert_tiny)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(event_mode, bert_base_on_server, lutra::acceltran_server, lutra::bert_base)->Unit(benchmark::kMillisecond);
BENCHMARK(designs)->Name("analytical/vit_tiny/designs")->Unit(benchmark::kMicrosecond);
BENCHMARK(designs_and_networks)->Name("analytical/vit_tiny/designs_and_networks")->Unit(benchmark::kMicrosecond);
BENCHMARK_TEMPLATE(depth_and_sequence, lutra::tiled_event)->Name("cost/event")->Apply(ranges);
BENCHMARK_TEMPLATE(depth_and_sequence, lutra::tiled)->Name("cost/closed_form")->Apply(ranges);

} // namespace
