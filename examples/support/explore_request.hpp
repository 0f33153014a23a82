// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/fail.hpp"
#include "support/gnuplot.hpp"
#include "support/test_images.hpp"
#include "support/token_schedule.hpp"

#include <lutra/codesign/design_problem.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// What `explore` was asked to do.
struct explore_request {
    std::filesystem::path model = examples_folder / "models" / "fashion_mnist_vit_relu.safetensors",
                          data{fashion_mnist_folder}, journal, report, plot;
    std::vector<std::string> objectives{"accuracy", "power"}, compared{"random"},
        multipliers{"exact",
                    "operand_truncated1_1",
                    "operand_truncated2_2",
                    "operand_truncated3_3",
                    "operand_truncated3_4",
                    "operand_truncated4_3",
                    "operand_truncated4_4",
                    "drum4",
                    "drum3",
                    "perforated1_2",
                    "ssm5",
                    "ssm4"},
        attention{"exact"}, schedules;
    std::vector<float> thresholds{0};
    std::vector<int> tables{0};
    std::string method = "mcts", accelerator = "edge";
    std::uint64_t budget = 200, seed = 1, repeat = 1, at_once = 1;
    std::size_t images = 512, threads = 0, verified = 5;
    double loss = 1; ///< points of accuracy that the chosen design may lose
    bool by_layer = false, no_prior = false, network_only = false, accelerator_only = false;
};

inline constexpr std::array explore_methods{"mcts", "nsga2", "bo", "annealing", "random", "exhaustive"};
/// What may be set beside a method besides other methods: itself, with one side of the design as it is.
inline constexpr const char *one_sided_network = "network-only", *one_sided_accelerator = "accelerator-only";

/// The objective called @p name; ends the program where there is none.
inline lutra::design_objective find_objective(const std::string& name) {
    const auto& names = lutra::design_objective_names;
    const auto at = std::find(names.begin(), names.end(), name == "accuracy" ? "error" : name);
    if (at == names.end() || name == "error")
        fail("'" + name + "' is no objective; expected two to four of accuracy, power, energy, latency and area");
    return static_cast<lutra::design_objective>(at - names.begin());
}

