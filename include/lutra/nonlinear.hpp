// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// All of the nonlinear room: activations, softmax and layer norm in float, also with a quantised result.

// IWYU pragma: begin_exports
#include <lutra/nonlinear/float_functions.hpp>
#include <lutra/nonlinear/quantized_functions.hpp>
// IWYU pragma: end_exports
