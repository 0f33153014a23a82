// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// Everything that this build can have. What needs an operating system is left out of a freestanding one.

// IWYU pragma: begin_exports
#include <lutra/accelerator.hpp>
#include <lutra/core.hpp>
#include <lutra/gemm.hpp>
#include <lutra/multiplier.hpp>
#include <lutra/nn.hpp>
#include <lutra/nonlinear.hpp>
#include <lutra/numeric.hpp>
#include <lutra/prune.hpp>
#include <lutra/search.hpp>
#if LUTRA_HOSTED
    #include <lutra/codesign.hpp>
    #include <lutra/io.hpp>
#endif
// IWYU pragma: end_exports
