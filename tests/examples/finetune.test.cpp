// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "run.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/io/json.hpp>

namespace {

program_result finetune(const scratch_folder& folder, const std::string& arguments) {
    return run(std::string{LUTRA_FINETUNE} + " --data " + folder / "." + " --model " + folder / "tiny.safetensors" +
               " --output " + folder / "out.safetensors" + " --json " + folder / "out.json" +
               " --limit 320 --batch 32 --rate 0.003 --threads 2 --calibration-images 32 " + arguments);
}

} // namespace

TEST_CASE("finetune trains for a multiplier, by each method, and writes what it got") {
    const scratch_folder folder;
    make_data(folder);
    write_tiny_model(folder / "tiny.safetensors");
    for (const std::string method : {"straight-through", "gradient-table-1d", "gradient-table-2d"}) {
        const auto r = finetune(folder, "--multiplier operand_truncated4_4 --epochs 3 --recalibrate --method " + method);
        INFO(r.output);
        REQUIRE(r.status == 0);
        const nlohmann::json report = *lutra::read_json(folder / "out.json");
        CHECK(report["method"] == method);
        REQUIRE(report["epochs"].size() == 3);
        CHECK(report["epochs"][2]["loss"] < report["epochs"][0]["loss"]);
        CHECK(report["accuracy_after"] > report["accuracy_before"]);
        const auto trained = lutra::read_vit(std::filesystem::path{folder / "out.safetensors"});
        REQUIRE(trained);
        CHECK(trained->config == tiny_config());
        std::filesystem::remove(folder / "out.safetensors");
    }
}

TEST_CASE("finetune corrects and learns from a teacher, and without training leaves the model alone") {
    const scratch_folder folder;
    make_data(folder);
    write_tiny_model(folder / "tiny.safetensors");
    const auto taught = finetune(folder, "--multiplier drum4 --control-variate --distill 0.5 --temperature 3");
    INFO(taught.output);
    REQUIRE(taught.status == 0);
    nlohmann::json report = *lutra::read_json(folder / "out.json");
    CHECK(report["control_variate"] == true);
    CHECK(report.contains("accuracy_corrected"));
    std::filesystem::remove(folder / "out.safetensors");

    REQUIRE(finetune(folder, "--multiplier etm --method none").status == 0);
    report = *lutra::read_json(folder / "out.json");
    CHECK(report["epochs"].empty());
    CHECK_FALSE(report.contains("accuracy_after"));
    CHECK_FALSE(std::filesystem::exists(folder / "out.safetensors"));
}

TEST_CASE("finetune refuses a wrong number of multipliers and models that it cannot train") {
    const scratch_folder folder;
    make_data(folder);
    write_tiny_model(folder / "tiny.safetensors");
    const auto two = finetune(folder, "--multiplier drum4 --multiplier exact");
    CHECK(two.status == 2);
    CHECK(two.output.find("there are 2 multipliers; expected one") != std::string::npos);
    write_tiny_model(folder / "tiny.safetensors",
                     [](lutra::vit_config c, std::vector<float>& values, lutra::safetensors_writer& out) {
                         c.attention = lutra::attention_kind::relu_linear;
                         lutra::add_vit(out, lutra::vit_parameters<const float>{c, values});
                     });
    const auto linear = finetune(folder, "");
    CHECK(linear.status == 2);
    CHECK(linear.output.find("linear attention") != std::string::npos);
}
