// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Which products of a network bear an approximate multiplier: the accuracy that is lost where one product of one block at a
// time goes through it, all others being exact.

#include "support/calibrated_model.hpp"
#include "support/fail.hpp"
#include "support/gnuplot.hpp"
#include "support/multipliers.hpp"
#include "support/test_images.hpp"

#include <lutra/codesign/sensitivity.hpp>
#include <lutra/core/threads.hpp>
#include <lutra/io/file.hpp>
#include <lutra/io/json.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct request {
    std::filesystem::path model = examples_folder / "models" / "fashion_mnist_vit_relu.safetensors",
                          data{fashion_mnist_folder}, json, plot;
    std::vector<std::string> multipliers{"drum3"};
    table_options tables;
    std::size_t images = 2000, threads = 0;
};

request read_arguments(int argc, char** argv) {
    request r;
    CLI::App app{"How much accuracy each product of a network loses under approximate multipliers"};
    app.add_option("--model", r.model, "A calibrated model, a safetensors file")->capture_default_str();
    app.add_option("--data", r.data, "The folder of the training images, IDX files")->capture_default_str();
    app.add_option("--multiplier", r.multipliers, "Built-in names or table files")->capture_default_str();
    add_table_options(app, r.tables);
    app.add_option("--images", r.images, "Training images that accuracy is measured on")->capture_default_str();
    app.add_option("--threads", r.threads, "0: as many as the machine has")
        ->check(CLI::Range(0u, 1024u))
        ->capture_default_str();
    app.add_option("--json", r.json, "Write the maps to this file as well");
    app.add_option("--plot", r.plot, "Draw the heat map of the first multiplier to this file (.svg or .png)");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        std::exit(app.exit(e) == 0 ? 0 : 2);
    }
    if (r.images == 0) fail("there are 0 images to measure accuracy on; expected at least one");
    if (r.multipliers.empty()) fail("there is no multiplier; expected at least one");
    return r;
}

void print(const std::string& name, const lutra::sensitivity_map& map) {
    std::printf("\n%s: points of accuracy lost (exact: %.2f %%)\n%-10s", name.c_str(), 100 * map.exact, "");
    for (const auto kind : lutra::matmul_kind_names) std::printf(" %9s", kind.data());
    std::printf("\n");
    for (std::size_t block = 0; block < map.accuracy.size(); ++block) {
        std::printf("block %-4zu", block);
        for (std::size_t kind = 0; kind < lutra::matmul_kind_names.size(); ++kind)
            std::printf(" %9.2f", 100 * map.drop(block, kind));
        std::printf("\n");
    }
}

void plot(const std::filesystem::path& path, const std::string& name, const lutra::sensitivity_map& map) {
    std::ostringstream script;
    script << "set terminal " << (path.extension() == ".png" ? "pngcairo" : "svg") << " size 640,"
           << 160 + 60 * map.accuracy.size() << "\nset title '" << name
           << ": points of accuracy lost' noenhanced\nunset key\nset palette defined (0 'white', 1 '#d55e00')\n"
           << "set yrange [] reverse\nset xtics (";
    for (std::size_t kind = 0; kind < lutra::matmul_kind_names.size(); ++kind)
        script << (kind == 0 ? "" : ", ") << '\'' << lutra::matmul_kind_names[kind] << "' " << kind;
    script << ")\nset ytics (";
    for (std::size_t block = 0; block < map.accuracy.size(); ++block)
        script << (block == 0 ? "" : ", ") << "'block " << block << "' " << block;
    script << ")\n$map << EOD\n";
    for (std::size_t block = 0; block < map.accuracy.size(); ++block)
        for (std::size_t kind = 0; kind < lutra::matmul_kind_names.size(); ++kind)
            script << kind << ' ' << block << ' ' << 100 * map.drop(block, kind) << '\n';
    script << "EOD\nplot $map using 1:2:3 with image, '' using 1:2:(sprintf('%.2f', $3)) with labels\n";
    if (const auto s = lutra::write_file_atomically(path, draw(script.str())); !s) fail(s.error().message);
}

} // namespace

int main(int argc, char** argv) {
    const request r = read_arguments(argc, argv);
    const calibrated_model model = read_calibrated_model(r.model);
    labelled_images images = read_image_set(r.data, "train", model.network.config.classes);
    keep_first(images, r.images);
    check_image_size(images.images, model.network.config, "training");
    lutra::thread_executor on{r.threads};
    const lutra::network_tester<> tester{model.network.parameters(), model.scales, images.images.pixels,
                                         images.labels.labels, on.workers()};
    std::printf("%s on %zu training images\n", r.model.filename().c_str(), images.images.count);
    nlohmann::json maps = nlohmann::json::array();
    for (std::size_t i = 0; i < r.multipliers.size(); ++i) {
        const multiplier_source multiplier = find_multiplier(r.multipliers[i], r.tables);
        const lutra::sensitivity_map map = lutra::sensitivity(tester, multiplier.lowered, on);
        print(multiplier.name, map);
        maps.push_back({{"multiplier", multiplier.name},
                        {"exact", map.exact},
                        {"kinds", lutra::matmul_kind_names},
                        {"accuracy", map.accuracy}});
        if (i == 0 && !r.plot.empty()) plot(r.plot, multiplier.name, map);
    }
    if (!r.json.empty())
        static_cast<void>(value_or_fail(lutra::write_json(r.json, {{"images", images.images.count}, {"maps", maps}})));
}
