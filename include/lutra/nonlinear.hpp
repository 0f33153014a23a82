// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// All of the nonlinear room: activations, softmax and layer norm in float, also with a quantised result; piecewise-linear
/// tables, and softmax and layer norm in integers by means of them.

// IWYU pragma: begin_exports
#include <lutra/nonlinear/activation_table.hpp>
#include <lutra/nonlinear/activations.hpp>
#include <lutra/nonlinear/float_functions.hpp>
#include <lutra/nonlinear/functions.hpp>
#include <lutra/nonlinear/integer_layer_norm.hpp>
#include <lutra/nonlinear/integer_softmax.hpp>
#include <lutra/nonlinear/pwl_table.hpp>
#include <lutra/nonlinear/pwl_unit.hpp>
#include <lutra/nonlinear/quantized_functions.hpp>
#include <lutra/nonlinear/reduced_tables.hpp>
// IWYU pragma: end_exports
