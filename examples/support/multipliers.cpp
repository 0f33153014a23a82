// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "support/multipliers.hpp"

#include "support/fail.hpp"

#include <lutra/codesign/policy_header.hpp>
#include <lutra/io/file.hpp>
#include <lutra/multiplier/builtin_multipliers.hpp>
#include <lutra/multiplier/heap_table.hpp>
#include <lutra/multiplier/lowering.hpp>

#include <array>
#include <filesystem>
#include <string_view>

namespace {

struct builtin {
    std::string_view name;
    lutra::lowered_multiplier (*lowered)();
    std::unique_ptr<lutra::table_multiplier> (*table)();
    std::string_view spelling;
};

template <lutra::multiplier M>
builtin builtin_of() {
    return {M::name, [] { return lutra::lower(M{}); }, [] { return lutra::make_table<M>(); }, lutra::spelling_of<M>()};
}

const std::array<builtin, lutra::builtin_multipliers::size>& builtins() {
    static const auto all = [] {
        std::array<builtin, lutra::builtin_multipliers::size> list{};
        std::size_t n = 0;
        lutra::for_each_builtin([&]<lutra::multiplier M>(M) { list[n++] = builtin_of<M>(); });
        return list;
    }();
    return all;
}

/// Found by name but not listed: settings so strong that only a network trained for them works.
const auto& strong() {
    using list = lutra::multiplier_list<lutra::operand_truncated<3, 4>, lutra::operand_truncated<4, 3>,
                                        lutra::operand_truncated<4, 4>, lutra::broken_array<2, 7>, lutra::ssm<4>>;
    static const auto all = [] {
        std::array<builtin, list::size> found{};
        std::size_t n = 0;
        list::for_each([&]<lutra::multiplier M>(M) { found[n++] = builtin_of<M>(); });
        return found;
    }();
    return all;
}

const builtin* find_builtin(std::string_view name) {
    for (const builtin& b : builtins())
        if (b.name == name) return &b;
    for (const builtin& b : strong())
        if (b.name == name) return &b;
    return nullptr;
}

std::shared_ptr<lutra::table_multiplier> read_table(const std::string& name, const table_options& o) {
    if (!std::filesystem::is_regular_file(name)) {
        std::string known;
        for (const builtin& b : builtins()) known.append(" ").append(b.name);
        fail(
            std::string{"'"}.append(name).append("' is neither a file nor a multiplier; the known ones are:").append(known));
    }
    const auto bytes = value_or_fail(lutra::read_file(name, 64 << 20));
    const lutra::table_format format{
        .order = o.order == "value" ? lutra::table_order::value : lutra::table_order::bit_pattern,
        .entries = o.sign == "unsigned" ? lutra::signedness::is_unsigned : lutra::signedness::is_signed};
    std::shared_ptr<lutra::table_multiplier> table =
        value_or_fail(lutra::table_from_bytes(bytes, format, std::filesystem::path{name}.filename().string()));
    if (o.power) table->set_cost(lutra::hardware_cost{.power = *o.power});
    return table;
}

} // namespace

void add_table_options(CLI::App& app, table_options& o) {
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

std::vector<std::string> builtin_names() {
    std::vector<std::string> names;
    for (const builtin& b : builtins()) names.emplace_back(b.name);
    return names;
}

std::string spelling_of_multiplier(std::string_view name) {
    const builtin* b = find_builtin(name);
    return b == nullptr ? std::string{} : std::string{b->spelling};
}

multiplier_source find_multiplier(const std::string& name, const table_options& o) {
    multiplier_source found;
    if (const builtin* b = find_builtin(name)) {
        found.lowered = b->lowered();
        found.mae_percent = lutra::metrics_of(*b->table()).mae_percent;
        found.name = name;
        return found;
    }
    found.table = read_table(name, o);
    found.name = found.table->name();
    found.lowered = lutra::lower(*found.table);
    found.mae_percent = lutra::metrics_of(*found.table).mae_percent;
    found.has_power = o.power.has_value();
    return found;
}

std::shared_ptr<const lutra::table_multiplier> find_table(const std::string& name, const table_options& o) {
    if (const builtin* b = find_builtin(name)) return b->table();
    return read_table(name, o);
}
