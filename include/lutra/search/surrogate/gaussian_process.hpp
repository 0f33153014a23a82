// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/result.hpp>
#include <lutra/search/surrogate/detail/gp_evidence.hpp>
#include <lutra/search/surrogate/detail/training_data.hpp>
#include <lutra/search/surrogate/prediction.hpp>
#include <lutra/search/surrogate/stationary_kernel.hpp>

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace lutra {

/// How a Gaussian process is fitted.
struct gaussian_process_options {
    stationary_kernel kernel = stationary_kernel::matern52;
    /// [i]: which length scale input i is measured in, below the number of inputs. Empty: one for all; 0, 1, 2, ...: one
    /// each ("automatic relevance determination"); inputs with the same number share one, such as those of one gene.
    std::vector<std::size_t> length_of{};
    /// The deviation of a log-normal prior of the lengths around e^sqrt(2) sqrt(how many there are) ("Vanilla Bayesian
    /// Optimization Performs Great in High Dimensions", Hvarfner and others, 2024); 0: none, the likelihood alone.
    double length_prior = 1.7320508075688772;
    int steps = 30;                ///< of the search for the likeliest parameters, each as much as a solution of n equations
    std::size_t most_fitted = 200; ///< parameters are searched for with at most so many points, spread over all; >= 2
};

/// Gaussian process regression ("Gaussian Processes for Machine Learning", Rasmussen and Williams, 2006, algorithm 2.1)
/// with a stationary kernel, a constant mean and constant noise. Costs are standardised. `fit` finds lengths, noise and
/// signal by maximising the log marginal likelihood, times the prior of the lengths, with Rprop ("Optimization of Gaussian
/// Process Hyperparameters using Rprop", Blum and Riedmiller, 2013; here iRprop-) from where the last fit ended; `update`
/// keeps them. No random number is drawn. Time: n^3 / 3 multiplications an update, n^2 a prediction; memory: 8 n^2 bytes,
/// n up to about a thousand. The results are those of a build; another may round otherwise.
///
/// @code
/// lutra::gaussian_process model;
/// if (const lutra::status fitted = model.fit(points, costs); !fitted) return fitted.error();
/// const lutra::prediction there = model.predict(x);
/// @endcode
class gaussian_process {
public:
    gaussian_process() = default;
    /// Panics for no step, fewer than 2 fitted points, or a negative prior.
    explicit gaussian_process(gaussian_process_options options) : options_{std::move(options)} {
        require(options_.steps >= 1 && options_.most_fitted >= 2 && options_.length_prior >= 0, panic_code::bad_argument,
                "a Gaussian process needs a step to fit, 2 points to fit to, and a prior that is not negative");
    }

    /// Learns the costs of @p points (one a column, elements in [0, 1]). Refuses numbers outside of [0, 1] and costs that
    /// are not finite, and is then as before. Panics for no point, another number of costs, or a length_of that does not
    /// fit.
    status fit(const Eigen::MatrixXd& points, const Eigen::VectorXd& costs) { return learn(points, costs, true); }
    /// The same with the parameters of the last fit, where there was one.
    status update(const Eigen::MatrixXd& points, const Eigen::VectorXd& costs) { return learn(points, costs, false); }

    /// The prediction at @p x; panics before a fit, for another number of inputs, and for NaN or infinity.
    [[nodiscard]] prediction predict(const Eigen::VectorXd& x) const { return predict_all(x).front(); }
    /// The predictions at the columns of @p points.
    [[nodiscard]] std::vector<prediction> predict_all(const Eigen::MatrixXd& points) const {
        detail::require_points(points, after_.scaled.rows());
        Eigen::MatrixXd k =
            detail::squared_distances(after_.scaled, Eigen::MatrixXd{after_.inverse_length.asDiagonal() * points});
        for (Eigen::Index j = 0; j < k.cols(); ++j)
            for (Eigen::Index i = 0; i < k.rows(); ++i) k(i, j) = correlation_at(options_.kernel, k(i, j)).value;
        const Eigen::VectorXd mean = k.transpose() * after_.weights;
        after_.factor.matrixL().solveInPlace(k);
        std::vector<prediction> out;
        out.reserve(static_cast<std::size_t>(points.cols()));
        for (Eigen::Index j = 0; j < points.cols(); ++j)
            out.push_back(unit_.back(prediction{mean[j], deviation(k.col(j).squaredNorm()), std::sqrt(after_.noise)}));
        return out;
    }
    /// The prediction at @p x and its derivatives; panics like predict.
    [[nodiscard]] prediction_gradient gradient(const Eigen::VectorXd& x) const {
        detail::require_points(x, after_.scaled.rows());
        Eigen::MatrixXd way = -after_.scaled;
        way.colwise() += after_.inverse_length.cwiseProduct(x);
        Eigen::VectorXd k = way.colwise().squaredNorm().transpose(), slope{k.size()};
        for (Eigen::Index i = 0; i < k.size(); ++i) {
            const correlation at = correlation_at(options_.kernel, k[i]);
            k[i] = at.value;
            slope[i] = 2 * at.slope;
        }
        const Eigen::VectorXd half = after_.factor.matrixL().solve(k), whole = after_.factor.matrixU().solve(half);
        const double spread = deviation(half.squaredNorm());
        prediction_gradient out{{k.dot(after_.weights), spread, std::sqrt(after_.noise)}, {}, {}, {}};
        const auto by_input = [&](const Eigen::VectorXd& weight) -> Eigen::VectorXd {
            return after_.inverse_length.cwiseProduct(way * slope.cwiseProduct(weight));
        };
        out.mean = by_input(after_.weights);
        out.epistemic = by_input(whole) * (-after_.signal / spread);
        out.aleatoric.setZero(x.size());
        return unit_.back(out);
    }

    /// The log marginal likelihood of the standardised costs.
    [[nodiscard]] double log_likelihood() const noexcept { return after_.log_likelihood; }
    /// The length scale of each input.
    [[nodiscard]] Eigen::VectorXd lengths() const { return after_.inverse_length.cwiseInverse(); }
    /// The variance of the process and that of its noise, of standardised costs.
    [[nodiscard]] double signal() const noexcept { return after_.signal; }
    [[nodiscard]] double noise() const noexcept { return after_.noise; }
    [[nodiscard]] const gaussian_process_options& options() const noexcept { return options_; }
    /// Fixes the parameters that the next update takes: the lengths, one for each there is, and the noise's share of the
    /// signal variance. Panics for other than positive numbers.
    void set_parameters(const Eigen::VectorXd& lengths, double noise_share) {
        require(lengths.size() >= 1 && lengths.allFinite() && (lengths.array() > 0).all() && noise_share > 0 &&
                    std::isfinite(noise_share),
                panic_code::bad_argument, "the lengths and the noise of a Gaussian process are positive numbers");
        parameters_.log_length = lengths.array().log().matrix();
        parameters_.log_noise = std::log(noise_share);
    }

private:
    status learn(const Eigen::MatrixXd& points, const Eigen::VectorXd& costs, bool search) {
        if (status checked = detail::check_training_data(points, costs); !checked) return checked;
        std::vector<std::size_t> length_of = options_.length_of;
        if (length_of.empty()) length_of.assign(static_cast<std::size_t>(points.rows()), 0);
        require(length_of.size() == static_cast<std::size_t>(points.rows()), panic_code::bad_shape,
                "length_of names a length scale for each input", static_cast<long long>(length_of.size()), points.rows());
        const std::size_t last = *std::max_element(length_of.begin(), length_of.end());
        require(last < length_of.size(), panic_code::out_of_range, "there are at most as many length scales as inputs",
                static_cast<long long>(last), static_cast<long long>(length_of.size()));
        const auto lengths = static_cast<Eigen::Index>(last + 1);
        const bool first = parameters_.log_length.size() != lengths;
        if (first) parameters_ = {Eigen::VectorXd::Constant(lengths, usual_length(lengths))};
        unit_ = detail::standardiser{costs};
        const Eigen::VectorXd y = unit_(costs);
        if (search || first) maximise(length_of, points, y);
        after_ = detail::condition(parameters_, options_.kernel, length_of, points, y, false);
        return ok();
    }
    static double usual_length(Eigen::Index lengths) {
        return std::min(std::sqrt(2.0) + 0.5 * std::log(static_cast<double>(lengths)), 3.0);
    }
    /// Moves the parameters to a local maximum of likelihood times prior.
    void maximise(const std::vector<std::size_t>& length_of, const Eigen::MatrixXd& points, const Eigen::VectorXd& y) {
        const auto all = static_cast<std::size_t>(points.cols()), used = std::min(all, options_.most_fitted);
        Eigen::MatrixXd some{points.rows(), static_cast<Eigen::Index>(used)};
        Eigen::VectorXd their{some.cols()};
        for (std::size_t i = 0; i < used; ++i) {
            const auto to = static_cast<Eigen::Index>(i), from = static_cast<Eigen::Index>(i * all / used);
            some.col(to) = points.col(from);
            their[to] = y[from];
        }
        const double usual = usual_length(parameters_.log_length.size());

        const Eigen::Index count = parameters_.log_length.size() + 1;
        Eigen::VectorXd width = Eigen::VectorXd::Constant(count, 0.4), last = Eigen::VectorXd::Zero(count), step{count};
        detail::gp_parameters at = parameters_;
        double best = -std::numeric_limits<double>::infinity();
        for (int i = 0; i < options_.steps && width.maxCoeff() > 1e-2; ++i) {
            detail::gp_posterior here = detail::condition(at, options_.kernel, length_of, some, their, true);
            if (options_.length_prior > 0) {
                const double precision = 1 / (options_.length_prior * options_.length_prior);
                const Eigen::VectorXd off = (at.log_length.array() - usual).matrix();
                here.log_likelihood -= 0.5 * precision * off.squaredNorm();
                here.gradient.head(count - 1) -= precision * off;
            }
            if (here.log_likelihood > best) {
                best = here.log_likelihood;
                parameters_ = at;
            }
            for (Eigen::Index g = 0; g < count; ++g) {
                const double turn = here.gradient[g] * last[g];
                width[g] = turn > 0 ? std::min(1.2 * width[g], 1.5) : turn < 0 ? 0.5 * width[g] : width[g];
                last[g] = turn < 0 ? 0 : here.gradient[g];
                step[g] = last[g] > 0 ? width[g] : last[g] < 0 ? -width[g] : 0;
            }
            at.move(step);
        }
    }
    /// The deviation of the process where the data explain @p explained of its correlation, never quite 0.
    [[nodiscard]] double deviation(double explained) const {
        return std::sqrt(after_.signal * std::max(1 - explained, 1e-12));
    }

    gaussian_process_options options_;
    detail::gp_parameters parameters_;
    detail::gp_posterior after_;
    detail::standardiser unit_;
};
static_assert(surrogate_model<gaussian_process>);

} // namespace lutra
