// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/random.hpp>
#include <lutra/core/result.hpp>
#include <lutra/search/surrogate/detail/adam.hpp>
#include <lutra/search/surrogate/detail/perceptron.hpp>
#include <lutra/search/surrogate/detail/training_data.hpp>
#include <lutra/search/surrogate/prediction.hpp>

#include <Eigen/Dense>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace lutra {

/// How an ensemble is kept from promising too much where it has seen nothing: PRIME ("Data-Driven Offline Optimization for
/// Architecting Hardware Accelerators", Kumar and others, 2022). Prices are weights of losses on standardised costs.
struct conservatism {
    /// For inputs mined against the model: from each training point, `mining_steps` steps of 0.1 sqrt(inputs) to where it
    /// predicts less. What it predicts there is pushed up while it promises more than `promise` deviations less than at the
    /// point itself; the bound is that of conservative objective models (Trabucco and others, 2021).
    double mined_price = 0;
    double promise = 0.5;
    int mining_steps = 5;
    /// For infeasible designs: their predictions are pushed up to the worst cost of a feasible one.
    double infeasible_price = 0;

    friend bool operator==(const conservatism&, const conservatism&) = default;
};

/// How an ensemble is trained.
struct network_ensemble_options {
    std::size_t members = 5;
    int hidden = 32;        ///< the width of both hidden layers
    int steps = 600;        ///< of Adam, for `fit`; the rate falls to 0 along half a cosine
    int update_steps = 60;  ///< for `update`, from the weights that are there
    std::size_t batch = 32; ///< points a step
    double rate = 0.01;     ///< of Adam
    double decay = 1e-4;    ///< of the weights, a unit of rate
    conservatism caution{};
    std::uint64_t seed = 0;

    friend bool operator==(const network_ensemble_options&, const network_ensemble_options&) = default;
};

/// An ensemble of small multilayer perceptrons, each with a head for the mean and one for the log of the aleatoric variance
/// and trained from weights of its own on the negative log likelihood ("Simple and Scalable Predictive Uncertainty
/// Estimation using Deep Ensembles", Lakshminarayanan and others, 2017). The spread of the means is the epistemic
/// deviation. Costs are standardised. The time of a fit does not depend on the number of points. Deterministic by the seed;
/// the results are those of a build, another may round otherwise.
///
/// @code
/// lutra::network_ensemble model{{.caution = {.mined_price = 0.1, .infeasible_price = 0.1}, .seed = 1}};
/// const lutra::status fitted = model.fit(points, costs, infeasible_points);
/// @endcode
class network_ensemble {
public:
    network_ensemble() : network_ensemble{network_ensemble_options{}} {}
    /// Panics without a member, a hidden unit, a step or a point a batch, or for a rate or price below 0.
    explicit network_ensemble(const network_ensemble_options& options) : options_{options} {
        require(options.members >= 1 && options.hidden >= 1 && options.steps >= 1 && options.update_steps >= 1 &&
                    options.batch >= 1,
                panic_code::bad_argument, "an ensemble needs members, hidden units, steps and points a batch");
        const conservatism& c = options.caution;
        require(options.rate > 0 && options.decay >= 0 && c.mined_price >= 0 && c.infeasible_price >= 0 &&
                    c.mining_steps >= 0,
                panic_code::bad_argument, "the rate of an ensemble is positive, its decay and prices are not negative");
    }

    /// Trains new members on the costs of @p points (one a column, elements in [0, 1]) and, if there is a price for them, on
    /// @p infeasible ones. Refuses numbers outside of [0, 1] and costs that are not finite, and is then as before. Panics
    /// for no point, another number of costs, or infeasible points of another size.
    status fit(const Eigen::MatrixXd& points, const Eigen::VectorXd& costs, const Eigen::MatrixXd& infeasible = {}) {
        return learn(points, costs, infeasible, true);
    }
    /// Trains the members that are there a little more; the first time, fits.
    status update(const Eigen::MatrixXd& points, const Eigen::VectorXd& costs, const Eigen::MatrixXd& infeasible = {}) {
        return learn(points, costs, infeasible, members_.empty() || inputs() != points.rows());
    }

