// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Trains a Vision Transformer in float on Fashion-MNIST (or any IDX files of that form) and writes it as safetensors.
// Stop it at any time and start it again with the same arguments: it goes on where it was.

#include "support/fashion_mnist.hpp"
#include "support/progress.hpp"
#include "support/token_schedule.hpp"
#include "support/weight_rule.hpp"

#include <lutra/core/threads.hpp>
#include <lutra/nn/int8_vit.hpp>
#include <lutra/nn/train/calibrate_vit.hpp>
#include <lutra/nn/train/checkpoint.hpp>
#include <lutra/nn/train/low_rank_layers.hpp>
#include <lutra/nn/train/model_file.hpp>
#include <lutra/nn/train/predict.hpp>
#include <lutra/nn/train/pruned_pass.hpp>
#include <lutra/nn/train/token_pass.hpp>
#include <lutra/nn/train/trainer.hpp>
#include <lutra/nn/train/weight_masks.hpp>

#include <CLI/CLI.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace {

volatile std::sig_atomic_t interrupted = 0;

/// The pass that the arguments ask for.
struct chosen_pass {
    lutra::token_pass<> tokens;
    std::optional<lutra::pruned_pass<>> pruned;

    [[nodiscard]] std::size_t scratch_bytes(const lutra::vit_config& c, std::size_t images) const {
        return pruned ? pruned->scratch_bytes(c, images) : tokens.scratch_bytes(c, images);
    }
    lutra::loss_report run(const lutra::vit_parameters<const float>& p, lutra::matrix_view<const float> images,
                           const lutra::training_targets& targets, const lutra::vit_parameters<float>& gradient,
                           lutra::arena& scratch) const {
        return pruned ? pruned->run(p, images, targets, gradient, scratch)
                      : tokens.run(p, images, targets, gradient, scratch);
    }
};
using vit_trainer = lutra::vit_trainer<chosen_pass>;

/// What identifies a run: a checkpoint of another one is not continued.
std::string describe(const lutra::training_options& o, std::size_t images) {
    std::array<char, 256> line{};
    std::snprintf(
        line.data(), line.size(),
        "epochs %u batch %u rate %g to %g warm-up %g smoothing %g clip %g shift %u flip %d seed %llu decay %g images %zu",
        o.epochs, o.batch, static_cast<double>(o.peak_rate), static_cast<double>(o.last_rate),
        static_cast<double>(o.warmup_epochs), static_cast<double>(o.label_smoothing), static_cast<double>(o.clip_norm),
        o.max_shift, o.flip ? 1 : 0, static_cast<unsigned long long>(o.seed), static_cast<double>(o.adamw.weight_decay),
        images);
    return line.data();
}

/// What pruning made zero since the counts began; nothing where nothing was counted.
std::string zeros(const lutra::pruning_totals& t) {
    if (t.products == 0) return {};
    std::array<char, 160> words{};
    std::snprintf(words.data(), words.size(), "  zeros: activations %.0f %%, gradients %.0f %%; skipped %.0f %% of products",
                  100 * t.activation_sparsity(), 100 * t.gradient_sparsity(), 100 * t.skipped_share());
    return words.data();
}

/// Per-channel statistics of pixel / 255 over the training images.
void measure_input(lutra::vit_config& c, const lutra::idx_images& images) {
    double sum = 0, squares = 0;
    for (const std::uint8_t p : images.pixels) {
        const double x = p / 255.0;
        sum += x;
        squares += x * x;
    }
    const auto n = static_cast<double>(images.pixels.size());
    c.input_mean = {static_cast<float>(sum / n)};
    c.input_std = {static_cast<float>(std::sqrt(std::max(1e-6, squares / n - sum / n * (sum / n))))};
}

/// Takes over the parameters of a model of the same sizes; its activation function and attention may differ. Returns it.
lutra::vit_model start_from(const std::filesystem::path& path, vit_trainer& trainer) {
    auto model = value_or_fail(lutra::read_vit(value_or_fail(lutra::safetensors::read(path))));
    lutra::vit_config same = model.config;
    same.activation = trainer.config().activation;
    same.attention = trainer.config().attention;
    if (same != trainer.config())
        fail(path.string() + " is a network of other sizes, or of images of another mean and deviation");
    trainer.state().parameters = model.values;
    return model;
}

double share_correct(const std::vector<std::uint16_t>& classes, const labelled_images& data) {
    return static_cast<double>(lutra::count_correct(classes, data.labels.labels)) / static_cast<double>(data.images.count);
}

