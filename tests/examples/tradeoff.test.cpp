// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "run.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/io/json.hpp>

TEST_CASE("tradeoff joins accuracy, cycles and energy, and pruning lowers all of them but the first little") {
    const scratch_folder folder;
    const auto r = run(std::string{LUTRA_TRADEOFF} + " --limit 200 --json " + folder / "out.json");
    INFO(r.output);
    REQUIRE(r.status == 0);
    const nlohmann::json rows = (*lutra::read_json(folder / "out.json"))["results"];
    REQUIRE(rows.size() == 4);
    for (const auto& row : rows) CHECK(row["accuracy"] > 0.85);
    const auto less = [&](std::size_t a, std::size_t b, const char* key) { CHECK(rows[a][key] < rows[b][key]); };
    for (const char* key : {"macs", "edge_cycles", "edge_nj", "row_wise_cycles", "row_wise_chip_nj"}) less(2, 0, key);
    for (const std::size_t i : {0u, 2u}) { // drum4 beside exact products
        less(i + 1, i, "edge_nj");
        less(i + 1, i, "row_wise_chip_nj");
    }
}

TEST_CASE("tradeoff refuses what it does not know") {
    const scratch_folder folder;
    const auto refused = [&](const std::string& arguments, const std::string& why) {
        const auto r = run(std::string{LUTRA_TRADEOFF} + " --limit 20 --json " + folder / "out.json" + " " + arguments);
        INFO(r.output);
        CHECK(r.status == 2);
        CHECK(r.output.find(why) != std::string::npos);
        CHECK_FALSE(std::filesystem::exists(folder / "out.json"));
    };
    refused("--multiplier nonsense", "nonsense");
    refused("--model nowhere.safetensors", "nowhere.safetensors");
    refused("--tokens keep_top:0.5@9", "past the last of 4");
}
