// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/codesign/detail/label_places.hpp>
#include <lutra/codesign/detail/report_view.hpp>
#include <lutra/codesign/svg_chart.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace lutra::detail::page {

/// How many points that are not of the front, and how many of the front, are drawn at most in one chart.
inline constexpr std::size_t max_grey_points = 3000, max_front_marks = 400;

/// The feasible points that are not of the front, and those of them that are drawn, thinned evenly where there are many.
struct grey_points {
    std::vector<std::size_t> all{}, drawn{};

    explicit grey_points(const exploration_document& d) {
        std::set<std::vector<double>> front;
        const auto feasible = [](const std::vector<double>& objectives) {
            return std::none_of(objectives.begin(), objectives.end(), [](double v) { return std::isnan(v); });
        };
        for (const auto& point : d.front)
            if (feasible(point.objectives)) front.insert(point.objectives);
        for (std::size_t i = 0; i < d.points.size(); ++i)
            if (feasible(d.points[i]) && !front.contains(d.points[i])) all.push_back(i);
        for (const std::size_t i : thinned(all.size(), max_grey_points)) drawn.push_back(all[i]);
    }
};

/// Two objectives against each other.
class pareto_chart {
public:
    /// Objective @p a to the right and @p b upwards.
    pareto_chart(const report_view& view, const grey_points& grey, std::size_t a, std::size_t b)
        : view_{view},
          a_{a},
          b_{b},
          chart_{axis(grey, a), axis(grey, b), view.axis_label(a), view.axis_label(b),
                 view.document.objectives[a].name + " against " + view.document.objectives[b].name} {
        draw_front_area();
        draw_grey(grey);
        draw_front();
        draw_references();
        draw_chosen();
        for (const auto& [style, x, y, words] : labels_) places_.label(chart_, style, x, y, words);
    }

    /// How many of the grey points lie beyond the axes, which would else show nothing but them.
    [[nodiscard]] std::size_t beyond() const noexcept { return beyond_; }
    [[nodiscard]] markup finish() && { return std::move(chart_).finish(); }

private:
    struct mark_label {
        const char* style;
        double x, y;
        std::string words;
    };
    static constexpr double infinity = std::numeric_limits<double>::infinity();

    /// From the least value to the greatest; to no more than three times what the front and the uniform assignments cover.
    [[nodiscard]] svg_axis axis(const grey_points& grey, std::size_t k) {
        const exploration_document& d = view_.document;
        double low = infinity, high = -infinity, all = -infinity;
        const auto cover = [&](const std::vector<double>& objectives) {
            if (!std::isnan(objectives[k])) low = std::min(low, objectives[k]), high = std::max(high, objectives[k]);
        };
        for (const auto& point : d.front) cover(point.objectives);
        for (const auto& uniform : d.uniform) cover(uniform.objectives);
        if (d.chosen) cover(d.chosen->reference.objectives);
        const double matters = high - low;
        for (const std::size_t i : grey.all) low = std::min(low, d.points[i][k]), all = std::max(all, d.points[i][k]);
        if (low > std::max(high, all)) return limits_[k == b_ ? 1 : 0] = 1, svg_axis::linear(0, 1); // there is nothing
        const double most = matters > 0 ? low + 3 * matters : infinity;
        limits_[k == b_ ? 1 : 0] = std::max(high, std::min(all, most));
        return svg_axis::linear(low, limits_[k == b_ ? 1 : 0]);
    }
    [[nodiscard]] bool can_draw(const std::vector<double>& objectives) const {
        return !std::isnan(objectives[a_]) && !std::isnan(objectives[b_]);
    }
    [[nodiscard]] double x(const std::vector<double>& objectives) const { return chart_.x(objectives[a_]); }
    [[nodiscard]] double y(const std::vector<double>& objectives) const { return chart_.y(objectives[b_]); }

    void draw_grey(const grey_points& grey) {
        const auto inside = [this](const std::vector<double>& point) {
            return point[a_] <= limits_[0] && point[b_] <= limits_[1];
        };
        for (const std::size_t i : grey.all) beyond_ += inside(view_.document.points[i]) ? 0u : 1u;
        chart_.body() << "<g class=\"points\">";
        for (const std::size_t i : grey.drawn)
            if (const auto& point = view_.document.points[i]; inside(point))
                chart_.body() << "<circle cx=\"" << x(point) << "\" cy=\"" << y(point) << "\" r=\"1.9\"/>";
        chart_.body() << "</g>\n";
    }

