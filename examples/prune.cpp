// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What a Vision Transformer loses, and how much faster it gets, when activations become zero or weights are dropped.

#include "support/fail.hpp"
#include "support/fashion_mnist.hpp"
#include "support/gnuplot.hpp"
#include "support/progress.hpp"
#include "support/weight_rule.hpp"

#include <lutra/core/threads.hpp>
#include <lutra/core/workload.hpp>
#include <lutra/io/file.hpp>
#include <lutra/io/json.hpp>
#include <lutra/nn/activation_counter.hpp>
#include <lutra/nn/describe.hpp>
#include <lutra/nn/int8_vit.hpp>
#include <lutra/nn/train/activation_thresholds.hpp>
#include <lutra/nn/train/calibrate_vit.hpp>
#include <lutra/nn/train/hidden_thresholds.hpp>
#include <lutra/nn/train/model_file.hpp>
#include <lutra/nn/train/predict.hpp>
#include <lutra/nn/train/tau_curve_file.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace {

const std::filesystem::path examples_folder{LUTRA_EXAMPLES_FOLDER};

/// One setting of the sweep and what came of it.
struct outcome {
    double setting = 0; ///< tau, the share that top-k keeps, the share of zeros asked of hidden units, or that of MACs made
    std::string name;   ///< of the setting, as given
    double sparsity = 0, hidden_zeros = 0, hidden_skipped = 0;
    double accuracy = 0, per_core_second = 0; ///< images in a second of one core
};

/// The test images that there are: all of them where Debian's package is installed, else the sample.
labelled_images default_images(std::size_t classes) {
    const std::filesystem::path installed{fashion_mnist_folder}, sample = examples_folder / "data";
    const auto all = installed / "t10k-images-idx3-ubyte.gz";
    if (std::filesystem::exists(all)) return read_labelled_images(all, installed / "t10k-labels-idx1-ubyte.gz", classes);
    return read_labelled_images(sample / "fashion-mnist-test-1000-images-idx3-ubyte.gz",
                                sample / "fashion-mnist-test-1000-labels-idx1-ubyte.gz", classes);
}

/// The zeros that @p model makes on the first images, up to a thousand.
template <class Model>
void count(const Model& model, const labelled_images& data, outcome& o) {
    const lutra::vit_config& c = model.config();
    const std::size_t batch = 25, images = std::min<std::size_t>(data.images.count, 1000);
    std::vector<lutra::activation_counts> counts(lutra::activation_counter::size(c));
    lutra::activation_counter counter{c, counts};
    const lutra::arena_memory memory{Model::scratch_bytes(c, batch)};
    std::vector<float> pixels(batch * c.image_size()), logits(batch * c.classes);
    for (std::size_t first = 0; first < images; first += batch) {
        const std::size_t n = std::min(batch, images - first);
        const std::span read{data.images.pixels.data() + first * c.image_size(), n * c.image_size()};
        lutra::normalize(c, read, std::span{pixels}.first(read.size()));
        lutra::arena scratch{memory.bytes()};
        model.forward({pixels.data(), n, c.image_size()}, {logits.data(), n, c.classes}, scratch, counter);
    }
    o.sparsity = counter.total_pruned().sparsity();
    o.hidden_zeros = counter.total(lutra::activation_point::hidden).sparsity();
    o.hidden_skipped = counter.total(lutra::activation_point::hidden).skipped_share();
}

/// The share of the multiply-accumulates of a dense network that are made where weights are dropped.
double share_made(const lutra::vit_config& c, std::span<const lutra::layer_choice> choices) {
    std::vector<lutra::operation> operations(lutra::operation_count(c));
    std::vector<std::uint32_t> dependencies(lutra::dependency_count(c));
    lutra::workload_builder out{operations, dependencies};
    const lutra::workload w = lutra::describe(c, choices, 1, out);
    double made = 0;
    for (const lutra::operation& op : w.operations) made += op.executed_macs();
    return made / static_cast<double>(w.macs());
}

