// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/fail.hpp"

#include <lutra/codesign/accelerator_file.hpp>

#include <filesystem>
#include <string>

/// The accelerator that @p name stands for, one of ours or a file; ends the program where there is none.
inline lutra::accelerator_config find_accelerator(const std::string& name) {
    if (name == "edge") return lutra::acceltran_edge;
    if (name == "server") return lutra::acceltran_server;
    if (name == "systolic") return lutra::scale_sim_32;
    if (name == "row_wise") return lutra::low_power_vit;
    if (!std::filesystem::exists(name))
        fail("'" + name +
             "' is neither an accelerator nor a file; expected edge, server, row_wise, systolic or a JSON file");
    return value_or_fail(lutra::read_accelerator(name));
}
