// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/codesign/exploration_document.hpp>
#include <lutra/codesign/svg_chart.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace lutra::detail::page {

/// The classes of a method's line: the random baseline apart, the others in turn.
[[nodiscard]] inline std::string line_class(const exploration_document& d, std::size_t method) {
    if (d.convergence[method].method == "random") return "line random";
    std::size_t before = 0;
    for (std::size_t i = 0; i < method; ++i) before += d.convergence[i].method != "random" ? 1u : 0u;
    return "line line" + std::to_string(before % 6);
}

/// The steps of a method's line: evaluations and hypervolume, in that order, without what is no number.
[[nodiscard]] inline std::vector<std::pair<double, double>> steps_of(const exploration_course& course) {
    std::vector<std::pair<double, double>> steps;
    for (std::size_t i = 0; i < course.evaluations.size(); ++i)
        if (course.evaluations[i] >= 0 && !std::isnan(course.hypervolume[i]))
            steps.emplace_back(course.evaluations[i], course.hypervolume[i]);
    std::sort(steps.begin(), steps.end());
    return steps;
}

/// The stair through @p steps, from the first one's place on.
inline void put_stair(markup& line, const svg_chart& chart, const std::vector<std::pair<double, double>>& steps) {
    double at_x = chart.x(steps[0].first), at_y = chart.y(steps[0].second);
    line << at_x << " " << at_y;
    for (const auto& [evaluations, volume] : steps) {
        const double x = chart.x(evaluations), y = chart.y(volume);
        if (std::abs(x - at_x) < 0.5 || std::abs(y - at_y) < 0.05) continue; // nobody could see it
        line << "H" << x << "V" << y;
        at_x = x, at_y = y;
    }
    line << "H" << chart.x(steps.back().first) << "V" << chart.y(steps.back().second);
}

/// What lies between the runs of a method, the least and the greatest; empty where there was one run.
[[nodiscard]] inline markup band_of(const svg_chart& chart, const exploration_course& course) {
    markup band;
    if (course.least.empty()) return band;
    const auto bound = [&](const std::vector<double>& volumes) {
        return steps_of({course.method, course.evaluations, volumes, {}, {}});
    };
    const auto low = bound(course.least), high = bound(course.greatest);
    if (low.empty() || high.empty()) return band;
    band << "M";
    put_stair(band, chart, high);
    for (std::size_t i = low.size(); i-- > 0;) { // back along the lower stair: down before left
        const double y = chart.y(low[i].second), x = chart.x(low[i].first);
        if (i == low.size() - 1) band << "V" << y;
        if (i > 0 && low[i - 1].second == low[i].second) continue;
        band << "H" << x;
        if (i > 0) band << "V" << chart.y(low[i - 1].second);
    }
    band << "Z";
    return band;
}

/// Hypervolume against evaluations, a stair for each method and what lies between its runs; empty where no method has a
/// number to show. The axis of the evaluations is logarithmic where the last are 100 times the first or more.
[[nodiscard]] inline markup convergence_chart(const exploration_document& d) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    double first = infinity, last = -infinity, low = infinity, high = -infinity;
    std::vector<std::vector<std::pair<double, double>>> lines;
    for (const auto& course : d.convergence) {
        for (const auto& [evaluations, volume] : lines.emplace_back(steps_of(course))) {
            first = std::min(first, evaluations), last = std::max(last, evaluations);
            low = std::min(low, volume), high = std::max(high, volume);
        }
        for (const double volume : course.least) low = volume < low ? volume : low; // not what is NaN
        for (const double volume : course.greatest) high = volume > high ? volume : high;
    }
    if (first > last) return {};
    const bool logarithmic = first > 0 && last >= 100 * first;
    svg_chart chart{logarithmic ? svg_axis::logarithmic(first, last) : svg_axis::linear(first, last),
                    svg_axis::linear(low, high), logarithmic ? "evaluations (logarithmic)" : "evaluations", "hypervolume",
                    "hypervolume against evaluations"};
    for (std::size_t m = lines.size(); m-- > 0;) { // the first method on top
        const auto& steps = lines[m];
        if (steps.empty()) continue;
        const markup band = band_of(chart, d.convergence[m]);
        if (!band.text().empty()) chart.body() << "<path class=\"" << line_class(d, m) << " band\" d=\"" << band << "\"/>\n";
        markup line;
        line << "M";
        put_stair(line, chart, steps);
        chart.body() << "<path class=\"" << line_class(d, m) << "\" d=\"" << line << "\"><title>" << d.convergence[m].method
                     << ": " << figure(steps.back().second) << " after " << number_format{}(steps.back().first)
                     << " evaluations</title></path>\n";
    }
    return std::move(chart).finish();
}

} // namespace lutra::detail::page
