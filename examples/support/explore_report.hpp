// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/explore_comparison.hpp"
#include "support/explore_foresight.hpp"
#include "support/explore_search.hpp"

#include <lutra/codesign/html_report.hpp>
#include <lutra/codesign/policy_header.hpp>
#include <lutra/io/file.hpp>
#include <lutra/io/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <vector>

/// Ends the program unless files can be written into @p folder, which is made where there is none.
inline void check_report_folder(const std::filesystem::path& folder) {
    if (folder.empty()) return;
    std::error_code fault;
    std::filesystem::create_directories(folder, fault);
    const auto probe = folder / ".lutra-probe";
    const bool written = !fault && lutra::write_file_atomically(probe, {}).has_value();
    if (!written) fail("no file can be written into the report folder " + folder.string() + "; expected a folder of yours");
    std::filesystem::remove(probe, fault);
}

/// Prints and writes what was found, after the designs that matter have run on the test images, once.
template <std::size_t N>
class explore_reporter {
    using evaluation = typename lutra::exploration<N>::evaluation;

public:
    explore_reporter(const explore_request& r, const design_setup& setup, const design_objectives<N>& judged,
                     const explored<N>& found, lutra::thread_executor& on)
        : r_{r},
          setup_{setup},
          judged_{judged},
          found_{found},
          comparison_{judged, found.methods},
          foresight_{setup, judged, found.chosen()} {
        sort_front();
        if (front_.empty())
            fail("no design that was evaluated can be built; expected a larger accelerator or another budget");
        find_uniform();
        choose();
        verify(on);
        if (!r_.report.empty()) policy_ = policy();
    }

    void print() const {
        const auto& e = found_.chosen();
        std::printf("%zu evaluations by %s, %zu infeasible, in %.1f s: %.1f a second, %.2f %% of the time in the search\n",
                    e.evaluations.size(), r_.method.c_str(), e.infeasible, e.seconds,
                    static_cast<double>(e.evaluations.size()) / e.seconds, 100 * e.search_seconds / e.seconds);
        comparison_.print();
        for (const auto& p : foresight_.predictors())
            std::printf("accuracy as foretold by %s: rank correlation %.3f over %llu designs, %.2f points off\n",
                        p.name.c_str(), p.rank_correlation, static_cast<unsigned long long>(p.designs), p.mean_error);
        std::printf("\n%-34s", "design");
        for (std::size_t o = 0; o < N; ++o) std::printf(" %14s", judged_.header(o).c_str());
        std::printf(" %14s\n", "test accuracy");
        line("exact", judged_.first, exact_test_);
        if (uniform_best_ < uniform_.size())
            line("uniform " + uniform_[uniform_best_].name, uniform_[uniform_best_].costs, uniform_test_);
        for (const named_design& other : others_) line(other.name, other.costs, other.test);
        for (std::size_t f = 0; f < front_.size(); ++f) {
            if (tested_.contains(f) || f == chosen_)
                line((f == chosen_ ? "chosen: evaluation " : "evaluation ") + std::to_string(front_[f] + 1), at(f).costs,
                     tested_.contains(f) ? tested_.at(f) : -1);
        }
        std::printf("\n%s\n", sentence().c_str());
    }
    void write() const {
        if (r_.report.empty()) return;
        const nlohmann::json document = to_json();
        if (const auto s = lutra::write_json(r_.report / "report.json", document); !s) fail(s.error().message);
        save("report.html", value_or_fail(lutra::html_report(document)));
        save("front.csv", csv());
        if (policy_) save("best_policy.hpp", *policy_);
        std::printf("%s, report.json, front.csv%s\n", (r_.report / "report.html").c_str(),
                    policy_ ? " and best_policy.hpp" : "");
    }

private:
    struct named_design {
        std::string name;
        lutra::design_genome genome;
        lutra::objectives<N> costs;
        double test = -1; ///< accuracy on the test images; negative: not measured
    };

    [[nodiscard]] const evaluation& at(std::size_t f) const { return found_.chosen().evaluations[front_[f]]; }
    void line(const std::string& name, const lutra::objectives<N>& costs, double test) const {
        std::printf("%-34s", name.c_str());
        for (const double v : judged_.values(costs)) std::printf(" %14.4f", v);
        if (test >= 0)
            std::printf(" %12.2f %%\n", 100 * test);
        else
            std::printf(" %14s\n", "-");
    }
    void save(const char* name, const std::string& text) const {
        if (const auto s = lutra::write_file_atomically(r_.report / name, std::as_bytes(std::span{text})); !s)
            fail(s.error().message);
    }

