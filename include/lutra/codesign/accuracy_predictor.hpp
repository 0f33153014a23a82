// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign searches on hosts: take the policy header that a search wrote on firmware."
#endif

#include <lutra/codesign/network_space.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/search/rank_correlation.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace lutra {

/// Foretells the error of a design without trying it: that of the first alternatives, plus what each choice costs where it
/// alone differs from them. It learns from evaluations as they come, and knows nothing of how choices act together.
///
/// @code
/// lutra::additive_predictor foretell{space};
/// for (const auto& e : evaluations) foretell.tell(e.genome, e.error);
/// if (const std::optional<double> error = foretell(genome)) use(*error);
/// @endcode
class additive_predictor {
public:
    explicit additive_predictor(const design_choices& space) : loss_(space.length) {
        for (std::size_t i = 0; i < space.length; ++i) loss_[i].assign(space.alternatives[i], unknown);
        for (auto& of_gene : loss_)
            if (!of_gene.empty()) of_gene[0] = 0;
    }

    /// Learns from a design of at most one choice that is not the first; leaves alone all others, and errors that are NaN.
    void tell(const design_genome& g, double error) {
        const auto at = std::find_if(g.begin(), g.end(), [](std::uint16_t a) { return a != 0; });
        if (std::isnan(error) || std::count(g.begin(), g.end(), 0) + 1 < static_cast<std::ptrdiff_t>(g.size())) return;
        if (at == g.end())
            first_ = error;
        else
            loss_.at(static_cast<std::size_t>(at - g.begin())).at(*at) = error;
    }
    /// The error of @p g; nothing where it takes an alternative, or has first ones, that nobody told of.
    [[nodiscard]] std::optional<double> operator()(const design_genome& g) const {
        double error = first_;
        for (std::size_t i = 0; i < g.size(); ++i) error += loss(i, g[i]);
        return std::isnan(error) ? std::nullopt : std::optional{error};
    }
    /// What alternative @p a of gene @p gene costs by itself, NaN where that is not known.
    [[nodiscard]] double loss(std::size_t gene, std::size_t a) const { return a == 0 ? 0 : loss_.at(gene).at(a) - first_; }

private:
    static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    double first_ = unknown;
    std::vector<std::vector<double>> loss_; ///< [gene][alternative]: the error of the design; of the first ones unused
};

/// How well a predictor foretold what was measured.
struct predictor_calibration {
    std::size_t designs = 0;
    double rank_correlation = 0;     ///< Spearman's, NaN where all are equal: whether it finds the better of two
    double slope = 1, intercept = 0; ///< measured = slope predicted + intercept, by least squares
    double mean_error = 0;           ///< magnitude, after that; each design by the line through all others
};

/// Sets predictions against what was measured of the same designs. Panics for fewer than 3, rows of different length, NaN.
[[nodiscard]] inline predictor_calibration calibrate_predictor(std::span<const double> predicted,
                                                               std::span<const double> measured) {
    require(predicted.size() >= 3, panic_code::empty, "a predictor is calibrated with at least three designs",
            static_cast<long long>(predicted.size()), 3);
    predictor_calibration c{.designs = predicted.size(), .rank_correlation = spearman_correlation(predicted, measured)};
    const auto n = static_cast<double>(predicted.size());
    double x = 0, y = 0, xx = 0, xy = 0;
    for (std::size_t i = 0; i < predicted.size(); ++i) x += predicted[i] / n, y += measured[i] / n;
    for (std::size_t i = 0; i < predicted.size(); ++i) {
        xx += (predicted[i] - x) * (predicted[i] - x);
        xy += (predicted[i] - x) * (measured[i] - y);
    }
    c.slope = xx > 0 ? xy / xx : 0; // equal predictions say nothing
    c.intercept = y - c.slope * x;
    for (std::size_t i = 0; i < predicted.size(); ++i) {
        const double off = predicted[i] - x, leverage = 1 / n + (xx > 0 ? off * off / xx : 0);
        const double residual = measured[i] - c.slope * predicted[i] - c.intercept;
        // The residual of the line through the others is residual / (1 - leverage); with a leverage of 1 they fix no line.
        c.mean_error += std::abs(1 - leverage > 1e-12 ? residual / (1 - leverage) : measured[i] - y) / n;
    }
    return c;
}

} // namespace lutra