    /// The prediction at @p x; panics before a fit, for another number of inputs, and for NaN or infinity.
    [[nodiscard]] prediction predict(const Eigen::VectorXd& x) const { return predict_all(x).front(); }
    /// The predictions at the columns of @p points.
    [[nodiscard]] std::vector<prediction> predict_all(const Eigen::MatrixXd& points) const {
        detail::require_points(points, inputs());
        Eigen::ArrayXXd heads = Eigen::ArrayXXd::Zero(3, points.cols()); // sums of means, of their squares, of variances
        for (const detail::perceptron& member : members_) {
            const Eigen::ArrayXXd out = member.forward(points).output.array();
            heads.row(0) += out.row(0);
            heads.row(1) += out.row(0).square();
            heads.row(2) += out.row(1).exp();
        }
        heads /= static_cast<double>(members_.size());
        std::vector<prediction> all;
        all.reserve(static_cast<std::size_t>(points.cols()));
        for (Eigen::Index i = 0; i < points.cols(); ++i)
            all.push_back(unit_.back(
                prediction{heads(0, i), spread(heads(1, i) - heads(0, i) * heads(0, i)), std::sqrt(heads(2, i))}));
        return all;
    }
    /// The prediction at @p x and its derivatives, by backpropagation; panics like predict.
    [[nodiscard]] prediction_gradient gradient(const Eigen::VectorXd& x) const {
        detail::require_points(x, inputs());
        const auto zero = Eigen::VectorXd::Zero(x.size());
        prediction_gradient out{{}, zero, zero, zero};
        const auto share = 1 / static_cast<double>(members_.size());
        double mean_square = 0, variance = 0;
        for (const detail::perceptron& member : members_) {
            const detail::perceptron::pass at = member.forward(x);
            const double mean = at.output(0, 0), own = std::exp(at.output(1, 0));
            const Eigen::VectorXd by_mean = member.backward(at, Eigen::Vector2d{share, 0}).by_input;
            out.mean += by_mean;
            out.epistemic += mean * by_mean;
            out.aleatoric += member.backward(at, Eigen::Vector2d{0, share * own}).by_input;
            out.at.mean += share * mean;
            mean_square += share * mean * mean;
            variance += share * own;
        }
        // Of a deviation: half the derivative of its square, over itself.
        out.at.epistemic = spread(mean_square - out.at.mean * out.at.mean);
        out.epistemic = (out.epistemic - out.at.mean * out.mean) / out.at.epistemic;
        out.at.aleatoric = std::sqrt(variance);
        out.aleatoric /= 2 * out.at.aleatoric;
        return unit_.back(out);
    }
    [[nodiscard]] const network_ensemble_options& options() const noexcept { return options_; }

private:
    [[nodiscard]] Eigen::Index inputs() const { return members_.empty() ? 0 : members_.front().weight[0].cols() - 1; }
    /// A deviation, never quite 0.
    static double spread(double variance) { return std::sqrt(std::max(variance, 1e-12)); }

    status learn(const Eigen::MatrixXd& points, const Eigen::VectorXd& costs, const Eigen::MatrixXd& infeasible, bool anew) {
        if (status checked = detail::check_training_data(points, costs); !checked) return checked;
        require(infeasible.cols() == 0 || infeasible.rows() == points.rows(), panic_code::bad_shape,
                "infeasible points have as many elements as others", static_cast<long long>(infeasible.rows()),
                static_cast<long long>(points.rows()));
        if (status checked = detail::check_points(infeasible); !checked) return checked;
        unit_ = detail::standardiser{costs};
        const Eigen::VectorXd y = unit_(costs);
        members_.resize(options_.members);
        for (std::size_t m = 0; m < members_.size(); ++m) {
            random_generator random{options_.seed * members_.size() + m}; // of no other seed's members
            if (anew) members_[m] = detail::perceptron::random(points.rows(), options_.hidden, random);
            train(members_[m], points, y, infeasible, anew ? options_.steps : options_.update_steps, random);
        }
        return ok();
    }

