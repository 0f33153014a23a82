// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/codesign/detail/report_tables.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

namespace lutra::detail::page {

/// Energies in a unit that suits the greatest of them.
struct energy_text {
    double scale = 1;
    std::string_view unit = "nJ";
    number_format numbers{};

    [[nodiscard]] static energy_text of(double most_nj) {
        energy_text text;
        if (most_nj >= 1e3) text.scale = 1e-3, text.unit = "\xC2\xB5J";
        if (most_nj >= 1e6) text.scale = 1e-6, text.unit = "mJ";
        const double most = most_nj * text.scale;
        text.numbers = number_format::of({&most, 1});
        text.numbers.decimals = std::clamp(text.numbers.decimals, 1, 3);
        return text;
    }
    [[nodiscard]] std::string operator()(double nj) const { return numbers(nj * scale); }
};

/// What each component takes in the chosen configuration and in the reference: a stacked bar each, and a table, which is the
/// legend as well. What is no number, or negative, has no length.
inline void put_energy(markup& out, const exploration_choice& chosen) {
    const auto length = [](double nj) { return nj > 0 ? nj : 0.0; };
    double totals[2]{};
    for (const auto& c : chosen.energy) totals[0] += length(c.chosen_nj), totals[1] += length(c.reference_nj);
    const double most = std::max(totals[0], totals[1]);
    const energy_text text = energy_text::of(most);
    const std::string names[]{"chosen", cut(chosen.reference.name, 12)};

    out << "<svg class=\"bars\" viewBox=\"0 0 960 128\" role=\"img\" aria-label=\"energy by component\">\n";
    for (int bar = 0; bar < 2; ++bar) {
        const double y = bar * 62 + 4;
        double x = 90;
        out << "<text class=\"mark strong\" text-anchor=\"end\" x=\"80\" y=\"" << y + 31 << "\">" << names[bar]
            << "</text>\n";
        for (std::size_t i = 0; i < chosen.energy.size(); ++i) {
            const auto& c = chosen.energy[i];
            const double nj = length(bar == 0 ? c.chosen_nj : c.reference_nj);
            const double wide = most > 0 ? 740 * (nj / most) : 0;
            if (wide > 0.05) {
                out << "<rect class=\"k" << 1 + i % palette_size << "\" x=\"" << x << "\" y=\"" << y << "\" width=\"" << wide
                    << "\" height=\"52\"><title>" << c.name << ": " << text(nj) << " " << text.unit << ", "
                    << percent(nj / totals[bar]) << "</title></rect>\n";
            }
            x += wide;
        }
        out << "<text class=\"mark strong\" x=\"" << x + 8 << "\" y=\"" << y + 31 << "\">" << text(totals[bar]) << " "
            << text.unit << "</text>\n";
    }
    out << "</svg>\n<div class=\"scroll\"><table class=\"plain\"><thead><tr><th scope=\"col\">component</th><th "
           "scope=\"col\">"
        << "chosen<br/><small>" << text.unit << "</small></th><th scope=\"col\">" << chosen.reference.name << "<br/><small>"
        << text.unit << "</small></th><th scope=\"col\">change</th></tr></thead><tbody>\n";
    const auto row = [&](double nj, double reference) {
        out << "<td>" << text(nj) << "</td><td>" << text(reference) << "</td><td>"
            << (reference > 0 ? with_sign(percent((nj - reference) / reference)) : std::string{no_number}) << "</td></tr>\n";
    };
    for (std::size_t i = 0; i < chosen.energy.size(); ++i) {
        out << "<tr><th scope=\"row\"><span class=\"swatch k" << 1 + i % palette_size << "\"></span>"
            << chosen.energy[i].name << "</th>";
        row(chosen.energy[i].chosen_nj, chosen.energy[i].reference_nj);
    }
    out << "<tr class=\"total\"><th scope=\"row\">all</th>";
    row(totals[0], totals[1]);
    out << "</tbody></table></div>\n";
}

} // namespace lutra::detail::page
