// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "image_folder.hpp"
#include "run.hpp"
#include "support/catch.hpp"

#include <lutra/io/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

TEST_CASE("explore refuses what makes no sense, before it searches") {
    const image_folder f;
    const auto refused = [&](const std::string& arguments, const std::string& why) {
        const bool names_one = arguments.find("--report") != std::string::npos;
        const auto r = f.explore(arguments + (names_one ? "" : " --report " + (f.folder / "out")));
        INFO(arguments + ": " + r.output);
        CHECK(r.status == 2);
        CHECK(r.output.find(why) != std::string::npos);
        CHECK_FALSE(std::filesystem::exists(f.folder / "out/report.json"));
    };
    refused("--budget 0", "the budget is 0");
    refused("--images 0", "0 images");
    refused("--objectives accuracy", "1 objectives; expected two to four");
    refused("--objectives accuracy,speed", "'speed' is no objective");
    refused("--objectives accuracy,energy,energy", "more than once");
    refused("--method luck", "luck");
    refused("--compare luck", "'luck' is nothing to compare with");
    refused("--compare network-only", "expected --accelerator space");
    refused("--accelerator space --network-only --compare accelerator-only", "needs a search of both sides");
    refused("--repeat 0", "--repeat");
    refused("--tables 0,9", "--tables");
    refused("--tables 8,8", "more than once");
    refused("--multipliers exact", "nothing to choose");
    refused("--multipliers exact,exact", "more than once");
    refused("--multipliers exact,nonsense", "nonsense");
    refused("--accelerator nowhere.json", "'nowhere.json' is neither an accelerator nor a file");
    refused("--accelerator-only", "expected --accelerator space");
    refused("--thresholds -1", "a threshold is -1");
    refused("--tokens keep_top:0.5@9", "past the last of 4");
    refused("--data " + (f.folder / "nowhere"), "dataset-fashion-mnist");
    refused("--report /proc/lutra", "no file can be written into the report folder /proc/lutra");
    std::ofstream{f.folder / "other.journal"} << "something else\n";
    refused("--budget 5 --resume " + (f.folder / "other.journal"), "other.journal");
    const auto made = f.explore("--budget 14 --compare none --verify 1 --resume " + (f.folder / "mine.journal"));
    REQUIRE(made.status == 0);
    refused("--budget 14 --objectives accuracy,area --resume " + (f.folder / "mine.journal"), "mine.journal");
}

TEST_CASE("sensitivity prints a map and refuses bad input") {
    const image_folder f;
    const auto r = run(std::string{LUTRA_SENSITIVITY} + " --data " + f.data +
                       " --images 48 --multiplier operand_truncated4_4 --json " + (f.folder / "map.json"));
    INFO(r.output);
    REQUIRE(r.status == 0);
    const nlohmann::json map = (*lutra::read_json(f.folder / "map.json"))["maps"][0];
    CHECK((map["multiplier"] == "operand_truncated4_4" && map["accuracy"].size() == 4 && map["accuracy"][0].size() == 5));
    double least = 1;
    for (const auto& row : map["accuracy"])
        for (const auto& a : row) least = std::min(least, a.get<double>());
    CHECK(least < map["exact"].get<double>());
    for (const auto& [arguments, why] : {std::pair<std::string, std::string>{"--images 0", "0 images"},
                                         {"--multiplier nonsense", "nonsense"},
                                         {"--model nowhere", "nowhere"}}) {
        const auto bad = run(std::string{LUTRA_SENSITIVITY} + " --data " + f.data + " " + arguments);
        INFO(bad.output);
        CHECK(bad.status == 2);
        CHECK(bad.output.find(why) != std::string::npos);
    }
}