inline explore_request read_explore_request(int argc, char** argv) {
    explore_request r;
    CLI::App app{"Searches the front of accuracy, energy, latency and area of a Vision Transformer"};
    app.add_option("--model", r.model, "A calibrated model, a safetensors file")->capture_default_str();
    app.add_option("--data", r.data, "The folder of the training and the test images, IDX files")->capture_default_str();
    app.add_option("--objectives", r.objectives, "Two to four of accuracy, power, energy, latency, area")
        ->delimiter(',')
        ->capture_default_str();
    const std::vector<std::string> methods(explore_methods.begin(), explore_methods.end());
    app.add_option("--method", r.method, "mcts, nsga2, bo, annealing, random or exhaustive")
        ->check(CLI::IsMember(methods))
        ->capture_default_str();
    app.add_option("--compare", r.compared,
                   "Methods to set beside it at the same budget, network-only or accelerator-only for the same method with "
                   "the other side as it is; none: nothing")
        ->delimiter(',')
        ->capture_default_str();
    app.add_option("--budget", r.budget, "Designs to evaluate, for each method")->capture_default_str();
    app.add_option("--seed", r.seed)->capture_default_str();
    app.add_option("--repeat", r.repeat,
                   "Run each method with so many seeds from that one on; the first one's designs count")
        ->check(CLI::Range(1u, 1000u))
        ->capture_default_str();
    app.add_option("--threads", r.threads, "0: as many as the machine has")
        ->check(CLI::Range(0u, 1024u))
        ->capture_default_str();
    app.add_option("--images", r.images, "Training images that accuracy is measured on")->capture_default_str();
    app.add_option(
           "--accelerator", r.accelerator,
           "edge, server, row_wise, systolic, a JSON file, or space: AccelTran's space of 14,850,000 is searched too")
        ->capture_default_str();
    app.add_option("--at-once", r.at_once, "Images that the accelerator takes at once")
        ->check(CLI::Range(1u, 1024u))
        ->capture_default_str();
    app.add_option("--multipliers", r.multipliers, "Candidates for linear layers; the first is the reference")
        ->delimiter(',')
        ->capture_default_str();
    app.add_option("--attention", r.attention, "Candidates for the products of attention")
        ->delimiter(',')
        ->capture_default_str();
    app.add_flag("--by-layer", r.by_layer, "Each linear layer of a block chooses, not the block");
    app.add_option("--thresholds", r.thresholds, "Candidates for the threshold below which activations are dropped")
        ->delimiter(',')
        ->capture_default_str();
    app.add_option("--tokens", r.schedules,
                   std::string{"Candidates for what happens to tokens besides keeping all. "} + token_schedule_help);
    app.add_option("--tables", r.tables,
                   "Candidates for the entries of the tables that stand for softmax, layer norm and GELU: 8, 16; 0: float")
        ->delimiter(',')
        ->check(CLI::IsMember({0, 8, 16}))
        ->capture_default_str();
    app.add_flag("--network-only", r.network_only, "Keep the accelerator of a space as it is");
    app.add_flag("--accelerator-only", r.accelerator_only, "Keep the network as it is");
    app.add_flag("--no-prior", r.no_prior, "Tree search without the prior of single changes");
    app.add_option("--loss", r.loss, "Points of accuracy that the chosen design may lose on the training images")
        ->check(CLI::Range(0.0, 100.0))
        ->capture_default_str();
    app.add_option("--verify", r.verified,
                   "How many designs of the front to run on all test images, the chosen one included")
        ->check(CLI::Range(1u, 1000u))
        ->capture_default_str();
    app.add_option("--resume", r.journal, "Keep evaluations in this file, and go on from those that it has");
    app.add_option("--report", r.report, "Write report.html, report.json, front.csv and best_policy.hpp into this folder");
    app.add_option("--plot", r.plot,
                   "Draw hypervolume against evaluations, all methods and seeds, with gnuplot (.svg or .png)");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        std::exit(app.exit(e) == 0 ? 0 : 2);
    }
    if (!r.plot.empty() && !is_image(r.plot))
        fail("--plot draws " + r.plot.string() + ", which is neither an .svg nor a .png; expected one of them");
    if (r.budget == 0) fail("the budget is 0; expected at least one evaluation");
    if (r.images == 0) fail("there are 0 images to measure accuracy on; expected at least one");
    if (r.objectives.size() < 2 || r.objectives.size() > 4)
        fail("there are " + std::to_string(r.objectives.size()) + " objectives; expected two to four");
    for (std::size_t i = 0; i < r.objectives.size(); ++i) {
        static_cast<void>(find_objective(r.objectives[i]));
        if (std::count(r.objectives.begin(), r.objectives.end(), r.objectives[i]) > 1)
            fail("the objective " + r.objectives[i] + " stands there more than once; expected each once");
    }
    if (r.objectives.front() != "accuracy" && std::count(r.objectives.begin(), r.objectives.end(), "accuracy") == 1) {
        const auto at = std::find(r.objectives.begin(), r.objectives.end(), "accuracy");
        std::rotate(r.objectives.begin(), at, at + 1); // charts and tables begin with it
    }
    if (r.compared == std::vector<std::string>{"none"}) r.compared.clear();
    for (const std::string& m : r.compared) {
        const bool one_sided = m == one_sided_network || m == one_sided_accelerator;
        if (!one_sided && std::find(methods.begin(), methods.end(), m) == methods.end())
            fail("'" + m +
                 "' is nothing to compare with; expected mcts, nsga2, bo, annealing, random, exhaustive, network-only, "
                 "accelerator-only or none");
        if (one_sided && (r.network_only || r.accelerator_only))
            fail("--compare " + m + " needs a search of both sides; expected no --network-only and no --accelerator-only");
    }
    std::erase(r.compared, r.method);
    if (r.network_only && r.accelerator_only) fail("--network-only and --accelerator-only leave nothing to search");
    const auto compares = [&](const char* what) { return std::count(r.compared.begin(), r.compared.end(), what) > 0; };
    if (r.accelerator != "space" && (r.accelerator_only || compares(one_sided_network) || compares(one_sided_accelerator)))
        fail("the accelerator " + r.accelerator + " leaves nothing to choose; expected --accelerator space");
    return r;
}
