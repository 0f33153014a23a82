// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The nn room's rows of the table of ratios: images a core second of the ViT of 139,018 parameters (28x28, patch 4, dim 64,
// depth 4, heads 4, MLP 128), against published figures and against PyTorch, measured in the same run where it is installed.
#include <lutra/core/arena_memory.hpp>
#include <lutra/core/executor.hpp>
#include <lutra/core/random.hpp>
#include <lutra/nn/float_vit.hpp>
#include <lutra/nn/int8_vit.hpp>
#include <lutra/nn/train/calibrate_vit.hpp>
#include <lutra/nn/train/trainer.hpp>

#include "support/named_values.hpp"
#include "support/ratios.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace {

/// What PyTorch reaches here, by the name of a line that torch_vit.py prints; empty where it is not installed.
std::map<std::string, double> torch_rates(std::size_t rounds) {
    const char* python = std::getenv("LUTRA_BENCH_PYTHON");
    return bench::named_values(std::string{python != nullptr ? python : "/usr/bin/python3"} + " " +
                               LUTRA_BENCH_NN_FOLDER "/torch_vit.py " + std::to_string(rounds));
}

struct network {
    lutra::vit_config config{};
    std::vector<std::uint8_t> pixels, labels;
    lutra::vit_trainer<> trainer{config, {}};

    network() : pixels(128 * config.image_size()), labels(128) {
        lutra::random_generator random{1};
        for (std::uint8_t& p : pixels) p = static_cast<std::uint8_t>(random.below(256));
        for (std::uint8_t& l : labels) l = static_cast<std::uint8_t>(random.below(config.classes));
    }
};

/// Median images a second of @p work, which handles @p images.
template <class F>
double rate(std::size_t images, bench::effort much, F&& work) {
    work();
    std::vector<double> seconds;
    for (std::size_t round = 0; round < much.rounds; ++round) seconds.push_back(bench::seconds_of(work, 5 * much.turn));
    return static_cast<double>(images) / bench::median(seconds);
}

template <class Model>
double inference_rate(const network& n, const Model& model, std::size_t batch, bench::effort much) {
    const lutra::vit_config& c = n.config;
    std::vector<float> images(batch * c.image_size()), logits(batch * c.classes);
    lutra::normalize(c, std::span{n.pixels}.first(images.size()), images);
    const lutra::arena_memory memory{Model::scratch_bytes(c, batch)};
    lutra::arena scratch{memory.bytes()};
    return rate(batch, much, [&] {
        model.forward({images.data(), batch, c.image_size()}, {logits.data(), batch, c.classes}, scratch);
    });
}

const bench::room nn{
    "nn", [](bench::ratios& table) {
        network n;
        const auto torch = torch_rates(table.much().rounds);
        const auto row = [&](const std::string& name, double value, double published, double least, double stretch,
                             const std::string& torch_line, double least_torch) {
            const auto add = [&](const std::string& suffix, std::optional<double> other, double at_least,
                                 std::optional<double> more, std::optional<std::string> against) {
                bench::ratio_row r{.name = "nn/" + name + suffix, .value = value, .unit = "images/s", .stretch = more};
                if (other) r.ratio = value / *other;
                if (at_least > 0) r.at_least = at_least;
                r.against = std::move(against);
                table.add(std::move(r));
            };
            add("", published, least, stretch > 0 ? std::optional{stretch} : std::nullopt,
                std::to_string(static_cast<int>(published)) + " images/s of PyTorch 1.13 on a Zen 4 core");
            if (const auto at = torch.find(torch_line); at != torch.end())
                add("_over_torch", at->second, least_torch, {}, "PyTorch here, one thread");
            else
                add("_over_torch", {}, least_torch, {}, {});
        };

        lutra::serial_executor ex;
        const auto order = n.trainer.order(128, 0);
        row("training",
            rate(128, table.much(), [&] { static_cast<void>(n.trainer.step(ex, n.pixels, n.labels, order, 1'000'000, 0)); }),
            785, 1.6, 2.2, "training", 2);

        const lutra::arena_memory float_memory{lutra::float_vit<>::packed_bytes(n.config)};
        lutra::arena float_weights{float_memory.bytes()};
        const lutra::float_vit<> in_float{n.trainer.parameters(), float_weights};
        row("float_inference_128", inference_rate(n, in_float, 128, table.much()), 2176, 0, 0, "batch128", 2);
        row("float_inference_1", inference_rate(n, in_float, 1, table.much()), 1157, 0, 0, "batch1", 2);

        const std::vector<lutra::layer_choice> choices(n.config.depth);
        const auto scales = lutra::scales_of(lutra::observe_activations(ex, n.trainer.parameters(), n.pixels),
                                             lutra::calibrator::percentile);
        const lutra::arena_memory int8_memory{lutra::int8_vit<>::packed_bytes(n.config, choices)};
        lutra::arena int8_weights{int8_memory.bytes()};
        const lutra::int8_vit<> in_int8{n.trainer.parameters(), scales, choices, int8_weights};
        row("int8_inference_128", inference_rate(n, in_int8, 128, table.much()), 2176, 0, 0, "batch128", 4);
        row("int8_inference_1", inference_rate(n, in_int8, 1, table.much()), 1157, 0, 0, "batch1", 4);
    }};

} // namespace
