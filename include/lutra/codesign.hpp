// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

/// @file
/// All of the codesign room: networks and accelerators as one search problem, what a search finds, and accelerators from
/// files. The only room that knows networks, accelerators and searches together.

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign reads files: describe accelerators by values on firmware."
#endif

// IWYU pragma: begin_exports
#include <lutra/codesign/accelerator_file.hpp>
#include <lutra/codesign/accuracy_predictor.hpp>
#include <lutra/codesign/design_problem.hpp>
#include <lutra/codesign/exploration_document.hpp>
#include <lutra/codesign/exploration_reader.hpp>
#include <lutra/codesign/explore.hpp>
#include <lutra/codesign/firmware_header.hpp>
#include <lutra/codesign/hardware_space.hpp>
#include <lutra/codesign/html_report.hpp>
#include <lutra/codesign/network_space.hpp>
#include <lutra/codesign/network_trial.hpp>
#include <lutra/codesign/policy_header.hpp>
#include <lutra/codesign/sensitivity.hpp>
#include <lutra/codesign/svg_chart.hpp>
#include <lutra/codesign/table_tester.hpp>
// IWYU pragma: end_exports
