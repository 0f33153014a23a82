// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file

#include <lutra/nonlinear/activation_table.hpp>
// IWYU pragma: begin_exports
/// All of the nonlinear room: activations, softmax and layer norm in float, also with a quantised result, and
/// All of the nonlinear room: activations, softmax and layer norm in float, also with a quantised result; piecewise-linear
/// tables, and softmax and layer norm in integers by means of them.
#include <lutra/nonlinear/activations.hpp>
#include <lutra/nonlinear/divided_softmax.hpp>
#include <lutra/nonlinear/emit_c.hpp>
#include <lutra/nonlinear/emit_mem.hpp>
#include <lutra/nonlinear/emit_test_bench.hpp>
#include <lutra/nonlinear/emit_truth_table.hpp>
#include <lutra/nonlinear/emit_verilog.hpp>
#include <lutra/nonlinear/fit_genetic.hpp>
#include <lutra/nonlinear/fit_genetic_shared.hpp>
#include <lutra/nonlinear/fit_optimal.hpp>
#include <lutra/nonlinear/float_functions.hpp>
#include <lutra/nonlinear/functions.hpp>
#include <lutra/nonlinear/genetic_fit_options.hpp>
#include <lutra/nonlinear/integer_gelu.hpp>
#include <lutra/nonlinear/integer_inverse.hpp>
#include <lutra/nonlinear/integer_layer_norm.hpp>
#include <lutra/nonlinear/integer_softmax.hpp>
#include <lutra/nonlinear/pwl.hpp>
#include <lutra/nonlinear/pwl_circuit.hpp>
#include <lutra/nonlinear/pwl_table.hpp>
#include <lutra/nonlinear/pwl_unit.hpp>
#include <lutra/nonlinear/quantized_functions.hpp>
#include <lutra/nonlinear/reduced_tables.hpp>
#include <lutra/nonlinear/sample_grid.hpp>
// IWYU pragma: begin_exports
/// piecewise-linear tables with their optimal fits.
/// piecewise-linear tables, emitted as C and as Verilog.
// IWYU pragma: end_exports
