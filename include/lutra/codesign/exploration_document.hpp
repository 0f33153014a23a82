// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign holds reports in strings and vectors: leave it out of a freestanding build."
#endif

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace lutra {

/// A number that is not there.
inline constexpr double no_value = std::numeric_limits<double>::quiet_NaN();

/// What is minimised.
struct exploration_objective {
    std::string name, label, unit;
};

/// What can be chosen in one place.
struct exploration_gene {
    std::string name;
    std::vector<std::string> alternatives;
};

/// A configuration to compare with.
struct exploration_reference {
    std::string name;
    std::vector<double> objectives;
    double test_accuracy = no_value; ///< a part of one
};

/// A configuration that no other dominates.
struct exploration_front_point {
    std::uint64_t number = 0;       ///< which evaluation it was
    std::vector<std::size_t> genes; ///< an alternative each
    std::vector<double> objectives;
    double test_accuracy = no_value; ///< a part of one
};

/// The energy of a component of the accelerator, in nJ.
struct exploration_component {
    std::string name;
    double chosen_nj = 0, reference_nj = 0;
};

/// The configuration that was chosen from the front.
struct exploration_choice {
    std::size_t front = 0; ///< an index into the front
    exploration_reference reference;
    std::optional<exploration_reference> best_uniform;
    std::string sentence; ///< empty: none
    std::vector<exploration_component> energy;
    std::string policy;
};

/// How far a method came: its hypervolume after so many evaluations, the median of its runs.
struct exploration_course {
    std::string method;
    std::vector<double> evaluations, hypervolume; ///< of one length
    std::vector<double> least, greatest;          ///< of all runs, as many; empty where there was one
};

/// How well a predictor foretold the accuracy that was measured then.
struct exploration_predictor {
    std::string name;
    std::uint64_t designs = 0;
    double rank_correlation = no_value, mean_error = no_value; ///< mean_error in points of accuracy, after calibration
};

/// The accuracy that one multiplier costs in one place.
struct exploration_sensitivity {
    std::vector<std::string> rows, columns;
    std::vector<std::vector<double>> drop; ///< rows by columns, in points of accuracy
    std::string multiplier;
};

/// What an exploration of configurations found: each member is the field of its name in a report.json. A number that is
/// missing is NaN: null in the document, and whatever is not within 1e100.
struct exploration_document {
    std::string title, network, accelerator, method;
    std::uint64_t seed = 0, images = 0, evaluations = 0, infeasible = 0;
    double seconds = no_value, overhead_share = no_value, hypervolume = no_value; ///< overhead_share is a part of one
    std::vector<exploration_objective> objectives;
    std::vector<exploration_gene> genes;
    std::vector<exploration_reference> uniform;
    std::vector<std::vector<double>> points; ///< the objectives of every evaluation, in order
    std::vector<exploration_front_point> front;
    std::optional<exploration_choice> chosen;
    std::vector<exploration_course> convergence;
    std::vector<exploration_predictor> predictors;
    std::optional<exploration_sensitivity> sensitivity;
};

} // namespace lutra
