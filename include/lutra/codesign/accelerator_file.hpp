// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign reads files: describe accelerators by values on firmware."
#endif

#include <lutra/accelerator/row_wise.hpp>
#include <lutra/accelerator/systolic.hpp>
#include <lutra/accelerator/tiled.hpp>
#include <lutra/io/json.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

/// @file
/// Accelerators from JSON, and reports to it.

namespace lutra {

/// A configuration of one of the accelerators that are here.
using accelerator_config = std::variant<tiled_config, systolic_config, row_wise_config>;

namespace detail {

/// A name for each enumerator, in order.
template <class E>
struct enum_names;
template <>
struct enum_names<lane_function> {
    static constexpr std::string_view names[]{"relu", "gelu", "pwl"};
};
template <>
struct enum_names<tiled_schedule> {
    static constexpr std::string_view names[]{"staggered", "equal_priority"};
};
template <>
struct enum_names<zero_skipping> {
    static constexpr std::string_view names[]{"none", "lhs", "both"};
};
template <>
struct enum_names<tiled_semantics> {
    static constexpr std::string_view names[]{"corrected", "released", "released_mended"};
};
template <>
struct enum_names<memory_kind> {
    static constexpr std::string_view names[]{"dram", "hbm", "rram"};
};
template <>
struct enum_names<systolic_dataflow> {
    static constexpr std::string_view names[]{"weight_stationary", "output_stationary", "input_stationary"};
};
template <>
struct enum_names<systolic_mode> {
    static constexpr std::string_view names[]{"analytical", "event"};
};

template <>
struct enum_names<data_layout> {
    static constexpr std::string_view names[]{"ideal", "block_wise", "row_major"};
};
template <>
struct enum_names<row_skipping> {
    static constexpr std::string_view names[]{"none", "steps", "fetches"};
};

/// Calls `field(name, member)` for every member that a file may set.
template <class Field>
void for_each_field(process_node& n, Field&& field) {
    field("node", n); // first: the others change it
    field("nanometres", n.nanometres);
    field("volts", n.volts);
    field("megahertz", n.megahertz);
}
template <class Field>
void for_each_field(tiled_config& c, Field&& field) {
    field("tile_batch", c.tile_batch);
    field("tile_side", c.tile_side);
    field("activation", c.activation);
    field("elements", c.elements);
    field("lanes", c.lanes);
    field("macs", c.macs);
    field("softmax", c.softmax);
    field("activation_mb", c.activation_mb);
    field("weight_mb", c.weight_mb);
    field("mask_mb", c.mask_mb);
    field("memory", c.memory);
    field("memory_bandwidth", c.memory_bandwidth);
    field("weight_memory", c.weight_memory);
    field("weight_memory_bandwidth", c.weight_memory_bandwidth);
    field("weight_memory_write", c.weight_memory_write);
    field("issue", c.issue);
    field("fifo", c.fifo);
    field("order", c.order);
    field("schedule", c.schedule);
    field("skipping", c.skipping);
    field("stochastic_rounding", c.stochastic_rounding);
    field("semantics", c.semantics);
    for_each_field(c.costs.node, field);
}
template <class Field>
void for_each_field(systolic_config& c, Field&& field) {
    field("rows", c.rows);
    field("columns", c.columns);
    field("dataflow", c.dataflow);
    field("mode", c.mode);
    field("ifmap_kib", c.ifmap_kib);
    field("filter_kib", c.filter_kib);
    field("ofmap_kib", c.ofmap_kib);
    field("accumulator_bits", c.accumulator_bits);
    field("vector_lanes", c.vector_lanes);
    field("dram_bits", c.dram_bits);
    field("layout", c.layout);
    field("burst_bytes", c.burst_bytes);
    field("dram_energy", c.dram_energy);
    field("multiplier_area", c.multiplier_area);
    for_each_field(c.node, field);
}

template <class Field>
void for_each_field(row_wise_config& c, Field&& field) {
    field("lanes", c.lanes);
    field("macs", c.macs);
    field("weight_kib", c.weight_kib);
    field("activation_kib", c.activation_kib);
    field("output_kib", c.output_kib);
    field("accumulator_bits", c.accumulator_bits);
    field("vector_lanes", c.vector_lanes);
    field("dram_bits", c.dram_bits);
    field("double_buffered", c.double_buffered);
    field("skipping", c.skipping);
    field("dram_energy", c.dram_energy);
    field("multiplier_area", c.multiplier_area);
    for_each_field(c.node, field);
}

/// One value of a file into the member of the same name.
class field_reader {
public:
    field_reader(std::string_view name, const nlohmann::json& value) : name_{name}, value_{&value} {}

