// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What a network takes on an accelerator: cycles, energy, area and what keeps busy, for inference or for a training step.

#include "support/accelerator_plots.hpp"
#include "support/accelerators.hpp"
#include "support/fail.hpp"
#include "support/networks.hpp"

#include <lutra/accelerator/tiled_event.hpp>
#include <lutra/codesign/accelerator_file.hpp>
#include <lutra/io/file.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

struct request {
    std::string accelerator = "edge", network = "bert_tiny", mode = "inference", timing = "event", conversion = "complete",
                order, tokens, semantics;
    std::uint64_t batch = 4;
    int bits = 20;
    double sparsity = 0.5, weight_sparsity = 0.5, gradient_sparsity = 0.9;
    std::filesystem::path json, csv, timeline, plot, roofline;
};

request read_arguments(int argc, char** argv) {
    request r;
    CLI::App app{"Simulates a network on an accelerator"};
    app.add_option("--accelerator", r.accelerator,
                   "edge, server (AccelTran's), row_wise, systolic (SCALE-Sim's 32 x 32), or a JSON file")
        ->capture_default_str();
    app.add_option("--network", r.network, "A network by name, or a model file")->capture_default_str();
    app.add_option("--batch", r.batch)->check(CLI::Range(1u, 1u << 20))->capture_default_str();
    app.add_option("--mode", r.mode, "inference or training: forward, backward and update")
        ->check(CLI::IsMember({"inference", "training"}))
        ->capture_default_str();
    app.add_option("--timing", r.timing, "event: every tile is scheduled; analytical: in closed form")
        ->check(CLI::IsMember({"event", "analytical"}))
        ->capture_default_str();
    app.add_option("--conversion", r.conversion,
                   "complete: every operation and dependency; acceltran: as its simulator has it")
        ->check(CLI::IsMember({"complete", "acceltran"}))
        ->capture_default_str();
    app.add_option("--semantics", r.semantics, "Of a tiled accelerator: corrected, or what AccelTran's simulator answers")
        ->check(CLI::IsMember({"corrected", "released", "released_mended"}));
    app.add_option("--sparsity", r.sparsity, "Share of zeros in activations")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
    app.add_option("--weight-sparsity", r.weight_sparsity)->check(CLI::Range(0.0, 1.0))->capture_default_str();
    app.add_option("--gradient-sparsity", r.gradient_sparsity)->check(CLI::Range(0.0, 1.0))->capture_default_str();
    app.add_option("--bits", r.bits, "Of an element")->check(CLI::Range(1, 64))->capture_default_str();
    app.add_option("--tokens", r.tokens, token_schedule_help);
    app.add_option("--loop-order", r.order, "Of a tiled accelerator: a permutation such as b_i_j_k");
    app.add_option("--json", r.json, "Write the report to this file as well");
    app.add_option("--csv", r.csv, "Write the components to this file as well");
    app.add_option("--timeline", r.timeline,
                   "Write what is busy over time to this CSV file, or draw it (.svg or .png; tiled, event)");
    app.add_option("--plot", r.plot, "Draw the energy of the components to this file (.svg or .png)");
    app.add_option("--roofline", r.roofline,
                   "Draw what bounds the network, and each kind of product alone, to this file (.svg or .png)");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        std::exit(app.exit(e) == 0 ? 0 : 2);
    }
    return r;
}

/// The accelerator that was asked for, with what the command line changes.
lutra::accelerator_config asked_accelerator(const request& r) {
    lutra::accelerator_config found = find_accelerator(r.accelerator);
    auto* const tiled = std::get_if<lutra::tiled_config>(&found);
    if (tiled == nullptr && (!r.order.empty() || !r.semantics.empty() || !r.timeline.empty()))
        fail("--loop-order, --semantics and --timeline are for tiled accelerators; expected edge, server or a file of that "
             "type");
    if (!r.order.empty()) tiled->order = value_or_fail(lutra::loop_order::from(r.order));
    if (!r.semantics.empty())
        tiled->semantics = r.semantics == "released"          ? lutra::tiled_semantics::released
                           : r.semantics == "released_mended" ? lutra::tiled_semantics::released_mended
                                                              : lutra::tiled_semantics::corrected;
    if (tiled != nullptr && r.mode == "training") tiled->stochastic_rounding = true;
    return found;
}