    void sort_front() {
        front_ = found_.chosen().front;
        std::sort(front_.begin(), front_.end(), [&](std::size_t a, std::size_t b) {
            return found_.chosen().evaluations[a].costs < found_.chosen().evaluations[b].costs;
        });
    }
    void find_uniform() {
        const auto designs = uniform_designs(setup_);
        for (std::size_t a = 1; a < designs.size(); ++a) {
            const auto m = setup_.model->measure(designs[a], 0);
            if (lutra::feasible(m))
                uniform_.push_back({std::string{setup_.axes.linear[a].name}, designs[a], judged_.costs_of(m)});
        }
        uniform_best_ = uniform_.size();
        for (std::size_t i = 0; i < uniform_.size(); ++i)
            if (judged_.accurate(uniform_[i].costs) &&
                (uniform_best_ == uniform_.size() || uniform_[i].costs[1] < uniform_[uniform_best_].costs[1]))
                uniform_best_ = i;
    }
    /// What each method would choose, with its first seed.
    void choose() {
        const std::size_t own = chosen_design(judged_, found_.chosen());
        chosen_ = static_cast<std::size_t>(std::find(front_.begin(), front_.end(), own) - front_.begin());
        for (std::size_t m = 1; m < found_.methods.size(); ++m) {
            const auto& run = found_.methods[m].runs.front();
            const std::size_t other = chosen_design(judged_, run);
            if (other < run.evaluations.size())
                others_.push_back(
                    {"chosen by " + found_.methods[m].method, run.evaluations[other].genome, run.evaluations[other].costs});
        }
    }
    void verify(lutra::thread_executor& on) {
        std::vector<std::size_t> picked{chosen_};
        const std::size_t others = std::min(r_.verified - 1, front_.size() - 1);
        for (std::size_t i = 0; i < others; ++i) {
            const std::size_t f = others == 1 ? 0 : i * (front_.size() - 1) / (others - 1);
            if (std::find(picked.begin(), picked.end(), f) == picked.end()) picked.push_back(f);
        }
        std::vector<lutra::design_genome> genomes;
        for (const std::size_t f : picked) genomes.push_back(at(f).genome);
        for (const named_design& other : others_) genomes.push_back(other.genome);
        genomes.push_back({.length = setup_.model->space().length});
        if (uniform_best_ < uniform_.size()) genomes.push_back(uniform_[uniform_best_].genome);
        const explore_tester tester{setup_.model_file.network.parameters(), setup_.model_file.scales,
                                    setup_.test.images.pixels, setup_.test.labels.labels, on.workers()};
        std::vector<double> accuracy(genomes.size());
        on.run(genomes.size(), [&](std::size_t i, std::size_t worker) {
            const auto& genes = genomes[i].gene;
            accuracy[i] = tester(setup_.space->decode(genes), setup_.space->table_entries(genes), worker).accuracy();
        });
        for (std::size_t i = 0; i < picked.size(); ++i) tested_[picked[i]] = accuracy[i];
        for (std::size_t i = 0; i < others_.size(); ++i) others_[i].test = accuracy[picked.size() + i];
        exact_test_ = accuracy[picked.size() + others_.size()];
        if (uniform_best_ < uniform_.size()) uniform_test_ = accuracy.back();
    }