    [[nodiscard]] status operator()(bool& to) const {
        if (!value_->is_boolean()) return wrong("true or false");
        to = value_->get<bool>();
        return ok();
    }
    template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>) [[nodiscard]] status operator()(T& to) const {
        if (!value_->is_number_unsigned() || value_->get<std::uint64_t>() > std::numeric_limits<T>::max())
            return wrong("a whole number from 0 to ", std::to_string(std::numeric_limits<T>::max()));
        to = value_->get<T>();
        return ok();
    }
    [[nodiscard]] status operator()(double& to) const {
        if (!value_->is_number() || !std::isfinite(value_->get<double>())) return wrong("a finite number");
        to = value_->get<double>();
        return ok();
    }
    template <class E>
    requires std::is_enum_v<E>
    [[nodiscard]] status operator()(E& to) const {
        std::string all;
        for (std::size_t i = 0; i < std::size(enum_names<E>::names); ++i) {
            if (value_->is_string() && value_->get_ref<const std::string&>() == enum_names<E>::names[i]) {
                to = static_cast<E>(i);
                return ok();
            }
            all += (i > 0 ? ", " : "") + std::string{enum_names<E>::names[i]};
        }
        return wrong("one of ", all);
    }
    [[nodiscard]] status operator()(loop_order& to) const {
        if (!value_->is_string()) return wrong("a permutation of b, i, j and k such as b_i_j_k");
        const auto order = loop_order::from(value_->get_ref<const std::string&>());
        if (!order) return order.error();
        to = *order;
        return ok();
    }
    /// A main memory by name, kind_banks_ranks_channels.
    [[nodiscard]] status operator()(memory_cost& to) const {
        std::string all;
        for (const memory_cost& m : acceltran_memories) {
            const std::string name = std::string{enum_names<memory_kind>::names[static_cast<std::size_t>(m.kind)]} + '_' +
                                     std::to_string(m.banks) + '_' + std::to_string(m.ranks) + '_' +
                                     std::to_string(m.channels);
            if (value_->is_string() && value_->get_ref<const std::string&>() == name) {
                to = m;
                return ok();
            }
            all += (all.empty() ? "" : ", ") + name;
        }
        return wrong("one of ", all);
    }

    /// A node by name.
    [[nodiscard]] status operator()(process_node& to) const {
        for (const process_node& n : {node_14nm, node_28nm, node_45nm})
            if (value_->is_string() && value_->get_ref<const std::string&>() == n.name) {
                to = n;
                return ok();
            }
        return wrong("14 nm, 28 nm or 45 nm");
    }

private:
    [[nodiscard]] error wrong(std::string_view expected, std::string_view more = {}) const {
        return fault(error_code::wrong_type, 0, "'", name_, "' is ", shown<60>(value_->dump(-1, ' ', true)), "; expected ",
                     expected, more);
    }
    std::string_view name_;
    const nlohmann::json* value_;
};

/// @p from with what @p document sets.
template <class Config>
[[nodiscard]] result<accelerator_config> config_from(const nlohmann::json& document, Config from) {
    const Config preset = from;
    std::vector<std::string_view> names{"type", "preset"};
    error wrong{};
    for_each_field(from, [&](std::string_view name, auto& member) {
        names.push_back(name);
        const auto value = document.find(name);
        if (value == document.end() || !wrong.message.empty()) return;
        if (const status s = field_reader{name, *value}(member); !s) wrong = s.error();
    });
    for (const auto& [key, value] : document.items()) {
        if (std::find(names.begin(), names.end(), key) != names.end()) continue;
        std::string all;
        for (const std::string_view name : std::span{names}.subspan(2)) all += (all.empty() ? "" : ", ") + std::string{name};
        return fault(error_code::unknown_name, 0, "'", shown<40>(key), "' is no field of this accelerator; expected ", all);
    }
    if (!wrong.message.empty()) return wrong;
    if (const status s = validate(from); !s) return s.error();
    if constexpr (std::same_as<Config, tiled_config>) from.costs = preset.costs.moved_to(from.costs.node);
    return accelerator_config{from};
}

} // namespace detail

