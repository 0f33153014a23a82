// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The main job: what becomes of a Vision Transformer's accuracy, power and speed under approximate multipliers.

#include "support/fail.hpp"
#include "support/multipliers.hpp"
#include "support/progress.hpp"
#include "support/test_images.hpp"

#include <lutra/core/threads.hpp>
#include <lutra/io/json.hpp>
#include <lutra/multiplier/error_metrics.hpp>
#include <lutra/nn/describe.hpp>
#include <lutra/nn/int8_vit.hpp>
#include <lutra/nn/integer_vit.hpp>
#include <lutra/nn/train/calibrate_vit.hpp>
#include <lutra/nn/train/model_file.hpp>
#include <lutra/nn/train/predict.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

struct outcome {
    std::string multiplier;
    std::optional<double> relative_power; ///< of all matrix products of the network
    double mae_percent = 0;
    std::size_t correct = 0;
    double images_per_second = 0;
};

double network_power(const lutra::vit_config& c, const std::vector<lutra::layer_choice>& choices) {
    std::vector<lutra::operation> operations(lutra::operation_count(c));
    std::vector<std::uint32_t> dependencies(lutra::dependency_count(c));
    lutra::workload_builder builder{operations, dependencies};
    return lutra::describe(c, choices, 1, builder).relative_power();
}

/// The scales stored with the model, or new ones from training images.
std::vector<float> activation_scales(const lutra::safetensors& file, const lutra::vit_model& model,
                                     const std::string& calibrator, const std::filesystem::path& images,
                                     lutra::thread_executor& ex) {
    if (calibrator.empty() && images.empty() && file.find(lutra::activation_scales_name) != nullptr)
        return value_or_fail(lutra::read_activation_scales(file, model.config));
    const auto method = value_or_fail(lutra::parse_calibrator(calibrator.empty() ? "percentile" : calibrator));
    const auto data = read_calibration_images(images, model.config);
    return lutra::scales_of(lutra::observe_activations(ex, model.parameters(), data.pixels), method);
}

/// An int8 network of either kind, and its memory.
template <class Network>
struct built {
    lutra::arena_memory memory;
    Network network;

    built(const lutra::vit_model& model, const std::vector<float>& scales, const std::vector<lutra::layer_choice>& choices,
          lutra::weight_granularity granularity)
        : memory{Network::packed_bytes(model.config, choices)}, network{make(model, scales, choices, granularity)} {}

private:
    Network make(const lutra::vit_model& model, const std::vector<float>& scales,
                 const std::vector<lutra::layer_choice>& choices, lutra::weight_granularity granularity) const {
        lutra::arena weights{memory.bytes()};
        return {model.parameters(), scales, choices, weights, granularity};
    }
};

template <class Model>
outcome measure(const Model& model, const labelled_images& data, lutra::thread_executor& ex, std::size_t batch) {
    const auto start = std::chrono::steady_clock::now();
    const auto classes = lutra::predict(ex, model, data.images.pixels, batch);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    outcome o;
    o.correct = lutra::count_correct(classes, data.labels.labels);
    o.images_per_second = static_cast<double>(data.images.count) / std::max(seconds, 1e-9);
    return o;
}

} // namespace

