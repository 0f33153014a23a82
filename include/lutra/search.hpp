// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// All of the search room: problems, spaces of choices, methods, fronts, budgets and journals. Surrogates (lutra::surrogate)
/// and ranks (lutra::mpi) need what not everybody has and are included by themselves.

#include <lutra/core/config.hpp>

// IWYU pragma: begin_exports
#include <lutra/search/annealing.hpp>
#include <lutra/search/budget.hpp>
#include <lutra/search/choices.hpp>
#include <lutra/search/concept.hpp>
#include <lutra/search/crowding.hpp>
#include <lutra/search/exhaustive.hpp>
#include <lutra/search/genetic.hpp>
#include <lutra/search/genetic_operators.hpp>
#include <lutra/search/hypervolume.hpp>
#include <lutra/search/mcts.hpp>
#include <lutra/search/non_dominated_sort.hpp>
#include <lutra/search/nsga2.hpp>
#include <lutra/search/objectives.hpp>
#include <lutra/search/pareto.hpp>
#include <lutra/search/random_search.hpp>
#include <lutra/search/real_operators.hpp>
#include <lutra/search/reward_policy.hpp>
#include <lutra/search/rewards.hpp>
#include <lutra/search/run.hpp>
#include <lutra/search/sequential_space.hpp>
#include <lutra/search/spread_rewards.hpp>
#include <lutra/search/tree_policies.hpp>
#if LUTRA_HOSTED
    #include <lutra/search/rank_correlation.hpp>
#endif
#if LUTRA_HOSTED && (defined(__unix__) || defined(__APPLE__))
    #include <lutra/search/interruption.hpp>
    #include <lutra/search/journal.hpp>
    #include <lutra/search/journaled_executor.hpp>
#endif
// IWYU pragma: end_exports