template <class Model>
outcome measure(const Model& model, const labelled_images& data, lutra::thread_executor& ex, std::size_t batch) {
    outcome o;
    count(model, data, o);
    const std::clock_t start = std::clock(); // of all threads together: other programs do not count
    const auto classes = lutra::predict(ex, model, data.images.pixels, batch);
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    const auto n = static_cast<double>(data.images.count);
    o.accuracy = static_cast<double>(lutra::count_correct(classes, data.labels.labels)) / n;
    o.per_core_second = n / std::max(seconds, 1e-9);
    return o;
}

std::string plot_script(const std::vector<outcome>& outcomes, const std::string& what, const std::string& terminal) {
    std::ostringstream s;
    s << "$data << end_of_data\n";
    for (const outcome& o : outcomes) s << 100 * o.sparsity << ' ' << 100 * o.accuracy << '\n';
    s << "end_of_data\nset terminal " << terminal
      << "\nset grid\nset key bottom left\nset xlabel 'activations that are zero, %'\n"
      << "set ylabel 'accuracy, %'\nplot $data using 1:2 with linespoints pt 7 title '" << what << "'\n";
    return s.str();
}

} // namespace

int main(int argc, char** argv) {
    std::filesystem::path model_path = examples_folder / "models" / "fashion_mnist_vit.safetensors", images, labels, csv,
                          json, curve, plot;
    std::string rule = "threshold", precision = "float";
    std::vector<double> sweep;
    std::vector<std::string> rule_names;
    std::size_t limit = 0, threads = 0, batch = 16;
    bool skip = false;

    CLI::App app{"Prunes what a Vision Transformer computes, and measures what that costs and saves"};
    app.add_option("--model", model_path, "A safetensors file under timm's names")->capture_default_str();
    app.add_option("--images", images, "IDX images, plain or .gz (default: the Fashion-MNIST test images)");
    app.add_option("--labels", labels, "IDX labels, plain or .gz");
    app.add_option("--limit", limit, "Use the first N images only; 0: all");
    app.add_option("--precision", precision, "float, or int8 with float functions")
        ->capture_default_str()
        ->check(CLI::IsMember({"float", "int8"}));
    app.add_option("--activations", rule,
                   "threshold (DynaTran, one tau) or top_k of all activations, calibrated: thresholds for each kind of "
                   "activation, calibrated to a share of zeros, or hidden: a threshold of the MLP's hidden units, "
                   "calibrated to a share of zeros")
        ->capture_default_str()
        ->check(CLI::IsMember({"threshold", "top_k", "calibrated", "hidden"}));
    app.add_option("--sweep", sweep, "Settings: thresholds, shares that top_k keeps, or shares of zeros in hidden units");
    app.add_option("--weights", rule_names, std::string{"Sweep these rules, and prune no activations. "} + weight_rule_help);
    app.add_flag("--skip-zeros", skip, "Skip the weights of the MLP's second layer that meet zeros, where that pays");
    app.add_option("--threads", threads, "0: all cores")->capture_default_str();
    app.add_option("--batch", batch, "Images that a thread takes at once")
        ->capture_default_str()
        ->check(CLI::Range(1u, 4096u));
    app.add_option("--csv", csv, "Write the table to this file as well");
    app.add_option("--json", json, "Write the results to this file as well");
    app.add_option("--curve", curve, "Write the tau curve to this JSON file (threshold only)");
    app.add_option("--plot", plot, "Draw accuracy over sparsity with gnuplot (.svg or .png)");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    }
    if (images.empty() != labels.empty()) fail("--images and --labels go together; only one was given");
    if (!curve.empty() && rule != "threshold") fail("--curve is for --activations threshold, which reads it");
    if (!rule_names.empty()) {
        if (!sweep.empty() || !curve.empty() || !plot.empty() || skip)
            fail("--weights is a sweep of its own; it goes without --sweep, --skip-zeros, --curve and --plot");
        rule = "weights";
        for (std::size_t i = 0; i < rule_names.size(); ++i) sweep.push_back(static_cast<double>(i));
    }
    std::vector<lutra::weight_pruning> weight_rules;
    for (const std::string& text : rule_names) weight_rules.push_back(read_weight_rule(text));
    const std::string extension = plot.extension().string();
    if (!plot.empty() && extension != ".png" && extension != ".svg")
        fail("'" + plot.string() + "' ends in '" + extension + "'; a plot is a .png or an .svg file");
    if (sweep.empty()) {
        if (rule == "threshold") sweep = {0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6};
        if (rule == "top_k") sweep = {1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2};
        if (rule == "calibrated") sweep = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7};
        if (rule == "hidden") sweep = {0, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95};
    }
    for (const double s : sweep)
        if (rule_names.empty() && !(s >= 0 && s <= (rule == "threshold" ? 1e6 : 1)))
            fail("--sweep has " + std::to_string(s) + "; expected " +
                 (rule == "threshold" ? "thresholds of at least 0" : "shares in [0, 1]"));

    const auto file = value_or_fail(lutra::safetensors::read(model_path));
    const auto model = value_or_fail(lutra::read_vit(file));
    const lutra::vit_config& c = model.config;
    labelled_images data = images.empty() ? default_images(c.classes) : read_labelled_images(images, labels, c.classes);
    if (limit > 0) keep_first(data, limit);
    if (data.images.count == 0) fail("there are no images to evaluate; expected at least one");
    check_image_size(data.images, c, "test");

    lutra::thread_executor ex{threads};
    lutra::vit_histograms seen;
    lutra::idx_images training;
    if (rule == "hidden" || rule == "calibrated") {
        training = value_or_fail(
            lutra::read_idx_images(examples_folder / "data" / "fashion-mnist-train-1000-images-idx3-ubyte.gz"));
        check_image_size(training, c, "calibration");
    }
    if (rule == "hidden") {
        seen = lutra::observe_activations(ex, model.parameters(), training.pixels);
    }
    std::vector<float> scales;
    if (precision == "int8") scales = value_or_fail(lutra::read_activation_scales(file, c));
    const auto run = [&](const std::vector<lutra::layer_choice>& choices) {
        const bool in_float = precision == "float";
        const lutra::arena_memory memory{in_float ? lutra::float_vit<>::packed_bytes(c, choices)
                                                  : lutra::int8_vit<>::packed_bytes(c, choices)};
        lutra::arena weights{memory.bytes()};
        if (in_float) return measure(lutra::float_vit<>{model.parameters(), weights, choices}, data, ex, batch);
        return measure(lutra::int8_vit<>{model.parameters(), scales, choices, weights}, data, ex, batch);
    };

    std::printf("%s: %zu parameters, %s, %s%s; %zu images, %zu threads\n", model_path.filename().c_str(),
                model.values.size(), precision.c_str(), rule.c_str(), skip ? ", zeros skipped" : "", data.images.count,
                ex.workers());
    const int width = rule_names.empty() ? 9 : 16;
    std::printf("%*s %9s %9s %9s %9s %10s %9s%s\n", width, "setting", "zeros", "hidden", "skipped", "accuracy", "img/core s",
                "of dense", rule_names.empty() ? "" : "      MACs");
    outcome dense = run(std::vector<lutra::layer_choice>(c.depth));
    dense.setting = 1;
    std::ostringstream table;
    table << "setting,zeros,hidden_zeros,hidden_skipped,accuracy,images_per_core_second\n";
    const auto print = [&](const char* setting, const outcome& o) {
        std::printf("%*s %7.2f %% %7.2f %% %7.2f %% %7.2f %% %10.0f %7.0f %%", width, setting, 100 * o.sparsity,
                    100 * o.hidden_zeros, 100 * o.hidden_skipped, 100 * o.accuracy, o.per_core_second,
                    100 * o.per_core_second / dense.per_core_second);
        if (!rule_names.empty()) std::printf(" %7.2f %%", 100 * o.setting);
        std::printf("\n");
        std::fflush(stdout);
        table << setting << ',' << o.sparsity << ',' << o.hidden_zeros << ',' << o.hidden_skipped << ',' << o.accuracy << ','
              << o.per_core_second << '\n';
    };
    print("dense", dense);
    std::vector<outcome> outcomes;
    progress_bar bar;
    for (const double setting : sweep) {
        const std::string name = rule_names.empty() ? lutra::detail::shortest(setting) : rule_names[outcomes.size()];
        bar.show("pruning", outcomes.size(), sweep.size(), name);
        std::vector<lutra::layer_choice> choices(c.depth);
        const auto theta = rule == "hidden" ? lutra::hidden_thresholds(seen, c, setting) : std::vector<float>(c.depth);
        const auto taus = rule == "calibrated" ? lutra::activation_thresholds(model.parameters(), training.pixels, setting)
                                               : std::vector<float>{};
        for (std::size_t i = 0; i < c.depth; ++i) {
            lutra::layer_choice& choice = choices[i];
            if (!taus.empty()) {
                choice.pruning.kind = lutra::activation_pruning_kind::threshold;
                choice.taus = std::span{taus}.subspan(i * lutra::activation_point_count, lutra::activation_point_count);
            }
            if (rule == "threshold")
                choice.pruning = {.kind = lutra::activation_pruning_kind::threshold, .tau = static_cast<float>(setting)};
            if (rule == "top_k") choice.pruning = {.kind = lutra::activation_pruning_kind::top_k, .share = setting};
            choice.hidden_threshold = theta[i];
            choice.skip_zeros = skip;
            if (!rule_names.empty()) choice.weights = weight_rules[outcomes.size()];
        }
        outcome o = run(choices);
        o.setting = rule_names.empty() ? setting : share_made(c, choices);
        o.name = name;
        bar.clear();
        print(name.c_str(), o);
        outcomes.push_back(o);
    }

    if (!csv.empty()) {
        const std::string text = table.str();
        static_cast<void>(value_or_fail(lutra::write_file_atomically(csv, std::as_bytes(std::span{text}))));
    }
    if (!json.empty()) {
        nlohmann::json report{{"model", model_path.filename().string()},
                              {"precision", precision},
                              {"activations", rule},
                              {"skip_zeros", skip},
                              {"images", data.images.count},
                              {"dense_accuracy", dense.accuracy},
                              {"dense_images_per_core_second", dense.per_core_second},
                              {"results", nlohmann::json::array()}};
        for (const outcome& o : outcomes)
            report["results"].push_back({{rule_names.empty() ? "setting" : "macs", o.setting},
                                         {"name", o.name},
                                         {"zeros", o.sparsity},
                                         {"hidden_zeros", o.hidden_zeros},
                                         {"hidden_skipped", o.hidden_skipped},
                                         {"accuracy", o.accuracy},
                                         {"images_per_core_second", o.per_core_second}});
        static_cast<void>(value_or_fail(lutra::write_json(json, report)));
    }
    if (!curve.empty()) {
        std::vector<lutra::tau_point> points;
        for (const outcome& o : outcomes) points.push_back({static_cast<float>(o.setting), o.sparsity, o.accuracy});
        static_cast<void>(value_or_fail(lutra::write_tau_points(curve, points)));
    }
    if (!plot.empty()) {
        const auto image = draw(plot_script(outcomes, rule, extension == ".svg" ? "svg size 800,500" : "png size 800,500"));
        static_cast<void>(value_or_fail(lutra::write_file_atomically(plot, image)));
    }
}
