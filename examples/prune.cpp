// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What a Vision Transformer loses in accuracy and saves in work and time when activations become zero, weights are dropped,
// or tokens leave.

#include "support/fail.hpp"
#include "support/gnuplot.hpp"
#include "support/progress.hpp"
#include "support/test_images.hpp"
#include "support/token_schedule.hpp"
#include "support/weight_rule.hpp"

#include <lutra/core/threads.hpp>
#include <lutra/core/workload.hpp>
#include <lutra/io/file.hpp>
#include <lutra/io/json.hpp>
#include <lutra/nn/activation_counter.hpp>
#include <lutra/nn/int8_vit.hpp>
#include <lutra/nn/observe.hpp>
#include <lutra/nn/train/activation_thresholds.hpp>
#include <lutra/nn/train/calibrate_vit.hpp>
#include <lutra/nn/train/hidden_thresholds.hpp>
#include <lutra/nn/train/model_file.hpp>
#include <lutra/nn/train/predict.hpp>
#include <lutra/nn/train/tau_curve_file.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace {

/// What came of one setting.
struct outcome {
    std::string setting;                  ///< as the user gave it
    double accuracy = 0;                  ///< in [0, 1]
    double zeros = 0, hidden_zeros = 0;   ///< shares of the activations that DynaTran prunes, and of hidden units
    double macs = 0, fc2_rows = 0;        ///< products of matrices made, and rows of fc2's weights read, an image
    std::vector<double> tokens;           ///< that leave each block, an image
    double per_core_second = 0;           ///< images
    std::array<double, 2> microseconds{}; ///< an image at batch 1 and 64 on one core, where asked for
};

/// Counts what @p model makes and skips on the first images, up to two thousand.
template <class Model>
void count_work(const Model& model, std::span<const lutra::layer_choice> choices, const labelled_images& data, outcome& o) {
    const lutra::vit_config& c = model.config();
    const std::size_t batch = 25, count = std::min<std::size_t>(data.images.count, 2000), size = c.image_size();
    std::vector<lutra::activation_counts> counts(lutra::activation_counter::size(c));
    const lutra::activation_counter counter{c, counts};
    const lutra::arena_memory memory{Model::scratch_bytes(c, batch)};
    std::vector<float> pixels(batch * size), logits(batch * c.classes);
    for (std::size_t first = 0; first < count; first += batch) {
        const std::size_t n = std::min(batch, count - first);
        lutra::normalize(c, std::span{data.images.pixels}.subspan(first * size, n * size),
                         std::span{pixels}.first(n * size));
        lutra::arena scratch{memory.bytes()};
        model.forward({pixels.data(), n, size}, {logits.data(), n, c.classes}, scratch, counter);
    }
    std::vector<lutra::operation> operations(lutra::operation_count(c, choices));
    std::vector<std::uint32_t> dependencies(lutra::dependency_count(c, choices));
    lutra::workload_builder out{operations, dependencies};
    o.tokens.resize(c.depth);
    for (const lutra::operation& op : lutra::observed_workload(c, choices, count, counter, out).operations) {
        o.macs += op.executed_macs() / static_cast<double>(count);
        if (op.label != "mlp.fc2" && op.label != "mlp.fc2.down") continue;
        o.fc2_rows += op.executed_macs() / static_cast<double>(op.n * count);
        o.tokens[op.layer] += static_cast<double>(op.batch * op.m) / static_cast<double>(count);
    }
    o.zeros = counter.total_pruned().sparsity();
    o.hidden_zeros = counter.total(lutra::activation_point::hidden).sparsity();
}

/// Core microseconds an image of so many at once: the least of several rounds over the first images.
template <class Model>
double microseconds(const Model& model, const labelled_images& data, std::size_t batch) {
    const lutra::vit_config& c = model.config();
    batch = std::min(batch, data.images.count);
    const std::size_t count = std::min<std::size_t>(data.images.count, 512) / batch * batch;
    const lutra::arena_memory memory{Model::scratch_bytes(c, batch)};
    std::vector<float> images(count * c.image_size()), logits(batch * c.classes);
    lutra::normalize(c, std::span{data.images.pixels}.first(images.size()), images);
    double best = 1e9;
    for (int round = 0; round < 7; ++round) {
        const std::clock_t start = std::clock();
        for (std::size_t i = 0; i < count; i += batch) {
            lutra::arena scratch{memory.bytes()};
            model.forward({images.data() + i * c.image_size(), batch, c.image_size()}, {logits.data(), batch, c.classes},
                          scratch);
        }
        best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / static_cast<double>(count));
    }
    return 1e6 * best;
}

