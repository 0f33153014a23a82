// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "run.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/io/json.hpp>

namespace {

program_result simulate(const std::string& arguments) { return run(std::string{LUTRA_SIMULATE} + " " + arguments); }

} // namespace

TEST_CASE("simulate answers what the library does, as text and as JSON") {
    const scratch_folder folder;
    const auto r =
        simulate("--accelerator edge --network bert_tiny --conversion acceltran --semantics released_mended --json " +
                 folder / "out.json --csv " + folder / "out.csv --timeline " + folder / "time.csv");
    INFO(r.output);
    REQUIRE(r.status == 0);
    CHECK(r.output.find("75817 cycles") != std::string::npos);
    CHECK(r.output.find("54.064 mm2") != std::string::npos);
    const nlohmann::json report = *lutra::read_json(folder / "out.json");
    CHECK(report["cycles"] == 75817);
    CHECK(report["network"] == "bert_tiny");
    const auto lines = [&](const std::string& name) {
        const auto csv = lutra::read_file(folder / name);
        REQUIRE(csv);
        return static_cast<std::size_t>(std::count(csv->begin(), csv->end(), std::byte{'\n'}));
    };
    CHECK(lines("time.csv") > 500);
    CHECK(lines("out.csv") == 1 + report["components"].size());
}

TEST_CASE("simulate knows every accelerator and kind of network, and model files") {
    const scratch_folder folder;
    write_tiny_model(folder / "tiny.safetensors");
    const std::string file = folder / "mine.json";
    std::FILE* out = std::fopen(file.c_str(), "w");
    REQUIRE(out != nullptr);
    std::fputs(R"({"type": "tiled", "lanes": 32, "memory": "hbm_32_1_4", "order": "k_i_j_b"})", out);
    std::fclose(out);
    for (const std::string what :
         {"--accelerator server --network bert_tiny", "--accelerator systolic --network bert_tiny --timing analytical",
          "--accelerator row_wise --network vit_tiny --batch 1 --bits 8 --timing analytical",
          "--accelerator server --network swin_tiny --batch 1 --timing analytical",
          "--network bert_tiny --loop-order k_i_j_b"})
        CHECK(simulate(what).status == 0);
    const auto mine = simulate("--batch 2 --accelerator " + file + " --network " + folder / "tiny.safetensors");
    INFO(mine.output);
    CHECK(mine.status == 0);
    const auto training = simulate("--network bert_tiny --mode training");
    INFO(training.output);
    CHECK(training.status == 0);
    CHECK(training.output.find("backward") != std::string::npos);
}

TEST_CASE("simulate draws energy, a roofline and time, or says that gnuplot is missing") {
    const scratch_folder folder;
    const auto text = [&](const std::string& name) {
        const auto bytes = lutra::read_file(folder / name);
        REQUIRE(bytes);
        std::string t;
        for (const std::byte b : *bytes) t += static_cast<char>(b);
        return t;
    };
    if (run("command -v gnuplot").status == 0) {
        const auto r = simulate("--network bert_tiny --plot " + folder / "energy.svg --roofline " + folder / "roof.svg" +
                                " --timeline " + folder / "time.svg");
        INFO(r.output);
        REQUIRE(r.status == 0);
        for (const std::string name : {"energy.svg", "roof.svg", "time.svg"})
            CHECK(text(name).find("</svg>") != std::string::npos);
        CHECK(text("energy.svg").find("mac_lane") != std::string::npos);
        // 2 x 16,384 MACs x 700 MHz and 785.365 bits x 700 MHz; scores read no weight
        for (const std::string words : {"2.294e+04 G/s, 68.72 GB/s", "all of it", "ffn.1<", "attn.scores, none moved<"}) {
            CAPTURE(words);
            CHECK(text("roof.svg").find(words) != std::string::npos);
        }
        for (const std::string words : {"busy, %", "mask_buffer", "pe_dynamic_w"})
            CHECK(text("time.svg").find(words) != std::string::npos);
        CHECK(simulate("--network bert_tiny --timeline " + folder / "time.png").status == 0);
        CHECK(text("time.png").substr(1, 3) == "PNG");
        for (const std::string machine : {"--accelerator systolic", "--accelerator row_wise --network vit_tiny --batch 1"})
            CHECK(simulate(machine + " --timing analytical --roofline " + folder / "other.svg").status == 0);
        CHECK(text("other.svg").find("1024 G/s, 8 GB/s") != std::string::npos);
    }
    for (const std::string option : {"--plot", "--roofline", "--timeline"}) {
        const auto r = run("PATH=/nowhere " LUTRA_SIMULATE " --network bert_tiny " + option + " " + folder / "none.svg");
        CHECK(r.status == 2);
        CHECK(r.output.find("error: " + option + " needs gnuplot") != std::string::npos);
        CHECK_FALSE(std::filesystem::exists(folder / "none.svg"));
    }
}

TEST_CASE("simulate ends with a sentence over what cannot be") {
    const scratch_folder folder;
    const std::string file = folder / "mine.json";
    const auto refused = [&](const std::string& arguments, const std::string& why) {
        const auto r = simulate(arguments + " --json " + folder / "out.json");
        INFO(r.output);
        CHECK(r.status == 2);
        CHECK(r.output.find(why) != std::string::npos);
        CHECK_FALSE(std::filesystem::exists(folder / "out.json"));
    };
    const auto described = [&](const char* text, const std::string& why) {
        std::FILE* out = std::fopen(file.c_str(), "w");
        REQUIRE(out != nullptr);
        std::fputs(text, out);
        std::fclose(out);
        refused("--accelerator " + file, why);
    };
    described(R"({"type": "tiled", "lane": 3})", "'lane' is no field");
    described(R"({"type": "tiled", "lanes": 0})", "lanes is 0; expected 1 to 4096");
    described(R"({"type": "tiled", "order": "bbij"})", "'bbij' is no permutation");
    described(R"({"type": "tiled", "mask_mb": 0})", "mask_mb is 0");
    described(R"({"type": "tiled", "mask_mb": 1e12})", "mask_mb is 1000000000000");
    described("{\"type\":", "not valid JSON");
    refused("--accelerator phone", "'phone' is neither an accelerator nor a file");
    refused("--network gpt", "'gpt' is neither a network nor a file");
    refused("--loop-order b_i_j", "'b_i_j' is no permutation");
    refused("--accelerator systolic --loop-order b_i_j_k", "are for tiled accelerators");
    refused("--network vit_tiny --conversion acceltran", "is for encoders");
    refused("--network bert_base --conversion acceltran", "embedding.load");
    refused("--sparsity 1.5", "--sparsity");
    refused("--batch 0", "--batch");
    refused("--accelerator row_wise --network vit_tiny --timing event", "no event mode");
}
