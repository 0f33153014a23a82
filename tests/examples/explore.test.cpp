// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "run.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/io/json.hpp>

#include <cstdlib>
#include <fstream>

namespace {

/// A folder with the sample of test images under the names of a data set, as training images as well.
struct image_folder {
    scratch_folder folder;
    std::string data = folder / "data";

    image_folder() {
        std::filesystem::create_directory(data);
        const std::string sample = std::string{LUTRA_SAMPLES} + "/fashion-mnist-test-1000-";
        for (const std::string set : {"train", "t10k"})
            for (const std::string part : {"images-idx3-ubyte.gz", "labels-idx1-ubyte.gz"})
                std::filesystem::create_symlink(sample + part, std::filesystem::path{data} / (set + "-" + part));
    }
    /// Runs it on little, but for what @p arguments say themselves.
    [[nodiscard]] program_result explore(const std::string& arguments) const {
        std::string command = std::string{LUTRA_EXPLORE} + " " + arguments;
        for (const auto& [option, value] : {std::pair<std::string, std::string>{" --data ", data},
                                            {" --images ", "48"},
                                            {" --multipliers ", "exact,drum4,operand_truncated3_3"},
                                            {" --threads ", "2"}})
            if (command.find(option) == std::string::npos) command += option + value;
        return run(command);
    }
    [[nodiscard]] nlohmann::json report(const std::string& name) const {
        return *lutra::read_json(std::filesystem::path{folder / name} / "report.json");
    }
};

} // namespace

TEST_CASE("explore finds a front, verifies it and writes a report that compiles") {
    const image_folder f;
    const auto r = f.explore("--budget 30 --objectives accuracy,power --report " + (f.folder / "out"));
    INFO(r.output);
    REQUIRE(r.status == 0);
    CHECK(r.output.find("The chosen design takes") != std::string::npos);
    const nlohmann::json d = f.report("out");
    CHECK((d["evaluations"] == 30 && d["points"].size() == 30 && d["infeasible"] == 0));
    CHECK((d["genes"].size() == 4 && d["convergence"].size() == 2));
    REQUIRE(!d["front"].empty());
    for (const auto& a : d["front"])
        for (const auto& b : d["points"]) // nothing that was evaluated dominates one of the front
            CHECK_FALSE((b["objectives"][0] < a["objectives"][0] && b["objectives"][1] < a["objectives"][1]));
    const auto& chosen = d["front"][d["chosen"]["front"].get<std::size_t>()];
    CHECK((chosen["test_accuracy"] > 0.85 && chosen["objectives"][1] < 100));
    CHECK(std::filesystem::file_size(std::filesystem::path{f.folder / "out"} / "report.html") > 10'000);
    CHECK(std::filesystem::exists(std::filesystem::path{f.folder / "out"} / "front.csv"));
#ifdef LUTRA_COMPILER
    std::ofstream{f.folder / "use.cpp"} << "#include \"out/best_policy.hpp\"\nstatic_assert(best_policy.size() == 4);\n";
    const auto compiled = run(std::string{LUTRA_COMPILER} + " -std=c++20 -fsyntax-only -I " LUTRA_INCLUDE " -I " +
                              (f.folder / "") + " " + (f.folder / "use.cpp"));
    INFO(compiled.output);
    CHECK(compiled.status == 0);
#endif
}

TEST_CASE("explore finds the same on any number of threads, and from a journal") {
    const image_folder f;
    const auto front = [&](const std::string& name, const std::string& arguments) {
        const auto r = f.explore("--budget 25 --compare none --verify 1 --report " + (f.folder / name) + " " + arguments);
        INFO(r.output);
        REQUIRE(r.status == 0);
        return f.report(name)["front"];
    };
    for (const std::string method : {"mcts", "nsga2", "annealing", "random"}) {
        const auto one = front("one", "--method " + method);
        CHECK(one == front("two", "--threads 1 --method " + method));
        const std::string journal = " --method " + method + " --resume " + (f.folder / (method + ".journal"));
        CHECK(one == front("three", journal));
        std::filesystem::resize_file(f.folder / (method + ".journal"),
                                     std::filesystem::file_size(f.folder / (method + ".journal")) - 99);
        CHECK(one == front("four", journal));
    }
}

TEST_CASE("explore searches accelerators, too, and everything at once") {
    const image_folder f;
    const auto r = f.explore("--budget 40 --accelerator space --objectives accuracy,energy,latency,area --by-layer "
                             "--thresholds 0,0.02 --tokens keep_top:0.7@1+keep_prefix@3 --method random --compare none "
                             "--verify 1 --report " +
                             (f.folder / "out"));
    INFO(r.output);
    REQUIRE(r.status == 0);
    const nlohmann::json d = f.report("out");
    CHECK(d["genes"].size() == 4 * 5 + 1 + 12);
    CHECK(d["objectives"].size() == 4);
}

TEST_CASE("explore repeats methods, sets one-sided searches beside them, and says how well accuracy was foretold") {
    const image_folder f;
    const auto r =
        f.explore("--budget 40 --accelerator space --objectives accuracy,energy,latency --method nsga2 --repeat 3 "
                  "--compare network-only,accelerator-only,random --tables 0,8 --verify 1 --report " +
                  (f.folder / "out"));
    INFO(r.output);
    REQUIRE(r.status == 0);
    const nlohmann::json d = f.report("out");
    REQUIRE(d["convergence"].size() == 4);
    for (const auto& c : d["convergence"]) {
        CHECK((c["seeds"] == 3 && c["evaluations"].size() == c["hypervolume"].size()));
        for (std::size_t i = 0; i < c["hypervolume"].size(); ++i)
            CHECK((c["least"][i] <= c["hypervolume"][i] && c["hypervolume"][i] <= c["greatest"][i]));
    }
    CHECK((d["convergence"][1]["method"] == "network-only" && d["convergence"][2]["method"] == "accelerator-only"));
    CHECK(d["genes"].size() == 4 + 1 + 12);
    CHECK((d["predictors"].size() >= 1 && d["predictors"].back()["rank_correlation"].is_number()));

    // One side as it is, in the same space: only the other one's genes differ from the first design.
    for (const auto& [flag, first, last] : {std::tuple{" --network-only", std::size_t{5}, std::size_t{17}},
                                            {" --accelerator-only", std::size_t{0}, std::size_t{5}}}) {
        const auto one =
            f.explore("--budget 40 --accelerator space --method nsga2 --compare none --tables 0,8 --verify 1" +
                      std::string{flag} + " --objectives accuracy,energy,latency --report " + (f.folder / "one"));
        INFO(one.output);
        REQUIRE(one.status == 0);
        const nlohmann::json side = f.report("one");
        for (const auto& point : side["front"])
            for (std::size_t g = first; g < last; ++g) CHECK(point["genes"][g] == 0);
    }
}

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
