// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Accuracy, cycles and energy in one table: networks, dense and pruned, under several multipliers, on several accelerators.
// The workload is what the int8 network was seen to do on the test images, zeros and dropped tokens included.

#include "support/calibrated_model.hpp"
#include "support/fail.hpp"
#include "support/multipliers.hpp"
#include "support/test_images.hpp"
#include "support/token_schedule.hpp"

#include <lutra/accelerator/row_wise.hpp>
#include <lutra/accelerator/tiled_event.hpp>
#include <lutra/codesign/network_trial.hpp>
#include <lutra/core/threads.hpp>
#include <lutra/io/json.hpp>
#include <lutra/nn/activation_counter.hpp>
#include <lutra/nn/int8_vit.hpp>
#include <lutra/nn/observe.hpp>
#include <lutra/nn/train/predict.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace {

struct request {
    std::filesystem::path dense = examples_folder / "models" / "fashion_mnist_vit_relu.safetensors",
                          pruned = examples_folder / "models" / "fashion_mnist_vit_relu_tokens.safetensors", json;
    std::string tokens = "merge_similar:18@0+keep_top:0.45@1+keep_prefix@3";
    std::vector<std::string> multipliers{"exact", "drum4"};
    test_images test;
};

request read_arguments(int argc, char** argv) {
    request r;
    CLI::App app{"Accuracy, cycles and energy of networks under approximate multipliers, in one table"};
    app.add_option("--model", r.dense, "The dense network, a safetensors file")->capture_default_str();
    app.add_option("--pruned", r.pruned, "The network that drops tokens and skips zeros")->capture_default_str();
    app.add_option("--tokens", r.tokens, token_schedule_help)->capture_default_str();
    app.add_option("--multiplier", r.multipliers, "Multipliers of the linear layers, by name")->capture_default_str();
    add_test_image_options(app, r.test);
    app.add_option("--json", r.json, "Write the table to this file as well");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        std::exit(app.exit(e) == 0 ? 0 : 2);
    }
    return r;
}

struct outcome {
    double accuracy = 0, macs = 0;
    lutra::accelerator_report tiled, row_wise;
};

outcome measure(lutra::thread_executor& ex, const lutra::vit_parameters<const float>& p, std::span<const float> scales,
                std::span<const lutra::layer_choice> choices, const labelled_images& data) {
    const lutra::vit_config& c = p.config();
    const lutra::arena_memory memory{lutra::int8_vit<>::packed_bytes(c, choices)};
    lutra::arena packed{memory.bytes()};
    const lutra::int8_vit<> vit{p, scales, choices, packed};
    outcome o;
    o.accuracy =
        static_cast<double>(lutra::count_correct(lutra::predict(ex, vit, data.images.pixels, 64), data.labels.labels)) /
        static_cast<double>(data.images.count);

    const std::size_t count = std::min<std::size_t>(data.images.count, 1000), size = c.image_size();
    std::vector<lutra::activation_counts> counts(lutra::activation_counter::size(c));
    const lutra::activation_counter counter{c, counts};
    const lutra::arena_memory work{lutra::int8_vit<>::scratch_bytes(c, 1)};
    std::vector<float> pixels(size), logits(c.classes);
    for (std::size_t i = 0; i < count; ++i) {
        lutra::normalize(c, std::span{data.images.pixels}.subspan(i * size, size), pixels);
        lutra::arena scratch{work.bytes()};
        vit.forward({pixels.data(), 1, size}, {logits.data(), 1, c.classes}, scratch, counter);
    }
    std::vector<lutra::operation> operations(lutra::operation_count(c, choices));
    std::vector<std::uint32_t> dependencies(lutra::dependency_count(c, choices));
    lutra::workload_builder out{operations, dependencies};
    const lutra::workload seen = lutra::observed_workload(c, choices, count, counter, out);
    const std::vector<lutra::operation> mean = lutra::mean_image(seen, count);
    const lutra::workload one{mean, seen.dependencies};
    for (const lutra::operation& op : mean) o.macs += op.executed_macs();
    o.tiled = value_or_fail(lutra::tiled_event{lutra::acceltran_edge}.simulate(one));
    o.row_wise = value_or_fail(lutra::row_wise{lutra::low_power_vit}.simulate(one));
    return o;
}

} // namespace

int main(int argc, char** argv) {
    const request r = read_arguments(argc, argv);
    lutra::thread_executor ex{0};
    nlohmann::json rows = nlohmann::json::array();
    std::printf("%-8s %-20s %9s %9s | %9s %10s | %9s %10s\n", "", "", "", "M MACs", "Edge", "", "row-wise", "");
    std::printf("%-8s %-20s %9s %9s | %9s %10s | %9s %10s\n", "network", "multiplier", "accuracy", "an image", "cycles",
                "uJ", "cycles", "uJ on chip");
    for (const bool prunes : {false, true}) {
        const auto [model, scales] = read_calibrated_model(prunes ? r.pruned : r.dense);
        const labelled_images data = read_test_images(r.test, model.config);
        for (const std::string& name : r.multipliers) {
            const multiplier_source multiplier = find_multiplier(name, {});
            std::vector<lutra::layer_choice> choices(model.config.depth);
            for (lutra::layer_choice& c : choices) c.linear = multiplier.lowered, c.skip_zeros = prunes;
            if (prunes) read_token_schedule(r.tokens, choices);
            const outcome o = measure(ex, model.parameters(), scales, choices, data);
            const auto chip = [](const lutra::accelerator_report& report) {
                double energy = 0;
                for (const lutra::component_report& c : report.components())
                    if (c.kind != lutra::component_kind::memory) energy += c.energy();
                return 1e-3 * energy;
            };
            std::printf("%-8s %-20s %7.2f %% %9.3f | %9llu %10.3f | %9llu %10.3f\n", prunes ? "pruned" : "dense",
                        name.c_str(), 100 * o.accuracy, 1e-6 * o.macs, static_cast<unsigned long long>(o.tiled.cycles),
                        1e-3 * o.tiled.energy(), static_cast<unsigned long long>(o.row_wise.cycles), chip(o.row_wise));
            std::fflush(stdout);
            rows.push_back({{"network", prunes ? "pruned" : "dense"},
                            {"multiplier", name},
                            {"accuracy", o.accuracy},
                            {"macs", o.macs},
                            {"edge_cycles", o.tiled.cycles},
                            {"edge_nj", o.tiled.energy()},
                            {"row_wise_cycles", o.row_wise.cycles},
                            {"row_wise_nj", o.row_wise.energy()},
                            {"row_wise_chip_nj", 1e3 * chip(o.row_wise)}});
        }
    }
    if (!r.json.empty()) static_cast<void>(value_or_fail(lutra::write_json(r.json, {{"results", rows}})));
}
