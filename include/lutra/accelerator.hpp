// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// All of the accelerator room: what an accelerator model is, what technologies and modules cost, systolic arrays, tiled
/// accelerators and a row-wise one.

// IWYU pragma: begin_exports
#include <lutra/accelerator/concept.hpp>
#include <lutra/accelerator/data_layout.hpp>
#include <lutra/accelerator/design_space.hpp>
#include <lutra/accelerator/loop_order.hpp>
#include <lutra/accelerator/memory_moves.hpp>
#include <lutra/accelerator/report.hpp>
#include <lutra/accelerator/row_wise.hpp>
#include <lutra/accelerator/systolic.hpp>
#include <lutra/accelerator/technology.hpp>
#include <lutra/accelerator/tiled.hpp>
#include <lutra/accelerator/tiled_config.hpp>
#include <lutra/accelerator/tiled_costs.hpp>
#include <lutra/core/config.hpp>
#if LUTRA_HOSTED
    #include <lutra/accelerator/tiled_event.hpp>
#endif
// IWYU pragma: end_exports
