// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Drops tokens of a Vision Transformer block by block, and says what that costs in accuracy and saves in work and time.

#include "support/fail.hpp"
#include "support/fashion_mnist.hpp"
#include "support/token_schedule.hpp"

#include <lutra/core/threads.hpp>
#include <lutra/nn/int8_vit.hpp>
#include <lutra/nn/observe.hpp>
#include <lutra/nn/train/model_file.hpp>
#include <lutra/nn/train/predict.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

namespace {

const std::filesystem::path examples_folder{LUTRA_EXAMPLES_FOLDER};

/// What an image asks of the int8 network, in the mean.
struct work {
    double macs = 0;            ///< products of its matrices that were made
    double fc2_rows = 0;        ///< rows of the weights of all fc2 that were read, once a token
    std::vector<double> tokens; ///< that left each block
};

/// Counts on the first images, up to two thousand.
work count_work(const lutra::int8_vit<>& model, const std::vector<lutra::layer_choice>& choices,
                const labelled_images& data) {
    const lutra::vit_config& c = model.config();
    const std::size_t batch = 25, count = std::min<std::size_t>(data.images.count, 2000), size = c.image_size();
    std::vector<lutra::operation> operations(lutra::operation_count(c));
    std::vector<std::uint32_t> dependencies(lutra::dependency_count(c));
    const lutra::arena_memory memory{lutra::observe_scratch_bytes<lutra::int8_vit<>>(c, batch)};
    std::vector<float> pixels(batch * size);
    work w;
    w.tokens.resize(c.depth);
    for (std::size_t first = 0; first < count; first += batch) {
        const std::size_t n = std::min(batch, count - first);
        lutra::normalize(c, std::span{data.images.pixels}.subspan(first * size, n * size),
                         std::span{pixels}.first(n * size));
        lutra::arena scratch{memory.bytes()};
        lutra::workload_builder out{operations, dependencies};
        const auto seen = lutra::observe(model, {pixels.data(), n, size}, choices, scratch, out);
        for (const lutra::operation& op : seen.operations) {
            w.macs += op.executed_macs() / static_cast<double>(count);
            if (op.label != "mlp.fc2") continue;
            w.fc2_rows += op.executed_macs() / static_cast<double>(op.n * count);
            w.tokens[op.layer] += static_cast<double>(op.batch * op.m) / static_cast<double>(count);
        }
    }
    return w;
}

/// Core seconds an image of so many at once, the least of several rounds over the first images.
template <class Model>
double seconds_per_image(const Model& model, const labelled_images& data, std::size_t batch) {
    const lutra::vit_config& c = model.config();
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
    return best;
}

} // namespace

int main(int argc, char** argv) {
    std::filesystem::path model_path = examples_folder / "models" / "fashion_mnist_vit_relu.safetensors", images, labels;
    std::vector<std::string> schedules;
    std::size_t limit = 0, threads = 1;
    bool no_time = false;
    CLI::App app{"Drops tokens of a Vision Transformer, block by block"};
    app.add_option("--model", model_path, "A safetensors file with activation scales")->capture_default_str();
    app.add_option("--images", images, "IDX images, plain or .gz (default: the Fashion-MNIST test images)");
    app.add_option("--labels", labels, "IDX labels, plain or .gz");
    app.add_option("--limit", limit, "Use the first N images only; 0: all");
    app.add_option("--tokens", schedules,
                   std::string{"Also 'zeros', which drops nothing and skips the zeros of hidden units, as all do. "} +
                       token_schedule_help);
    app.add_option("--threads", threads, "Of the accuracy; 0: all cores")->capture_default_str();
    app.add_flag("--no-time", no_time, "Do not measure the time an image takes");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    }
    if (images.empty() != labels.empty()) fail("--images and --labels go together; only one was given");
    if (images.empty()) {
        const std::filesystem::path folder{fashion_mnist_folder};
        const bool installed = std::filesystem::exists(folder / "t10k-images-idx3-ubyte.gz");
        images = installed ? folder / "t10k-images-idx3-ubyte.gz"
                           : examples_folder / "data" / "fashion-mnist-test-1000-images-idx3-ubyte.gz";
        labels = installed ? folder / "t10k-labels-idx1-ubyte.gz"
                           : examples_folder / "data" / "fashion-mnist-test-1000-labels-idx1-ubyte.gz";
    }
    const auto file = value_or_fail(lutra::safetensors::read(model_path));
    const auto model = value_or_fail(lutra::read_vit(file));
    const lutra::vit_config& c = model.config;
    if (c.attention != lutra::attention_kind::softmax)
        fail("tokens are chosen by softmax attention; this model has another");
    const auto scales = value_or_fail(lutra::read_activation_scales(file, c));
    labelled_images data = read_labelled_images(images, labels, c.classes);
    if (limit > 0) keep_first(data, limit);
    if (data.images.count == 0) fail("there are no images to evaluate; expected at least one");
    check_image_size(data.images, c, "test");

    lutra::thread_executor ex{threads};
    const auto n = static_cast<double>(data.images.count);
    schedules.insert(schedules.begin(), "");
    work dense;
    std::array<double, 4> dense_time{};
    std::printf("%-60s %6s %6s %11s %10s  %-20s %s\n", "schedule", "float", "int8", "MMAC", "fc2 rows", "tokens a block",
                no_time ? "" : "times as fast: float 1, 64, int8 1, 64");
    for (const std::string& schedule : schedules) {
        std::vector<lutra::layer_choice> choices(c.depth);
        const bool pruned = !schedule.empty();
        if (schedule != "zeros") read_token_schedule(schedule, choices);
        for (lutra::layer_choice& choice : choices) choice.skip_zeros = pruned;
        const lutra::arena_memory float_memory{lutra::float_vit<>::packed_bytes(c)},
            int8_memory{lutra::int8_vit<>::packed_bytes(c, choices)};
        lutra::arena float_arena{float_memory.bytes()}, int8_arena{int8_memory.bytes()};
        const lutra::float_vit<> in_float{model.parameters(), float_arena, choices};
        const lutra::int8_vit<> in_int8{model.parameters(), scales, choices, int8_arena};
        const auto accuracy = [&](const auto& network) {
            const auto classes = lutra::predict(ex, network, data.images.pixels, 16);
            return 100 * static_cast<double>(lutra::count_correct(classes, data.labels.labels)) / n;
        };
        const work w = count_work(in_int8, choices, data);
        if (!pruned) dense = w;
        std::string tokens;
        for (const double t : w.tokens) tokens += (tokens.empty() ? "" : " ") + std::to_string(t).substr(0, 4);
        std::printf("%-60s %6.2f %6.2f %5.2f -%2.0f%% %5.0f -%2.0f%%  %-20s", pruned ? schedule.c_str() : "dense",
                    accuracy(in_float), accuracy(in_int8), w.macs * 1e-6, 100 - 100 * w.macs / dense.macs, w.fc2_rows,
                    100 - 100 * w.fc2_rows / dense.fc2_rows, tokens.c_str());
        if (!no_time) {
            const std::array<double, 4> time{seconds_per_image(in_float, data, 1), seconds_per_image(in_float, data, 64),
                                             seconds_per_image(in_int8, data, 1), seconds_per_image(in_int8, data, 64)};
            if (!pruned) dense_time = time;
            for (std::size_t i = 0; i < time.size(); ++i) std::printf(" %.2f", dense_time[i] / time[i]);
            if (!pruned) {
                std::printf(" (us:");
                for (const double t : time) std::printf(" %.0f", 1e6 * t);
                std::printf(")");
            }
        }
        std::printf("\n");
        std::fflush(stdout);
    }
}
