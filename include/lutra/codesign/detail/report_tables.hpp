// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/codesign/detail/markup.hpp>
#include <lutra/codesign/detail/report_view.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lutra::detail::page {

/// How many rows of the front a table shows, and how many cells a map.
inline constexpr std::size_t max_table_rows = 300, max_map_cells = 6000;

/// How many colours there are beside that of what is exact.
inline constexpr std::size_t palette_size = 21;

/// The alternatives of all genes, each once, as they come, and a colour for each: 0 for exact, the others in turn. Where
/// there are more than colours, some share one, and their names tell them apart.
struct alternative_colours {
    std::vector<std::string> names{};
    std::map<std::string, std::size_t> colours{};

    explicit alternative_colours(const exploration_document& d) {
        std::size_t next = 0;
        for (const auto& gene : d.genes)
            for (const std::string& name : gene.alternatives)
                if (!colours.contains(name)) {
                    names.push_back(name);
                    colours[name] = name == "exact" ? 0 : 1 + next++ % palette_size;
                }
    }
};

/// The rows that are shown of the front, by its first objective: all, or some spread evenly, with the chosen one.
[[nodiscard]] inline std::vector<std::size_t> shown_rows(const report_view& view, std::size_t limit) {
    std::vector<std::size_t> rows;
    for (const std::size_t i : thinned(view.order.size(), limit)) rows.push_back(i);
    for (std::size_t i = 0; i < view.order.size(); ++i)
        if (view.is_chosen(view.order[i]) && std::find(rows.begin(), rows.end(), i) == rows.end())
            rows.insert(std::lower_bound(rows.begin(), rows.end(), i), i);
    for (std::size_t& row : rows) row = view.order[row];
    return rows;
}
inline void put_rows_left_out(markup& out, std::size_t shown, std::size_t all) {
    if (shown < all)
        out << "<p class=\"note\">" << count_text(shown) << " of the front's " << count_text(all)
            << " points, spread evenly.</p>\n";
}

inline void put_row_head(markup& out, const report_view& view, std::size_t front) {
    if (view.is_chosen(front))
        out << "<tr class=\"chosen\"><th scope=\"row\">\xE2\x97\x8E ";
    else
        out << "<tr><th scope=\"row\">";
    out << view.document.front[front].number << "</th>";
}

/// Which alternative each point of the front takes for each gene: rows are points, columns genes.
inline void put_assignments(markup& out, const report_view& view) {
    const exploration_document& d = view.document;
    const alternative_colours alternatives{d};
    out << "<ul class=\"legend\">\n";
    for (const std::string& name : alternatives.names)
        out << "<li><span class=\"swatch k" << alternatives.colours.at(name) << "\"></span>" << name << "</li>\n";
    out << "</ul>\n<div class=\"scroll tall\"><table class=\"map\"><thead><tr><th scope=\"col\">no.</th><th scope=\"col\">"
        << d.objectives[0].name << "</th>";
    for (const auto& gene : d.genes) out << "<th scope=\"col\" class=\"gene\"><span>" << gene.name << "</span></th>";
    out << "</tr></thead><tbody>\n";
    const auto rows = shown_rows(view, std::max<std::size_t>(max_map_cells / d.genes.size(), 20));
    for (const std::size_t row : rows) {
        const auto& point = d.front[row];
        put_row_head(out, view, row);
        out << "<td class=\"number\">" << view.value(0, point.objectives[0]) << "</td>";
        for (std::size_t g = 0; g < point.genes.size(); ++g) {
            const std::string& name = d.genes[g].alternatives[point.genes[g]];
            out << "<td class=\"k" << alternatives.colours.at(name) << "\">" << cut(name, 16) << "</td>";
        }
        out << "</tr>\n";
    }
    out << "</tbody></table></div>\n";
    put_rows_left_out(out, rows.size(), d.front.size());
}

/// All that is known of the front's points; the best value of each column is bold.
inline void put_front(markup& out, const report_view& view) {
    const exploration_document& d = view.document;
    std::vector<double> best(d.objectives.size() + 1, std::numeric_limits<double>::infinity());
    for (const auto& point : d.front) {
        for (std::size_t k = 0; k < d.objectives.size(); ++k) best[k] = std::fmin(best[k], point.objectives[k]);
        best.back() = std::fmin(best.back(), -point.test_accuracy);
    }
    const bool accuracy = view.has_accuracy();
    out << "<div class=\"scroll tall\"><table class=\"plain\"><thead><tr><th scope=\"col\">no.</th>";
    for (std::size_t k = 0; k < d.objectives.size(); ++k)
        out << "<th scope=\"col\" title=\"" << d.objectives[k].label << "\">" << d.objectives[k].name << "<br/><small>"
            << view.unit(k) << "</small></th>";
    if (accuracy) out << "<th scope=\"col\">test accuracy<br/><small>%</small></th>";
    out << "</tr></thead><tbody>\n";
    const auto cell = [&](bool is_best, const std::string& text) {
        if (is_best)
            out << "<td><b>" << text << "</b></td>";
        else
            out << "<td>" << text << "</td>";
    };
    const auto rows = shown_rows(view, max_table_rows);
    for (const std::size_t row : rows) {
        const auto& point = d.front[row];
        put_row_head(out, view, row);
        for (std::size_t k = 0; k < d.objectives.size(); ++k)
            cell(point.objectives[k] <= best[k], view.numbers[k](point.objectives[k]));
        if (accuracy) cell(-point.test_accuracy <= best.back(), number_format{.decimals = 2}(100 * point.test_accuracy));
        out << "</tr>\n";
    }
    out << "</tbody></table></div>\n";
    put_rows_left_out(out, rows.size(), d.front.size());
}

/// How much accuracy each kind of layer of each block costs: vermilion for a loss, blue for a gain, the more the stronger.
inline void put_sensitivity(markup& out, const exploration_sensitivity& map) {
    double most = 0;
    std::vector<double> all;
    for (const auto& row : map.drop)
        for (const double drop : row)
            if (!std::isnan(drop)) most = std::max(most, std::abs(drop)), all.push_back(drop);
    const number_format numbers{.decimals = std::clamp(number_format::of(all).decimals, 1, 2)};
    out << "<p class=\"scale\"><span>gain</span><span class=\"ramp\"></span><span>loss of " << numbers(most)
        << " points</span></p>\n<div class=\"scroll\"><table class=\"map heat\"><thead><tr><th></th>";
    for (const std::string& column : map.columns) out << "<th scope=\"col\">" << column << "</th>";
    out << "</tr></thead><tbody>\n";
    for (std::size_t i = 0; i < map.rows.size(); ++i) {
        out << "<tr><th scope=\"row\">" << map.rows[i] << "</th>";
        for (const double drop : map.drop[i]) {
            const double strength = most > 0 && !std::isnan(drop) ? 0.75 * std::abs(drop) / most : 0;
            const std::string alpha = number_format{.decimals = 3}(strength);
            if (drop < 0)
                out << "<td style=\"background:rgba(86,180,233," << alpha << ")\">" << numbers(drop) << "</td>";
            else
                out << "<td style=\"background:rgba(213,94,0," << alpha << ")\">" << numbers(drop) << "</td>";
        }
        out << "</tr>\n";
    }
    out << "</tbody></table></div>\n";
}

} // namespace lutra::detail::page
