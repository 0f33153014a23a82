// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/explore_search.hpp"
#include "support/gnuplot.hpp"

#include <lutra/io/json.hpp>
#include <lutra/search/hypervolume.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <numeric>
#include <span>
#include <sstream>
#include <string>
#include <vector>

/// How methods did beside each other, each over all its seeds.
template <std::size_t N>
class method_comparison {
public:
    method_comparison(const design_objectives<N>& judged, std::span<const method_runs<N>> methods)
        : judged_{judged}, methods_{methods} {
        std::vector<lutra::objectives<N>> points;
        for (const auto& m : methods)
            for (const auto& run : m.runs)
                for (const std::size_t f : run.front) points.push_back(run.evaluations[f].costs);
        best_volume_ = lutra::hypervolume<N>(points, judged.reference);
    }

    /// Prints hypervolumes, how soon each method had nearly that of all fronts together, and the least of each objective.
    void print() const {
        std::printf("hypervolume %.5f", methods_.front().runs.front().hypervolume.back());
        if (methods_.size() == 1 && methods_.front().runs.size() == 1) return static_cast<void>(std::printf("\n"));
        std::printf("; all designs of all methods together: %.5f\n\n%-17s %5s %29s %22s", best_volume_, "method", "seeds",
                    "hypervolume: median (range)", "99 % after");
        const std::size_t from = judged_.judges_error() ? 1 : 0;
        for (std::size_t o = from; o < N; ++o) std::printf(" %16s", ("least " + judged_.header(o)).c_str());
        std::printf("\n");
        for (const auto& m : methods_) {
            const std::vector<double> v = m.hypervolumes(m.longest());
            const std::vector<std::size_t> to = m.evaluations_to(share_of_best * best_volume_);
            const auto evaluations = [](std::size_t n) { return n == 0 ? std::string{"never"} : std::to_string(n); };
            char volumes[64];
            std::snprintf(volumes, sizeof volumes, "%.4f (%.4f to %.4f)", v[v.size() / 2], v.front(), v.back());
            std::string after = evaluations(to[to.size() / 2]);
            if (to.size() > 1) after += " (" + evaluations(to.front()) + " to " + evaluations(to.back()) + ")";
            std::printf("%-17s %5zu %29s %22s", m.method.c_str(), v.size(), volumes, after.c_str());
            for (std::size_t o = from; o < N; ++o) {
                const std::vector<double> least = least_of(m, o);
                if (least.empty())
                    std::printf(" %16s", "none");
                else
                    std::printf(" %16.4f", least[least.size() / 2]);
            }
            std::printf("\n");
        }
        std::printf(
            "Evaluations until 99 %% of what all found together; the least at a loss of at most %g points; medians.\n\n",
            100 * judged_.loss * judged_.problem.unit[0]);
    }
    /// The part of a report on one of the methods.
    [[nodiscard]] nlohmann::json course(const method_runs<N>& m) const {
        std::vector<std::size_t> numbers(m.longest());
        std::iota(numbers.begin(), numbers.end(), std::size_t{1});
        std::vector<double> least, median, greatest;
        for (const std::size_t n : numbers) {
            const std::vector<double> volumes = m.hypervolumes(n);
            least.push_back(volumes.front()), median.push_back(volumes[volumes.size() / 2]);
            greatest.push_back(volumes.back());
        }
        nlohmann::json c{{"method", m.method}, {"evaluations", numbers}, {"hypervolume", median}, {"seeds", m.runs.size()}};
        if (m.runs.size() > 1) c["least"] = least, c["greatest"] = greatest;
        c["evaluations_to_best"] = m.evaluations_to(share_of_best * best_volume_);
        return c;
    }
    /// Draws how far each method came: the median of its seeds, and from the least to the greatest.
    void plot(const std::filesystem::path& path) const {
        std::ostringstream data, curves;
        for (std::size_t i = 0; i < methods_.size(); ++i) {
            const method_runs<N>& m = methods_[i];
            data << "$m" << i << " << EOD\n";
            std::vector<double> before;
            for (std::size_t n = 1; n <= m.longest(); ++n) { // the corners of the stairs
                const std::vector<double> v = m.hypervolumes(n);
                const auto line = [&](const std::vector<double>& at) {
                    data << n << ' ' << at.front() << ' ' << at[at.size() / 2] << ' ' << at.back() << '\n';
                };
                if (v == before && n < m.longest()) continue;
                if (!before.empty()) line(before);
                line(v);
                before = v;
            }
            data << "EOD\n";
            if (m.runs.size() > 1)
                curves << "$m" << i << " using 1:2:4 with filledcurves fs transparent solid 0.12 noborder lc " << i + 1
                       << " notitle, ";
            curves << "$m" << i << " using 1:3 with lines lw 2 lc " << i + 1 << " title '" << m.method << "', ";
        }
        curves << share_of_best * best_volume_ << " dt 2 lc rgb 'gray40' title '99 % of all together'";
        const std::size_t seeds = methods_.front().runs.size();
        std::ostringstream script;
        script << data.str() << "set key bottom right\nset xlabel 'evaluations'\nset ylabel 'hypervolume, median of "
               << seeds << (seeds > 1 ? " seeds" : " seed") << "'\nset autoscale noextend\nset yrange ["
               << 0.9 * best_volume_ << ':' << 1.005 * best_volume_ << "]\nplot " << curves.str() << '\n';
        write_plot(path, "--plot", 760, 420, script.str());
    }

private:
    static constexpr double share_of_best = 0.99;

    /// The least that each run of @p m found of objective @p o, in the units that are shown, among the designs that are
    /// accurate enough; from the least to the greatest, without runs that found none.
    [[nodiscard]] std::vector<double> least_of(const method_runs<N>& m, std::size_t o) const {
        std::vector<double> all;
        for (const auto& run : m.runs) {
            double least = std::numeric_limits<double>::infinity();
            for (const std::size_t f : run.front)
                if (judged_.accurate(run.evaluations[f].costs))
                    least = std::min(least, judged_.values(run.evaluations[f].costs)[o]);
            if (std::isfinite(least)) all.push_back(least);
        }
        std::sort(all.begin(), all.end());
        return all;
    }
    const design_objectives<N>& judged_;
    std::span<const method_runs<N>> methods_;
    double best_volume_ = 0; ///< of all designs of all methods
};
