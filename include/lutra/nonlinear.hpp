// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// All of the nonlinear room: activations, softmax and layer norm in float, also with a quantised result, and
/// piecewise-linear tables with their optimal fits.

// IWYU pragma: begin_exports
#include <lutra/nonlinear/activations.hpp>
#include <lutra/nonlinear/fit_optimal.hpp>
#include <lutra/nonlinear/float_functions.hpp>
#include <lutra/nonlinear/functions.hpp>
#include <lutra/nonlinear/pwl.hpp>
#include <lutra/nonlinear/pwl_table.hpp>
#include <lutra/nonlinear/pwl_unit.hpp>
#include <lutra/nonlinear/quantized_functions.hpp>
#include <lutra/nonlinear/sample_grid.hpp>
// IWYU pragma: end_exports
