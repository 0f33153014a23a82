// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// One multiplier's errors, costs and plan, with a picture of the errors; or a row for each that is built in.

#include "support/fail.hpp"
#include "support/multipliers.hpp"
#include "support/png.hpp"
#include "support/product_speed.hpp"
#include "support/table_rank.hpp"

#include <lutra/io/file.hpp>
#include <lutra/multiplier/lowering.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#if defined(__unix__) || defined(__APPLE__)
    #include <dlfcn.h>
#endif

namespace {

/// Table entry (activation, weight) minus the exact product.
int error_at(const lutra::table_multiplier& table, int a, int b) {
    return table.multiply(static_cast<std::int8_t>(a), static_cast<std::int8_t>(b)) - a * b;
}

/// Activations from -128 (top) to 127, weights from -128 (left) to 127. White: exact; red: too large, blue: too small, the
/// more the stronger, by the square root of the error over the largest one, so that small ones are seen.
rgb_image error_map(const lutra::table_multiplier& table, std::int64_t wce) {
    rgb_image image{256, 256, {}};
    image.pixels.reserve(std::size_t{3} * 65536);
    const bool is_signed = table.operands() == lutra::signedness::is_signed;
    for (int row = 0; row < 256; ++row)
        for (int column = 0; column < 256; ++column) {
            const int a = is_signed ? row - 128 : row, b = is_signed ? column - 128 : column;
            const int e = is_signed ? error_at(table, a, b)
                                    : table.at(static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(b)) - a * b;
            const double strength = wce == 0 ? 0 : std::sqrt(std::abs(e) / static_cast<double>(wce));
            const auto mix = [strength](int full) { return static_cast<std::uint8_t>(255 + (full - 255) * strength + 0.5); };
            if (e >= 0)
                image.pixels.insert(image.pixels.end(), {mix(178), mix(24), mix(43)});
            else
                image.pixels.insert(image.pixels.end(), {mix(33), mix(102), mix(172)});
        }
    return image;
}

/// The plan: what explain() says between the name and the first semicolon.
std::string plan_of(const lutra::lowered_multiplier& m) {
    const auto line = m.explain();
    std::string_view plan = line.view();
    plan.remove_prefix(std::min(plan.size(), m.name.size() + 2));
    return std::string{plan.substr(0, plan.find(';'))};
}

/// A table filled by a function of a shared object, with the types that C models of circuits are declared with.
std::shared_ptr<const lutra::table_multiplier> call_library(const std::filesystem::path& library,
                                                            const std::string& function, const std::string& types,
                                                            lutra::signedness sign, std::optional<double> power) {
#if defined(__unix__) || defined(__APPLE__)
    if (!std::filesystem::is_regular_file(library)) fail("'" + library.string() + "' is not a file");
    // A name without a slash would be searched for in the system's folders.
    void* handle = dlopen(std::filesystem::absolute(library).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        const char* why = dlerror();
        fail("'" + library.string() +
             "' cannot be loaded as a shared object: " + (why != nullptr ? why : "no reason given"));
    }
    void* symbol = dlsym(handle, function.c_str());
    if (symbol == nullptr)
        fail("'" + library.string() + "' has no function '" + function + "'; a C++ one needs extern \"C\"");
    auto table = std::make_shared<lutra::table_multiplier>();
    if (types == "u8") {
        table->fill_from_bits(reinterpret_cast<std::uint16_t (*)(std::uint8_t, std::uint8_t)>(symbol), sign);
    } else if (types == "u64") {
        const auto f = reinterpret_cast<std::uint64_t (*)(std::uint64_t, std::uint64_t)>(symbol);
        table->fill_from_bits([f](std::uint8_t a, std::uint8_t b) { return f(a, b); }, sign);
    } else if (types == "i8") {
        table->fill_from_values(reinterpret_cast<std::int16_t (*)(std::int8_t, std::int8_t)>(symbol));
    } else {
        table->fill_from_values(reinterpret_cast<std::int32_t (*)(std::int32_t, std::int32_t)>(symbol));
    }
    table->set_name(function);
    if (power) table->set_cost(lutra::hardware_cost{.power = *power});
    return table; // the library stays loaded: it may have registered things that run at the end
#else
    static_cast<void>(types), static_cast<void>(sign), static_cast<void>(power);
    fail("this system has no dlopen, so '" + function + "' of '" + library.string() + "' cannot be called");
#endif
}

void print_one(const lutra::table_multiplier& table, bool has_shape) {
    const lutra::error_metrics m = lutra::metrics_of(table);
    const lutra::lowered_multiplier lowered = lutra::lower(table);
    const auto row = [](const char* name, const char* format, auto... values) {
        std::printf("%-28s", name);
        std::printf(format, values...);
        std::printf("\n");
    };
    const auto c = table.cost();
    std::printf("%.*s\n", static_cast<int>(table.name().size()), table.name().data());
    row("mean absolute error", "%.4f (%.4f %% of 2^16)", m.mae, m.mae_percent);
    row("mean relative error", "%.4f %%", m.mre_percent);
    row("worst-case error", "%lld (%.4f %% of 2^16)", static_cast<long long>(m.wce), m.wce_percent);
    row("error probability", "%.4f %%", m.ep_percent);
    row("bias", "%.4f", m.bias);
    row("mean squared error", "%.4f", m.mse);
    if (c && has_shape)
        row("relative power, area, delay", "%.3f, %.3f, %.3f", c->power, c->area, c->delay);
    else if (c)
        row("relative power", "%.3f", c->power);
    else
        row("relative power", "%s", "unknown");
    row("products", "%d to %d", table.min_product(), table.max_product());
    row("rank", "%d", rank_of(table));
    row("plan", "%s", plan_of(lowered).c_str());
}

void print_all(bool csv, bool speed) {
    std::printf("%s%s\n",
                csv ? "name,mae_percent,mre_percent,wce_percent,ep_percent,bias,mse,power,area,delay,rank,plan"
                    : "| name | MAE % | MRE % | WCE % | EP % | bias | MSE | power | area | delay | rank | plan |",
                !speed ? ""
                : csv  ? ",giga_products_per_second"
                       : " G products/s |");
    if (!csv) std::printf("|---|---|---|---|---|---|---|---|---|---|---|---|%s\n", speed ? "---|" : "");
    for (const std::string& name : builtin_names()) {
        const auto table = find_table(name, {});
        const lutra::error_metrics m = lutra::metrics_of(*table);
        const lutra::hardware_cost c = table->cost().value_or(lutra::hardware_cost{});
        const lutra::lowered_multiplier lowered = find_multiplier(name, {}).lowered;
        std::printf(csv ? "%s,%.6g,%.6g,%.6g,%.6g,%.6g,%.8g,%.4f,%.4f,%.4f,%d,\"%s\""
                        : "| `%s` | %.3f | %.2f | %.3f | %.2f | %.2f | %.1f | %.2f | %.2f | %.2f | %d | %s |",
                    name.c_str(), m.mae_percent, m.mre_percent, m.wce_percent, m.ep_percent, m.bias, m.mse, c.power, c.area,
                    c.delay, rank_of(*table), plan_of(lowered).c_str());
        if (speed) std::printf(csv ? ",%.4g" : " %.1f |", products_per_second(lowered) / 1e9);
        std::printf("\n");
    }
}

} // namespace

