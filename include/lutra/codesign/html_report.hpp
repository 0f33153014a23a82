// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign writes reports into strings: leave it out of a freestanding build."
#endif

#include <lutra/codesign/detail/convergence_chart.hpp>
#include <lutra/codesign/detail/energy_bars.hpp>
#include <lutra/codesign/detail/markup.hpp>
#include <lutra/codesign/detail/pareto_chart.hpp>
#include <lutra/codesign/detail/report_headline.hpp>
#include <lutra/codesign/detail/report_style.hpp>
#include <lutra/codesign/detail/report_tables.hpp>
#include <lutra/codesign/detail/report_view.hpp>
#include <lutra/codesign/exploration_document.hpp>
#include <lutra/codesign/exploration_reader.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace lutra {

namespace detail::page {

/// What the marks of the Pareto charts mean.
inline void put_pareto_legend(markup& out, const report_view& view) {
    const auto item = [&out](const auto& drawing, std::string_view words) {
        out << "<li><svg viewBox=\"0 0 28 16\" aria-hidden=\"true\">" << drawing << "</svg>" << words << "</li>\n";
    };
    out << "<ul class=\"legend\">\n";
    item("<g class=\"points\"><circle cx=\"8\" cy=\"10\" r=\"2.4\"/><circle cx=\"15\" cy=\"6\" r=\"2.4\"/><circle cx=\"20\" "
         "cy=\"11\" r=\"2.4\"/></g>",
         "evaluated");
    item("<path class=\"stair\" d=\"M2 3H14V12H26\"/><circle class=\"front\" cx=\"14\" cy=\"12\" r=\"3.6\"/>", "front");
    if (view.document.chosen) {
        item("<circle class=\"ring\" cx=\"14\" cy=\"8\" r=\"6\"/>", "chosen");
        item("<rect class=\"reference\" x=\"9\" y=\"3\" width=\"10\" height=\"10\"/>", view.document.chosen->reference.name);
    }
    if (!view.document.uniform.empty())
        item("<path class=\"uniform\" d=\"M14 2l6 6l-6 6l-6-6z\"/>", "one multiplier in every layer");
    out << "</ul>\n";
}

inline void put_pareto(markup& out, const report_view& view) {
    const std::size_t count = view.document.objectives.size();
    out << "<section id=\"fronts\"><h2>Pareto fronts</h2>\n";
    if (count == 1) {
        out << "<p class=\"note\">There is one objective, and so no pair to draw.</p></section>\n";
        return;
    }
    const grey_points grey{view.document};
    if (grey.all.empty() && view.order.empty() && view.document.uniform.empty()) {
        out << "<p>There is nothing to draw: no configuration was feasible.</p></section>\n";
        return;
    }
    out << "<p>Less is better on every axis. A line joins the points that no other beats in the two objectives of a chart";
    if (count > 2) out << "; a point of the front beside it is on the front for another objective's sake";
    out << ".</p>\n";
    if (grey.drawn.size() < grey.all.size())
        out << "<p class=\"note\">Of " << count_text(grey.all.size()) << " evaluated points that are not on the front, "
            << count_text(grey.drawn.size()) << " are drawn, spread evenly.</p>\n";
    if (view.order.size() > max_front_marks)
        out << "<p class=\"note\">Of the front's " << count_text(view.order.size())
            << " points, each chart marks no more than " << max_front_marks
            << ", corners of its line first; the line passes through all.</p>\n";
    put_pareto_legend(out, view);
    out << "<div class=\"charts\">\n";
    for (std::size_t a = 0; a < count; ++a)
        for (std::size_t b = a + 1; b < count; ++b) {
            pareto_chart chart{view, grey, a, b};
            const std::size_t beyond = chart.beyond();
            out << "<figure>" << std::move(chart).finish();
            if (beyond > 0)
                out << "<figcaption>" << count_text(beyond) << " evaluated points lie beyond these axes.</figcaption>";
            out << "</figure>\n";
        }
    out << "</div></section>\n";
}

inline void put_convergence(markup& out, const exploration_document& d) {
    const markup chart = convergence_chart(d);
    if (chart.text().empty()) return;
    out << "<section id=\"convergence\"><h2>Convergence</h2>\n<p>The hypervolume that each method's front covers after so "
           "many "
        << "evaluations. More is better."
        << (std::any_of(d.convergence.begin(), d.convergence.end(), [](const auto& c) { return !c.least.empty(); })
                ? " Lines are the median of several runs, bands reach from the least to the greatest."
                : "")
        << "</p>\n<ul class=\"legend\">\n";
    for (std::size_t m = 0; m < d.convergence.size(); ++m) {
        const auto steps = steps_of(d.convergence[m]);
        out << "<li><svg viewBox=\"0 0 28 16\" aria-hidden=\"true\"><path class=\"" << line_class(d, m)
            << "\" d=\"M2 8H26\"/></svg>" << d.convergence[m].method;
        if (!steps.empty()) out << ": " << figure(steps.back().second);
        out << "</li>\n";
    }
    out << "</ul>\n<figure>" << chart << "</figure></section>\n";
}

inline void put_predictors(markup& out, const exploration_document& d) {
    if (d.predictors.empty()) return;
    out << "<section id=\"predictors\"><h2>How well accuracy was foretold</h2>\n<p>Of designs that were measured, too: the "
           "rank correlation (Spearman's; 1 is the same order), and how far a calibrated prediction is off.</p>\n"
           "<div class=\"scroll\"><table class=\"plain\"><thead><tr><th>predictor</th><th scope=\"col\">designs</th>"
           "<th scope=\"col\">rank correlation</th><th scope=\"col\">mean error<br/><small>points</small></th></tr>"
           "</thead><tbody>\n";
    for (const exploration_predictor& p : d.predictors)
        out << "<tr><th scope=\"row\">" << p.name << "</th><td>" << count_text(p.designs) << "</td><td>"
            << number_format{.decimals = 3}(p.rank_correlation) << "</td><td>" << number_format{.decimals = 2}(p.mean_error)
            << "</td></tr>\n";
    out << "</tbody></table></div></section>\n";
}

} // namespace detail::page