    void train(detail::perceptron& member, const Eigen::MatrixXd& points, const Eigen::VectorXd& y,
               const Eigen::MatrixXd& infeasible, int steps, random_generator& random) const {
        const auto count = static_cast<std::size_t>(points.cols()), each = std::min(options_.batch, count);
        std::vector<Eigen::Index> order(count);
        std::iota(order.begin(), order.end(), Eigen::Index{0});
        std::array<detail::adam<Eigen::MatrixXd>, detail::perceptron::layers> adam;
        const double worst = y.maxCoeff();
        Eigen::MatrixXd x{points.rows(), static_cast<Eigen::Index>(each)};
        Eigen::RowVectorXd target{x.cols()};
        std::size_t next = count; // of the order
        for (int step = 0; step < steps; ++step) {
            for (Eigen::Index i = 0; i < x.cols(); ++i, ++next) {
                if (next >= count) {
                    random.shuffle(std::span{order});
                    next = 0;
                }
                x.col(i) = points.col(order[next]);
                target[i] = y[order[next]];
            }
            const detail::perceptron::pass at = member.forward(x);
            detail::perceptron::parameters by = member.backward(at, by_likelihood(at.output, target)).by_weight;
            if (options_.caution.mined_price > 0)
                push_up(member, mined(member, x), at.output.row(0).array() - options_.caution.promise,
                        options_.caution.mined_price, by);
            if (options_.caution.infeasible_price > 0 && infeasible.cols() > 0) {
                for (Eigen::Index i = 0; i < x.cols(); ++i)
                    x.col(i) = infeasible.col(
                        static_cast<Eigen::Index>(random.below(static_cast<std::uint64_t>(infeasible.cols()))));
                push_up(member, x, Eigen::RowVectorXd::Constant(x.cols(), worst), options_.caution.infeasible_price, by);
            }
            const double rate = options_.rate * 0.5 *
                                (1 + std::cos(std::numbers::pi * static_cast<double>(step) / static_cast<double>(steps)));
            for (std::size_t l = 0; l < by.size(); ++l) {
                member.weight[l] *= 1 - rate * options_.decay;
                adam[l].step(member.weight[l], by[l], rate);
            }
        }
    }
    /// The derivatives of the mean negative log likelihood by the outputs (2 x m).
    static Eigen::MatrixXd by_likelihood(const Eigen::MatrixXd& output, const Eigen::RowVectorXd& target) {
        const Eigen::ArrayXXd off = output.row(0) - target, precision = (-output.row(1)).array().exp();
        Eigen::MatrixXd by{2, output.cols()};
        by.row(0) = (off * precision).matrix();
        by.row(1) = (0.5 * (1 - off.square() * precision)).matrix();
        return by / static_cast<double>(output.cols());
    }
    /// Adds the derivatives of price times the mean of what the means at @p x lack to @p least.
    static void push_up(const detail::perceptron& member, const Eigen::MatrixXd& x, const Eigen::RowVectorXd& least,
                        double price, detail::perceptron::parameters& by) {
        const detail::perceptron::pass at = member.forward(x);
        Eigen::MatrixXd push = Eigen::MatrixXd::Zero(2, x.cols());
        for (Eigen::Index i = 0; i < x.cols(); ++i)
            if (at.output(0, i) < least[i]) push(0, i) = -price / static_cast<double>(x.cols());
        const detail::perceptron::parameters more = member.backward(at, std::move(push)).by_weight;
        for (std::size_t l = 0; l < by.size(); ++l) by[l] += more[l];
    }
    /// The points that @p x leads to downhill, within [0, 1].
    [[nodiscard]] Eigen::MatrixXd mined(const detail::perceptron& member, Eigen::MatrixXd x) const {
        const double length = 0.1 * std::sqrt(static_cast<double>(x.rows()));
        for (int i = 0; i < options_.caution.mining_steps; ++i) {
            const detail::perceptron::pass at = member.forward(x);
            Eigen::MatrixXd by_mean = Eigen::MatrixXd::Zero(2, x.cols());
            by_mean.row(0).setOnes();
            const Eigen::MatrixXd way = member.backward(at, std::move(by_mean)).by_input;
            for (Eigen::Index j = 0; j < x.cols(); ++j)
                x.col(j) -= way.col(j) * (length / std::max(way.col(j).norm(), 1e-12));
            x = x.cwiseMax(0.0).cwiseMin(1.0);
        }
        return x;
    }

    network_ensemble_options options_;
    std::vector<detail::perceptron> members_;
    detail::standardiser unit_;
};
static_assert(surrogate_model<network_ensemble>);

} // namespace lutra