int main(int argc, char** argv) {
    std::filesystem::path model_path = examples_folder / "models" / "fashion_mnist_vit.safetensors", calibration_images,
                          json;
    test_images tested;
    std::vector<std::string> names;
    std::string attention_name = "exact", non_linear = "float", calibrator;
    table_options table;
    lutra::vit_overrides overrides;
    std::vector<float> mean, deviation;
    std::size_t threads = 0, batch = 64;
    bool per_tensor = false;

    CLI::App app{"Evaluates a Vision Transformer under approximate multipliers"};
    app.add_option("--model", model_path, "A safetensors file under timm's names")->capture_default_str();
    add_test_image_options(app, tested);
    app.add_option("--multiplier", names,
                   "A built-in multiplier or a table file (.bin, .npy); may be repeated (default: all built-in)");
    app.add_option("--attention-multiplier", attention_name, "For Q K^T and A V, a built-in or a table file")
        ->capture_default_str();
    add_table_options(app, table);
    app.add_option("--non-linear", non_linear,
                   "What stands between the int8 products: float functions, or integers and tables only")
        ->capture_default_str()
        ->check(CLI::IsMember({"float", "integer"}));
    app.add_option("--calibrator", calibrator,
                   "max, percentile, mse or entropy: calibrate anew on training images (default: stored scales)");
    app.add_option("--calibration-images", calibration_images,
                   "IDX training images to calibrate on (default: a bundled sample)");
    app.add_flag("--per-tensor", per_tensor, "One weight scale a tensor instead of one an output channel");
    app.add_option("--heads", overrides.heads, "Attention heads, where the file does not say (timm: dim / 64)");
    app.add_option("--epsilon", overrides.layer_norm_epsilon, "Of the layer norms, where the file does not say (1e-6)");
    app.add_option("--image-height", overrides.image_height, "Pixels, where the file does not say (square)");
    app.add_option("--image-width", overrides.image_width, "Pixels, where the file does not say (square)");
    app.add_option("--mean", mean, "Of pixel / 255, one a channel, where the file does not say")->expected(1, 4);
    app.add_option("--std", deviation, "Of pixel / 255, one a channel, where the file does not say")->expected(1, 4);
    app.add_option("--threads", threads, "0: all cores")->capture_default_str();
    app.add_option("--batch", batch, "Images that a thread takes at once")
        ->capture_default_str()
        ->check(CLI::Range(1u, 4096u));
    app.add_option("--json", json, "Write the results to this file as well");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    }
    const auto four = [](const std::vector<float>& values) {
        std::array<float, 4> out{1, 1, 1, 1};
        std::copy(values.begin(), values.end(), out.begin());
        return out;
    };
    if (!mean.empty()) overrides.input_mean = four(mean);
    if (!deviation.empty()) overrides.input_std = four(deviation);

    const auto file = value_or_fail(lutra::safetensors::read(model_path));
    const auto model = value_or_fail(lutra::read_vit(file, overrides));
    const lutra::vit_config& c = model.config;
    if (c.attention != lutra::attention_kind::softmax)
        fail(model_path.string() +
             " has linear attention, of which there is no int8 network with float functions; expected softmax");
    const multiplier_source attention = find_multiplier(attention_name, table);
    std::vector<multiplier_source> multipliers;
    multipliers.push_back(find_multiplier("exact", table));
    if (names.empty()) names = builtin_names();
    for (const std::string& name : names)
        if (name != "exact") multipliers.push_back(find_multiplier(name, table));

    const labelled_images data = read_test_images(tested, c);

    lutra::thread_executor ex{threads};
    const auto scales = activation_scales(file, model, calibrator, calibration_images, ex);
    const auto n = static_cast<double>(data.images.count);
    const bool integer = non_linear == "integer";
    std::printf("%s: %zu parameters, %ux%u images, dim %u, depth %u; %zu images, %zu threads, int8 kernels: %s\n",
                model_path.filename().c_str(), model.values.size(), c.image_height, c.image_width, c.dim, c.depth,
                data.images.count, ex.workers(), lutra::to_string(lutra::best_isa()).data());

    const lutra::arena_memory float_memory{lutra::float_vit<>::packed_bytes(c)};
    lutra::arena float_arena{float_memory.bytes()};
    const lutra::float_vit<> float_model{model.parameters(), float_arena};
    const outcome in_float = measure(float_model, data, ex, std::min<std::size_t>(batch, 16));
    std::printf("float: %.2f %% (%.0f images/s)\n\n", 100 * static_cast<double>(in_float.correct) / n,
                in_float.images_per_second);
    std::printf("%-26s %7s %9s %8s %9s %9s %8s\n", "multiplier", "power", "MAE %", "correct", "accuracy", "images/s",
                "of exact");

    std::vector<outcome> results;
    outcome in_other;
    progress_bar bar;
    const auto granularity = per_tensor ? lutra::weight_granularity::per_tensor : lutra::weight_granularity::per_channel;
    const auto run = [&](const std::vector<lutra::layer_choice>& choices, bool integers) {
        if (integers)
            return measure(built<lutra::integer_vit<>>{model, scales, choices, granularity}.network, data, ex, batch);
        return measure(built<lutra::int8_vit<>>{model, scales, choices, granularity}.network, data, ex, batch);
    };
    const auto print = [&](const outcome& o) {
        const std::string power = o.relative_power ? std::to_string(*o.relative_power).substr(0, 5) : "-";
        std::printf("%-26s %7s %9.4f %8zu %7.2f %% %9.0f %6.0f %%\n", o.multiplier.c_str(), power.c_str(), o.mae_percent,
                    o.correct, 100 * static_cast<double>(o.correct) / n, o.images_per_second,
                    100 * o.images_per_second / (results.empty() ? o : results.front()).images_per_second);
        std::fflush(stdout);
    };
    for (const multiplier_source& m : multipliers) {
        bar.show("evaluating", results.size(), multipliers.size(), m.name);
        const std::vector<lutra::layer_choice> choices(c.depth, lutra::layer_choice{m.lowered, attention.lowered});
        outcome o = run(choices, integer);
        o.multiplier = m.name;
        o.mae_percent = m.mae_percent;
        if (m.has_power && attention.has_power) o.relative_power = network_power(c, choices);
        bar.clear();
        print(o);
        results.push_back(std::move(o));
        if (results.size() > 1) continue;
        outcome other = run(choices, !integer); // exact products, the other kind of non-linearities
        other.multiplier = integer ? "exact, float between" : "exact, integers only";
        other.relative_power = results.front().relative_power;
        print(other);
        in_other = other;
    }

    if (json.empty()) return 0;
    nlohmann::json report{{"model", model_path.filename().string()},
                          {"images", data.images.count},
                          {"float_accuracy", static_cast<double>(in_float.correct) / n},
                          {"int8_accuracy", static_cast<double>((integer ? in_other : results.front()).correct) / n},
                          {"integer_accuracy", static_cast<double>((integer ? results.front() : in_other).correct) / n},
                          {"non_linear", non_linear},
                          {"attention_multiplier", attention.name},
                          {"results", nlohmann::json::array()}};
    for (const outcome& o : results)
        report["results"].push_back(
            {{"multiplier", o.multiplier},
             {"relative_power", o.relative_power ? nlohmann::json(*o.relative_power) : nlohmann::json(nullptr)},
             {"mae_percent", o.mae_percent},
             {"correct", o.correct},
             {"accuracy", static_cast<double>(o.correct) / n},
             {"images_per_second", o.images_per_second}});
    static_cast<void>(value_or_fail(lutra::write_json(json, report)));
}