    /// What the points that no other point of the front beats in these two objectives dominate, and its border.
    void draw_front_area() {
        struct corner {
            double right, up;
            std::size_t front;
        };
        const exploration_document& d = view_.document;
        std::vector<corner> corners;
        for (std::size_t i = 0; i < d.front.size(); ++i)
            if (const auto& costs = d.front[i].objectives; can_draw(costs)) corners.push_back({costs[a_], costs[b_], i});
        std::sort(corners.begin(), corners.end(), [](const corner& one, const corner& other) {
            return one.right < other.right || (one.right == other.right && one.up < other.up);
        });
        markup stair;
        double lowest = infinity, last_x = 0, last_y = 0;
        for (const corner& c : corners) {
            if (!(c.up < lowest)) continue;
            const double to_x = chart_.x(c.right), to_y = chart_.y(c.up);
            const bool first = lowest == infinity;
            lowest = c.up;
            if (!first && to_x - last_x < 0.5 && to_y - last_y < 0.5) continue; // nobody could see it
            if (first)
                stair << "M" << to_x << " " << svg_chart::top << "V" << to_y;
            else
                stair << "H" << to_x << "V" << to_y;
            last_x = to_x, last_y = to_y;
            if (corners_.size() < max_front_marks) corners_.insert(c.front);
        }
        if (corners.empty()) return;
        stair << "H" << svg_chart::right;
        chart_.body() << "<path class=\"front-area\" d=\"" << stair << "V" << svg_chart::top
                      << "Z\"/><path class=\"stair\" d=\"" << stair << "\"/>\n";
    }

    void draw_front() {
        const exploration_document& d = view_.document;
        std::set<std::size_t> drawn = corners_;
        const std::size_t all = view_.order.size(), left = all > max_front_marks ? max_front_marks - corners_.size() : all;
        for (const std::size_t i : thinned(all, left)) drawn.insert(view_.order[i]);
        for (const std::size_t i : drawn) {
            const auto& point = d.front[i];
            if (!can_draw(point.objectives)) continue;
            chart_.body() << "<circle class=\"front\" cx=\"" << x(point.objectives) << "\" cy=\"" << y(point.objectives)
                          << "\" r=\"3.6\"><title>no. " << point.number << ": " << view_.values(point.objectives)
                          << "</title></circle>\n";
            places_.keep_off(x(point.objectives), y(point.objectives), 3);
        }
    }

    void draw_references() {
        const exploration_document& d = view_.document;
        const std::string exact = d.chosen ? d.chosen->reference.name : std::string{};
        for (const auto& uniform : d.uniform) {
            if (!can_draw(uniform.objectives) || (d.chosen && uniform.name == exact)) continue;
            const double at_x = x(uniform.objectives), at_y = y(uniform.objectives);
            chart_.body() << "<path class=\"uniform\" d=\"M" << at_x << " " << at_y - 6 << "l6 6l-6 6l-6-6z\"><title>"
                          << uniform.name << " in every layer: " << view_.values(uniform.objectives) << "</title></path>\n";
            places_.keep_off(at_x, at_y, 6);
            labels_.push_back({"mark", at_x, at_y, uniform.name});
        }
        if (!d.chosen || !can_draw(d.chosen->reference.objectives)) return;
        const double at_x = x(d.chosen->reference.objectives), at_y = y(d.chosen->reference.objectives);
        chart_.body() << "<rect class=\"reference\" x=\"" << at_x - 5 << "\" y=\"" << at_y - 5
                      << "\" width=\"10\" height=\"10\"><title>" << exact << ": "
                      << view_.values(d.chosen->reference.objectives) << "</title></rect>\n";
        places_.keep_off(at_x, at_y, 5);
        labels_.insert(labels_.begin(), {"mark strong", at_x, at_y, exact});
    }

    void draw_chosen() {
        if (!view_.document.chosen) return;
        const auto& point = view_.document.front[view_.document.chosen->front];
        if (!can_draw(point.objectives)) return;
        const double at_x = x(point.objectives), at_y = y(point.objectives);
        chart_.body() << "<circle class=\"ring\" cx=\"" << at_x << "\" cy=\"" << at_y << "\" r=\"8\"><title>chosen, no. "
                      << point.number << ": " << view_.values(point.objectives) << "</title></circle>\n";
        places_.keep_off(at_x, at_y, 8);
        labels_.insert(labels_.begin(), {"mark strong", at_x, at_y, "chosen"});
    }

    const report_view& view_;
    std::size_t a_, b_;
    double limits_[2]{}; ///< what the axes were made for, before chart_, which asks for it
    svg_chart chart_;
    std::size_t beyond_ = 0;
    std::set<std::size_t> corners_{}; ///< of the stair, as indices into the front
    label_places places_{};
    std::vector<mark_label> labels_{};
};

} // namespace lutra::detail::page
