// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Fits a piecewise-linear table to a function, judges it, draws it, and writes it as C or as Verilog.

#include "support/fail.hpp"
#include "support/gnuplot.hpp"

#include <lutra/core/identifier.hpp>
#include <lutra/io/file.hpp>
#include <lutra/nonlinear/activations.hpp>
#include <lutra/nonlinear/emit_c.hpp>
#include <lutra/nonlinear/emit_test_bench.hpp>
#include <lutra/nonlinear/emit_truth_table.hpp>
#include <lutra/nonlinear/fit_genetic.hpp>
#include <lutra/nonlinear/fit_genetic_shared.hpp>
#include <lutra/nonlinear/fit_optimal.hpp>
#include <lutra/nonlinear/functions.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

// What the user asked for is checked where it is used: a panic's sentence is the program's.
void lutra::on_panic(const lutra::panic_info& info) {
    fail(std::string{info.message} + " (" + std::to_string(info.actual) + "; " + std::to_string(info.expected) + ")");
}

namespace {

constexpr int max_entries = 32, max_points = 2048;

struct named_function {
    std::string_view name;
    double (*at)(double);
    double low, high; ///< the range that it is fitted on unless another is asked for
};
template <class F>
constexpr named_function named(double low, double high) {
    return {F::name, [](double x) { return F::at(x); }, low, high};
}
constexpr std::array functions{
    named<lutra::gelu>(-4, 4),
    named<lutra::gelu_tanh>(-4, 4),
    named<lutra::hswish>(-4, 4),
    named<lutra::silu>(-4, 4),
    named<lutra::sigmoid>(-8, 8),
    named<lutra::hyperbolic_tangent>(-4, 4),
    named<lutra::natural_exponential>(-8, 0),
    named<lutra::reciprocal>(0.5, 4),
    named<lutra::reciprocal_sqrt>(0.25, 4),
    named<lutra::softplus>(-8, 8),
};
const named_function& find_function(std::string_view name) {
    std::string known;
    for (const named_function& f : functions) {
        if (f.name == name) return f;
        known.append(" ").append(f.name);
    }
    fail("'" + std::string{name} + "' is no function that can be fitted; these are:" + known);
}

/// The function that was asked for, as the type that a genetic fit takes: one search is compiled and not one a function.
struct chosen_function {
    static constexpr std::string_view name = "chosen";
    static inline const named_function* chosen = nullptr;
    static double at(double x) { return chosen->at(x); }
};

/// The two numbers of "A:B".
template <class T>
std::pair<T, T> parse_pair(const std::string& s, const char* option) {
    std::pair<T, T> p{};
    const char* const end = s.data() + s.size();
    const auto first = std::from_chars(s.data(), end, p.first);
    const bool colon = first.ec == std::errc{} && first.ptr != end && *first.ptr == ':';
    const auto second = std::from_chars(colon ? first.ptr + 1 : end, end, p.second);
    if (!colon || second.ec != std::errc{} || second.ptr != end)
        fail(std::string{option} + " is '" + s + "'; it must be two numbers with a colon between, as 0:6");
    return p;
}
/// "q3.5": 3 bits before the point, the sign included, and 5 after.
lutra::fixed_format parse_format(const std::string& s, const char* option) {
    int whole = 0, fraction = 0;
    const char* const end = s.data() + s.size();
    bool good = !s.empty() && s.front() == 'q';
    if (good) {
        const auto first = std::from_chars(s.data() + 1, end, whole);
        const bool point = first.ec == std::errc{} && first.ptr != end && *first.ptr == '.';
        const auto second = std::from_chars(point ? first.ptr + 1 : end, end, fraction);
        good = point && second.ec == std::errc{} && second.ptr == end;
    }
    if (!good || whole < 0 || whole > 32 || fraction > 31 || !lutra::fixed_format{whole + fraction, fraction}.valid())
        fail(std::string{option} + " is '" + s +
             "'; a format is q<bits before the point, with the sign>.<bits after it>, as q2.6, of 1 to 32 bits");
    return {whole + fraction, fraction};
}
std::string to_string(lutra::fixed_format f) {
    return "q" + std::to_string(f.total_bits - f.fraction_bits) + "." + std::to_string(f.fraction_bits);
}

/// The arguments that a table is fitted on, and what each counts.
struct samples {
    lutra::sample_grid grid;
    std::vector<double> values, weights;
};

/// The integers k with low <= k / per_unit < high, or <= high where @p closed.
lutra::sample_grid grid_of(double low, double high, int per_unit, bool closed) {
    const double first = std::ceil(low * per_unit - 1e-9),
                 last = closed ? std::floor(high * per_unit + 1e-9) : std::ceil(high * per_unit - 1e-9) - 1;
    if (!(last >= first) || last - first + 1 > max_points || std::abs(first) > 1e9)
        fail("the range has " + std::to_string(last - first + 1) + " points with " + std::to_string(per_unit) +
             " a unit; 1 to " + std::to_string(max_points) + " can be fitted");
    return {static_cast<std::int32_t>(first), static_cast<std::int32_t>(last - first) + 1, per_unit};
}

/// Calls @p f(x) for the INT8 inputs at the scale 2^-n that are in [low, high].
template <class Function>
void for_each_int8_input(int n, double low, double high, Function&& f) {
    for (int q = -128; q < 128; ++q)
        if (const double x = std::ldexp(q, -n); x >= low && x <= high) f(x);
}

/// The INT8 inputs of several scales on one grid; each scale counts the same, whatever its inputs in the range.
samples scaled_samples(double low, double high, std::pair<int, int> scales) {
    low = std::max(low, std::ldexp(-128, -scales.first));
    high = std::min(high, std::ldexp(127, -scales.first));
    samples s{grid_of(low, high, 1 << scales.second, true), {}, {}};
    s.weights.resize(static_cast<std::size_t>(s.grid.count));
    for (int n = scales.first; n <= scales.second; ++n) {
        int inputs = 0;
        for_each_int8_input(n, low, high, [&](double) { ++inputs; });
        for_each_int8_input(n, low, high, [&](double x) {
            s.weights[static_cast<std::size_t>(std::lround(x * s.grid.per_unit) - s.grid.first)] += 1.0 / inputs;
        });
    }
    return s;
}

void print_table(const lutra::pwl_parameters& t) {
    std::printf("\n%12s %12s %12s %9s\n", "from x =", "slope", "intercept", "exponent");
    for (std::size_t i = 0; i < static_cast<std::size_t>(t.entries); ++i) {
        const double factor = std::ldexp(1.0, t.exponent[i]);
        if (i == 0)
            std::printf("%12s", "");
        else
            std::printf("%12.6g", t.breakpoint[i - 1] * t.format.breakpoint.resolution());
        std::printf(" %12.6g %12.6g %9d\n", t.slope[i] * factor * t.format.slope.resolution(),
                    t.intercept[i] * factor * t.format.intercept.resolution(), t.exponent[i]);
    }
}

/// @p table_at gives the table for inputs of scale 2^-n.
template <class TableAt>
void print_scales(TableAt table_at, const named_function& f, double low, double high, std::pair<int, int> scales) {
    std::printf("\n%12s %12s %12s %12s\n", "INT8 scale", "inputs", "MSE", "max error");
    double sum = 0;
    int shown = 0;
    for (int n = scales.first; n <= scales.second; ++n) {
        const lutra::pwl_parameters t = table_at(n);
        double square = 0, worst = 0;
        int inputs = 0;
        for_each_int8_input(n, low, high, [&](double x) {
            const double e = t(x) - f.at(x);
            if (!std::isfinite(e)) return;
            square += e * e;
            worst = std::max(worst, std::abs(e));
            ++inputs;
        });
        if (inputs == 0) continue;
        std::printf("%12s %12d %12.4g %12.4g\n", ("2^-" + std::to_string(n)).c_str(), inputs, square / inputs, worst);
        sum += square / inputs;
        ++shown;
    }
    if (shown > 0) std::printf("%12s %12s %12.4g\n", "average", "", sum / shown);
}

/// Function and table above, the error below.
std::string plot_script(const lutra::pwl_parameters& t, const named_function& f, double low, double high,
                        std::string_view terminal) {
    std::ostringstream s;
    s.precision(9);
    s << "$data << end_of_data\n";
    constexpr int points = 1000;
    for (int i = 0; i <= points; ++i) {
        const double x = low + (high - low) * i / points;
        s << x << ' ' << f.at(x) << ' ' << t(x) << ' ' << t(x) - f.at(x) << '\n';
    }
    s << "end_of_data\n$breakpoints << end_of_data\n" << low << ' ' << t(low) << '\n'; // never empty
    for (int i = 0; i + 1 < t.entries; ++i)
        if (const double x = t.breakpoint[static_cast<std::size_t>(i)] * t.format.breakpoint.resolution(); x < high)
            s << x << ' ' << t(x) << '\n';
    s << "end_of_data\nset terminal " << terminal << "\nset multiplot layout 2,1\nset lmargin 10\nset grid\nset xrange ["
      << low << ":" << high << "]\nset key left top\nset title '" << f.name << ", " << t.entries << " entries' noenhanced\n"
      << "plot $data using 1:2 with lines lw 3 lc rgb '#b0b0b0' title 'function', "
         "$data using 1:3 with lines lc rgb '#2166ac' title 'table', "
         "$breakpoints using 1:2 with points pt 7 ps 0.5 lc rgb '#2166ac' title 'segments begin'\n"
         "unset title\nset xlabel 'x'\n"
         "plot $data using 1:4 with lines lc rgb '#b2182b' title 'table - function'\nunset multiplot\n";
    return s.str();
}

void write(const std::filesystem::path& path, const std::string& text) {
    static_cast<void>(value_or_fail(lutra::write_file_atomically(path, std::as_bytes(std::span{text}))));
}

struct emission {
    std::string kind, name;
    std::filesystem::path output;
    lutra::fixed_format input, result;
    bool registered = false;
};

void emit(const lutra::pwl_parameters& table, const named_function& f, const emission& e, double low, double high) {
    const lutra::pwl_unit<max_entries> unit{table, e.input, e.result};
    const auto timing = e.registered ? lutra::circuit_timing::registered : lutra::circuit_timing::combinational;
    std::ostringstream out;
    if (e.kind == "c") lutra::emit_c(out, unit, e.name);
    if (e.kind == "verilog") lutra::emit_verilog(out, unit, e.name, timing);
    if (e.kind == "truth_table") lutra::emit_truth_table(out, unit, e.name);
    if (e.kind == "testbench") lutra::emit_test_bench(out, unit, e.name, timing);
    if (e.kind == "vectors") lutra::emit_test_vectors(out, unit);
    if (e.kind == "mem") lutra::emit_parameters(out, unit);
    write(e.output, out.str());

    double square = 0, worst = 0;
    int inputs = 0;
    lutra::for_each_test_input(unit, [&](std::int32_t q) {
        const double x = q * e.input.resolution();
        if (x < low || x > high) return;
        const double error = unit(q) * e.result.resolution() - f.at(x);
        if (!std::isfinite(error)) return;
        square += error * error;
        worst = std::max(worst, std::abs(error));
        ++inputs;
    });
    std::printf("\n%s: '%s', %s to %s, %d segments", e.output.string().c_str(), e.name.c_str(), to_string(e.input).c_str(),
                to_string(e.result).c_str(), lutra::pwl_circuit<max_entries>{unit}.entries);
    if (inputs > 0) std::printf("; %d inputs in the range: MSE %.4g, max error %.4g", inputs, square / inputs, worst);
    std::printf("\n");
}

} // namespace

