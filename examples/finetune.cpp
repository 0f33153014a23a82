// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Fine-tunes a Vision Transformer for approximate multipliers: it trains on what the int8 network under them answers.

#include "support/fail.hpp"
#include "support/multipliers.hpp"
#include "support/progress.hpp"
#include "support/test_images.hpp"
#include "support/token_schedule.hpp"

#include <lutra/core/threads.hpp>
#include <lutra/io/json.hpp>
#include <lutra/multiplier/product_slopes.hpp>
#include <lutra/nn/int8_vit.hpp>
#include <lutra/nn/train/calibrate_vit.hpp>
#include <lutra/nn/train/fit_control_variate.hpp>
#include <lutra/nn/train/model_file.hpp>
#include <lutra/nn/train/predict.hpp>
#include <lutra/nn/train/quantized_pass.hpp>
#include <lutra/nn/train/trainer.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace {

/// What was asked for, and its texts.
struct request {
    std::filesystem::path model = examples_folder / "models" / "fashion_mnist_vit.safetensors", folder{fashion_mnist_folder};
    std::filesystem::path output, json;
    std::vector<std::string> multipliers{"exact"};
    std::string attention = "exact", method = "straight-through", tokens;
    table_options table;
    lutra::training_options training{
        .epochs = 1, .peak_rate = 5e-4f, .last_rate = 1e-5f, .warmup_epochs = 0.05f, .label_smoothing = 0.1f};
    int window = lutra::gradient_table::default_window;
    std::size_t terms = 3, threads = 0, limit = 0, calibration = 256;
    bool control_variate = false, recalibrate = false;
};

request read_arguments(int argc, char** argv) {
    request r;
    CLI::App app{"Fine-tunes a Vision Transformer for approximate multipliers"};
    app.add_option("--model", r.model, "The model to start from, a safetensors file")->capture_default_str();
    app.add_option("--output", r.output, "Write the fine-tuned model to this file");
    app.add_option("--data", r.folder, "Folder with the four IDX files, plain or .gz")->capture_default_str();
    app.add_option("--multiplier", r.multipliers, "A multiplier by name or a table file (.bin, .npy): one, or one a block")
        ->capture_default_str();
    app.add_option("--attention-multiplier", r.attention, "For Q K^T and A V")->capture_default_str();
    add_table_options(app, r.table);
    app.add_option("--method", r.method,
                   "What backward takes for the slopes of a product: the exact product's (straight-through), those of the "
                   "multiplier (gradient-table-1d, gradient-table-2d); or none: do not train")
        ->check(CLI::IsMember({"straight-through", "gradient-table-1d", "gradient-table-2d", "none"}))
        ->capture_default_str();
    app.add_option("--window", r.window, "Of the gradient tables: neighbours on each side in the moving average")
        ->check(CLI::Range(0, 126))
        ->capture_default_str();
    app.add_option("--terms", r.terms, "Of a 2-D gradient table: the most float products that stand for it")
        ->check(CLI::Range(1u, 255u))
        ->capture_default_str();
    app.add_option("--tokens", r.tokens, token_schedule_help);
    app.add_flag("--control-variate", r.control_variate, "Correct the sums of the linear layers at run time");
    app.add_option("--distill", r.training.distillation,
                   "Learn from the float model too: its share of the loss, from 0 to 1")
        ->check(CLI::Range(0.0f, 1.0f))
        ->capture_default_str();
    app.add_option("--temperature", r.training.temperature, "Of distillation")->capture_default_str();
    app.add_option("--epochs", r.training.epochs)->capture_default_str()->check(CLI::Range(1u, 100000u));
    app.add_option("--batch", r.training.batch)->capture_default_str()->check(CLI::Range(1u, 65536u));
    app.add_option("--rate", r.training.peak_rate, "Peak learning rate")->capture_default_str();
    app.add_option("--smoothing", r.training.label_smoothing, "Label smoothing")->capture_default_str();
    app.add_option("--seed", r.training.seed)->capture_default_str();
    app.add_flag("--recalibrate", r.recalibrate, "Calibrate the scales of activations anew before each later epoch");
    app.add_option("--calibration-images", r.calibration, "Training images that scales and corrections are fitted to")
        ->check(CLI::Range(1u, 1000000u))
        ->capture_default_str();
    app.add_option("--threads", r.threads, "0: all cores")->capture_default_str();
    app.add_option("--limit", r.limit, "Use the first N training images only; 0: all")->capture_default_str();
    app.add_option("--json", r.json, "Write the results to this file as well");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        std::exit(app.exit(e) == 0 ? 0 : 2);
    }
    return r;
}

