// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/fail.hpp"
#include "support/gnuplot.hpp"

#include <lutra/codesign/accelerator_file.hpp>

#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// @file
/// What accelerators did, drawn by gnuplot: energy, power over time, and what bounds an operation.

inline void plot_energy(const std::filesystem::path& path, const lutra::accelerator_report& r) {
    std::ostringstream script;
    script << "set style data histograms\nset style histogram rowstacked\nset style fill solid 0.8\nset boxwidth 0.7\n"
           << "set ylabel 'energy, uJ'\nset xtics rotate by -35\nunset grid\nset grid ytics\n$energy << EOD\n";
    for (const lutra::component_report& c : r.components())
        if (c.energy() > 0)
            script << '"' << c.name << "\" " << 1e-3 * c.dynamic_energy << ' ' << 1e-3 * c.leakage_energy << '\n';
    script << "EOD\nset key top left\nplot $energy using 2:xtic(1) title 'dynamic', '' using 3 title 'leakage'\n";
    write_plot(path, "--plot", 800, 400, script.str());
}

/// Utilisation and power over time, from lines "cycle,mac_lanes,softmax,layer_norm,...buffers,pe_dynamic_w" under a head.
inline void plot_timeline(const std::filesystem::path& path, const std::string& csv, double megahertz) {
    std::ostringstream script;
    script << "set datafile separator ','\n$time << EOD\n"
           << csv << "EOD\nmicroseconds(x) = x / " << megahertz
           << "\nset multiplot layout 3,1\nset lmargin 10\nset rmargin 28\nset key outside right center reverse Left\n"
           << "set yrange [0:100]\nset ylabel 'busy, %'\n"
           << "plot for [i=2:4] $time using (microseconds($1)):(100 * column(i)) with lines title columnheader(i)\n"
           << "set ylabel 'filled, %'\n"
           << "plot for [i=5:7] $time using (microseconds($1)):(100 * column(i)) with lines title columnheader(i)\n"
           << "set yrange [0:*]\nset xlabel 'us'\nset ylabel 'W'\n"
           << "plot $time using (microseconds($1)):8 with lines title columnheader(8)\n";
    write_plot(path, "--timeline", 900, 700, script.str());
}

/// What a machine does at most in a second: operations, two a MAC, and bytes to and from the memories outside of its chip.
struct machine_peak {
    double operations = 0, bytes = 0;

    static machine_peak of(const lutra::accelerator_config& config) {
        if (const auto* c = std::get_if<lutra::systolic_config>(&config))
            return from(c->rows * c->columns, static_cast<double>(c->dram_bits), c->node.megahertz);
        if (const auto* c = std::get_if<lutra::row_wise_config>(&config))
            return from(c->lanes * c->macs, static_cast<double>(c->dram_bits), c->node.megahertz);
        const auto& c = std::get<lutra::tiled_config>(config);
        return from(c.all_lanes() * c.macs, c.memory_bandwidth + c.weight_memory_bandwidth, c.costs.node.megahertz);
    }

private:
    static machine_peak from(std::uint64_t macs, double bits_a_cycle, double megahertz) {
        return {2e6 * megahertz * static_cast<double>(macs), 1e6 * megahertz * bits_a_cycle / 8};
    }
};

/// Operations a second over operations a byte that goes in or out, below what @p peak allows, of each of @p reports by name.
inline void plot_roofline(const std::filesystem::path& path, const machine_peak& peak,
                          const std::vector<std::pair<std::string, lutra::accelerator_report>>& reports) {
    const double ridge = peak.operations / peak.bytes;
    std::ostringstream points, plots;
    double least = ridge / 10, most = ridge * 10, lowest = peak.operations / 10;
    const auto bytes = [](const lutra::accelerator_report& r) {
        double bits = 0;
        for (const lutra::component_report& c : r.components())
            if (c.kind == lutra::component_kind::memory) bits += c.bits;
        return bits / 8;
    };
    for (const auto& [name, r] : reports) {
        lowest = std::min(lowest, r.operations_per_second() / 2);
        if (bytes(r) <= 0) continue;
        const double intensity = 2 * r.executed_macs / bytes(r);
        least = std::min(least, intensity / 2), most = std::max(most, 2 * intensity);
    }
    for (std::size_t i = 0; i < reports.size(); ++i) {
        const auto& [name, r] = reports[i];
        const bool moves = bytes(r) > 0;
        points << (moves ? 2 * r.executed_macs / bytes(r) : most) << ' ' << 1e-9 * r.operations_per_second() << '\n';
        plots << ", $points every ::" << i << "::" << i << " with points pt " << (moves ? 5 + i % 9 : 4) << " lc " << 1 + i
              << " ps 1.5 title '" << name << (moves ? "" : ", none moved") << '\'';
    }
    std::ostringstream script;
    script << std::setprecision(4) << "set logscale xy\nset xrange [" << least << ':' << most << "]\nset yrange ["
           << 1e-9 * lowest << ':' << 2e-9 * peak.operations << "]\nset xlabel 'operations a byte of main memory'\n"
           << "set ylabel 'G operations a second'\nset key outside right reverse Left\nset samples 1000\n$points << EOD\n"
           << points.str() << "EOD\nroof(x) = x < " << ridge << " ? x * " << 1e-9 * peak.bytes << " : "
           << 1e-9 * peak.operations << "\nplot roof(x) lw 2 lc black title '" << 1e-9 * peak.operations << " G/s, "
           << 1e-9 * peak.bytes << " GB/s'" << plots.str() << '\n';
    write_plot(path, "--roofline", 900, 500, script.str());
}
