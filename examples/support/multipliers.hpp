// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/fail.hpp"

#include <lutra/io/file.hpp>
#include <lutra/multiplier/builtin_multipliers.hpp>
#include <lutra/multiplier/error_metrics.hpp>
#include <lutra/multiplier/gate_count.hpp>
#include <lutra/multiplier/heap_table.hpp>
#include <lutra/multiplier/lowering.hpp>

#include <CLI/CLI.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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

inline void add_table_options(CLI::App& app, table_options& o) {
    app.add_option("--table-order", o.order,
                   "Rows of a table file: by bit pattern (0..127, -128..-1) or by value (-128..127)")
        ->check(CLI::IsMember({"bits", "value"}))
        ->capture_default_str();
    app.add_option("--table-sign", o.sign, "The 16-bit products of a table file: signed or unsigned")
        ->check(CLI::IsMember({"signed", "unsigned"}))
        ->capture_default_str();
    app.add_option("--power", o.power, "Power of the table files' multipliers, relative to the exact one")
        ->check(CLI::Range(0.0, 100.0));
}

[[nodiscard]] inline std::vector<std::string> builtin_names() {
    std::vector<std::string> names;
    lutra::for_each_builtin([&]<lutra::multiplier M>(M) { names.emplace_back(M::name); });
    return names;
}

/// The multiplier called @p name, or read from the file @p name; ends the program where it is neither.
[[nodiscard]] inline multiplier_source find_multiplier(const std::string& name, const table_options& o) {
    multiplier_source found;
    lutra::for_each_builtin([&]<lutra::multiplier M>(M m) {
        if (name != M::name) return;
        found = {name, lutra::lower(m), nullptr, lutra::metrics_of<M>().mae_percent, true};
    });
    if (!found.name.empty()) return found;
    if (!std::filesystem::is_regular_file(name)) {
        std::string known;
        for (const std::string& n : builtin_names()) known += " " + n;
        fail("'" + name + "' is neither a file nor a multiplier; the known ones are:" + known);
    }
    const auto bytes = value_or_fail(lutra::read_file(name, 64 << 20));
    const lutra::table_format format{
        .order = o.order == "value" ? lutra::table_order::value : lutra::table_order::bit_pattern,
        .entries = o.sign == "unsigned" ? lutra::signedness::is_unsigned : lutra::signedness::is_signed};
    std::shared_ptr<lutra::table_multiplier> table =
        value_or_fail(lutra::table_from_bytes(bytes, format, std::filesystem::path{name}.filename().string()));
    if (o.power) table->set_cost(lutra::hardware_cost{.power = *o.power});
    found.name = std::filesystem::path{name}.filename().string();
    found.lowered = lutra::lower(*table);
    found.mae_percent = lutra::metrics_of(*table).mae_percent;
    found.has_power = o.power.has_value();
    found.table = table;
    return found;
}