/// The multipliers of all blocks, and the slopes that backward takes for them.
class circuits {
public:
    circuits(const request& r, std::size_t depth) {
        if (r.multipliers.size() != 1 && r.multipliers.size() != depth)
            fail("there are " + std::to_string(r.multipliers.size()) +
                 " multipliers; expected one, or one for each of the " + std::to_string(depth) + " blocks");
        for (const std::string& name : r.multipliers) add(name, r);
        add(r.attention, r);
        for (std::size_t i = 0; i < depth; ++i) {
            const std::size_t linear = r.multipliers.size() == 1 ? 0 : i, attention = sources_.size() - 1;
            choices.push_back({sources_[linear].lowered, sources_[attention].lowered});
            if (!factored_.empty()) slopes.push_back({factored_[linear]->view(), factored_[attention]->view()});
        }
    }
    std::vector<lutra::layer_choice> choices;
    std::vector<lutra::layer_slopes> slopes; ///< none: straight-through

private:
    void add(const std::string& name, const request& r) {
        sources_.push_back(find_multiplier(name, r.table));
        if (!r.method.starts_with("gradient-table")) return;
        const lutra::gradient_table table{sources_.back().lowered, r.window};
        factored_.push_back(std::make_unique<lutra::factored_slopes>(
            r.method == "gradient-table-1d" ? lutra::factored_slopes::averaged(table)
                                            : lutra::factored_slopes::low_rank(table, 0.01, r.terms)));
        const lutra::product_slopes view = factored_.back()->view();
        std::printf("slopes of %s: by activation %zu terms, %.1f %% left out; by weight %zu terms, %.1f %%\n", name.c_str(),
                    view.lhs.rank, 100 * factored_.back()->lhs_error(), view.rhs.rank, 100 * factored_.back()->rhs_error());
    }

    std::vector<multiplier_source> sources_;
    std::vector<std::unique_ptr<lutra::factored_slopes>> factored_;
};

/// Percent of the images that a network gets right.
template <class Network>
double accuracy(lutra::thread_executor& ex, const Network& network, const labelled_images& data) {
    const auto classes = lutra::predict(ex, network, data.images.pixels, 64);
    return 100 * static_cast<double>(lutra::count_correct(classes, data.labels.labels)) /
           static_cast<double>(data.images.count);
}
double int8_accuracy(lutra::thread_executor& ex, const lutra::vit_parameters<const float>& p, std::span<const float> scales,
                     std::span<const lutra::layer_choice> choices, std::span<const std::int32_t> corrections,
                     const labelled_images& data) {
    const lutra::arena_memory memory{lutra::int8_vit<>::packed_bytes(p.config(), choices)};
    lutra::arena packed{memory.bytes()};
    return accuracy(ex, lutra::int8_vit<>{p, scales, choices, packed, lutra::weight_granularity::per_channel, corrections},
                    data);
}

