// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/search/objectives.hpp>
#include <lutra/search/surrogate/prediction.hpp>

#include <Eigen/Dense>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>

namespace lutra {

/// The lower confidence bound of a cost, to be minimised: mean - k (epistemic + aleatoric). BOSHCODE ("CODEBench: A Neural
/// Architecture and Hardware Accelerator Co-Design Framework", Tuli and others, 2022) and TransCODE (Tuli and Jha, 2023)
/// take k = 0.5; a greater one explores more.
struct lower_confidence_bound {
    double k = 0.5;

    [[nodiscard]] double operator()(const prediction& p) const noexcept { return p.mean - k * (p.epistemic + p.aleatoric); }
    /// Its derivatives by the input.
    [[nodiscard]] Eigen::VectorXd gradient(const prediction_gradient& p) const {
        return p.mean - k * (p.epistemic + p.aleatoric);
    }
    friend bool operator==(const lower_confidence_bound&, const lower_confidence_bound&) = default;
};

/// By how much @p costs improve on a front, in units of @p range: what the nearest of its points loses in the objective in
/// which it loses most (maximin improvement, Svenson and Santner, 2016). Positive for what no point of the front equals or
/// dominates, and then the greater the further it is from all of them; negative by what it lacks; infinite without a front.
template <std::size_t N>
[[nodiscard]] double maximin_improvement(std::type_identity_t<std::span<const objectives<N>>> front,
                                         const objectives<N>& costs, const objectives<N>& range) {
    double least = std::numeric_limits<double>::infinity();
    for (const objectives<N>& point : front) {
        double most = -std::numeric_limits<double>::infinity();
        for (std::size_t j = 0; j < N; ++j) most = std::max(most, (point[j] - costs[j]) / range[j]);
        least = std::min(least, most);
    }
    return least;
}

} // namespace lutra
