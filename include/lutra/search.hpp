// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// All of the search room: what a search problem is, budgets, and the genetic algorithm.

// IWYU pragma: begin_exports
#include <lutra/search/budget.hpp>
#include <lutra/search/choices.hpp>
#include <lutra/search/concept.hpp>
#include <lutra/search/genetic.hpp>
#include <lutra/search/genetic_operators.hpp>
#include <lutra/search/objectives.hpp>
#include <lutra/search/run.hpp>
// IWYU pragma: end_exports
