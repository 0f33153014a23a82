// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// All of the core room: what every other room is built on.

// IWYU pragma: begin_exports
#include <lutra/core/arena.hpp>
#include <lutra/core/checksum.hpp>
#include <lutra/core/config.hpp>
#include <lutra/core/executor.hpp>
#include <lutra/core/hardware_cost.hpp>
#include <lutra/core/identifier.hpp>
#include <lutra/core/isa.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/operation.hpp>
#include <lutra/core/panic.hpp>
#include <lutra/core/random.hpp>
#include <lutra/core/result.hpp>
#include <lutra/core/text.hpp>
#include <lutra/core/version.hpp>
#include <lutra/core/workload.hpp>
#if LUTRA_HOSTED
    #include <lutra/core/threads.hpp>
#endif
// IWYU pragma: end_exports
