// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// All of the prune room: what a network need not compute.

// IWYU pragma: begin_exports
#include <lutra/prune/activation_pruning.hpp>
#include <lutra/prune/block.hpp>
#include <lutra/prune/compressed.hpp>
#include <lutra/prune/keep_tokens.hpp>
#include <lutra/prune/low_rank.hpp>
#include <lutra/prune/mask.hpp>
#include <lutra/prune/merge_tokens.hpp>
#include <lutra/prune/n_m.hpp>
#include <lutra/prune/tau_curve.hpp>
#include <lutra/prune/threshold.hpp>
#include <lutra/prune/token_pruning.hpp>
#include <lutra/prune/token_schedule.hpp>
#include <lutra/prune/top_k.hpp>
#include <lutra/prune/weight_pruning.hpp>
// IWYU pragma: end_exports
