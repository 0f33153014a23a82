// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/random.hpp>
#include <lutra/io/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// How large a sample of an exploration is.
struct sample_size {
    std::size_t evaluations = 600, objectives = 4, genes = 14;
};

/// An exploration as a program might write it, with all that is optional: a made-up network whose layers cost accuracy,
/// energy, time and area by the multiplier that they take. Every 40th configuration is infeasible.
inline nlohmann::json sample_exploration(sample_size size = {}) {
    using nlohmann::json;
    struct multiplier {
        const char* name;
        double loss, energy, time, area;
    };
    constexpr multiplier multipliers[]{
        {"exact", 0, 1, 1, 1},          {"drum6", 0.05, 0.72, 0.94, 0.8},  {"drum4", 0.3, 0.49, 0.9, 0.6},
        {"mbm", 0.22, 0.55, 0.92, 0.5}, {"mitchell", 0.8, 0.4, 0.86, 0.4}, {"roba", 0.4, 0.46, 0.95, 0.7},
        {"loa8", 0.16, 0.81, 0.97, 0.9}};
    constexpr std::size_t alternatives = std::size(multipliers);
    lutra::random_generator random{7};
    std::vector<double> weight(size.genes), work(size.genes);
    for (std::size_t g = 0; g < size.genes; ++g) weight[g] = 0.2 + 2 * random.unit(), work[g] = 0.3 + random.unit();

    const auto costs = [&](const std::vector<std::size_t>& genes) {
        double loss = 0, energy = 0, time = 0, all = 0, area = 0;
        bool used[alternatives]{};
        for (std::size_t g = 0; g < genes.size(); ++g) {
            const multiplier& m = multipliers[genes[g]];
            loss += weight[g] * m.loss, energy += work[g] * m.energy, time += work[g] * m.time, all += work[g];
            used[genes[g]] = true;
        }
        for (std::size_t i = 0; i < alternatives; ++i) area += used[i] ? multipliers[i].area : 0;
        const double n = static_cast<double>(genes.size());
        std::vector<double> out{8.9 + 16 * (loss / n) * (1 + loss / n), 4.1 + 9.2 * energy / all, 180 + 310 * time / all,
                                1.6 + area};
        out.resize(size.objectives);
        return out;
    };
    const auto dominates = [](const std::vector<double>& a, const std::vector<double>& b) {
        bool better = false;
        for (std::size_t k = 0; k < a.size(); ++k) {
            if (a[k] > b[k]) return false;
            better = better || a[k] < b[k];
        }
        return better;
    };
    const auto accuracy = [](const std::vector<double>& objectives) { return 0.905 - 0.01 * (objectives[0] - 8.9); };

    json d = {{"title", "Mixed approximation of a small vision transformer"},
              {"network", "vit-6x64, Fashion-MNIST"},
              {"accelerator", "edge, 32 PEs"},
              {"method", "mcts"},
              {"seed", 7},
              {"images", 1000},
              {"evaluations", size.evaluations},
              {"seconds", 84.25},
              {"overhead_share", 0.0123}};
    const json labels[]{{{"name", "error"}, {"label", "error on 1,000 training images"}, {"unit", "%"}},
                        {{"name", "energy"}, {"label", "energy an image"}, {"unit", "uJ"}},
                        {{"name", "latency"}, {"label", "time an image"}, {"unit", "us"}},
                        {{"name", "area"}, {"label", "area of the multipliers"}, {"unit", "mm2"}}};
    d["objectives"] = std::vector<json>(labels, labels + size.objectives);
    std::vector<std::string> names;
    for (const multiplier& m : multipliers) names.emplace_back(m.name);
    for (std::size_t g = 0; g < size.genes; ++g)
        d["genes"].push_back(
            {{"name", "block " + std::to_string(g / 2) + (g % 2 == 0 ? " linear" : " attention")}, {"alternatives", names}});
    std::vector<std::vector<double>> uniform;
    for (std::size_t i = 0; i < alternatives; ++i) {
        uniform.push_back(costs(std::vector<std::size_t>(size.genes, i)));
        d["uniform"].push_back({{"name", names[i]}, {"objectives", uniform.back()}});
    }

    struct found {
        std::size_t number;
        std::vector<std::size_t> genes;
        std::vector<double> objectives;
    };
    std::vector<found> front;
    std::size_t infeasible = 0;
    json points = json::array();
    for (std::size_t i = 0; i < size.evaluations; ++i) {
        if (i % 40 == 39) {
            points.push_back({{"objectives", std::vector<json>(size.objectives)}});
            ++infeasible;
            continue;
        }
        // First every multiplier by itself, then up to three together, cheap ones more often where a layer matters little.
        std::vector<std::size_t> genes(size.genes, std::min(i, alternatives - 1));
        std::size_t some[3];
        for (std::size_t& m : some) m = static_cast<std::size_t>(random.below(alternatives));
        const double boldness = 3 * random.unit();
        for (std::size_t g = 0; g < size.genes && i >= alternatives; ++g)
            genes[g] = random.unit() < boldness * weight[g] ? some[0] : some[static_cast<std::size_t>(random.below(3))];
        found next{i, genes, costs(genes)};
        points.push_back({{"objectives", next.objectives}});
        const auto no_better = [&](const found& f) {
            return dominates(f.objectives, next.objectives) || f.objectives == next.objectives;
        };
        if (std::any_of(front.begin(), front.end(), no_better)) continue;
        std::erase_if(front, [&](const found& f) { return dominates(next.objectives, f.objectives); });
        front.push_back(std::move(next));
    }
    d["points"] = std::move(points);
    d["infeasible"] = infeasible;
    std::size_t chosen = 0;
    for (std::size_t i = 0; i < front.size(); ++i) {
        d["front"].push_back({{"number", front[i].number},
                              {"genes", front[i].genes},
                              {"objectives", front[i].objectives},
                              {"test_accuracy", accuracy(front[i].objectives)}});
        const auto worth = [](const found& f) { return f.objectives[0] + (f.objectives.size() > 1 ? f.objectives[1] : 0); };
        if (worth(front[i]) < worth(front[chosen])) chosen = i;
    }
    const auto reference = [&](std::size_t i) {
        return json{{"name", names[i]}, {"objectives", uniform[i]}, {"test_accuracy", accuracy(uniform[i])}};
    };
    json energy = json::array();
    constexpr const char* components[]{"mac_lane",          "softmax",       "layer_norm",
                                       "activation buffer", "weight buffer", "main memory"};
    for (std::size_t i = 0; i < std::size(components); ++i) {
        const double nj = 1000 * uniform[0][size.objectives > 1 ? 1 : 0] / 2.45 / static_cast<double>(i + 1);
        energy.push_back({{"component", components[i]}, {"chosen_nj", nj * (i == 0 ? 0.58 : 0.98)}, {"reference_nj", nj}});
    }
    d["chosen"] = {{"front", chosen},
                   {"reference", reference(0)},
                   {"best_uniform", reference(1)},
                   {"sentence", "A fifth less energy an image for about a point of accuracy."},
                   {"energy", std::move(energy)},
                   {"policy", "#pragma once\n\n#include <lutra/nn/policy.hpp>\n\n// Block 0: drum6 in its linear layers.\n"
                              "using chosen_policy = lutra::layers<lutra::drum<6>, lutra::exact>;\n"}};
    d["convergence"] = json::array();
    for (const auto& [method, reach, speed] : {std::tuple{"mcts", 0.8127, 90.0},
                                               {"genetic", 0.801, 150.0},
                                               {"annealing", 0.79, 110.0},
                                               {"random", 0.74, 260.0}}) {
        json course = {{"method", method}};
        for (std::size_t n = 10; n <= size.evaluations; n += 10) {
            course["evaluations"].push_back(n);
            course["hypervolume"].push_back(reach * static_cast<double>(n) / (static_cast<double>(n) + speed / 4));
        }
        d["convergence"].push_back(std::move(course));
    }
    d["hypervolume"] = d["convergence"][0]["hypervolume"].back();
    json drop = json::array(), rows = json::array();
    for (std::size_t b = 0; b < 6; ++b) {
        rows.push_back("block " + std::to_string(b));
        drop.push_back(
            {2.4 / static_cast<double>(b + 1), 0.9 - 0.2 * static_cast<double>(b), 0.05, b == 2 ? json{} : json(0.3)});
    }
    d["sensitivity"] = {{"rows", rows},
                        {"columns", {"linear", "attention", "softmax", "feed forward"}},
                        {"drop", drop},
                        {"multiplier", "drum4"}};
    return d;
}

/// Puts @p words and a number, another each time, in the place of every string of @p document.
inline void replace_strings(nlohmann::json& document, const std::string& words, std::size_t& number) {
    if (document.is_string()) document = words + std::to_string(number++);
    if (document.is_structured())
        for (nlohmann::json& inside : document) replace_strings(inside, words, number);
}
