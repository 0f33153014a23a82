// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/search/surrogate needs a heap and Eigen: use nsga2 or genetic_search on firmware."
#endif

#include <lutra/core/result.hpp>

#include <Eigen/Dense>

#include <concepts>
#include <vector>

namespace lutra {

/// What a surrogate says of an input: the cost to expect; how far that may be off for want of data (epistemic), which more
/// data mend; and how far costs scatter around it (aleatoric), which they do not. The latter two are standard deviations;
/// all are in the unit of the cost.
struct prediction {
    double mean = 0, epistemic = 0, aleatoric = 0;

    friend bool operator==(const prediction&, const prediction&) = default;
};

/// A prediction with its derivatives by the input, each as long as the input.
struct prediction_gradient {
    prediction at;
    Eigen::VectorXd mean, epistemic, aleatoric;
};

/// A model of a cost, learnt from points (one a column, every element in [0, 1]) and their costs. `fit` learns all it can,
/// `update` learns the data but keeps what is slow to find; both refuse what is not a number. Predictions are for one point,
/// or for one a column; `gradient` is for one.
template <class M>
concept surrogate_model = std::copyable<M> && requires(M& model, const M& fitted, const Eigen::MatrixXd& points,
                                                       const Eigen::VectorXd& costs, const Eigen::VectorXd& x) {
    { model.fit(points, costs) } -> std::same_as<status>;
    { model.update(points, costs) } -> std::same_as<status>;
    { fitted.predict(x) } -> std::same_as<prediction>;
    { fitted.predict_all(points) } -> std::same_as<std::vector<prediction>>;
    { fitted.gradient(x) } -> std::same_as<prediction_gradient>;
};

} // namespace lutra