struct measurement {
    const labelled_images& data;
    lutra::thread_executor& ex;
    std::size_t batch;
    bool time;

    template <class Model>
    outcome operator()(const Model& model, std::span<const lutra::layer_choice> choices) const {
        outcome o;
        count_work(model, choices, data, o);
        const std::clock_t start = std::clock(); // of all threads together: other programs do not count
        const auto classes = lutra::predict(ex, model, data.images.pixels, batch);
        const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
        const auto n = static_cast<double>(data.images.count);
        o.accuracy = static_cast<double>(lutra::count_correct(classes, data.labels.labels)) / n;
        o.per_core_second = n / std::max(seconds, 1e-9);
        if (time) o.microseconds = {microseconds(model, data, 1), microseconds(model, data, 64)};
        return o;
    }
};

/// The table's columns as CSV and as JSON have them, beside `setting`.
std::vector<std::pair<const char*, double>> columns_of(const outcome& o, const outcome& dense, bool time) {
    std::vector<std::pair<const char*, double>> columns{{"accuracy", o.accuracy},
                                                        {"zeros", o.zeros},
                                                        {"hidden_zeros", o.hidden_zeros},
                                                        {"macs", o.macs},
                                                        {"macs_of_dense", o.macs / dense.macs},
                                                        {"fc2_rows", o.fc2_rows},
                                                        {"fc2_rows_of_dense", o.fc2_rows / dense.fc2_rows},
                                                        {"images_per_core_second", o.per_core_second}};
    if (time) {
        columns.emplace_back("microseconds_batch_1", o.microseconds[0]);
        columns.emplace_back("microseconds_batch_64", o.microseconds[1]);
    }
    return columns;
}

std::string csv_of(const std::vector<outcome>& outcomes, bool time) {
    std::ostringstream s;
    s << "setting";
    for (const auto& column : columns_of(outcomes.front(), outcomes.front(), time)) s << ',' << column.first;
    for (const outcome& o : outcomes) {
        s << "\n\"" << o.setting << '"'; // a schedule has commas
        for (const auto& column : columns_of(o, outcomes.front(), time)) s << ',' << column.second;
    }
    s << '\n';
    return s.str();
}

/// Accuracy over the work that is left, and over the zeros that there are where activations are pruned.
std::string plot_script(const std::vector<outcome>& outcomes, bool over_zeros, const std::string& terminal) {
    std::ostringstream s;
    s << "$data << end_of_data\n";
    for (const outcome& o : outcomes)
        s << 100 * (over_zeros ? o.zeros : o.macs / outcomes.front().macs) << ' ' << 100 * o.accuracy << " \"" << o.setting
          << "\"\n";
    s << "end_of_data\nset terminal " << terminal
      << " noenhanced\nset grid\nset nokey\nset offsets graph 0.1, graph 0.1, 1, 1\n"
      << "set xlabel '" << (over_zeros ? "activations that are zero, %" : "multiply-accumulates of the dense network, %")
      << "'\nset ylabel 'accuracy, %'\nplot $data using 1:2 with " << (over_zeros ? "linespoints" : "points")
      << " pt 7, $data using 1:2:3 with labels font ',8' offset 0,-0.8\n";
    return s.str();
}

