// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// All of the prune room: what a network need not compute.

// IWYU pragma: begin_exports
// IWYU pragma: end_exports
