// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// All of the codesign room: accelerators from files. The only room that knows networks, accelerators and searches together.

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign reads files: describe accelerators by values on firmware."
#endif

// IWYU pragma: begin_exports
#include <lutra/codesign/accelerator_file.hpp>
// IWYU pragma: end_exports