void print_header(int width, bool time) {
    std::printf("%*s %9s %9s %9s %9s %9s %11s%s  %s\n", width, "setting", "accuracy", "zeros", "hidden", "MACs", "fc2 rows",
                "img/core s", time ? "  times as fast: 1, 64" : "", "tokens a block");
}
void print(int width, const outcome& o, const outcome& dense, bool time) {
    std::printf("%*s %7.2f %% %7.2f %% %7.2f %% %7.2f %% %7.2f %% %11.0f", width, o.setting.c_str(), 100 * o.accuracy,
                100 * o.zeros, 100 * o.hidden_zeros, 100 * o.macs / dense.macs, 100 * o.fc2_rows / dense.fc2_rows,
                o.per_core_second);
    if (time)
        std::printf("%17.2f, %.2f", dense.microseconds[0] / o.microseconds[0], dense.microseconds[1] / o.microseconds[1]);
    std::printf(" ");
    for (const double t : o.tokens) std::printf(" %.4g", t);
    std::printf("\n");
    std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
    std::filesystem::path model_path = examples_folder / "models" / "fashion_mnist_vit.safetensors", csv, json, curve, plot;
    test_images tested;
    std::string rule = "threshold", precision = "float";
    std::vector<double> sweep;
    std::vector<std::string> settings, weight_names, schedules;
    std::size_t threads = 0, batch = 16;
    bool skip = false, time = false;

    CLI::App app{"Prunes what a Vision Transformer computes, and measures what that costs and saves"};
    app.add_option("--model", model_path, "A safetensors file under timm's names")->capture_default_str();
    add_test_image_options(app, tested);
    app.add_option("--precision", precision, "float, or int8 with float functions")
        ->capture_default_str()
        ->check(CLI::IsMember({"float", "int8"}));
    auto* const activations =
        app.add_option("--activations", rule,
                       "threshold (DynaTran, one tau) or top_k of all activations, calibrated: a threshold for each kind of "
                       "activation, for a share of zeros among them all, or hidden: a threshold of the MLP's hidden units, "
                       "calibrated to a share of zeros")
            ->capture_default_str()
            ->check(CLI::IsMember({"threshold", "top_k", "calibrated", "hidden"}));
    app.add_option("--sweep", sweep, "Settings: thresholds, shares that top_k keeps, or shares of zeros");
    auto* const weights = app.add_option("--weights", weight_names, std::string{"Sweep these rules. "} + weight_rule_help)
                              ->excludes(activations);
    app.add_option("--tokens", schedules, std::string{"Sweep these schedules; 'none' drops nothing. "} + token_schedule_help)
        ->excludes(activations)
        ->excludes(weights);
    app.add_flag("--skip-zeros", skip, "Skip the weights of the MLP's second layer that meet zeros, where that pays");
    app.add_option("--threads", threads, "Of the accuracy; 0: all cores")->capture_default_str();
    app.add_option("--batch", batch, "Images that a thread takes at once")
        ->capture_default_str()
        ->check(CLI::Range(1u, 4096u));
    app.add_flag("--time", time, "Measure the time of an image, alone and among 64, too");
    app.add_option("--csv", csv, "Write the table to this file as well");
    app.add_option("--json", json, "Write the results to this file as well");
    app.add_option("--curve", curve, "Write the tau curve to this JSON file (threshold only)");
    app.add_option("--plot", plot, "Draw accuracy over zeros, or over work, with gnuplot (.svg or .png)");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    }
    if (!weight_names.empty()) rule = "weights", settings = weight_names;
    if (!schedules.empty()) rule = "tokens", settings = schedules;
    if (!settings.empty() && !sweep.empty()) fail("--weights and --tokens are sweeps of their own; they go without --sweep");
    if (!curve.empty() && rule != "threshold") fail("--curve is for --activations threshold, which reads it");
    const std::string extension = plot.extension().string();
    if (!plot.empty() && extension != ".png" && extension != ".svg")
        fail("'" + plot.string() + "' ends in '" + extension + "'; a plot is a .png or an .svg file");
    if (sweep.empty()) {
        if (rule == "threshold") sweep = {0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6};
        if (rule == "top_k") sweep = {1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2};
        if (rule == "calibrated") sweep = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7};
        if (rule == "hidden") sweep = {0, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95};
    }
    for (const double s : sweep) {
        if (!(s >= 0 && s <= (rule == "threshold" ? 1e6 : 1)))
            fail("--sweep has " + std::to_string(s) + "; expected " +
                 (rule == "threshold" ? "thresholds of at least 0" : "shares in [0, 1]"));
        settings.push_back(lutra::detail::shortest(s));
    }

    const auto file = value_or_fail(lutra::safetensors::read(model_path));
    const auto model = value_or_fail(lutra::read_vit(file));
    const lutra::vit_config& c = model.config;
    if (c.attention != lutra::attention_kind::softmax && (rule == "tokens" || precision == "int8"))
        fail(model_path.string() + " has linear attention; tokens and int8 networks need softmax");
    std::vector<std::vector<lutra::layer_choice>> swept; // read before anything is run
    lutra::thread_executor ex{threads};
    lutra::idx_images training;
    lutra::vit_histograms seen;
    if (rule == "hidden" || rule == "calibrated") training = read_calibration_images({}, c);
    if (rule == "hidden") seen = lutra::observe_activations(ex, model.parameters(), training.pixels);
    std::vector<std::vector<float>> taus(settings.size());
    for (std::size_t s = 0; s < settings.size(); ++s) {
        std::vector<lutra::layer_choice> choices(c.depth);
        if (rule == "tokens" && settings[s] != "none") read_token_schedule(settings[s], choices);
        if (rule == "weights") choose_weights(settings[s], model.parameters(), choices);
        const auto theta = rule == "hidden" ? lutra::hidden_thresholds(seen, c, sweep[s]) : std::vector<float>(c.depth);
        if (rule == "calibrated") taus[s] = lutra::activation_thresholds(model.parameters(), training.pixels, sweep[s]);
        for (std::size_t i = 0; i < c.depth; ++i) {
            lutra::layer_choice& choice = choices[i];
            if (rule == "threshold" || rule == "calibrated") choice.pruning.kind = lutra::activation_pruning_kind::threshold;
            if (rule == "threshold") choice.pruning.tau = static_cast<float>(sweep[s]);
            if (rule == "top_k") choice.pruning = {.kind = lutra::activation_pruning_kind::top_k, .share = sweep[s]};
            if (rule == "calibrated")
                choice.taus = std::span{taus[s]}.subspan(i * lutra::activation_point_count, lutra::activation_point_count);
            choice.hidden_threshold = theta[i];
            choice.skip_zeros = skip;
        }
        swept.push_back(choices);
    }
    const labelled_images data = read_test_images(tested, c);
    std::vector<float> scales;
    if (precision == "int8") scales = value_or_fail(lutra::read_activation_scales(file, c));

    const measurement measure{data, ex, batch, time};
    const auto run = [&](const std::vector<lutra::layer_choice>& choices) {
        const bool in_float = precision == "float";
        const lutra::arena_memory memory{in_float ? lutra::float_vit<>::packed_bytes(c, choices)
                                                  : lutra::int8_vit<>::packed_bytes(c, choices)};
        lutra::arena packed{memory.bytes()};
        if (in_float) return measure(lutra::float_vit<>{model.parameters(), packed, choices}, choices);
        return measure(lutra::int8_vit<>{model.parameters(), scales, choices, packed}, choices);
    };
    std::size_t width = 9;
    for (const std::string& s : settings) width = std::max(width, s.size());
    std::printf("%s: %zu parameters, %s, %s%s; %zu images, %zu threads\n", model_path.filename().c_str(),
                model.values.size(), precision.c_str(), rule.c_str(), skip ? ", zeros skipped" : "", data.images.count,
                ex.workers());
    print_header(static_cast<int>(width), time);
    std::vector<outcome> outcomes{run(std::vector<lutra::layer_choice>(c.depth))};
    outcomes.front().setting = "dense";
    print(static_cast<int>(width), outcomes.front(), outcomes.front(), time);
    progress_bar bar;
    for (std::size_t s = 0; s < settings.size(); ++s) {
        bar.show("pruning", s, settings.size(), settings[s]);
        outcome o = run(swept[s]);
        o.setting = settings[s];
        bar.clear();
        print(static_cast<int>(width), o, outcomes.front(), time);
        outcomes.push_back(o);
    }

    if (!csv.empty()) {
        const std::string text = csv_of(outcomes, time);
        static_cast<void>(value_or_fail(lutra::write_file_atomically(csv, std::as_bytes(std::span{text}))));
    }
    if (!json.empty()) {
        nlohmann::json report{{"model", model_path.filename().string()},
                              {"precision", precision},
                              {"pruned", rule},
                              {"skip_zeros", skip},
                              {"images", data.images.count},
                              {"results", nlohmann::json::array()}};
        for (const outcome& o : outcomes) {
            nlohmann::json row{{"setting", o.setting}, {"tokens", o.tokens}};
            for (const auto& [name, value] : columns_of(o, outcomes.front(), time)) row[name] = value;
            report["results"].push_back(row);
        }
        static_cast<void>(value_or_fail(lutra::write_json(json, report)));
    }
    if (!curve.empty()) {
        std::vector<lutra::tau_point> points;
        for (std::size_t s = 0; s < sweep.size(); ++s)
            points.push_back({static_cast<float>(sweep[s]), outcomes[s + 1].zeros, outcomes[s + 1].accuracy});
        static_cast<void>(value_or_fail(lutra::write_tau_points(curve, points)));
    }
    if (!plot.empty()) {
        const bool over_zeros = rule != "tokens" && rule != "weights";
        const auto image =
            draw(plot_script(outcomes, over_zeros, extension == ".svg" ? "svg size 800,500" : "png size 800,500"));
        static_cast<void>(value_or_fail(lutra::write_file_atomically(plot, image)));
    }
}
