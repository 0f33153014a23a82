// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#if !LUTRA_HOSTED
    #error "lutra/codesign draws charts into strings: leave it out of a freestanding build."
#endif

#include <lutra/codesign/detail/markup.hpp>
#include <lutra/codesign/detail/number_format.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lutra {

/// One axis of a chart: what it covers, and where its ticks are.
class svg_axis {
public:
    /// From @p low to @p high, both finite, with a twentieth to spare on either side, except below 0 where nothing is
    /// negative. Where they are equal, or as good as equal, some of what is around them.
    [[nodiscard]] static svg_axis linear(double low, double high) {
        svg_axis axis;
        const double size = std::max(std::abs(low), std::abs(high));
        const double spare = high - low > 1e-9 * size ? (high - low) / 20 : size > 0 ? size / 20 : 1;
        axis.low_ = low >= 0 ? std::max(low - spare, 0.0) : low - spare;
        axis.high_ = high + spare;
        axis.ticks_every(axis.nice_step());
        return axis;
    }
    /// Where @p v stands: 0 at the low end, 1 at the high one.
    [[nodiscard]] double place(double v) const { return (v - low_) / (high_ - low_); }
    [[nodiscard]] const std::vector<double>& ticks() const noexcept { return ticks_; }
    [[nodiscard]] std::string tick_text(double tick) const { return numbers_(tick); }

private:
    /// One, two or five times a power of ten, so that there are four to nine ticks.
    [[nodiscard]] std::pair<int, int> nice_step() const {
        const double rough = (high_ - low_) / 6;
        const int power = detail::page::exponent_of(rough);
        const double digit = rough / std::pow(10.0, power);
        return digit < 1.5   ? std::pair{1, power}
               : digit < 3.5 ? std::pair{2, power}
               : digit < 7.5 ? std::pair{5, power}
                             : std::pair{1, power + 1};
    }
    void ticks_every(std::pair<int, int> step) {
        // Counted, not added up: adding may stand still or run on for ever.
        const double ten = std::pow(10.0, std::abs(step.second));
        const auto value = [&](double k) { return step.second < 0 ? k * step.first / ten : k * step.first * ten; };
        const double first = std::ceil(low_ / value(1));
        for (int i = 0; i < 20; ++i)
            if (const double tick = value(first + i); tick >= low_ && tick <= high_) ticks_.push_back(tick);
        const double most = std::max(std::abs(low_), std::abs(high_));
        const bool scientific = most >= 1e7 || step.second < -6;
        numbers_ = {.decimals =
                        scientific ? std::max(detail::page::exponent_of(most) - step.second, 0) : std::max(-step.second, 0),
                    .scientific = scientific};
    }

    double low_ = 0, high_ = 1;
    std::vector<double> ticks_{};
    detail::page::number_format numbers_{};
};

/// A chart with two axes, a grid and labels, to draw on: inline SVG as wide as there is room. Its colours come from the
/// page's classes `grid`, `frame`, `tick` and `axis`.
class svg_chart {
public:
    static constexpr double width = 560, height = 400, left = 72, right = 546, top = 14, bottom = 346;

    /// @p description is for who cannot see it.
    svg_chart(svg_axis x_axis, svg_axis y_axis, std::string_view x_label, std::string_view y_label,
              std::string_view description)
        : x_{std::move(x_axis)}, y_{std::move(y_axis)} {
        body_ << "<svg class=\"chart\" viewBox=\"0 0 " << width << " " << height << "\" role=\"img\" aria-label=\""
              << description << "\"><path class=\"grid\" d=\"";
        for (const double tick : x_.ticks()) body_ << "M" << x(tick) << " " << top << "V" << bottom;
        for (const double tick : y_.ticks()) body_ << "M" << left << " " << y(tick) << "H" << right;
        body_ << "\"/><path class=\"frame\" d=\"M" << left << " " << top << "V" << bottom << "H" << right << "\"/>\n";
        for (const double tick : x_.ticks()) text("tick", "middle", x(tick), bottom + 18, x_.tick_text(tick));
        for (const double tick : y_.ticks()) text("tick", "end", left - 8, y(tick) + 4, y_.tick_text(tick));
        text("axis", "middle", (left + right) / 2, height - 10, detail::page::cut(x_label, 70));
        body_ << "<text class=\"axis\" text-anchor=\"middle\" transform=\"translate(16 " << (top + bottom) / 2
              << ") rotate(-90)\">" << detail::page::cut(y_label, 50) << "</text>\n";
    }

    [[nodiscard]] double x(double v) const { return left + x_.place(v) * (right - left); }
    [[nodiscard]] double y(double v) const { return bottom - y_.place(v) * (bottom - top); }

    /// Where what is drawn goes.
    [[nodiscard]] detail::page::markup& body() noexcept { return body_; }
    /// Words; @p anchor is start, middle or end.
    void text(std::string_view style, std::string_view anchor, double at_x, double at_y, std::string_view words) {
        body_ << "<text class=\"" << style << "\" text-anchor=\"" << anchor << "\" x=\"" << at_x << "\" y=\"" << at_y
              << "\">" << words << "</text>\n";
    }
    /// The whole of it.
    [[nodiscard]] detail::page::markup finish() && {
        body_ << "</svg>\n";
        return std::move(body_);
    }

private:
    svg_axis x_, y_;
    detail::page::markup body_{};
};

} // namespace lutra