/// The workload, with the shares of zeros that were asked for.
network_workload find_workload(const request& r) {
    const bool acceltran = r.conversion == "acceltran";
    if (acceltran && r.mode == "training") fail("--conversion acceltran is for inference; expected complete with training");
    network_workload forward = forward_pass(find_network(r.network), r.batch, r.bits, r.tokens, acceltran);
    for (lutra::operation& op : forward.operations())
        for (lutra::operand* o : {&op.lhs, &op.rhs, &op.out})
            o->sparsity = o->cls == lutra::tensor_class::weight ? r.weight_sparsity : r.sparsity;
    return r.mode == "training" ? training_step(forward.view(), r.gradient_sparsity) : forward;
}

void write_text(const std::filesystem::path& path, const std::string& text) {
    if (const auto s = lutra::write_file_atomically(path, std::as_bytes(std::span{text})); !s) fail(s.error().message);
}

lutra::accelerator_report simulate(const request& r, const lutra::accelerator_config& config, const lutra::workload& w) {
    if (const auto* c = std::get_if<lutra::systolic_config>(&config)) {
        lutra::systolic machine{*c};
        machine.config.mode = r.timing == "event" ? lutra::systolic_mode::event : lutra::systolic_mode::analytical;
        return value_or_fail(machine.simulate(w));
    }
    if (const auto* c = std::get_if<lutra::row_wise_config>(&config)) {
        if (r.timing == "event") fail("the row-wise accelerator has no event mode; expected --timing analytical");
        return value_or_fail(lutra::row_wise{*c}.simulate(w));
    }
    const auto& c = std::get<lutra::tiled_config>(config);
    if (r.timing == "analytical") {
        if (!r.timeline.empty()) fail("--timeline needs --timing event");
        return value_or_fail(lutra::tiled{c}.simulate(w));
    }
    if (r.timeline.empty()) return value_or_fail(lutra::tiled_event{c}.simulate(w));
    std::ostringstream csv;
    csv << "cycle,mac_lanes,softmax,layer_norm,activation_buffer,weight_buffer,mask_buffer,pe_dynamic_w\n";
    constexpr double bits = 8.0 * 1024 * 1024;
    const double lane = c.costs.lane(c.activation, c.macs).dynamic, softmax = c.costs.softmax.of(c.tile_side).dynamic,
                 norm = c.costs.layer_norm.of(c.tile_side).dynamic; // mW
    const auto estimate = value_or_fail(lutra::tiled{c}.simulate(w));
    const auto report = value_or_fail(lutra::tiled_event{c}.simulate(
        w, std::max<std::uint64_t>(1, estimate.cycles / 1000), [&](const lutra::tiled_sample& s) {
            csv << s.cycle << ',' << static_cast<double>(s.lanes) / static_cast<double>(c.all_lanes()) << ','
                << static_cast<double>(s.softmax) / static_cast<double>(c.all_softmax()) << ','
                << static_cast<double>(s.layer_norm) / c.elements << ',' << s.activation_bits / (bits * c.activation_mb)
                << ',' << s.weight_bits / (bits * c.weight_mb) << ',' << s.mask_bits / (bits * c.mask_mb) << ','
                << 1e-3 * (static_cast<double>(s.lanes) * lane + static_cast<double>(s.softmax) * softmax +
                           static_cast<double>(s.layer_norm) * norm)
                << '\n';
        }));
    if (is_image(r.timeline))
        plot_timeline(r.timeline, csv.str(), c.costs.node.megahertz);
    else
        write_text(r.timeline, csv.str());
    return report;
}

