// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/multiplier/error_metrics.hpp>
#include <lutra/multiplier/lowered_multiplier.hpp>
#include <lutra/multiplier/table.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// @file
/// The multipliers that the programs know by name. Their types are instantiated in multipliers.cpp only, once for all.

/// A multiplier that a user asked for by a built-in name or by a table file.
struct multiplier_source {
    std::string name;
    lutra::lowered_multiplier lowered;
    std::shared_ptr<const lutra::table_multiplier> table; ///< what `lowered` points into, for a file
    double mae_percent = 0;
    bool has_power = true; ///< false for a file whose power was not said
};

/// How table files are meant, and what their circuit costs.
struct table_options {
    std::string order = "bits", sign = "signed";
    std::optional<double> power;
};

void add_table_options(CLI::App& app, table_options& o);

/// The names of the built-in multipliers, the exact one first.
[[nodiscard]] std::vector<std::string> builtin_names();

/// The C++ type of the multiplier called @p name; empty where it is none of those that are known by name.
[[nodiscard]] std::string spelling_of_multiplier(std::string_view name);

/// The multiplier called @p name, or read from the file @p name; ends the program where it is neither.
[[nodiscard]] multiplier_source find_multiplier(const std::string& name, const table_options& o);

/// Its table: the built-in one's, cost included, or the file's; ends the program where @p name is neither.
[[nodiscard]] std::shared_ptr<const lutra::table_multiplier> find_table(const std::string& name, const table_options& o);
