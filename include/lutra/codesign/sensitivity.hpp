// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign tries networks on hosts: run sensitivity studies there."
#endif

#include <lutra/codesign/design_problem.hpp>
#include <lutra/core/executor.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace lutra {

/// What of a block is multiplied: its layers, and Q K^T with A V.
inline constexpr std::array<std::string_view, block_layer_count + 1> matmul_kind_names{"qkv", "proj", "fc1", "fc2",
                                                                                       "attention"};

/// How much accuracy a network loses where one product of one block at a time goes through a multiplier, all others being
/// exact: the study of TransAxx (Danopoulos and others, 2024, arXiv 2402.07545), by matmul_kind_names.
struct sensitivity_map {
    double exact = 0; ///< accuracy of the exact network
    /// Accuracies, one row a block: less is more sensitive.
    std::vector<std::array<double, matmul_kind_names.size()>> accuracy;

    [[nodiscard]] double drop(std::size_t block, std::size_t kind) const { return exact - accuracy.at(block).at(kind); }
};

/// Makes that study of @p multiplier with @p tester, on all workers of @p on.
///
/// @code
/// const lutra::sensitivity_map map = lutra::sensitivity(tester, lutra::lower(lutra::drum<3>{}), workers);
/// @endcode
template <class Tester, executor Executor>
[[nodiscard]] sensitivity_map sensitivity(const Tester& tester, const lowered_multiplier& multiplier, Executor& on) {
    const std::size_t depth = tester.config().depth, kinds = matmul_kind_names.size();
    sensitivity_map map;
    map.accuracy.resize(depth);
    on.run(1 + depth * kinds, [&](std::size_t task, std::size_t worker) {
        std::vector<layer_choice> choices(depth);
        if (task == 0) {
            map.exact = tester(choices, worker).accuracy();
            return;
        }
        const std::size_t block = (task - 1) / kinds, kind = (task - 1) % kinds;
        if (kind < block_layer_count)
            choices[block].by_layer[kind] = &multiplier;
        else
            choices[block].attention = multiplier;
        map.accuracy[block][kind] = tester(choices, worker).accuracy();
    });
    return map;
}

/// A prior policy from the hardware, after TransAxx's weighted rollouts: an alternative's weight is what it saves, times
/// exp(-what it loses / `tolerance`), both measured where it alone differs from the first alternatives. It is a tree_prior.
struct sensitivity_prior {
    std::shared_ptr<const std::vector<std::vector<double>>> weight; ///< of each gene's alternatives

    [[nodiscard]] double operator()(std::span<const std::uint16_t> chosen, std::size_t alternative) const {
        return (*weight)[chosen.size()][alternative];
    }
};

/// All alternatives of a space alike.
[[nodiscard]] inline sensitivity_prior flat_prior(const design_choices& space) {
    std::vector<std::vector<double>> weights(space.length);
    for (std::size_t i = 0; i < space.length; ++i) weights[i].assign(space.alternatives[i], 1);
    return {std::make_shared<const std::vector<std::vector<double>>>(std::move(weights))};
}

/// The designs that differ from the first alternatives in one gene: what a sensitivity_prior has to know.
[[nodiscard]] inline std::vector<design_genome> single_changes(const design_choices& space) {
    std::vector<design_genome> all;
    for (std::size_t i = 0; i < space.length; ++i)
        for (std::uint16_t a = 1; a < space.alternatives[i]; ++a) {
            design_genome g{.length = space.length};
            g[i] = a;
            all.push_back(g);
        }
    return all;
}

/// The prior of those designs. @p first: the measures of the design of first alternatives; @p changed: those of
/// single_changes, in that order. What an alternative saves is the mean of what it saves of the objectives @p judged_by
/// other than error; each weight is at least a hundredth of the greatest of its gene, so that none is left out. @p
/// tolerance: the error at which a saving counts 1 / e as much.
[[nodiscard]] inline sensitivity_prior make_prior(const design_choices& space, const design_measures& first,
                                                  std::span<const design_measures> changed,
                                                  std::span<const design_objective> judged_by, double tolerance = 0.005) {
    require(tolerance > 0, panic_code::bad_argument, "the tolerance of a sensitivity_prior is above 0");
    std::vector<std::vector<double>> weights(space.length);
    std::size_t next = 0;
    for (std::size_t i = 0; i < space.length; ++i) {
        std::vector<double>& w = weights[i];
        w.assign(space.alternatives[i], 0);
        for (std::size_t a = 1; a < w.size(); ++a, ++next) {
            require(next < changed.size(), panic_code::bad_shape, "a sensitivity_prior needs every single change",
                    static_cast<long long>(changed.size()));
            const design_measures& m = changed[next];
            if (!feasible(m)) continue;
            double saved = 0;
            for (const design_objective o : judged_by) {
                const auto at = static_cast<std::size_t>(o);
                if (o != design_objective::error && first[at] > 0) saved += std::max(0.0, 1 - m[at] / first[at]);
            }
            w[a] = saved * std::exp(-std::max(0.0, m[0] - first[0]) / tolerance);
        }
        const double most = *std::max_element(w.begin(), w.end());
        for (double& x : w) x = most > 0 ? std::max(x / most, 0.01) : 1;
    }
    return {std::make_shared<const std::vector<std::vector<double>>>(std::move(weights))};
}

} // namespace lutra
