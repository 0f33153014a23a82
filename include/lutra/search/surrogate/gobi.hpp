// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/panic.hpp>
#include <lutra/search/surrogate/detail/adam.hpp>

#include <Eigen/Dense>

#include <cmath>
#include <concepts>
#include <numbers>
#include <type_traits>
#include <utility>

namespace lutra {

/// A number to be minimised and its derivatives by the input.
struct valued_gradient {
    double value = 0;
    Eigen::VectorXd gradient;
};

/// How far a descent goes.
struct gobi_options {
    int steps = 30;          ///< at most
    double rate = 0.1;       ///< of Adam, falling to 0 along half a cosine
    double tolerance = 1e-4; ///< it ends after `patience` steps that change the value by less
    int patience = 5;

    friend bool operator==(const gobi_options&, const gobi_options&) = default;
};

/// Gradient-based optimisation with respect to the input of a model ("COSCO: Container Orchestration Using Co-Simulation and
/// Gradient Based Optimization for Fog Computing Environments", Tuli and others, 2021; in BOSHCODE and TransCODE): Adam on
/// @p function, x -> valued_gradient, from @p start and within [0, 1]. A space of choices takes the genome nearest to the
/// end (choice_encoding::nearest); several starts find several valleys.
///
/// @returns the best point on the way and its value. Panics for no step.
template <class Function>
requires std::convertible_to<std::invoke_result_t<Function&, const Eigen::VectorXd&>, valued_gradient>
[[nodiscard]] std::pair<Eigen::VectorXd, double> gobi(Function&& function, Eigen::VectorXd start,
                                                      const gobi_options& options = {}) {
    require(options.steps >= 1 && options.rate > 0, panic_code::bad_argument, "a descent needs a step and a positive rate",
            options.steps, 1);
    detail::adam<Eigen::VectorXd> adam;
    Eigen::VectorXd x = std::move(start).cwiseMax(0.0).cwiseMin(1.0);
    valued_gradient at = function(std::as_const(x));
    std::pair<Eigen::VectorXd, double> best{x, at.value};
    int still = 0;
    for (int step = 0; step < options.steps && still < options.patience; ++step) {
        const double turn = std::numbers::pi * static_cast<double>(step) / static_cast<double>(options.steps);
        adam.step(x, at.gradient, 0.5 * options.rate * (1 + std::cos(turn)));
        x = x.cwiseMax(0.0).cwiseMin(1.0);
        const double before = at.value;
        at = function(std::as_const(x));
        if (at.value < best.second) best = {x, at.value};
        still = std::abs(at.value - before) < options.tolerance ? still + 1 : 0;
    }
    return best;
}

} // namespace lutra
