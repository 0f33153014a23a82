// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "run.hpp"
#include "support/catch.hpp"

#include <lutra/nn/activation_scales.hpp>
#include <lutra/nn/train/calibrate_vit.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace {

void write_calibrated_model(const std::string& path, lutra::attention_kind attention = lutra::attention_kind::softmax) {
    write_tiny_model(path, [&](lutra::vit_config c, std::vector<float>& values, lutra::safetensors_writer& out) {
        c.attention = attention;
        lutra::add_vit(out, lutra::vit_parameters<const float>{c, values});
        const std::vector<float> scales(lutra::activation_scales<float>::count(c), 0.02f);
        out.add(std::string{lutra::activation_scales_name}, {scales.size()}, std::span<const float>{scales});
    });
}

std::string text_of(const std::string& path) {
    const auto bytes = lutra::read_file(path);
    REQUIRE(bytes);
    return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

/// One sentence on standard error, status 2, and no file.
void require_refused(const std::string& arguments, const std::string& output, const std::string& words) {
    const auto r = run(std::string{LUTRA_EMIT_FIRMWARE} + " --output " + output + " " + arguments);
    INFO(arguments << "\n" << r.output);
    CHECK(r.status == 2);
    CHECK(r.output.find("error: ") == 0);
    CHECK(r.output.find(words) != std::string::npos);
    CHECK(!std::filesystem::is_regular_file(output));
}

} // namespace

TEST_CASE("emit_firmware: a header with the host's answers") {
    const scratch_folder folder;
    const std::string model = folder / "model.safetensors", header = folder / "tiny.hpp";
    write_calibrated_model(model);
    const auto r = run(std::string{LUTRA_EMIT_FIRMWARE} + " --model " + model + " --images 3 --multiplier drum4" +
                       " --attention-multiplier mitchell --output " + header);
    INFO(r.output);
    REQUIRE(r.status == 0);
    CHECK(r.output.find("of 3 images right") != std::string::npos);
    const std::string text = text_of(header);
    CHECK(text.find("// model.safetensors, integers only\n// block 0: linear drum4, attention mitchell\n") !=
          std::string::npos);
    CHECK(text.find("image_count = 3;") != std::string::npos);
    CHECK(text.find("using softmax = lutra::pwl_softmax<8>;") != std::string::npos);
    const std::string other = folder / "other.hpp";
    REQUIRE(run(std::string{LUTRA_EMIT_FIRMWARE} + " --model " + model + " --tables 16 --output " + other).status == 0);
    CHECK(text_of(other).find("using softmax = lutra::pwl_softmax<16>;") != std::string::npos);
#if defined(LUTRA_COMPILER)
    const std::string program = folder / "program", sources = LUTRA_FIRMWARE;
    const auto built = run(std::string{LUTRA_COMPILER} + " -std=c++20 -Wall -Wextra -Wconversion -Werror -I" +
                           LUTRA_INCLUDE + " -I" + sources + "/boards -DLUTRA_CUSTOM_PANIC=1 -DFIRMWARE_MODEL='\"" + header +
                           "\"' " + sources + "/main.cpp " + sources + "/boards/host.cpp -o " + program);
    INFO(built.output);
    REQUIRE(built.status == 0);
    const auto ran = run(program);
    INFO(ran.output);
    CHECK(ran.status == 0); // the checksums are those of the header
    CHECK(ran.output.find("image 2: class ") != std::string::npos);
    CHECK(ran.output.find(" of 3 right\n") != std::string::npos);
#endif
}

TEST_CASE("emit_firmware: one sentence over bad input, and no file") {
    const scratch_folder folder;
    const std::string model = folder / "model.safetensors", other = folder / "other.safetensors",
                      header = folder / "out.hpp";
    write_calibrated_model(model);
    const std::string as_model = "--model " + model + " ";
    require_refused("--model " + other, header, "other.safetensors");
    auto bytes = *lutra::read_file(model);
    bytes.resize(bytes.size() / 2);
    write_bytes(other, bytes);
    require_refused("--model " + other, header, "other.safetensors");
    write_tiny_model(other);
    require_refused("--model " + other, header, "has no scales of activations");
    write_calibrated_model(other, lutra::attention_kind::relu_linear);
    require_refused("--model " + other, header, "linear attention");

    require_refused(as_model + "--multiplier nonsense", header, "'nonsense' is neither a file nor a multiplier");
    require_refused(as_model + "--multiplier drum4 exact", header, "was given 2 names; expected one for all blocks");
    require_refused(as_model + "--namespace 1x", header, "'1x' cannot name a namespace");
    require_refused(as_model + "--images 2 --image-file " + model, header, "--image-file and --label-file go together");
    require_refused(as_model, folder / "absent/out.hpp", "absent/out.hpp");
    std::filesystem::create_directory(folder / "folder");
    require_refused(as_model, folder / "folder", "not a regular file");
}

TEST_CASE("emit_firmware: what cannot be written leaves the file of an earlier run as it was") {
    const scratch_folder folder;
    const std::string model = folder / "model.safetensors", header = folder / "out.hpp";
    write_calibrated_model(model);
    const std::string command = std::string{LUTRA_EMIT_FIRMWARE} + " --model " + model + " --output " + header;
    REQUIRE(run(command).status == 0);
    const std::string before = text_of(header);
    CHECK(run(command + " --namespace class").status == 2);
    CHECK(text_of(header) == before);
    REQUIRE(run(command).status == 0);
    CHECK(text_of(header) == before); // the same bytes each time
}