int main(int argc, char** argv) {
    std::string name, function, types = "u8", operands = "signed", format = "markdown";
    std::filesystem::path library, heat_map;
    table_options table_format;
    bool all = false, speed = false;

    CLI::App app{"Characterizes a multiplier: errors over all operand pairs, costs, plan and a picture of the errors"};
    app.add_option("multiplier", name, "A built-in multiplier or a table file (.bin, .npy)");
    app.add_flag("--all", all, "One row for each built-in multiplier");
    app.add_flag("--speed", speed, "Of --all: also measure G products a second, one thread, in a layer of a ViT-S");
    app.add_option("--format", format, "Of --all: markdown or csv")
        ->check(CLI::IsMember({"markdown", "csv"}))
        ->capture_default_str();
    add_table_options(app, table_format);
    app.add_option("--library", library, "A shared object, made by: gcc -O2 -shared -fPIC -o x.so x.c. It is run: trust it");
    app.add_option("--function", function, "The function of --library that multiplies (activation, weight)");
    app.add_option("--types", types,
                   "It is uint16_t(uint8_t, uint8_t) on bit patterns: u8; the same in uint64_t: u64; "
                   "int16_t(int8_t, int8_t) on values: i8; the same in int32_t: i32")
        ->check(CLI::IsMember({"u8", "u64", "i8", "i32"}))
        ->capture_default_str();
    app.add_option("--operands", operands, "What the bit patterns of u8 and u64 mean: signed or unsigned")
        ->check(CLI::IsMember({"signed", "unsigned"}))
        ->capture_default_str();
    app.add_option(
        "--heat-map", heat_map,
        "Write the errors as a 256x256 picture (.png or .svg): activation down and weight right, from -128 to 127; "
        "white: exact, red: too large, blue: too small");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    }
    const int asked = int{all} + int{!name.empty()} + int{!library.empty() || !function.empty()};
    if (asked != 1)
        fail("give a multiplier, or --library and --function, or --all: one of the three; " + std::to_string(asked) +
             " were given");
    if (library.empty() != function.empty()) fail("--library and --function go together; only one was given");
    if (all && !heat_map.empty()) fail("--heat-map is of one multiplier, not of --all");
    if (speed && !all) fail("--speed is of --all");
    const std::string extension = heat_map.extension().string();
    if (!heat_map.empty() && extension != ".png" && extension != ".svg")
        fail("'" + heat_map.string() + "' ends in '" + extension + "'; a heat map is a .png or an .svg file");
    if (extension == ".png" && !LUTRA_USE_ZLIB) fail("this build has no zlib, which .png needs; ask for an .svg file");

    if (all) {
        print_all(format == "csv", speed);
        return 0;
    }
    const auto sign = operands == "signed" ? lutra::signedness::is_signed : lutra::signedness::is_unsigned;
    const auto table =
        library.empty() ? find_table(name, table_format) : call_library(library, function, types, sign, table_format.power);
    const bool is_builtin = library.empty() && !std::filesystem::is_regular_file(name);
    print_one(*table, is_builtin);
    if (heat_map.empty()) return 0;
    const rgb_image image = error_map(*table, lutra::metrics_of(*table).wce);
#if LUTRA_USE_ZLIB
    const auto bytes = extension == ".png" ? to_png(image) : to_svg(image);
#else
    const auto bytes = to_svg(image);
#endif
    static_cast<void>(value_or_fail(lutra::write_file_atomically(heat_map, bytes)));
}
