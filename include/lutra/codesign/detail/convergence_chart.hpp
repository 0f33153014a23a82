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
[[nodiscard]] inline std::vector<std::pair<double, double>> steps_of(const std::vector<double>& evaluations,
                                                                     const std::vector<double>& volumes) {
    std::vector<std::pair<double, double>> steps;
    for (std::size_t i = 0; i < evaluations.size(); ++i)
        if (evaluations[i] >= 0 && !std::isnan(volumes[i])) steps.emplace_back(evaluations[i], volumes[i]);
    std::sort(steps.begin(), steps.end());
    return steps;
}
[[nodiscard]] inline std::vector<std::pair<double, double>> steps_of(const exploration_course& course) {
    return steps_of(course.evaluations, course.hypervolume);
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
[[nodiscard]] inline markup band_of(const svg_chart& chart, const std::vector<std::pair<double, double>>& low,
                                    const std::vector<std::pair<double, double>>& high) {
    markup band;
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
/// number to show. The first fiftieth is left out: it would take all the height.
[[nodiscard]] inline markup convergence_chart(const exploration_document& d) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    double first = infinity, last = -infinity, low = infinity, high = -infinity;
    for (const auto& course : d.convergence)
        for (const auto& [evaluations, volume] : steps_of(course)) last = std::max(last, evaluations);
    struct stairs {
        std::vector<std::pair<double, double>> median, least, greatest;
    };
    std::vector<stairs> lines;
    for (const auto& course : d.convergence) {
        stairs& s = lines.emplace_back();
        const auto take = [&](std::vector<std::pair<double, double>>& to, const std::vector<double>& volumes) {
            to = steps_of(course.evaluations, volumes);
            std::erase_if(to, [&](const auto& step) { return step.first < last / 50; });
            for (const auto& [evaluations, volume] : to) {
                first = std::min(first, evaluations);
                low = std::min(low, volume), high = std::max(high, volume);
            }
        };
        take(s.median, course.hypervolume);
        if (!course.least.empty()) take(s.least, course.least), take(s.greatest, course.greatest);
    }
    if (first > last) return {};
    svg_chart chart{svg_axis::linear(first, last), svg_axis::linear(low, high), "evaluations", "hypervolume",
                    "hypervolume against evaluations"};
    for (std::size_t m = lines.size(); m-- > 0;) { // the first method on top
        const auto& steps = lines[m].median;
        if (steps.empty()) continue;
        const markup band = band_of(chart, lines[m].least, lines[m].greatest);
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
