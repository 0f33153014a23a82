// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lutra_ratios <folder> [--quick]: measures every room and writes <folder>/ratios.json and <folder>/ratios.md, each whole
// or not at all. --quick: one short round, to see that it runs; its figures mean nothing.
#include <lutra/io/json.hpp>

#include "support/ratios.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace {

template <class T>
nlohmann::json or_null(const std::optional<T>& x) {
    return x ? nlohmann::json(*x) : nlohmann::json(nullptr);
}

nlohmann::json as_json(const std::vector<bench::ratio_row>& rows) {
    nlohmann::json list = nlohmann::json::array();
    for (const bench::ratio_row& r : rows)
        list.push_back({{"row", r.name},
                        {"ratio", or_null(r.ratio)},
                        {"value", r.value},
                        {"unit", r.unit},
                        {"better", r.higher_is_better ? "higher" : "lower"},
                        {"at_least", or_null(r.at_least)},
                        {"stretch", or_null(r.stretch)},
                        {"against", or_null(r.against)}});
    return list;
}

std::string number(const std::optional<double>& x) {
    if (!x) return "-";
    char text[32];
    std::snprintf(text, sizeof text, *x < 0.1 ? "%.4f" : *x < 10 ? "%.3f" : "%.1f", *x);
    return text;
}

std::string as_markdown(const std::vector<bench::ratio_row>& rows) {
    std::string out = "| row | ratio | at least | stretch | value | against |\n|---|---|---|---|---|---|\n";
    for (const bench::ratio_row& r : rows)
        out += "| `" + r.name + "` | " + number(r.ratio) + " | " + number(r.at_least) + " | " + number(r.stretch) + " | " +
               number(r.value) + ' ' + r.unit + " | " + r.against.value_or("not on this machine") + " |\n";
    return out;
}

} // namespace

int main(int count, char** arguments) {
    const std::string_view option = count == 3 ? arguments[2] : "";
    if (count < 2 || count > 3 || (count == 3 && option != "--quick")) {
        std::fputs("usage: lutra_ratios <folder> [--quick]\n", stderr);
        return 2;
    }
    const std::filesystem::path folder = arguments[1];
    bench::ratios table{option == "--quick" ? bench::effort{1, 0} : bench::effort{}};
    auto rooms = bench::room::all();
    std::sort(rooms.begin(), rooms.end());
    for (const auto& [name, measure] : rooms) {
        std::printf("measuring %s\n", name.c_str());
        std::fflush(stdout);
        measure(table);
    }
    const std::string markdown = as_markdown(table.rows());
    std::fputs(markdown.c_str(), stdout);
    for (const lutra::status& written :
         {lutra::write_json(folder / "ratios.json", as_json(table.rows())),
          lutra::write_file_atomically(folder / "ratios.md", std::as_bytes(std::span{markdown}))})
        if (!written) {
            std::fprintf(stderr, "%.*s\n", static_cast<int>(written.error().message.view().size()),
                         written.error().message.view().data());
            return 1;
        }
}
