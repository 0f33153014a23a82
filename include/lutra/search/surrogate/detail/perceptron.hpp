// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/search/surrogate needs a heap and Eigen: use nsga2 or genetic_search on firmware."
#endif

#include <lutra/core/random.hpp>

#include <Eigen/Dense>

#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

namespace lutra::detail {

/// A multilayer perceptron with two hidden layers of tanh and two outputs: a mean, and a log variance within [-8, 3].
struct perceptron {
    static constexpr std::size_t layers = 3;
    static constexpr double centre = -2.5, reach = 5.5; ///< of the log variance

    /// [l]: outputs x (inputs + 1) weights; the last column is the bias.
    using parameters = std::array<Eigen::MatrixXd, layers>;
    /// What a forward pass over m points (one a column) leaves for the way back: what went into each layer, and 2 x m
    /// outputs.
    struct pass {
        std::array<Eigen::MatrixXd, layers> into;
        Eigen::MatrixXd output;
    };
    /// Derivatives of a sum over the points.
    struct derivatives {
        parameters by_weight;
        Eigen::MatrixXd by_input; ///< inputs x m
    };

    parameters weight;

    /// Weights at random, uniform within a bound by the sizes of the layer (Glorot and Bengio, 2010); biases 0.
    static perceptron random(Eigen::Index inputs, Eigen::Index hidden, random_generator& random) {
        perceptron out;
        const std::array<Eigen::Index, layers + 1> width{inputs, hidden, hidden, 2};
        for (std::size_t l = 0; l < layers; ++l) {
            Eigen::MatrixXd& w = out.weight[l];
            w.setZero(width[l + 1], width[l] + 1);
            const double bound = std::sqrt(6.0 / static_cast<double>(width[l] + width[l + 1]));
            for (Eigen::Index i = 0; i < width[l] * width[l + 1]; ++i) w.data()[i] = bound * (2 * random.unit() - 1);
        }
        return out;
    }

    [[nodiscard]] pass forward(const Eigen::MatrixXd& points) const {
        pass out;
        out.into[0] = points;
        for (std::size_t l = 0; l < layers; ++l) {
            const Eigen::Index bias = weight[l].cols() - 1;
            Eigen::MatrixXd z = weight[l].leftCols(bias) * out.into[l];
            z.colwise() += weight[l].col(bias);
            if (l + 1 == layers)
                out.output = z;
            else
                out.into[l + 1] = z.array().tanh().matrix();
        }
        out.output.row(1) = (centre + reach * ((out.output.row(1).array() - centre) / reach).tanh()).matrix();
        return out;
    }
    /// From the derivatives of the sum by each output (2 x m).
    [[nodiscard]] derivatives backward(const pass& at, Eigen::MatrixXd by_output) const {
        derivatives out;
        by_output.row(1).array() *= 1 - ((at.output.row(1).array() - centre) / reach).square();
        for (std::size_t l = layers; l-- > 0;) {
            const Eigen::Index bias = weight[l].cols() - 1;
            out.by_weight[l].resize(weight[l].rows(), weight[l].cols());
            out.by_weight[l].leftCols(bias).noalias() = by_output * at.into[l].transpose();
            out.by_weight[l].col(bias) = by_output.rowwise().sum();
            Eigen::MatrixXd below = weight[l].leftCols(bias).transpose() * by_output;
            if (l > 0) below.array() *= 1 - at.into[l].array().square();
            by_output = std::move(below);
        }
        out.by_input = std::move(by_output);
        return out;
    }
};

} // namespace lutra::detail
