// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/codesign/svg_chart.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lutra::detail::page {

/// Finds room for labels beside the marks of a chart: the first place, near ones first, where a label covers no mark, no
/// other label and stays inside; where there is none, the label is left out and the mark's tooltip has to do.
class label_places {
public:
    /// Keeps labels off a mark that reaches @p radius around (@p x, @p y).
    void keep_off(double x, double y, double radius) { taken_.push_back({x - radius, y - radius, x + radius, y + radius}); }

    /// Writes @p words beside the mark at (@p x, @p y), with a thin line to it where they are far.
    void label(svg_chart& chart, std::string_view style, double x, double y, std::string_view words) {
        const std::string shown = cut(words, 24);
        const double wide = 6.4 * static_cast<double>(characters(shown)), tall = 11;
        struct direction {
            double x, y;
        };
        constexpr std::array<direction, 8> directions{
            {{1, 0}, {-1, 0}, {0, -1}, {0, 1}, {0.8, -0.8}, {0.8, 0.8}, {-0.8, -0.8}, {-0.8, 0.8}}};
        for (const double far : {10.0, 22.0, 36.0, 52.0})
            for (const direction d : directions) {
                const double at_x = x + far * d.x, at_y = y + far * d.y;
                const double from = d.x > 0 ? at_x : d.x < 0 ? at_x - wide : at_x - wide / 2;
                const box place{from - 1, at_y - tall / 2, from + wide + 1, at_y + tall / 2};
                if (!free(place)) continue;
                taken_.push_back(place);
                if (far > 10)
                    chart.body() << "<path class=\"leader\" d=\"M" << x << " " << y << "L" << at_x << " " << at_y << "\"/>";
                chart.text(style, d.x > 0 ? "start" : d.x < 0 ? "end" : "middle", at_x, at_y + 4, shown);
                return;
            }
    }

private:
    struct box {
        double left, top, right, bottom;
    };
    [[nodiscard]] bool free(const box& b) const {
        if (b.left < svg_chart::left || b.right > svg_chart::width || b.top < 0 || b.bottom > svg_chart::bottom)
            return false;
        for (const box& t : taken_)
            if (b.left < t.right && t.left < b.right && b.top < t.bottom && t.top < b.bottom) return false;
        return true;
    }
    std::vector<box> taken_{};
};

} // namespace lutra::detail::page