/// One page with all of an exploration: key figures, Pareto fronts, convergence, assignments, energies, sensitivities, the
/// front and the chosen policy. It needs no script and nothing from elsewhere, and its content security policy forbids both.
/// Every text of the document is escaped. At most 3,000 points that are not of the front are drawn, and 300 rows of the
/// front are shown, spread evenly, so that 20,000 evaluations stay below 3 MB. The same document gives the same bytes.
[[nodiscard]] LUTRA_INLINE std::string html_report(const exploration_document& d) {
    const detail::page::report_view view{d};
    detail::page::markup out;
    out << "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
           "img-src data:\"/>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
           "<link rel=\"icon\" href=\"data:,\"/>\n<title>"
        << d.title << "</title>\n";
    detail::page::put_style(out);
    out << "</head><body><main>\n";
    detail::page::put_headline(out, view);
    detail::page::put_pareto(out, view);
    detail::page::put_convergence(out, d);
    if (!d.front.empty()) {
        out << "<section id=\"assignments\"><h2>Which multiplier where</h2>\n<p>Rows are points of the front, by "
            << d.objectives[0].name << "; \xE2\x97\x8E is the chosen one.</p>\n";
        detail::page::put_assignments(out, view);
        out << "</section>\n";
    }
    if (d.chosen && !d.chosen->energy.empty()) {
        out << "<section id=\"energy\"><h2>Energy by component</h2>\n";
        detail::page::put_energy(out, *d.chosen);
        out << "</section>\n";
    }
    if (d.sensitivity) {
        out << "<section id=\"sensitivity\"><h2>Sensitivity</h2>\n<p>Accuracy lost, in points, where "
            << d.sensitivity->multiplier << " stands in one place only.</p>\n";
        detail::page::put_sensitivity(out, *d.sensitivity);
        out << "</section>\n";
    }
    detail::page::put_predictors(out, d);
    if (!d.front.empty()) {
        out << "<section id=\"front\"><h2>The front</h2>\n";
        detail::page::put_front(out, view);
        out << "</section>\n";
    }
    if (d.chosen && !d.chosen->policy.empty())
        out << "<section id=\"policy\"><h2>The chosen policy</h2>\n<pre><code>" << d.chosen->policy
            << "</code></pre></section>\n";
    out << "<footer>Written by lutra. Seed " << d.seed << ".</footer>\n</main></body></html>\n";
    return std::move(out).text();
}

/// The same from JSON. Errors: those of exploration_from.
///
/// @code
/// const auto document = lutra::read_json("report.json");
/// const auto page = lutra::html_report(*document);
/// @endcode
[[nodiscard]] LUTRA_INLINE result<std::string> html_report(const nlohmann::json& exploration) {
    const auto document = exploration_from(exploration);
    if (!document) return document.error();
    return html_report(*document);
}

} // namespace lutra