void print(const lutra::accelerator_report& r, bool training) {
    std::printf("%-22s %8s %10s %12s %12s %9s %14s\n", "component", "count", "mm2", "dynamic uJ", "leakage uJ", "busy",
                "MB moved");
    for (const lutra::component_report& c : r.components()) {
        std::printf("%-22.*s %8llu %10.3f %12.3f %12.3f ", static_cast<int>(c.name.size()), c.name.data(),
                    static_cast<unsigned long long>(c.count), c.area, 1e-3 * c.dynamic_energy, 1e-3 * c.leakage_energy);
        if (c.count > 0)
            std::printf("%7.2f %% ", 100 * c.utilization(r.cycles));
        else
            std::printf("%9s ", "");
        if (c.bits > 0) std::printf("%13.3f", c.bits / 8e6);
        std::printf("\n");
    }
    std::printf("\n%llu cycles, %.3f us at %.0f MHz; %.2f G operations a second of %.3f M MACs made (%.3f M dense)\n",
                static_cast<unsigned long long>(r.cycles), 1e6 * r.seconds(), 1e-6 * r.frequency,
                1e-9 * r.operations_per_second(), 1e-6 * r.executed_macs, 1e-6 * static_cast<double>(r.macs));
    std::printf("%.3f uJ (%.3f dynamic, %.3f leakage), %.3f W, %.3f mm2\n", 1e-3 * r.energy(), 1e-3 * r.dynamic_energy(),
                1e-3 * r.leakage_energy(), r.power(), r.area());
    if (!training) return;
    constexpr const char* names[]{"forward", "backward", "update"};
    for (std::size_t p = 0; p < r.passes.size(); ++p)
        std::printf("%-10s %12llu cycles %14.3f uJ dynamic\n", names[p], static_cast<unsigned long long>(r.passes[p].cycles),
                    1e-3 * r.passes[p].dynamic_energy);
}

void write_csv(const std::filesystem::path& path, const lutra::accelerator_report& r) {
    std::ostringstream csv;
    csv << "component,count,area_mm2,dynamic_nj,leakage_nj,utilization,reads,writes,bits\n";
    for (const lutra::component_report& c : r.components())
        csv << c.name << ',' << c.count << ',' << c.area << ',' << c.dynamic_energy << ',' << c.leakage_energy << ','
            << c.utilization(r.cycles) << ',' << c.reads << ',' << c.writes << ',' << c.bits << '\n';
    write_text(path, csv.str());
}

/// The products of @p w, kind by kind, each kind as a workload of its own that waits for nothing.
std::vector<std::pair<std::string, lutra::accelerator_report>>
products_alone(request r, const lutra::accelerator_config& config, const lutra::workload& w) {
    std::vector<std::pair<std::string, std::vector<lutra::operation>>> kinds;
    for (lutra::operation op : w.operations) {
        if (op.macs() == 0) continue;
        std::string name{op.label};
        if (op.pass == lutra::operation_pass::backward) name += ", backward";
        auto found = std::find_if(kinds.begin(), kinds.end(), [&](const auto& k) { return k.first == name; });
        if (found == kinds.end()) found = kinds.insert(kinds.end(), {name, {}});
        op.first_dependency = op.dependency_count = 0;
        found->second.push_back(op);
    }
    r.timeline.clear();
    std::vector<std::pair<std::string, lutra::accelerator_report>> all;
    for (const auto& [name, operations] : kinds) all.emplace_back(name, simulate(r, config, {operations, {}}));
    return all;
}

} // namespace

int main(int argc, char** argv) {
    const request r = read_arguments(argc, argv);
    const lutra::accelerator_config config = asked_accelerator(r);
    const network_workload work = find_workload(r);
    const std::clock_t start = std::clock();
    const lutra::accelerator_report report = simulate(r, config, work.view());
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    std::printf("%s on %s, batch %llu, %s, %s: %zu operations, simulated in %.3f ms\n\n", r.network.c_str(),
                r.accelerator.c_str(), static_cast<unsigned long long>(r.batch), r.mode.c_str(), r.timing.c_str(),
                work.view().operations.size(), 1e3 * seconds);
    print(report, r.mode == "training");
    if (!r.json.empty()) {
        nlohmann::json document = lutra::to_json(report);
        document["network"] = r.network;
        document["accelerator"] = r.accelerator;
        document["batch"] = r.batch;
        document["mode"] = r.mode;
        document["timing"] = r.timing;
        document["simulated_in_seconds"] = seconds;
        if (const auto s = lutra::write_json(r.json, document); !s) fail(s.error().message);
    }
    if (!r.csv.empty()) write_csv(r.csv, report);
    if (!r.plot.empty()) plot_energy(r.plot, report);
    if (!r.roofline.empty()) {
        auto reports = products_alone(r, config, work.view());
        reports.insert(reports.begin(), {"all of it", report});
        plot_roofline(r.roofline, machine_peak::of(config), reports);
    }
}
