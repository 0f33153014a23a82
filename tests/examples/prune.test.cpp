// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "run.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/io/json.hpp>
#include <lutra/nn/train/tau_curve_file.hpp>

namespace {

program_result prune(const scratch_folder& folder, const std::string& arguments) {
    return run(std::string{LUTRA_PRUNE} + " --model " + folder / "tiny.safetensors" + " --limit 100 --threads 2 --json " +
               folder / "out.json --csv " + folder / "out.csv" + " " + arguments);
}

} // namespace

TEST_CASE("prune sweeps thresholds, and writes their curve") {
    const scratch_folder folder;
    write_tiny_model(folder / "tiny.safetensors");
    const auto r = prune(folder, "--sweep 0 0.1 1000 --curve " + folder / "curve.json");
    INFO(r.output);
    REQUIRE(r.status == 0);
    const nlohmann::json rows = (*lutra::read_json(folder / "out.json"))["results"];
    REQUIRE(rows.size() == 4);
    CHECK(rows[0]["setting"] == "dense");
    CHECK(rows[1]["accuracy"] == rows[0]["accuracy"]);
    CHECK(rows[2]["zeros"] > rows[1]["zeros"]);
    CHECK(rows[3]["zeros"] == 1.0);
    const auto curve = lutra::read_tau_points(folder / "curve.json");
    REQUIRE(curve);
    REQUIRE(curve->size() == 3);
    CHECK((*curve)[1].sparsity == rows[2]["zeros"]);
}

TEST_CASE("prune sweeps the other rules of activations, and those of weights and tokens") {
    const scratch_folder folder;
    write_tiny_model(folder / "tiny.safetensors");
    for (const std::string rule : {"top_k", "calibrated", "hidden"}) {
        const auto r = prune(folder, "--skip-zeros --activations " + rule + " --sweep 0.4 0.8");
        INFO(r.output);
        REQUIRE(r.status == 0);
        const nlohmann::json rows = (*lutra::read_json(folder / "out.json"))["results"];
        const std::string zeros = rule == "hidden" ? "hidden_zeros" : "zeros";
        CHECK((rule == "top_k" ? rows[1][zeros] > rows[2][zeros] : rows[2][zeros] > rows[1][zeros]));
    }
    REQUIRE(prune(folder, "--weights 2:4 1:4 rank:0.6 rank:0.4 energy:0.5").status == 0);
    nlohmann::json rows = (*lutra::read_json(folder / "out.json"))["results"];
    CHECK(rows[2]["macs"] < rows[1]["macs"]);
    for (const std::size_t i : {1u, 3u, 5u}) CHECK(rows[i]["macs"] < rows[0]["macs"]);
    CHECK(rows[4]["macs"] < rows[3]["macs"]);
    const auto tokens = prune(folder, "--time --tokens none keep_top:0.5@0");
    INFO(tokens.output);
    REQUIRE(tokens.status == 0);
    rows = (*lutra::read_json(folder / "out.json"))["results"];
    CHECK(rows[1]["macs"] == rows[0]["macs"]);
    CHECK(rows[1]["microseconds_batch_64"] > 0);
    CHECK(rows[2]["tokens"] == nlohmann::json{4.0}); // the class token, half of the four others, and what fuses the rest
}

TEST_CASE("prune refuses settings that are none") {
    const scratch_folder folder;
    write_tiny_model(folder / "tiny.safetensors");
    const auto refused = [&](const std::string& arguments, const std::string& why) {
        const auto r = prune(folder, arguments);
        INFO(r.output);
        CHECK(r.status == 2);
        CHECK(r.output.find(why) != std::string::npos);
        CHECK_FALSE(std::filesystem::exists(folder / "out.json"));
    };
    refused("--sweep -0.1", "thresholds of at least 0");
    refused("--sweep nan", "thresholds of at least 0");
    refused("--activations hidden --sweep 1.5", "shares in [0, 1]");
    refused("--weights 3:2", "3:2");
    refused("--weights rank:1", "rank:1");
    refused("--weights energy:0.9x", "energy:0.9x");
    refused("--tokens keep_top:0.5@1", "past the last of 1");
    refused("--tokens none --sweep 0.1", "--sweep");
    refused("--weights 2:4 --activations hidden", "excludes");
    refused("--activations top_k --curve x.json", "--curve");
    refused("--plot plot.bmp", "'.bmp'");
    refused("--precision int8", "lutra.activation_scales");
}
