// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/search/surrogate/acquisition.hpp>
#include <lutra/search/surrogate/choice_encoding.hpp>
#include <lutra/search/surrogate/evaluation_log.hpp>
#include <lutra/search/surrogate/gaussian_process.hpp>
#include <lutra/search/surrogate/gobi.hpp>
#include <lutra/search/surrogate/prediction.hpp>
#include <lutra/search/surrogate/scalarisation.hpp>

#include <Eigen/Dense>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace lutra::detail {

/// A candidate and what the models say of it.
template <std::size_t Capacity, std::size_t Objectives>
struct foreseen {
    choice_genome<Capacity> genome;
    std::array<prediction, Objectives> at{};
    double infeasible = 0; ///< how likely, in [0, 1]

    [[nodiscard]] objectives<Objectives> bounds(const lower_confidence_bound& bound) const {
        objectives<Objectives> out{};
        for (std::size_t j = 0; j < Objectives; ++j) out[j] = bound(at[j]);
        return out;
    }
    [[nodiscard]] objectives<Objectives> means() const { return bounds({.k = 0}); }
};

/// A model of each objective and, once there are infeasible candidates, a Gaussian process of infeasibility: least squares
/// on labels 0 and 1 (Rasmussen and Williams, 2006, 6.5).
template <std::size_t Capacity, std::size_t Objectives, surrogate_model Model>
class objective_models {
public:
    using log_type = evaluation_log<Capacity, Objectives>;
    using candidate = foreseen<Capacity, Objectives>;

    objective_models(choice_encoding<Capacity> encoding, const Model& prototype, std::size_t most_trained, double growth)
        : encoding_{std::move(encoding)},
          models_(Objectives, prototype),
          feasibility_{gaussian_process_options{.length_of = encoding_.length_of()}},
          most_trained_{most_trained},
          growth_{growth} {}

    /// Learns @p log: all of the models anew when it has grown enough, else what is quick to learn.
    void learn(const log_type& log) {
        ready_ = log.feasible_entries().size() >= 2 && encoding_.inputs() > 0;
        if (!ready_) return;
        const bool anew = static_cast<double>(log.size()) >= due_;
        if (anew) due_ = growth_ * static_cast<double>(log.size());
        const std::vector<std::size_t> chosen = log.best_and_newest(most_trained_);
        const Eigen::MatrixXd points = encode(log, chosen), others = encode(log, newest_infeasible(log, most_trained_));
        for (std::size_t j = 0; j < Objectives; ++j) {
            Eigen::VectorXd costs{points.cols()};
            for (std::size_t i = 0; i < chosen.size(); ++i) costs[static_cast<Eigen::Index>(i)] = log[chosen[i]].costs[j];
            Model& model = models_[j];
            const status learnt = [&] {
                if constexpr (requires { model.fit(points, costs, others); })
                    return anew ? model.fit(points, costs, others) : model.update(points, costs, others);
                else
                    return anew ? model.fit(points, costs) : model.update(points, costs);
            }();
            ready_ = ready_ && learnt.has_value();
        }
        if (!log.infeasible_entries().empty()) learn_feasibility(log, anew);
    }
    /// Whether there is enough to predict from.
    [[nodiscard]] bool ready() const noexcept { return ready_; }
    [[nodiscard]] const std::vector<Model>& models() const noexcept { return models_; }
    [[nodiscard]] const choice_encoding<Capacity>& encoding() const noexcept { return encoding_; }

    [[nodiscard]] std::vector<candidate> foresee(std::span<const choice_genome<Capacity>> genomes) const {
        std::vector<candidate> out;
        if (genomes.empty()) return out;
        Eigen::MatrixXd points{encoding_.inputs(), static_cast<Eigen::Index>(genomes.size())};
        for (std::size_t i = 0; i < genomes.size(); ++i) {
            points.col(static_cast<Eigen::Index>(i)) = encoding_.encode(genomes[i]);
            out.push_back({.genome = genomes[i]});
        }
        for (std::size_t j = 0; j < Objectives; ++j) {
            const std::vector<prediction> at = models_[j].predict_all(points);
            for (std::size_t i = 0; i < out.size(); ++i) out[i].at[j] = at[i];
        }
        if (some_infeasible_) {
            const std::vector<prediction> at = feasibility_.predict_all(points);
            for (std::size_t i = 0; i < out.size(); ++i) out[i].infeasible = std::clamp(at[i].mean, 0.0, 1.0);
        }
        return out;
    }
    /// The weighted lower confidence bounds at a relaxed point, and @p price times the likelihood of infeasibility.
    [[nodiscard]] valued_gradient acquisition(const Eigen::VectorXd& x, const tchebycheff<Objectives>& one,
                                              const lower_confidence_bound& bound, double price) const {
        objectives<Objectives> low{};
        std::array<Eigen::VectorXd, Objectives> by;
        for (std::size_t j = 0; j < Objectives; ++j) {
            const prediction_gradient at = models_[j].gradient(x);
            low[j] = bound(at.at);
            by[j] = bound.gradient(at);
        }
        const objectives<Objectives> slope = one.slope(low);
        valued_gradient out{one(low), Eigen::VectorXd::Zero(x.size())};
        for (std::size_t j = 0; j < Objectives; ++j) out.gradient += slope[j] * by[j];
        if (some_infeasible_) {
            const prediction_gradient at = feasibility_.gradient(x);
            out.value += price * std::clamp(at.at.mean, 0.0, 1.0);
            if (at.at.mean > 0 && at.at.mean < 1) out.gradient += price * at.mean;
        }
        return out;
    }

private:
    [[nodiscard]] Eigen::MatrixXd encode(const log_type& log, const std::vector<std::size_t>& chosen) const {
        Eigen::MatrixXd out{encoding_.inputs(), static_cast<Eigen::Index>(chosen.size())};
        for (std::size_t i = 0; i < chosen.size(); ++i)
            out.col(static_cast<Eigen::Index>(i)) = encoding_.encode(log[chosen[i]].genome);
        return out;
    }
    [[nodiscard]] static std::vector<std::size_t> newest_infeasible(const log_type& log, std::size_t most) {
        const std::vector<std::size_t>& all = log.infeasible_entries();
        return {all.end() - static_cast<std::ptrdiff_t>(std::min(most, all.size())), all.end()};
    }
    void learn_feasibility(const log_type& log, bool anew) {
        std::vector<std::size_t> chosen = log.best_and_newest(most_trained_ / 2);
        const std::size_t good = chosen.size();
        const std::vector<std::size_t> bad = newest_infeasible(log, most_trained_ / 2);
        chosen.insert(chosen.end(), bad.begin(), bad.end());
        Eigen::VectorXd label = Eigen::VectorXd::Ones(static_cast<Eigen::Index>(chosen.size()));
        label.head(static_cast<Eigen::Index>(good)).setZero();
        const Eigen::MatrixXd points = encode(log, chosen);
        some_infeasible_ = (anew ? feasibility_.fit(points, label) : feasibility_.update(points, label)).has_value();
    }

    choice_encoding<Capacity> encoding_;
    std::vector<Model> models_;
    gaussian_process feasibility_;
    std::size_t most_trained_;
    double growth_, due_ = 0; ///< due: the size of the log from which on all is learnt anew
    bool ready_ = false, some_infeasible_ = false;
};

} // namespace lutra::detail
