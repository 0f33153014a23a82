// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/search/surrogate/stationary_kernel.hpp>

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

namespace lutra::detail {

/// What of a Gaussian process is searched for: the logarithms of the lengths and of the noise's share, the noise variance
/// over the signal's. The signal variance follows from them.
struct gp_parameters {
    Eigen::VectorXd log_length;
    double log_noise = std::log(1e-3);

    static constexpr double least_log_length = -3.0, most_log_length = 5.0; // 0.05 to 150
    static constexpr double least_log_noise = -16.0, most_log_noise = 3.0;  // 1e-7 to 20

    /// Adds @p step, the noise's share last, within the bounds.
    void move(const Eigen::VectorXd& step) {
        for (Eigen::Index g = 0; g < log_length.size(); ++g)
            log_length[g] = std::clamp(log_length[g] + step[g], least_log_length, most_log_length);
        log_noise = std::clamp(log_noise + step[log_length.size()], least_log_noise, most_log_noise);
    }
};

/// A Gaussian process of mean 0 after its data: K = signal (C + noise I), weights = C'^-1 y.
struct gp_posterior {
    Eigen::VectorXd inverse_length;                        ///< of each input
    Eigen::MatrixXd scaled;                                ///< the points, inputs x n, in lengths
    Eigen::LLT<Eigen::MatrixXd> factor{Eigen::MatrixXd{}}; ///< of C'; a default one of Eigen 3.4 may not be copied
    Eigen::VectorXd weights;
    double signal = 1, noise = 0; ///< variances
    double log_likelihood = 0;
    Eigen::VectorXd gradient; ///< of the log likelihood by gp_parameters, the noise's share last; empty if not asked for
};

/// The process with given parameters on points (inputs x n) and costs of about unit variance; its log marginal likelihood
/// (Rasmussen and Williams, 2006, 5.8 and 5.9) where the signal variance is the likeliest: y' C'^-1 y / n. As that makes the
/// derivative by the signal variance zero, the other derivatives are those at a fixed one. Input i is measured in length
/// `length_of[i]`.
[[nodiscard]] inline gp_posterior condition(const gp_parameters& p, stationary_kernel kernel,
                                            const std::vector<std::size_t>& length_of, const Eigen::MatrixXd& points,
                                            const Eigen::VectorXd& costs, bool with_gradient) {
    const Eigen::Index n = points.cols();
    gp_posterior out;
    out.inverse_length.resize(points.rows());
    for (Eigen::Index k = 0; k < points.rows(); ++k)
        out.inverse_length[k] = std::exp(-p.log_length[static_cast<Eigen::Index>(length_of[static_cast<std::size_t>(k)])]);
    out.scaled = out.inverse_length.asDiagonal() * points;

    Eigen::MatrixXd c = squared_distances(out.scaled, out.scaled), slope;
    if (with_gradient) slope.setZero(n, n);
    for (Eigen::Index j = 0; j < n; ++j)
        for (Eigen::Index i = j + 1; i < n; ++i) {
            const correlation at = correlation_at(kernel, c(i, j));
            c(i, j) = c(j, i) = at.value;
            if (with_gradient) slope(i, j) = slope(j, i) = at.slope;
        }
    const double share = std::exp(p.log_noise);
    for (double jitter = 1e-10;; jitter *= 10) { // ends at the latest where the diagonal outweighs its row
        c.diagonal().setConstant(1 + share + jitter);
        out.factor.compute(c);
        if (out.factor.info() == Eigen::Success) break;
    }
    out.weights = out.factor.solve(costs);
    const auto count = static_cast<double>(n);
    out.signal = std::max(costs.dot(out.weights) / count, 1e-10); // 0 where all costs are equal
    out.noise = out.signal * share;
    out.log_likelihood = -0.5 * costs.dot(out.weights) / out.signal - out.factor.matrixLLT().diagonal().array().log().sum() -
                         0.5 * count * std::log(2 * std::numbers::pi * out.signal);
    if (!with_gradient) return out;

    // d log p = 1/2 trace(w dC) with w = weights weights' / signal - C^-1 (5.9). For a length l,
    // dC/dlog l = -2 slope times the part of the squared distance that l measures, a sum over its inputs.
    Eigen::MatrixXd w = -out.factor.solve(Eigen::MatrixXd::Identity(n, n));
    w.noalias() += out.weights * (out.weights / out.signal).transpose();
    out.gradient.setZero(p.log_length.size() + 1);
    out.gradient[p.log_length.size()] = 0.5 * share * w.trace();
    w.array() *= slope.array();
    const Eigen::VectorXd row_sum = w.rowwise().sum();
    const Eigen::MatrixXd moved = out.scaled * w;
    for (Eigen::Index k = 0; k < points.rows(); ++k) {
        const auto row = out.scaled.row(k);
        const double part = row.array().square().matrix().dot(row_sum) - moved.row(k).dot(row);
        out.gradient[static_cast<Eigen::Index>(length_of[static_cast<std::size_t>(k)])] -= 2 * part;
    }
    return out;
}

} // namespace lutra::detail
