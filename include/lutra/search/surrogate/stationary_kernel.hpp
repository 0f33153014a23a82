// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/search/surrogate needs a heap and Eigen: use nsga2 or genetic_search on firmware."
#endif

#include <Eigen/Dense>

#include <cmath>
#include <cstdint>

namespace lutra {

/// How the correlation of two costs falls with the distance of their inputs ("Gaussian Processes for Machine Learning",
/// Rasmussen and Williams, 2006, 4.2).
enum class stationary_kernel : std::uint8_t {
    matern52,            ///< twice differentiable: the usual choice
    squared_exponential, ///< infinitely differentiable
};

/// A correlation and its derivative by the squared distance.
struct correlation {
    double value, slope;
};

/// The correlation at the square @p r2 >= 0 of a distance in units of the length scale.
[[nodiscard]] inline correlation correlation_at(stationary_kernel kernel, double r2) {
    if (kernel == stationary_kernel::squared_exponential) {
        const double e = std::exp(-0.5 * r2);
        return {e, -0.5 * e};
    }
    const double r = std::sqrt(5 * r2), e = std::exp(-r);
    return {(1 + r + r * r / 3) * e, -5.0 / 6.0 * (1 + r) * e};
}

namespace detail {
/// The squared distances between the columns of @p a and those of @p b: a.cols() x b.cols().
[[nodiscard]] inline Eigen::MatrixXd squared_distances(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
    Eigen::MatrixXd d = -2.0 * (a.transpose() * b);
    d.colwise() += a.colwise().squaredNorm().transpose();
    d.rowwise() += b.colwise().squaredNorm();
    return d.cwiseMax(0.0); // rounding may leave less
}
} // namespace detail

} // namespace lutra
