// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/explore_setup.hpp"

#include <lutra/codesign/design_problem.hpp>
#include <lutra/search/objectives.hpp>

#include <cstddef>
#include <string>
#include <vector>

/// How an objective is shown.
struct shown_objective {
    const char *name, *label, *unit;
    double scale; ///< from its own unit to the shown one
};
inline shown_objective shown(lutra::design_objective o) {
    switch (o) {
    case lutra::design_objective::error: return {"error", "error on the training images", "%", 100};
    case lutra::design_objective::power: return {"power", "power of the linear layers' multipliers", "% of exact", 100};
    case lutra::design_objective::energy: return {"energy", "energy an image", "uJ", 1e-3};
    case lutra::design_objective::latency: return {"latency", "time an image", "us", 1e6};
    case lutra::design_objective::area: break;
    }
    return {"area", "area", "mm2", 1};
}

/// The objectives that were asked for, as a problem: each in units of the design of first alternatives, error in tenths.
template <std::size_t N>
struct design_objectives {
    using problem_type = lutra::design_problem<design_setup::model_type, N>;
    problem_type problem;
    lutra::objectives<N> reference{}; ///< of the hypervolume: 10 points of accuracy less, a tenth more of all else
    lutra::objectives<N> first{};     ///< costs of the design of first alternatives
    double loss = 0;                  ///< of error, in its units, that is allowed

    design_objectives(const explore_request& r, const design_setup& setup) {
        problem.model = setup.model.get();
        for (std::size_t i = 0; i < N; ++i) {
            problem.judged_by[i] = find_objective(r.objectives[i]);
            const double one = setup.first[static_cast<std::size_t>(problem.judged_by[i])];
            const bool error = problem.judged_by[i] == lutra::design_objective::error;
            problem.unit[i] = error ? 0.1 : one;
            reference[i] = error ? one / problem.unit[i] + 1 : r.accelerator == "space" ? 4 : 1.1;
        }
        first = costs_of(setup.first);
        if (judges_error()) loss = r.loss / 100 / problem.unit[0];
    }
    /// Whether accuracy is the first objective; where it is one, it is.
    [[nodiscard]] bool judges_error() const { return problem.judged_by[0] == lutra::design_objective::error; }
    /// Whether @p costs lose no more accuracy than is allowed.
    [[nodiscard]] bool accurate(const lutra::objectives<N>& costs) const {
        return !judges_error() || costs[0] <= first[0] + loss + 1e-12;
    }
    /// What @p costs are in the objectives' own units.
    [[nodiscard]] lutra::objectives<N> natural(lutra::objectives<N> costs) const {
        for (std::size_t i = 0; i < N; ++i) costs[i] *= problem.unit[i];
        return costs;
    }
    [[nodiscard]] lutra::objectives<N> costs_of(const lutra::design_measures& all) const {
        lutra::objectives<N> costs{};
        for (std::size_t i = 0; i < N; ++i) costs[i] = all[static_cast<std::size_t>(problem.judged_by[i])] / problem.unit[i];
        return costs;
    }
    /// The same in the units that are shown.
    [[nodiscard]] std::vector<double> values(const lutra::objectives<N>& costs) const {
        std::vector<double> v;
        for (std::size_t o = 0; o < N; ++o) v.push_back(natural(costs)[o] * shown(problem.judged_by[o]).scale);
        return v;
    }
    [[nodiscard]] std::string header(std::size_t o) const {
        const shown_objective s = shown(problem.judged_by[o]);
        return std::string{s.name} + ", " + (problem.judged_by[o] == lutra::design_objective::power ? "%" : s.unit);
    }
};