int main(int argc, char** argv) {
    std::string function = "gelu", format = "q2.6", breakpoint_format = "q4.12", scales, range, method = "optimal",
                objective = "mse", lines = "chord", input = "q3.5", result;
    int entries = 8, max_exponent = 0, per_unit = 100;
    emission e;
    std::filesystem::path plot;
    std::uint64_t seed = 1;
    bool clip = false;

    CLI::App app{"Fits a piecewise-linear table to a function, and writes it as C or as Verilog"};
    app.add_option("--function", function, "gelu, gelu_tanh, hswish, silu, sigmoid, tanh, exp, div (1/x), rsqrt or softplus")
        ->capture_default_str();
    app.add_option("--entries", entries, "Segments")->check(CLI::Range(1, max_entries))->capture_default_str();
    app.add_option("--format", format, "Of slopes and intercepts: q<bits before the point, sign included>.<bits after it>")
        ->capture_default_str();
    app.add_option("--breakpoint-format", breakpoint_format, "Of breakpoints")->capture_default_str();
    app.add_option("--max-exponent", max_exponent, "Entries may be shifted left by 0 to so many bits")
        ->check(CLI::Range(0, 15))
        ->capture_default_str();
    app.add_flag("--clip", clip, "Take the best that the format holds where the best line is outside of it");
    app.add_option("--range", range, "LOW:HIGH, what is fitted; each function has its own default");
    app.add_option("--points", per_unit, "Points a unit of the range, its upper end left out")
        ->check(CLI::Range(1, 65536))
        ->capture_default_str();
    app.add_option("--scales", scales,
                   "A:B, fit to the INT8 inputs at the scales 2^-A to 2^-B in the range instead, its ends included");
    app.add_option("--method", method, "optimal: no table is better; genetic: the search of GQA-LUT")
        ->check(CLI::IsMember({"optimal", "genetic"}))
        ->capture_default_str();
    app.add_option("--seed", seed, "Of genetic")->capture_default_str();
    app.add_option("--lines", lines, "Of genetic: between two breakpoints, the chord (GQA-LUT's) or the least squares")
        ->check(CLI::IsMember({"chord", "squares"}))
        ->capture_default_str();
    app.add_option("--objective", objective, "What is made least: the mean squared error (mse) or the greatest error (max)")
        ->check(CLI::IsMember({"mse", "max"}))
        ->capture_default_str();
    app.add_option("--emit", e.kind,
                   "Write a unit to --output: c, verilog, truth_table (Verilog again), its testbench, the testbench's "
                   "vectors, or mem "
                   "(its parameters)")
        ->check(CLI::IsMember({"c", "verilog", "truth_table", "testbench", "vectors", "mem"}));
    app.add_option("--output", e.output, "The file for --emit");
    app.add_option("--name", e.name, "What the unit is called; default: <function>_<entries>");
    app.add_option("--input", input, "The unit's input format")->capture_default_str();
    app.add_option("--result", result, "The unit's output format; default: its input's");
    app.add_flag("--registered", e.registered, "Of verilog and testbench: a pipeline of three cycles");
    app.add_option("--plot", plot, "Draw function, table and error with gnuplot (.svg or .png)");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& fault) {
        return app.exit(fault) == 0 ? 0 : 2;
    }
    const named_function& f = find_function(function);
    const lutra::fixed_format parameter = parse_format(format, "--format");
    const lutra::pwl_format table_format{parameter, parameter, parse_format(breakpoint_format, "--breakpoint-format"),
                                         max_exponent};
    if (!table_format.valid())
        fail("--format " + format + " has more than 32 bits with --max-exponent " + std::to_string(max_exponent));
    e.input = parse_format(input, "--input");
    e.result = parse_format(result.empty() ? input : result, "--result");
    const auto [low, high] = range.empty() ? std::pair{f.low, f.high} : parse_pair<double>(range, "--range");
    if (!(low < high)) fail("--range is '" + range + "'; its first number must be below its second");
    const auto shown_scales = scales.empty() ? std::pair{0, 6} : parse_pair<int>(scales, "--scales");
    if (shown_scales.first < 0 || shown_scales.second > 16 || shown_scales.first > shown_scales.second)
        fail("--scales is '" + scales + "'; it must be two numbers from 0 to 16, ascending");
    if (e.kind.empty() != e.output.empty()) fail("--emit and --output go together; only one was given");
    if (e.registered && e.kind != "verilog" && e.kind != "testbench")
        fail("--registered is of --emit verilog and testbench");
    if (e.name.empty()) e.name = function + "_" + std::to_string(entries);
    if (e.kind == "c" ? !lutra::is_c_name(e.name) : !lutra::is_verilog_name(e.name))
        fail("--name is '" + e.name + "', which cannot be defined there: take letters, digits and underscores, no keyword");
    const std::string extension = plot.extension().string();
    if (!plot.empty() && extension != ".png" && extension != ".svg")
        fail("'" + plot.string() + "' ends in '" + extension + "'; a plot is a .png or an .svg file");

    const bool genetic = method == "genetic";
    if (genetic && objective != "mse") fail("--objective max is of --method optimal");
    const bool shared = genetic && !scales.empty(); // lines shared, breakpoints of each scale's own
    if (shared && (shown_scales.first != 0 || shown_scales.second >= lutra::scale_grid::max_scales))
        fail("--scales is '" + scales + "'; a genetic fit serves the scales from 2^0 on, 0:0 to 0:7");

    samples s =
        scales.empty() ? samples{grid_of(low, high, per_unit, false), {}, {}} : scaled_samples(low, high, shown_scales);
    for (int i = 0; i < s.grid.count; ++i) s.values.push_back(f.at(s.grid.at(i)));
    if (entries > s.grid.count)
        fail("--entries is " + std::to_string(entries) + ", but the range has " + std::to_string(s.grid.count) + " points");

    chosen_function::chosen = &f;
    lutra::genetic_fit_options search{.lines = lines == "chord" ? lutra::pwl_lines::chord : lutra::pwl_lines::least_squares};
    search.seed = seed;
    const lutra::fit_options optimum{.weights = s.weights,
                                     .objective = objective == "mse" ? lutra::fit_objective::mean_square
                                                                     : lutra::fit_objective::greatest_error,
                                     .clip = clip};
    const auto begin = std::chrono::steady_clock::now();
    lutra::pwl_shared_fit found{};
    if (shared)
        found = lutra::fit_genetic_shared(chosen_function{}, entries, table_format,
                                          {.low = low, .high = high, .scales = shown_scales.second + 1}, search);
    const lutra::pwl_fit fit =
        shared    ? lutra::pwl_fit{found.at_scale(shown_scales.second), found.mean_square, found.max_error}
        : genetic ? lutra::fit_genetic(chosen_function{}, entries, table_format, s.grid, search)
                  : lutra::fit_optimal<max_entries, max_points>(s.values, entries, table_format, s.grid, optimum);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;

    std::printf("%s, %d entries of %s%s, breakpoints %s, %d points of [%g, %g%c\n", function.c_str(), entries,
                format.c_str(), max_exponent > 0 ? (" with exponents to " + std::to_string(max_exponent)).c_str() : "",
                breakpoint_format.c_str(), s.grid.count, low, high, scales.empty() ? ')' : ']');
    std::printf("%s by %s: MSE %.8g, max error %.8g, in %.3g s\n", method.c_str(), objective.c_str(), fit.mean_square,
                fit.max_error, taken.count());
    print_table(fit.table);
    print_scales([&](int n) { return shared ? found.at_scale(n) : fit.table; }, f, low, high, shown_scales);
    if (!e.kind.empty()) emit(fit.table, f, e, low, high);
    if (!plot.empty()) {
        const auto image =
            draw(plot_script(fit.table, f, low, high, extension == ".svg" ? "svg size 800,800" : "png size 800,800"));
        static_cast<void>(value_or_fail(lutra::write_file_atomically(plot, image)));
        std::printf("\n%s: drawn\n", plot.string().c_str());
    }
}
