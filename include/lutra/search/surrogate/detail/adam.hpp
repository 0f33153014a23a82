// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/search/surrogate needs a heap and Eigen: use nsga2 or genetic_search on firmware."
#endif

#include <Eigen/Dense>

namespace lutra::detail {

/// "Adam: A Method for Stochastic Optimization" (Kingma and Ba, 2015), with the paper's constants, for a vector or matrix.
template <class Matrix>
class adam {
public:
    /// Moves @p at downhill along @p gradient, of the same shape, by about @p rate.
    void step(Matrix& at, const Matrix& gradient, double rate) {
        constexpr double beta1 = 0.9, beta2 = 0.999;
        if (first_.size() == 0) {
            first_.setZero(at.rows(), at.cols());
            second_.setZero(at.rows(), at.cols());
        }
        first_ += (1 - beta1) * (gradient - first_);
        second_ += (1 - beta2) * (gradient.cwiseProduct(gradient) - second_);
        power1_ *= beta1;
        power2_ *= beta2;
        const double wide = rate / (1 - power1_), deep = 1 / (1 - power2_);
        at.array() -= wide * first_.array() / ((deep * second_.array()).sqrt() + 1e-8);
    }

private:
    Matrix first_, second_;
    double power1_ = 1, power2_ = 1;
};

} // namespace lutra::detail
