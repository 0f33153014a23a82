// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/accelerators.hpp"
#include "support/calibrated_model.hpp"
#include "support/explore_request.hpp"
#include "support/multipliers.hpp"

#include <lutra/codesign/design_problem.hpp>
#include <lutra/codesign/table_tester.hpp>
#include <lutra/core/threads.hpp>
#include <lutra/io/file.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// Tries networks in float between their products, and with the tables that --tables knows.
using explore_tester = lutra::table_tester<8, 16>;

/// Everything that evaluations of designs read: they point into it, so it stays where it is.
struct design_setup {
    using model_type = lutra::design_model<explore_tester>;

    explicit design_setup(const explore_request& r) {
        const auto bytes = value_or_fail(lutra::read_file(r.model, std::size_t{1} << 30));
        model_file = read_calibrated_model(r.model);
        const lutra::vit_config& c = model_file.network.config;
        training = read_image_set(r.data, "train", c.classes);
        keep_first(training, r.images);
        test = read_image_set(r.data, "t10k", c.classes);
        check_image_size(training.images, c, "training");
        check_image_size(test.images, c, "test");

        take_axes(r);
        axes.by_layer = r.by_layer;
        axes.skip_zeros = c.activation == lutra::activation_kind::relu;
        space = std::make_unique<lutra::network_space>(c, axes);
        if (r.accelerator == "space") {
            lutra::tiled_design_space designs; // the first values of its axes are those of AccelTran-Edge
            designs.tile_side = {16, 8, 32}, designs.activation = {lutra::lane_function::gelu, lutra::lane_function::relu};
            designs.lanes = {16, 8, 32, 64, 128}, designs.macs = {16, 1}, designs.softmax = {4, 2, 8, 16, 32, 64};
            std::vector<lutra::tiled_memory> memories(lutra::acceltran_main_memories.begin(),
                                                      lutra::acceltran_main_memories.end());
            std::rotate(memories.begin(), memories.begin() + 8, memories.begin() + 9);
            designs.memory = lutra::design_axis<lutra::tiled_memory>{memories};
            hardware = lutra::hardware_of(designs);
        } else {
            hardware = lutra::hardware_of(find_accelerator(r.accelerator), r.at_once);
        }
        if (space->genes().empty() && hardware.genes.empty())
            fail("there is nothing to choose: give --multipliers, --attention, --thresholds, --tokens or --tables several "
                 "values, or "
                 "--accelerator space");
        if (space->genes().size() + hardware.genes.size() > lutra::design_capacity)
            fail("a design has " + std::to_string(space->genes().size() + hardware.genes.size()) +
                 " choices; expected at most " + std::to_string(lutra::design_capacity));

        const std::size_t workers = lutra::thread_executor{r.threads}.workers();
        exact_accuracy = lutra::network_tester<>{model_file.network.parameters(), model_file.scales, training.images.pixels,
                                                 training.labels.labels, 1}(std::vector<lutra::layer_choice>(c.depth), 0)
                             .accuracy();
        tester = std::make_unique<explore_tester>(model_file.network.parameters(), model_file.scales, training.images.pixels,
                                                  training.labels.labels, workers,
                                                  lutra::trial_options{.least_accuracy = exact_accuracy - hopeless});
        model = std::make_unique<model_type>(*space, hardware, *tester);
        first = model->measure({.length = model->space().length}, 0);
        if (!lutra::feasible(first)) {
            const auto why = model->simulate({.length = model->space().length}, 0);
            fail("the network as it is does not run on " + r.accelerator + ": " + std::string{why.error().message.view()});
        }
        identity = "explore 1, model " + hash(bytes) + ", " + std::to_string(training.images.count) +
                   " images, accelerator " + (r.accelerator == "space" ? "space" : describe_accelerator(r)) + " of " +
                   std::to_string(r.at_once) + ", objectives";
        for (const std::string& o : r.objectives) identity += ' ' + o;
        std::string genes;
        for (const lutra::design_gene& g : model->genes()) {
            genes += g.name + ':';
            for (const std::string& a : g.alternatives) genes += a + ',';
        }
        identity += ", space " + hash(std::as_bytes(std::span{genes}));
    }
    design_setup(const design_setup&) = delete;
    design_setup& operator=(const design_setup&) = delete;

    static constexpr double hopeless = 0.15; ///< lost accuracy from which it is not measured to the end

    calibrated_model model_file;
    labelled_images training, test;
    std::vector<multiplier_source> multipliers; ///< all that were named: tables live here
    lutra::network_axes axes;
    std::unique_ptr<lutra::network_space> space;
    lutra::hardware_space hardware;
    std::unique_ptr<explore_tester> tester;
    std::unique_ptr<model_type> model;
    double exact_accuracy = 0;
    lutra::design_measures first{}; ///< of the design of first alternatives
    std::string identity;           ///< what evaluations depend on

private:
    lutra::lowered_multiplier multiplier(const std::string& name) {
        return multipliers.emplace_back(find_multiplier(name, {})).lowered;
    }
    void take_axes(const explore_request& r) {
        const auto all = [&](const std::vector<std::string>& names, const char* of) {
            std::vector<lutra::lowered_multiplier> found;
            for (const std::string& name : names) {
                if (std::count(names.begin(), names.end(), name) > 1)
                    fail("the multiplier " + name + " stands among those of " + of + " more than once; expected each once");
                found.push_back(multiplier(name));
            }
            return found;
        };
        multipliers.reserve(r.multipliers.size() + r.attention.size());
        axes.linear = all(r.multipliers, "linear layers");
        axes.attention = all(r.attention, "attention");
        axes.thresholds = r.thresholds;
        axes.tables = r.tables;
        for (const int entries : r.tables)
            if (std::count(r.tables.begin(), r.tables.end(), entries) > 1)
                fail("--tables names " + std::to_string(entries) + " more than once; expected each once");
        for (const float tau : r.thresholds)
            if (!(tau >= 0 && tau < 1e30f))
                fail("a threshold is " + std::to_string(tau) + "; expected a number of at least 0");
        for (const std::string& text : r.schedules) {
            std::vector<lutra::layer_choice> choices(model_file.network.config.depth);
            read_token_schedule(text, choices);
            lutra::token_schedule& s = axes.schedules.emplace_back();
            s.name = text;
            for (const lutra::layer_choice& choice : choices) s.rules.push_back(choice.tokens);
        }
    }
    static std::string describe_accelerator(const explore_request& r) {
        if (!std::filesystem::exists(r.accelerator)) return r.accelerator;
        return hash(value_or_fail(lutra::read_file(r.accelerator, 64 << 20)));
    }
    /// FNV-1a (Fowler, Noll and Vo), in hexadecimal: files that differ are told apart, not forged ones.
    static std::string hash(std::span<const std::byte> bytes) {
        std::uint64_t h = 0xcbf29ce484222325u;
        for (const std::byte b : bytes) h = (h ^ static_cast<std::uint64_t>(b)) * 0x100000001b3u;
        char digits[17];
        std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(h));
        return digits;
    }
};