/// The accelerator that a JSON object describes: "type" is tiled, systolic or row_wise; "preset", for tiled, edge (the
/// default) or server; each other key a field of tiled_config, systolic_config or row_wise_config, enumerators, memories and
/// nodes by name. "node" is "14 nm", "28 nm" or "45 nm", and "nanometres", "volts" and "megahertz" change it; the costs, but
/// those of main memory, move there. Errors name the key, its value and what is expected: `missing` without a type,
/// `unknown_name` for a type, preset or key that is not there, `wrong_type` for a value of another kind, those of
/// validate().
///
/// @code
/// {"type": "tiled", "preset": "edge", "lanes": 32, "memory": "rram_32_2_1", "order": "k_i_j_b"}
/// @endcode
[[nodiscard]] LUTRA_INLINE result<accelerator_config> accelerator_from(const nlohmann::json& document) {
    if (!document.is_object())
        return detail::fault(error_code::wrong_type, 0, "an accelerator is of type ", document.type_name(),
                             "; expected a JSON object");
    constexpr std::string_view types = "tiled, systolic or row_wise";
    const auto text_of = [&](const char* key, std::string_view otherwise) -> result<std::string> {
        const auto found = document.find(key);
        if (found == document.end()) {
            if (!otherwise.empty()) return std::string{otherwise};
            return detail::fault(error_code::missing, 0, "the accelerator has no '", key, "'; expected ", types);
        }
        if (!found->is_string())
            return detail::fault(error_code::wrong_type, 0, "'", key, "' is of type ", found->type_name(),
                                 "; expected a string");
        return found->get<std::string>();
    };
    const auto type = text_of("type", "");
    if (!type) return type.error();
    const bool tiled = *type == "tiled";
    const auto preset = text_of("preset", tiled ? "edge" : *type);
    if (!preset) return preset.error();
    if (tiled && *preset == "edge") return detail::config_from(document, acceltran_edge);
    if (tiled && *preset == "server") return detail::config_from(document, acceltran_server);
    const bool known = tiled || *type == "systolic" || *type == "row_wise";
    if (known && *preset != *type)
        return detail::fault(error_code::unknown_name, 0, "the preset '", detail::shown<40>(*preset),
                             "' is not known; expected ", tiled ? "edge or server" : "none for this type");
    if (*type == "systolic") return detail::config_from(document, scale_sim_32);
    if (*type == "row_wise") return detail::config_from(document, low_power_vit);
    return detail::fault(error_code::unknown_name, 0, "the accelerator type '", detail::shown<40>(*type),
                         "' is not known; expected ", types);
}

/// Reads an accelerator. Errors: also those of read_json; each with the path.
[[nodiscard]] LUTRA_INLINE result<accelerator_config> read_accelerator(const std::filesystem::path& path) {
    const auto document = read_json(path);
    if (!document) return document.error();
    auto config = accelerator_from(*document);
    if (!config) return detail::in_file(path.string(), config.error());
    return config;
}

/// A report as a JSON object: totals, passes and components; energies in nJ, areas in mm2.
[[nodiscard]] LUTRA_INLINE nlohmann::json to_json(const accelerator_report& r) {
    nlohmann::json components = nlohmann::json::array(), passes = nlohmann::json::object();
    for (const component_report& c : r.components())
        components.push_back({{"name", c.name},
                              {"kind", c.kind == component_kind::module   ? "module"
                                       : c.kind == component_kind::buffer ? "buffer"
                                                                          : "memory"},
                              {"count", c.count},
                              {"area_mm2", c.area},
                              {"dynamic_nj", c.dynamic_energy},
                              {"leakage_nj", c.leakage_energy},
                              {"utilization", c.utilization(r.cycles)},
                              {"reads", c.reads},
                              {"writes", c.writes},
                              {"bits", c.bits}});
    constexpr const char* names[]{"forward", "backward", "update"};
    for (std::size_t p = 0; p < r.passes.size(); ++p)
        passes[names[p]] = {{"cycles", r.passes[p].cycles}, {"dynamic_nj", r.passes[p].dynamic_energy}};
    return {{"cycles", r.cycles},
            {"seconds", r.seconds()},
            {"operations_per_second", r.operations_per_second()},
            {"macs", r.macs},
            {"executed_macs", r.executed_macs},
            {"energy_nj", r.energy()},
            {"dynamic_nj", r.dynamic_energy()},
            {"leakage_nj", r.leakage_energy()},
            {"power_w", r.power()},
            {"area_mm2", r.area()},
            {"passes", std::move(passes)},
            {"components", std::move(components)}};
}

} // namespace lutra