int finish(const request& r, const nlohmann::json& report) {
    if (!r.json.empty()) static_cast<void>(value_or_fail(lutra::write_json(r.json, report)));
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    const request r = read_arguments(argc, argv);
    const auto file = value_or_fail(lutra::safetensors::read(r.model));
    const auto model = value_or_fail(lutra::read_vit(file));
    const lutra::vit_config& c = model.config;
    if (c.attention != lutra::attention_kind::softmax)
        fail(r.model.string() + " has linear attention, of which there is no int8 network to train; expected softmax");
    labelled_images training = read_image_set(r.folder, "train", c.classes);
    const labelled_images test = read_image_set(r.folder, "t10k", c.classes);
    if (r.limit > 0) keep_first(training, r.limit);
    check_image_size(training.images, c, "training");
    check_image_size(test.images, c, "test");
    const std::span<const std::uint8_t> calibration =
        std::span{training.images.pixels}.first(std::min(r.calibration, training.images.count) * c.image_size());

    lutra::thread_executor ex{r.threads};
    const auto calibrated = [&](const lutra::vit_parameters<const float>& p) {
        return lutra::scales_of(lutra::observe_activations(ex, p, calibration), lutra::calibrator::percentile);
    };
    std::vector<float> scales = file.find(lutra::activation_scales_name) != nullptr
                                    ? value_or_fail(lutra::read_activation_scales(file, c))
                                    : calibrated(model.parameters());
    circuits used{r, c.depth};
    read_token_schedule(r.tokens, used.choices);
    std::vector<std::int32_t> corrections;
    const auto correct = [&](const lutra::vit_parameters<const float>& p) {
        if (!r.control_variate) return;
        const auto fitted = lutra::fit_control_variates(p, scales, used.choices, calibration);
        corrections.assign(fitted.begin(), fitted.end()); // the trainer's pass points to it: it stays where it is
    };

    const lutra::arena_memory teacher_memory{lutra::float_vit<>::packed_bytes(c)};
    lutra::arena teacher_arena{teacher_memory.bytes()};
    const lutra::float_vit<> teacher{model.parameters(), teacher_arena};
    std::vector<lutra::layer_choice> exact(c.depth);
    read_token_schedule(r.tokens, exact);
    nlohmann::json report{{"model", r.model.filename().string()},
                          {"multipliers", r.multipliers},
                          {"attention_multiplier", r.attention},
                          {"method", r.method},
                          {"tokens", r.tokens},
                          {"control_variate", r.control_variate},
                          {"distillation", r.training.distillation},
                          {"rate", r.training.peak_rate},
                          {"seed", r.training.seed},
                          {"epochs", nlohmann::json::array()}};
    const auto say = [&](const char* key, const char* words, double percent) {
        report[key] = percent;
        std::printf("%-34s %6.2f %%\n", words, percent);
        std::fflush(stdout);
    };
    say("float_accuracy", "float", accuracy(ex, teacher, test));
    say("int8_accuracy", "int8, exact products", int8_accuracy(ex, model.parameters(), scales, exact, {}, test));
    say("accuracy_before", "before", int8_accuracy(ex, model.parameters(), scales, used.choices, {}, test));
    correct(model.parameters());
    if (r.control_variate)
        say("accuracy_corrected", "corrected, not trained",
            int8_accuracy(ex, model.parameters(), scales, used.choices, corrections, test));

    lutra::vit_trainer<lutra::quantized_pass<>> trainer{c, r.training, {scales, used.choices, used.slopes, corrections}};
    trainer.state().parameters = model.values;
    if (r.training.distillation > 0) trainer.teach_with(&teacher);
    const std::uint64_t per_epoch = trainer.steps_per_epoch(training.images.count), steps = per_epoch * r.training.epochs;
    progress_bar bar;
    for (std::uint64_t epoch = 0; epoch < r.training.epochs && r.method != "none"; ++epoch) {
        if (epoch > 0 && r.recalibrate) {
            const auto anew = calibrated(trainer.parameters());
            std::copy(anew.begin(), anew.end(), scales.begin());
        }
        if (epoch > 0) correct(trainer.parameters());
        const auto order = trainer.order(training.images.count, epoch);
        double loss = 0;
        const std::clock_t start = std::clock();
        for (std::uint64_t s = 0; s < per_epoch; ++s) {
            const auto which = std::span{order}.subspan(s * r.training.batch);
            const auto batch = which.first(std::min<std::size_t>(r.training.batch, which.size()));
            loss += trainer.step(ex, training.images.pixels, training.labels.labels, batch, steps, epoch).loss *
                    static_cast<double>(batch.size());
            bar.show("epoch " + std::to_string(epoch + 1), static_cast<std::size_t>(s + 1), per_epoch,
                     "loss " + std::to_string(loss / static_cast<double>((s + 1) * r.training.batch)));
        }
        const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
        const auto n = static_cast<double>(training.images.count);
        bar.clear();
        correct(trainer.parameters());
        const double percent = int8_accuracy(ex, trainer.parameters(), scales, used.choices, corrections, test);
        std::printf("epoch %3llu/%u  loss %.4f  test %.2f %%  %.0f images a core second\n",
                    static_cast<unsigned long long>(epoch + 1), r.training.epochs, loss / n, percent, n / seconds);
        std::fflush(stdout);
        report["epochs"].push_back({{"loss", loss / n}, {"accuracy", percent}, {"images_per_core_second", n / seconds}});
    }
    if (report["epochs"].empty()) return finish(r, report);
    say("accuracy_after", "after", report["epochs"].back()["accuracy"].get<double>());
    if (!r.output.empty()) {
        lutra::safetensors_writer out;
        lutra::add_vit(out, trainer.parameters());
        out.metadata("finetune.method", r.method);
        out.add(std::string{lutra::activation_scales_name}, {scales.size()}, scales);
        static_cast<void>(value_or_fail(out.write(r.output)));
        std::printf("wrote %s\n", r.output.c_str());
    }
    return finish(r, report);
}
