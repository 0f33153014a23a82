// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/explore_search.hpp"

#include <lutra/codesign/accuracy_predictor.hpp>
#include <lutra/codesign/exploration_document.hpp>
#include <lutra/io/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#if LUTRA_USE_EIGEN
/// The error of the second half of the feasible designs as a Gaussian process foretells it that learnt the first, at most
/// 500 of each; and what was measured. Empty where there are too few.
template <std::size_t N>
std::pair<std::vector<double>, std::vector<double>> foretold_by_surrogate(const design_setup& setup,
                                                                          const lutra::exploration<N>& found) {
    std::vector<std::size_t> feasible;
    for (std::size_t i = 0; i < found.evaluations.size() && feasible.size() < 1000; ++i)
        if (lutra::feasible(found.evaluations[i].costs)) feasible.push_back(i);
    const std::size_t half = feasible.size() / 2;
    if (half < 10) return {};
    const auto encoding = encoding_of(setup, setup.model->space());
    const auto encode = [&](std::size_t i) { return encoding.encode(found.evaluations[feasible[i]].genome); };
    Eigen::MatrixXd points{encode(0).size(), static_cast<Eigen::Index>(half)};
    Eigen::VectorXd errors{points.cols()};
    for (std::size_t i = 0; i < half; ++i) {
        points.col(static_cast<Eigen::Index>(i)) = encode(i);
        errors[static_cast<Eigen::Index>(i)] = found.evaluations[feasible[i]].costs[0];
    }
    lutra::gaussian_process model;
    if (!model.fit(points, errors)) return {};
    std::pair<std::vector<double>, std::vector<double>> pairs;
    for (std::size_t i = half; i < feasible.size(); ++i) {
        pairs.first.push_back(model.predict(encode(i)).mean);
        pairs.second.push_back(found.evaluations[feasible[i]].costs[0]);
    }
    return pairs;
}
#endif

/// What the designs of one search say of others: how well accuracy can be foretold, and which multiplier costs it where.
template <std::size_t N>
class accuracy_foresight {
public:
    accuracy_foresight(const design_setup& setup, const design_objectives<N>& judged, const lutra::exploration<N>& found)
        : setup_{setup}, judged_{judged}, found_{found}, foretell_{setup.model->space()} {
        for (const auto& one : found.evaluations) foretell_.tell(one.genome, one.costs[0]);
        if (judged.judges_error()) calibrate();
    }

    /// Accuracy as foretold by what single changes cost, and by a surrogate that saw the first half of the designs.
    [[nodiscard]] std::span<const lutra::exploration_predictor> predictors() const { return predictors_; }
    /// What each multiplier costs where it stands alone; null where no design says.
    [[nodiscard]] nlohmann::json sensitivity() const {
        if (!judged_.judges_error()) return {};
        nlohmann::json map{{"multiplier", "the column's multiplier"}, {"rows", nlohmann::json::array()}};
        for (std::size_t a = 1; a < setup_.axes.linear.size(); ++a) map["columns"].push_back(setup_.axes.linear[a].name);
        bool any = false;
        for (std::size_t g = 0; g < setup_.space->genes().size(); ++g) {
            const auto& gene = setup_.space->genes()[g];
            if (setup_.space->multiplier(g, 0) == nullptr || gene.name.ends_with("attention")) continue;
            map["rows"].push_back(gene.name);
            nlohmann::json row = nlohmann::json::array();
            for (std::size_t a = 1; a < gene.alternatives.size(); ++a) {
                const double loss = foretell_.loss(g, a);
                any = any || !std::isnan(loss);
                row.push_back(100 * judged_.problem.unit[0] * loss);
            }
            map["drop"].push_back(std::move(row));
        }
        return any ? map : nlohmann::json{};
    }

private:
    void calibrate() {
        const double points = 100 * judged_.problem.unit[0];
        const auto judge = [&](const char* name, std::span<const double> foretold, std::span<const double> measured) {
            if (measured.size() < 10) return;
            const auto c = lutra::calibrate_predictor(foretold, measured);
            predictors_.push_back({name, c.designs, c.rank_correlation, points * c.mean_error});
        };
        std::vector<double> foretold, measured;
        for (const auto& one : found_.evaluations) {
            const bool several =
                std::count(one.genome.begin(), one.genome.end(), 0) + 1 < static_cast<std::ptrdiff_t>(one.genome.size());
            const auto p = foretell_(one.genome);
            if (!several || !p || !lutra::feasible(one.costs)) continue;
            foretold.push_back(*p), measured.push_back(one.costs[0]);
        }
        judge("single changes, added", foretold, measured);
#if LUTRA_USE_EIGEN
        const auto surrogate = foretold_by_surrogate(setup_, found_);
        judge("a Gaussian process of the first half", surrogate.first, surrogate.second);
#endif
    }

    const design_setup& setup_;
    const design_objectives<N>& judged_;
    const lutra::exploration<N>& found_;
    lutra::additive_predictor foretell_;
    std::vector<lutra::exploration_predictor> predictors_;
};
