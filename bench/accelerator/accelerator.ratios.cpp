// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The accelerator room's rows of the table of ratios; docs/accelerator.md says what each means.
#include <lutra/accelerator/design_space.hpp>
#include <lutra/accelerator/tiled.hpp>
#include <lutra/accelerator/tiled_event.hpp>
#include <lutra/core/random.hpp>
#include <lutra/nn/acceltran_conversion.hpp>
#include <lutra/nn/describe.hpp>
#include <lutra/nn/transformer_shapes.hpp>

#include "support/ratios.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

/// Median seconds of one call of @p f.
template <class F>
double median_seconds(F&& f, const bench::effort& much) {
    std::vector<double> all;
    for (std::size_t i = 0; i < much.rounds; ++i) all.push_back(bench::seconds_of(f, much.turn));
    return bench::median(all);
}

/// What the published simulator takes, in seconds of CPU time, over what tiled_event takes.
void event_row(bench::ratios& table, std::string name, const lutra::tiled_config& machine,
               const lutra::encoder_config& network, double published, std::string against, double at_least) {
    std::vector<lutra::operation> operations(lutra::acceltran_operation_count(network));
    std::vector<std::uint32_t> dependencies(lutra::acceltran_dependency_count(network));
    lutra::workload_builder out{operations, dependencies};
    const lutra::workload work = lutra::describe_acceltran(network, 4, out);
    std::uint64_t cycles = 0;
    auto simulate = [&] { cycles += lutra::tiled_event{machine}.simulate(work).value().cycles; };
    const double seconds = median_seconds(simulate, table.much());
    bench::ratio_row row{.name = std::move(name), .value = 1e3 * seconds, .unit = "ms", .higher_is_better = false};
    row.ratio = published / seconds;
    row.at_least = at_least;
    row.against = std::move(against);
    table.add(std::move(row));
}

/// Design points a second in closed form, each another one, for a ViT-Ti whose blocks all differ.
void analytical_row(bench::ratios& table) {
    const lutra::vit_config& c = lutra::vit_tiny;
    std::vector<lutra::layer_choice> choices(c.depth);
    for (std::uint32_t i = 0; i < c.depth; ++i) {
        choices[i].tokens = lutra::token_pruning::merge_similar(3 + i);
        choices[i].weights = lutra::weight_pruning::drop_blocks({16, 16}, 0.03 * (i + 1));
    }
    std::vector<lutra::operation> operations(lutra::operation_count(c, choices));
    std::vector<std::uint32_t> dependencies(lutra::dependency_count(c, choices));
    lutra::workload_builder out{operations, dependencies};
    const lutra::workload work = lutra::describe(c, choices, 1, out);
    const lutra::tiled_design_space space;
    lutra::random_generator random{1};
    std::uint64_t cycles = 0;
    auto simulate = [&] {
        const auto report = lutra::tiled{space.at(space.sample(random)).config}.simulate(work);
        if (report) cycles += report->cycles;
    };
    const double rate = 1 / median_seconds(simulate, table.much());
    table.add({.name = "accelerator/analytical/vit_tiny",
               .ratio = rate / 1e5,
               .value = rate,
               .unit = "points/s",
               .at_least = 1,
               .against = "100,000 points a second"});
}

const bench::room accelerator{"accelerator", [](bench::ratios& table) {
                                  event_row(table, "accelerator/event/bert_tiny_edge", lutra::acceltran_edge,
                                            lutra::bert_tiny, 17.0,
                                            "AccelTran's simulator without its worst hot spots, 17 s", 1000);
                                  event_row(table, "accelerator/event/bert_base_server", lutra::acceltran_server,
                                            lutra::bert_base, 30.0, "30 s; AccelTran's simulator does not end", 1);
                                  analytical_row(table);
                              }};

} // namespace
