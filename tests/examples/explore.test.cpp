// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "image_folder.hpp"
#include "run.hpp"
#include "support/catch.hpp"

#include <lutra/io/json.hpp>

#include <fstream>

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
