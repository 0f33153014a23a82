// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/core/result.hpp>
#include <lutra/search/surrogate/prediction.hpp>

#include <Eigen/Dense>

#include <cmath>

namespace lutra::detail {

/// Refuses points (one a column) outside of [0, 1].
[[nodiscard]] inline status check_points(const Eigen::MatrixXd& points) {
    for (Eigen::Index i = 0; i < points.cols(); ++i)
        for (Eigen::Index k = 0; k < points.rows(); ++k)
            if (!(points(k, i) >= 0 && points(k, i) <= 1)) // NaN, too
                return error{error_code::malformed, 0,
                             text<320>{} << "element " << k << " of point " << i << " is not a number in [0, 1]"};
    return ok();
}

/// Refuses data that no surrogate can learn; panics where they do not fit each other, or there are none.
[[nodiscard]] inline status check_training_data(const Eigen::MatrixXd& points, const Eigen::VectorXd& costs) {
    require(points.cols() == costs.size(), panic_code::bad_shape, "a surrogate needs a cost for each point (column)",
            static_cast<long long>(costs.size()), static_cast<long long>(points.cols()));
    require(points.cols() >= 1 && points.rows() >= 1, panic_code::empty, "a surrogate needs a point with an element");
    for (Eigen::Index i = 0; i < costs.size(); ++i)
        if (!std::isfinite(costs[i]) || std::abs(costs[i]) > 1e150) // beyond, the squares are infinite
            return error{error_code::not_finite, 0, text<320>{} << "cost " << i << " is not a number of at most 1e150"};
    return check_points(points);
}

/// Panics unless @p points are what a surrogate of @p inputs inputs can be asked for.
inline void require_points(const Eigen::MatrixXd& points, Eigen::Index inputs) {
    require(inputs > 0, panic_code::empty, "a surrogate must be fitted before it predicts");
    require(points.rows() == inputs, panic_code::bad_shape, "a point has as many elements as those the surrogate learnt",
            static_cast<long long>(points.rows()), static_cast<long long>(inputs));
    require(points.allFinite(), panic_code::bad_argument,
            "a surrogate predicts for numbers only; there is a NaN or infinity");
}

/// Costs of mean 0 and deviation 1, and the way back.
struct standardiser {
    double mean = 0, scale = 1;

    standardiser() = default;
    explicit standardiser(const Eigen::VectorXd& costs) : mean{costs.mean()} {
        const double deviation = std::sqrt((costs.array() - mean).square().mean());
        // Costs that are all equal differ by nothing but the rounding of their mean.
        if (deviation > 1e-12 * costs.cwiseAbs().maxCoeff()) scale = deviation;
    }
    [[nodiscard]] Eigen::VectorXd operator()(const Eigen::VectorXd& costs) const {
        return ((costs.array() - mean) / scale).matrix();
    }
    [[nodiscard]] prediction back(const prediction& p) const {
        return {mean + scale * p.mean, scale * p.epistemic, scale * p.aleatoric};
    }
    [[nodiscard]] prediction_gradient back(const prediction_gradient& p) const {
        return {back(p.at), scale * p.mean, scale * p.epistemic, scale * p.aleatoric};
    }
};

} // namespace lutra::detail
