// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/codesign/detail/markup.hpp>
#include <lutra/codesign/detail/number_format.hpp>
#include <lutra/codesign/exploration_document.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lutra::detail::page {

/// @p n indices, or @p limit of them spread evenly.
[[nodiscard]] inline std::vector<std::size_t> thinned(std::size_t n, std::size_t limit) {
    std::vector<std::size_t> kept(std::min(n, limit));
    for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = n <= limit ? i : i * n / limit;
    return kept;
}

/// A unit as it is written where there are more characters than on a keyboard; a long one is cut.
[[nodiscard]] inline std::string shown_unit(std::string_view unit) {
    if (unit == "uJ" || unit == "us" || unit == "uW" || unit == "um") return "\xC2\xB5" + std::string{unit.substr(1)};
    if (unit == "mm2" || unit == "um2") return shown_unit(unit.substr(0, 2)) + "\xC2\xB2";
    return cut(unit, 16);
}

/// A document, and how its numbers are shown wherever they occur.
struct report_view {
    const exploration_document& document;
    std::vector<number_format> numbers{}; ///< an objective each
    std::vector<std::size_t> order{};     ///< the front, by its first objective, then the others; what has no number last

    explicit report_view(const exploration_document& d) : document{d} {
        for (std::size_t k = 0; k < d.objectives.size(); ++k) {
            std::vector<double> values;
            for (const auto& point : d.front) values.push_back(point.objectives[k]);
            for (const auto& uniform : d.uniform) values.push_back(uniform.objectives[k]);
            if (d.chosen) values.push_back(d.chosen->reference.objectives[k]);
            numbers.push_back(number_format::of(values));
        }
        order = thinned(d.front.size(), d.front.size());
        std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            for (std::size_t k = 0; k < d.objectives.size(); ++k) {
                const double x = d.front[a].objectives[k], y = d.front[b].objectives[k];
                if (std::isnan(x) != std::isnan(y)) return std::isnan(y);
                if (x < y || y < x) return x < y;
            }
            return a < b;
        });
    }

    [[nodiscard]] bool is_chosen(std::size_t front) const { return document.chosen && document.chosen->front == front; }
    [[nodiscard]] std::string unit(std::size_t k) const { return shown_unit(document.objectives[k].unit); }
    /// "12.3 uJ".
    [[nodiscard]] std::string value(std::size_t k, double v) const {
        const std::string u = std::isnan(v) ? std::string{} : unit(k);
        return numbers[k](v) + (u.empty() ? "" : no_break) + u;
    }
    /// "error 9.1 %, energy 12.3 uJ".
    [[nodiscard]] std::string values(const std::vector<double>& objectives) const {
        std::string out;
        for (std::size_t k = 0; k < objectives.size(); ++k)
            out += (k > 0 ? ", " : "") + cut(document.objectives[k].name, 24) + " " + value(k, objectives[k]);
        return out;
    }
    /// How much @p v is more than @p from: in per cent, and in points where that is what it is measured in.
    [[nodiscard]] std::string change(std::size_t k, double v, double from) const {
        if (document.objectives[k].unit == "%")
            return std::isnan(v - from) ? std::string{no_number} : with_sign(numbers[k](v - from)) + " points";
        return from > 0 ? with_sign(percent((v - from) / from)) : std::string{no_number};
    }
    [[nodiscard]] static std::string accuracy_change(double v, double from) {
        return std::isnan(v - from) ? std::string{no_number}
                                    : with_sign(number_format{.decimals = 2}(100 * (v - from))) + " points";
    }
    [[nodiscard]] std::string axis_label(std::size_t k) const {
        return document.objectives[k].label + (document.objectives[k].unit.empty() ? "" : " (" + unit(k) + ")");
    }
    [[nodiscard]] bool has_accuracy() const {
        return std::any_of(document.front.begin(), document.front.end(),
                           [](const auto& point) { return !std::isnan(point.test_accuracy); });
    }
};

} // namespace lutra::detail::page
