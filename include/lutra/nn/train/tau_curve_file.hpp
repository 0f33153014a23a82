// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/nn/train is for hosts: ask a tau curve there and ship the threshold to firmware."
#endif

#include <lutra/io/json.hpp>
#include <lutra/prune/tau_curve.hpp>

#include <cmath>
#include <filesystem>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace lutra {

/// A curve as a JSON document: {"tau_curve": [{"tau": 0.0, "sparsity": 0.3, "accuracy": 0.92}, ...]}.
[[nodiscard]] inline nlohmann::json to_json(std::span<const tau_point> points) {
    nlohmann::json list = nlohmann::json::array();
    for (const tau_point& p : points) list.push_back({{"tau", p.tau}, {"sparsity", p.sparsity}, {"accuracy", p.accuracy}});
    return {{"tau_curve", std::move(list)}};
}

/// The points of the curve in @p document; other keys are passed over. Errors: `missing` for a key, `wrong_type` for what is
/// no array, object or number, those of tau_curve::make.
[[nodiscard]] LUTRA_INLINE result<std::vector<tau_point>> tau_points(const nlohmann::json& document) {
    const auto list = document.is_object() ? document.find("tau_curve") : document.end();
    if (!document.is_object() || list == document.end())
        return detail::fault(error_code::missing, 0, "the JSON document has no 'tau_curve'; expected an array of points");
    if (!list->is_array())
        return detail::fault(error_code::wrong_type, 0, "'tau_curve' is of type ", list->type_name(),
                             "; expected an array of points");
    std::vector<tau_point> points;
    for (const nlohmann::json& entry : *list) {
        double values[3];
        constexpr const char* keys[]{"tau", "sparsity", "accuracy"};
        for (std::size_t i = 0; i < 3; ++i) {
            const auto value = entry.is_object() ? entry.find(keys[i]) : entry.end();
            if (!entry.is_object() || value == entry.end())
                return detail::fault(error_code::missing, 0, "point ", points.size(), " of 'tau_curve' has no '", keys[i],
                                     "'; expected tau, sparsity and accuracy");
            if (!value->is_number())
                return detail::fault(error_code::wrong_type, 0, "'", keys[i], "' of point ", points.size(),
                                     " of 'tau_curve' is of type ", value->type_name(), "; expected a number");
            values[i] = value->get<double>();
        }
        constexpr float infinity = std::numeric_limits<float>::infinity(); // what the curve then refuses
        const bool fits = std::abs(values[0]) <= static_cast<double>(std::numeric_limits<float>::max());
        points.push_back({fits ? static_cast<float>(values[0]) : infinity, values[1], values[2]});
    }
    if (const auto curve = tau_curve::make(points); !curve) return curve.error();
    return points;
}

/// Reads a curve. Errors: also those of read_json; each with the path.
[[nodiscard]] LUTRA_INLINE result<std::vector<tau_point>> read_tau_points(const std::filesystem::path& path) {
    const auto document = read_json(path);
    if (!document) return document.error();
    auto points = tau_points(*document);
    if (!points) return detail::in_file(path.string(), points.error());
    return points;
}

/// Writes a curve. Errors: those of tau_curve::make and write_json.
inline status write_tau_points(const std::filesystem::path& path, std::span<const tau_point> points) {
    if (const auto curve = tau_curve::make(points); !curve) return curve.error();
    return write_json(path, to_json(points));
}

} // namespace lutra
