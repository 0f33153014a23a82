// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/codesign/detail/markup.hpp>
#include <lutra/codesign/detail/report_view.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lutra::detail::page {

/// One key figure.
inline void put_tile(markup& out, std::string_view name, std::string_view value, std::string_view note) {
    out << "<div class=\"tile\"><dt>" << name << "</dt><dd>" << value << "</dd>";
    if (!note.empty()) out << "<dd class=\"note\">" << note << "</dd>";
    out << "</div>\n";
}

/// The chosen configuration against the reference and against the best uniform assignment, in a sentence.
[[nodiscard]] inline std::string chosen_in_words(const report_view& view) {
    const exploration_document& d = view.document;
    const auto& chosen = d.front[d.chosen->front];
    const auto& reference = d.chosen->reference;
    const auto& uniform = d.chosen->best_uniform;
    const auto changes = [&](const std::string& from_reference, const std::string& from_uniform) {
        return " (" + from_reference + (uniform ? " and " + from_uniform : "") + ")";
    };
    std::string out = "Against " + reference.name + (uniform ? " and " + uniform->name + " in every layer" : "") +
                      ", the chosen configuration has";
    for (std::size_t k = 0; k < d.objectives.size(); ++k)
        out += (k > 0 ? ", " : " ") + d.objectives[k].label + " " + view.value(k, chosen.objectives[k]) +
               changes(view.change(k, chosen.objectives[k], reference.objectives[k]),
                       uniform ? view.change(k, chosen.objectives[k], uniform->objectives[k]) : "");
    if (!std::isnan(chosen.test_accuracy))
        out += ", test accuracy " + percent(chosen.test_accuracy, 2) +
               changes(view.accuracy_change(chosen.test_accuracy, reference.test_accuracy),
                       uniform ? view.accuracy_change(chosen.test_accuracy, uniform->test_accuracy) : "");
    return out + ".";
}

/// The chosen configuration, the reference and the best uniform assignment one below the other.
inline void put_comparison(markup& out, const report_view& view) {
    const exploration_document& d = view.document;
    const auto& chosen = d.front[d.chosen->front];
    const bool accuracy = view.has_accuracy();
    out << "<div class=\"scroll\"><table class=\"plain\"><thead><tr><th></th>";
    for (std::size_t k = 0; k < d.objectives.size(); ++k) out << "<th scope=\"col\">" << d.objectives[k].label << "</th>";
    if (accuracy) out << "<th scope=\"col\">test accuracy</th>";
    out << "</tr></thead><tbody>\n";
    const auto row = [&](std::string_view name, const std::vector<double>& objectives, double test_accuracy) {
        out << "<th scope=\"row\">" << name << "</th>";
        for (std::size_t k = 0; k < objectives.size(); ++k) out << "<td>" << view.value(k, objectives[k]) << "</td>";
        if (accuracy) out << "<td>" << percent(test_accuracy, 2) << "</td>";
        out << "</tr>\n";
    };
    out << "<tr class=\"chosen\">";
    row("chosen, no. " + std::to_string(chosen.number), chosen.objectives, chosen.test_accuracy);
    out << "<tr>";
    row(d.chosen->reference.name, d.chosen->reference.objectives, d.chosen->reference.test_accuracy);
    if (const auto& uniform = d.chosen->best_uniform) {
        out << "<tr>";
        row(uniform->name + " in every layer", uniform->objectives, uniform->test_accuracy);
    }
    out << "</tbody></table></div>\n";
}

/// The title, what was explored, the chosen configuration in a sentence, and the key figures.
inline void put_headline(markup& out, const report_view& view) {
    const exploration_document& d = view.document;
    out << "<header>\n<h1>" << d.title << "</h1>\n<p class=\"what\"><b>" << d.network << "</b> on <b>" << d.accelerator
        << "</b>, searched with <b>" << d.method << "</b></p>\n";
    if (d.chosen) {
        if (!d.chosen->sentence.empty()) out << "<p class=\"lead\">" << d.chosen->sentence << "</p>\n";
        out << "<p>" << chosen_in_words(view) << "</p>\n";
        put_comparison(out, view);
    }
    const bool timed = d.seconds > 0;
    const double evaluations = static_cast<double>(d.evaluations);
    out << "<dl class=\"tiles\">\n";
    put_tile(out, "evaluations", count_text(d.evaluations),
             "on " + count_text(d.images) + " images, seed " + std::to_string(d.seed));
    put_tile(out, "evaluations a second", timed ? figure(evaluations / d.seconds) : no_number,
             timed ? "in " + figure(d.seconds) + " s" : "");
    put_tile(out, "infeasible", count_text(d.infeasible),
             d.evaluations > 0 ? percent(static_cast<double>(d.infeasible) / evaluations) : "");
    put_tile(out, "hypervolume", figure(d.hypervolume), "more is better");
    put_tile(out, "on the front", count_text(d.front.size()), "not dominated");
    put_tile(out, "time in the search itself", percent(d.overhead_share, 2), "the rest is evaluation");
    out << "</dl>\n</header>\n";
}

} // namespace lutra::detail::page