double accuracy(lutra::thread_executor& ex, vit_trainer& trainer, std::span<const lutra::layer_choice> choices,
                const labelled_images& data) {
    const lutra::arena_memory memory{lutra::float_vit<>::packed_bytes(trainer.config(), choices)};
    lutra::arena weights{memory.bytes()};
    const lutra::float_vit<> model{trainer.parameters(), weights, choices};
    return share_correct(lutra::predict(ex, model, data.images.pixels), data);
}

double int8_accuracy(lutra::thread_executor& ex, vit_trainer& trainer, std::span<const float> scales,
                     std::span<const lutra::layer_choice> choices, const labelled_images& data) {
    const lutra::arena_memory memory{lutra::int8_vit<>::packed_bytes(trainer.config(), choices)};
    lutra::arena weights{memory.bytes()};
    const lutra::int8_vit<> model{trainer.parameters(), scales, choices, weights};
    return share_correct(lutra::predict(ex, model, data.images.pixels, 64), data);
}

} // namespace

int main(int argc, char** argv) {
    lutra::vit_config config;
    lutra::training_options options;
    std::filesystem::path folder{fashion_mnist_folder}, output = "vit.safetensors", checkpoint, from;
    std::string calibrator = "percentile", attention = "softmax", activation = "gelu", tokens, weight_rule;
    std::size_t threads = 0, limit = 0;
    bool fresh = false, no_flip = false;
    lutra::pruned_pass_options pruning;
    lutra::pruning_totals totals;

    CLI::App app{"Trains a Vision Transformer on Fashion-MNIST"};
    app.add_option("--data", folder, "Folder with the four IDX files, plain or .gz")->capture_default_str();
    app.add_option("--output", output, "The model to write")->capture_default_str();
    app.add_option("--checkpoint", checkpoint, "Where to keep the state between runs (default: OUTPUT.checkpoint)");
    app.add_flag("--fresh", fresh, "Start anew even where there is a checkpoint");
    app.add_option("--dim", config.dim)->capture_default_str();
    app.add_option("--depth", config.depth)->capture_default_str();
    app.add_option("--heads", config.heads)->capture_default_str();
    app.add_option("--mlp", config.mlp)->capture_default_str();
    app.add_option("--patch", config.patch)->capture_default_str();
    app.add_option("--attention", attention, "softmax, or relu_linear, which costs less for many tokens")
        ->check(CLI::IsMember({"softmax", "relu_linear"}))
        ->capture_default_str();
    app.add_option("--activation", activation, "Of the MLP: gelu, or relu, whose zeros later layers can skip")
        ->check(CLI::IsMember({"gelu", "relu"}))
        ->capture_default_str();
    app.add_option("--from", from, "Start from the parameters of this model, which must have the same sizes");
    app.add_option("--tokens", tokens, token_schedule_help);
    app.add_option("--weights", weight_rule,
                   std::string{weight_rule_help} + ". They are dropped from the model of --from and stay dropped");
    app.add_option("--distill", options.distillation, "Share of the loss that compares with the whole model of --from")
        ->capture_default_str()
        ->check(CLI::Range(0.0f, 1.0f));
    app.add_option("--tau-activations", pruning.tau, "Activations of at most this magnitude become 0 (DynaTran)")
        ->capture_default_str()
        ->check(CLI::NonNegativeNumber);
    auto* const tau_gradients =
        app.add_option(
               "--tau-gradients", pruning.gradients.tau,
               "Gradients of activations of at most this magnitude become 0 (DynaProp), in units of one image's loss")
            ->capture_default_str()
            ->check(CLI::NonNegativeNumber);
    app.add_option("--gradient-sparsity", pruning.gradients.sparsity, "The same by a share of each tensor, below 1")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 0.999))
        ->excludes(tau_gradients);
    app.add_flag("--dither", pruning.gradients.dither, "Gradients that are pruned become 0 or the threshold, by chance");
    app.add_option("--epochs", options.epochs)->capture_default_str()->check(CLI::Range(1u, 100000u));
    app.add_option("--batch", options.batch)->capture_default_str()->check(CLI::Range(1u, 65536u));
    app.add_option("--rate", options.peak_rate, "Peak learning rate")->capture_default_str()->check(CLI::Range(0.0f, 1.0f));
    app.add_option("--warm-up", options.warmup_epochs, "Epochs of rising rate")
        ->capture_default_str()
        ->check(CLI::Range(0.0f, 1000.0f));
    app.add_option("--decay", options.adamw.weight_decay, "Weight decay")->capture_default_str();
    app.add_option("--smoothing", options.label_smoothing, "Label smoothing")
        ->capture_default_str()
        ->check(CLI::Range(0.0f, 0.9f));
    app.add_option("--shift", options.max_shift, "Augmentation: largest shift, pixels")->capture_default_str();
    app.add_flag("--no-flip", no_flip, "Augmentation: do not mirror");
    app.add_option("--seed", options.seed)->capture_default_str();
    app.add_option("--calibrator", calibrator, "Of the int8 scales that the model carries: max, percentile, mse or entropy")
        ->check(CLI::IsMember(std::vector<std::string>(lutra::calibrator_names.begin(), lutra::calibrator_names.end())))
        ->capture_default_str();
    app.add_option("--threads", threads, "0: all cores")->capture_default_str();
    app.add_option("--limit", limit, "Use the first N training images only; 0: all")->capture_default_str();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        const int status = app.exit(e);
        return status == 0 ? 0 : 2;
    }
    if (std::isnan(pruning.tau) || std::isnan(pruning.gradients.tau) || std::isnan(pruning.gradients.sparsity))
        fail("--tau-activations, --tau-gradients and --gradient-sparsity are numbers");
    options.flip = !no_flip;
    if (attention == "relu_linear") config.attention = lutra::attention_kind::relu_linear;
    if (activation == "relu") config.activation = lutra::activation_kind::relu;
    if (checkpoint.empty()) checkpoint = output.string() + ".checkpoint";

    labelled_images training = read_image_set(folder, "train");
    const labelled_images test = read_image_set(folder, "t10k");
    if (limit > 0) keep_first(training, limit);
    config.image_height = static_cast<std::uint32_t>(training.images.height);
    config.image_width = static_cast<std::uint32_t>(training.images.width);
    measure_input(config, training.images);
    if (const auto valid = lutra::check(config); !valid) fail(valid.error().message);

    std::vector<lutra::layer_choice> choices(config.depth);
    read_token_schedule(tokens, choices);
    if (!tokens.empty() && config.attention != lutra::attention_kind::softmax)
        fail("--tokens chooses by softmax attention; the network is to have another");
    if (!weight_rule.empty() && from.empty()) fail("--weights drops weights of a trained model; say which with --from");
    chosen_pass pass{lutra::token_pass<>{choices}, {}};
    const bool prunes = pruning.tau > 0 || pruning.gradients.active();
    if (prunes && !tokens.empty()) fail("--tokens drops tokens and cannot prune activations or gradients besides");
    if (prunes) {
        pruning.totals = &totals;
        pass.pruned.emplace(pruning);
    }
    if (pruning.tau > 0) // what the test sees
        for (lutra::layer_choice& choice : choices)
            choice.pruning = {.kind = lutra::activation_pruning_kind::threshold, .tau = pruning.tau};
    lutra::thread_executor ex{threads};
    vit_trainer trainer{config, options, pass};
    std::string run = describe(options, training.images.count);
    if (prunes) {
        std::array<char, 128> line{};
        std::snprintf(line.data(), line.size(), " activations to %g, gradients to %g or %g of them pruned%s",
                      static_cast<double>(pruning.tau), static_cast<double>(pruning.gradients.tau),
                      pruning.gradients.sparsity, pruning.gradients.dither ? ", dithered" : "");
        run += line.data();
    }
    lutra::vit_model teacher_model;
    lutra::arena_memory teacher_memory;
    std::optional<lutra::float_vit<>> teacher;
    if (!from.empty()) {
        teacher_model = start_from(from, trainer);
        run += " from " + from.filename().string();
    }
    if (options.distillation > 0) {
        if (from.empty()) fail("--distill needs the model of --from to learn from");
        teacher_memory = lutra::arena_memory{lutra::float_vit<>::packed_bytes(teacher_model.config)};
        lutra::arena weights{teacher_memory.bytes()};
        teacher.emplace(teacher_model.parameters(), weights);
        trainer.teach_with(&*teacher);
        run += " distillation " + std::to_string(options.distillation);
    }
    if (!tokens.empty()) run += " tokens " + tokens;
    if (!weight_rule.empty()) {
        run += " weights " + weight_rule;
        choose_weights(weight_rule, trainer.parameters(), choices);
        trainer.keep(lutra::weight_masks(trainer.parameters(), choices));
        lutra::lower_ranks(trainer.parameters(), choices);
    }
    if (!fresh && std::filesystem::exists(checkpoint))
        if (const auto read = lutra::read_checkpoint(checkpoint, trainer, run); !read)
            fail(std::string{read.error().message.view()} + ". Remove it or give the same arguments.");
    std::signal(SIGINT, [](int) { interrupted = 1; });
    std::signal(SIGTERM, [](int) { interrupted = 1; });

    const std::uint64_t per_epoch = trainer.steps_per_epoch(training.images.count), steps = per_epoch * options.epochs;
    std::printf("ViT %ux%u, patch %u, dim %u, depth %u, heads %u, MLP %u, %s attention, %s: %zu parameters; %s\n",
                config.image_height, config.image_width, config.patch, config.dim, config.depth, config.heads, config.mlp,
                attention.c_str(), activation.c_str(), trainer.parameters().flat().size(), run.c_str());
    std::printf("scratch of a worker: %zu bytes\n", pass.scratch_bytes(config, vit_trainer::shard_images));
    if (trainer.state().step > 0)
        std::printf("resumed at step %llu of %llu\n", static_cast<unsigned long long>(trainer.state().step),
                    static_cast<unsigned long long>(steps));
    progress_bar bar;
    while (trainer.state().step < steps) {
        const std::uint64_t epoch = trainer.state().step / per_epoch;
        const auto order = trainer.order(training.images.count, epoch);
        std::size_t seen = 0, correct = 0;
        totals.reset();
        double loss = 0;
        const auto start = std::chrono::steady_clock::now();
        const std::clock_t start_cpu = std::clock();
        for (std::uint64_t s = trainer.state().step % per_epoch; s < per_epoch && interrupted == 0; ++s) {
            const auto which = std::span{order}.subspan(s * options.batch);
            const auto batch = which.first(std::min<std::size_t>(options.batch, which.size()));
            const auto report = trainer.step(ex, training.images.pixels, training.labels.labels, batch, steps, epoch);
            constexpr std::uint64_t steps_between = 10; // a decomposition costs about as much as a step
            if (trainer.state().step % steps_between == 0 || s + 1 == per_epoch)
                lutra::lower_ranks(trainer.parameters(), choices);
            seen += batch.size();
            correct += report.correct;
            loss += report.loss * static_cast<double>(batch.size());
            const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
            std::array<char, 96> words{};
            std::snprintf(words.data(), words.size(), "%.0f images/s, loss %.4f", static_cast<double>(seen) / seconds,
                          loss / static_cast<double>(seen));
            bar.show("epoch " + std::to_string(epoch + 1), static_cast<std::size_t>(s + 1), per_epoch,
                     words.data() + zeros(totals));
        }
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        const double cpu = static_cast<double>(std::clock() - start_cpu) / CLOCKS_PER_SEC;
        bar.clear();
        if (const auto written = lutra::write_checkpoint(checkpoint, trainer, run); !written) fail(written.error().message);
        if (interrupted != 0) {
            std::printf("stopped at step %llu; the same command goes on from %s\n",
                        static_cast<unsigned long long>(trainer.state().step), checkpoint.c_str());
            return 130;
        }
        const auto n = static_cast<double>(seen);
        std::printf("epoch %3llu/%u  loss %.4f  training %.2f %%  test %.2f %%  %.0f images/s (%.0f per core second)%s\n",
                    static_cast<unsigned long long>(epoch + 1), options.epochs, loss / n,
                    100 * static_cast<double>(correct) / n, 100 * accuracy(ex, trainer, choices, test), n / seconds, n / cpu,
                    zeros(totals).c_str());
        std::fflush(stdout);
    }
    const auto method = value_or_fail(lutra::parse_calibrator(calibrator));
    const std::size_t seen = std::min<std::size_t>(1000, training.images.count);
    const auto scales = lutra::scales_of(
        lutra::observe_activations(ex, trainer.parameters(),
                                   std::span{training.images.pixels}.first(seen * config.image_size()), choices),
        method);
    lutra::safetensors_writer out;
    lutra::add_vit(out, trainer.parameters());
    out.metadata("training.run", run);
    out.metadata("training.calibrator", calibrator);
    out.add(std::string{lutra::activation_scales_name}, {scales.size()}, scales);
    static_cast<void>(value_or_fail(out.write(output)));
    std::printf("test accuracy: float %.2f %%", 100 * accuracy(ex, trainer, choices, test));
    if (config.attention == lutra::attention_kind::softmax)
        std::printf(", int8 %.2f %%", 100 * int8_accuracy(ex, trainer, scales, choices, test));
    std::printf("\n");
    std::error_code ignored;
    std::filesystem::remove(checkpoint, ignored);
    std::printf("wrote %s\n", output.c_str());
}
