// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// All of the numeric room: rounding, saturation, elementary functions, fixed point, quantisation, requantisation and
/// (hosted) calibration.

// IWYU pragma: begin_exports
#include <lutra/core/config.hpp>
#include <lutra/numeric/constexpr_math.hpp>
#include <lutra/numeric/fixed_point.hpp>
#include <lutra/numeric/float_batch.hpp>
#include <lutra/numeric/quantize.hpp>
#include <lutra/numeric/requantize.hpp>
#include <lutra/numeric/rounding.hpp>
#include <lutra/numeric/saturate.hpp>
#include <lutra/numeric/unfused.hpp>
#if LUTRA_HOSTED
    #include <lutra/numeric/activation_histogram.hpp>
    #include <lutra/numeric/calibrate.hpp>
#endif
// IWYU pragma: end_exports