    [[nodiscard]] std::string sentence() const {
        char text[400];
        const auto v = judged_.values(at(chosen_).costs), exact = judged_.values(judged_.first);
        int n = std::snprintf(text, sizeof text,
                              "The chosen design takes %.1f %% less %s than %s, at %.2f %% accuracy on the %zu test "
                              "images (%s: %.2f %%)",
                              100 * (1 - v[1] / exact[1]), shown(judged_.problem.judged_by[1]).name,
                              setup_.axes.linear.front().name.data(), 100 * tested_.at(chosen_), setup_.test.images.count,
                              setup_.axes.linear.front().name.data(), 100 * exact_test_);
        std::string all{text, static_cast<std::size_t>(n)};
        if (uniform_best_ < uniform_.size()) {
            const auto& u = uniform_[uniform_best_];
            n = std::snprintf(text, sizeof text, ", and %.1f %% less than %s everywhere (%.2f %%)",
                              100 * (1 - v[1] / judged_.values(u.costs)[1]), u.name.c_str(), 100 * uniform_test_);
            all.append(text, static_cast<std::size_t>(n));
        }
        return all + ".";
    }
    /// None where a multiplier came from a file.
    [[nodiscard]] std::optional<std::string> policy() const {
        const auto& chosen = at(chosen_).genome.gene;
        const auto text = lutra::policy_header(setup_.space->decode(chosen), spelling_of_multiplier, sentence(),
                                               setup_.space->table_entries(chosen));
        if (text) return *text;
        std::fprintf(stderr, "no best_policy.hpp: %s\n", std::string{text.error().message.view()}.c_str());
        return {};
    }
    [[nodiscard]] std::string csv() const {
        std::ostringstream out;
        out << "evaluation";
        for (std::size_t o = 0; o < N; ++o) out << ',' << shown(judged_.problem.judged_by[o]).name;
        out << ",test_accuracy";
        for (const lutra::design_gene& g : setup_.model->genes()) out << ',' << g.name;
        out << '\n';
        for (std::size_t f = 0; f < front_.size(); ++f) {
            out << front_[f] + 1;
            for (const double v : judged_.values(at(f).costs)) out << ',' << v;
            out << ',';
            if (tested_.contains(f)) out << tested_.at(f);
            for (std::size_t g = 0; g < at(f).genome.size(); ++g)
                out << ',' << setup_.model->genes()[g].alternatives[at(f).genome[g]];
            out << '\n';
        }
        return out.str();
    }
    [[nodiscard]] nlohmann::json to_json() const {
        const auto& e = found_.chosen();
        nlohmann::json d{{"title", "Designs of " + r_.model.stem().string()},
                         {"network", r_.model.filename().string()},
                         {"accelerator", r_.accelerator},
                         {"method", r_.method},
                         {"seed", r_.seed},
                         {"images", setup_.training.images.count},
                         {"evaluations", e.evaluations.size()},
                         {"infeasible", e.infeasible},
                         {"seconds", e.seconds},
                         {"overhead_share", e.search_seconds / e.seconds},
                         {"hypervolume", e.hypervolume.back()},
                         {"objectives", nlohmann::json::array()},
                         {"genes", nlohmann::json::array()},
                         {"uniform", nlohmann::json::array()},
                         {"points", nlohmann::json::array()},
                         {"front", nlohmann::json::array()},
                         {"convergence", nlohmann::json::array()}};
        for (const lutra::design_objective o : judged_.problem.judged_by) {
            const shown_objective s = shown(o);
            d["objectives"].push_back({{"name", s.name}, {"label", s.label}, {"unit", s.unit}});
        }
        for (const lutra::design_gene& g : setup_.model->genes())
            d["genes"].push_back({{"name", g.name}, {"alternatives", g.alternatives}});
        for (const named_design& u : uniform_)
            d["uniform"].push_back({{"name", u.name}, {"objectives", judged_.values(u.costs)}});
        for (const evaluation& one : e.evaluations) d["points"].push_back({{"objectives", judged_.values(one.costs)}});
        for (std::size_t f = 0; f < front_.size(); ++f) {
            nlohmann::json point{{"number", front_[f] + 1},
                                 {"genes", std::vector<int>(at(f).genome.begin(), at(f).genome.end())},
                                 {"objectives", judged_.values(at(f).costs)}};
            if (tested_.contains(f)) point["test_accuracy"] = tested_.at(f);
            d["front"].push_back(std::move(point));
        }
        for (const auto& m : found_.methods) d["convergence"].push_back(comparison_.course(m));
        for (const auto& p : foresight_.predictors())
            d["predictors"].push_back({{"name", p.name},
                                       {"designs", p.designs},
                                       {"rank_correlation", p.rank_correlation},
                                       {"mean_error", p.mean_error}});
        if (auto map = foresight_.sensitivity(); !map.is_null()) d["sensitivity"] = std::move(map);

        nlohmann::json chosen{{"front", chosen_},
                              {"sentence", sentence()},
                              {"reference",
                               {{"name", setup_.axes.linear.front().name},
                                {"objectives", judged_.values(judged_.first)},
                                {"test_accuracy", exact_test_}}},
                              {"energy", energy()},
                              {"policy", policy_.value_or("")}};
        if (uniform_best_ < uniform_.size())
            chosen["best_uniform"] = {{"name", uniform_[uniform_best_].name},
                                      {"objectives", judged_.values(uniform_[uniform_best_].costs)},
                                      {"test_accuracy", uniform_test_}};
        d["chosen"] = std::move(chosen);
        return d;
    }
    /// Of the chosen design and the first one, by component, an image.
    [[nodiscard]] nlohmann::json energy() const {
        const auto chosen = value_or_fail(setup_.model->simulate(at(chosen_).genome, 0)),
                   first = value_or_fail(setup_.model->simulate({.length = setup_.model->space().length}, 0));
        std::map<std::string, std::array<double, 2>> by_name;
        std::vector<std::string> order;
        const auto add = [&](const lutra::simulated_images& s, std::size_t which) {
            for (const lutra::component_report& c : s.report.components()) {
                const auto [place, is_new] = by_name.try_emplace(std::string{c.name});
                if (is_new) order.emplace_back(c.name);
                place->second[which] += c.energy() / static_cast<double>(s.images);
            }
        };
        add(chosen, 0);
        add(first, 1);
        nlohmann::json list = nlohmann::json::array();
        for (const std::string& name : order)
            list.push_back({{"component", name}, {"chosen_nj", by_name[name][0]}, {"reference_nj", by_name[name][1]}});
        return list;
    }

    const explore_request& r_;
    const design_setup& setup_;
    const design_objectives<N>& judged_;
    const explored<N>& found_;
    method_comparison<N> comparison_;
    accuracy_foresight<N> foresight_;
    std::optional<std::string> policy_; ///< best_policy.hpp, where there is a report
    std::vector<std::size_t> front_;    ///< evaluations, in the order of their objectives
    std::vector<named_design> uniform_;
    std::size_t uniform_best_ = 0, chosen_ = 0;
    std::map<std::size_t, double> tested_; ///< accuracy on the test images, of some of the front
    std::vector<named_design> others_;     ///< what other methods would choose
    double exact_test_ = 0, uniform_test_ = -1;
};
