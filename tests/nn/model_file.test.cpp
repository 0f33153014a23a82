// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/nn/train/model_file.hpp>

#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <string>

namespace {

struct tensor {
    lutra::tensor_shape shape;
    std::vector<float> values;
};

/// A model file that can be spoilt before it is read.
struct contents {
    std::map<std::string, tensor> tensors;
    std::map<std::string, std::string> metadata;

    explicit contents(const lutra::vit_config& c) {
        lutra::safetensors_writer out;
        const auto values = random_parameters(c, 1);
        lutra::add_vit(out, lutra::vit_parameters<const float>{c, values});
        const auto file = lutra::safetensors::parse(out.bytes().value());
        for (const auto& [name, info] : file->tensors()) tensors[name] = {info.shape, file->floats(name).value()};
        metadata = {file->metadata().begin(), file->metadata().end()};
    }
    lutra::safetensors file() const {
        lutra::safetensors_writer out;
        for (const auto& [key, value] : metadata) out.metadata(key, value);
        for (const auto& [name, t] : tensors) out.add(name, t.shape, t.values);
        return lutra::safetensors::parse(out.bytes().value()).value();
    }
};

void expect_error(const std::function<void(contents&)>& spoil, lutra::error_code code, const std::string& part,
                  const lutra::vit_overrides& overrides = {}) {
    contents c{tiny_config()};
    spoil(c);
    const auto read = lutra::read_vit(c.file(), overrides);
    REQUIRE_FALSE(read);
    INFO(std::string{read.error().message.view()});
    CHECK(read.error().code == code);
    CHECK(std::string{read.error().message.view()}.find(part) != std::string::npos);
}

} // namespace

TEST_CASE("model_file: what is written is read") {
    for (const bool distilled : {false, true}) {
        lutra::vit_config c = tiny_config(distilled);
        if (distilled) c.attention = lutra::attention_kind::relu_linear;
        if (distilled) c.activation = lutra::activation_kind::relu;
        c.input_std[3] = 0; // beyond the channels: not stored
        const auto read = lutra::read_vit(contents{c}.file());
        REQUIRE(read);
        CHECK(read->config == c);
        CHECK(read->config.layer_norm_epsilon == 1e-5f);
        CHECK(read->config.input_mean[1] == 0.6f);
        CHECK(read->values == random_parameters(c, 1));
        CHECK(read->parameters().head.bias[4] == lutra::vit_parameters<const float>{c, read->values}.head.bias[4]);
    }
}

TEST_CASE("model_file: from a path, and the path in the error") {
    const auto path = std::filesystem::temp_directory_path() / "lutra_model_file_test.safetensors";
    const lutra::vit_config c = tiny_config();
    const auto values = random_parameters(c, 1);
    lutra::safetensors_writer out;
    lutra::add_vit(out, lutra::vit_parameters<const float>{c, values});
    REQUIRE(out.write(path));
    CHECK(lutra::read_vit(path)->values == values);
    const auto wrong = lutra::read_vit(path, {.heads = 5});
    REQUIRE_FALSE(wrong);
    CHECK(std::string{wrong.error().message.view()}.find("lutra_model_file_test.safetensors: vit_config: heads is 5") !=
          std::string::npos);
    std::filesystem::remove(path);
    CHECK(lutra::read_vit(path).error().code == lutra::error_code::io);
}

TEST_CASE("model_file: a file of timm's has shapes only") {
    lutra::vit_config c = tiny_config();
    c.image_height = c.image_width = 12; // square: what shapes can tell
    c.dim = 128;
    c.heads = 2;
    contents file{c};
    file.metadata.clear();
    auto read = lutra::read_vit(file.file());
    REQUIRE(read);
    CHECK(read->config.heads == 2); // 64 channels each
    CHECK(read->config.depth == 2);
    CHECK(read->config.image_height == 12);
    CHECK(read->config.image_width == 12);
    CHECK(read->config.layer_norm_epsilon == 1e-6f);
    CHECK(read->config.input_std == std::array<float, 4>{1, 1, 1, 1});

    const lutra::vit_overrides overrides{.heads = 4,
                                         .image_height = 36,
                                         .image_width = 4,
                                         .layer_norm_epsilon = 1e-3f,
                                         .input_mean = std::array<float, 4>{0.5f, 0.25f, 0, 0},
                                         .input_std = std::array<float, 4>{0.125f, 0.5f, 1, 1}};
    for (const bool with_metadata : {false, true}) { // they win over both
        read = lutra::read_vit(with_metadata ? contents{c}.file() : file.file(), overrides);
        REQUIRE(read);
        CHECK(read->config.heads == 4);
        CHECK(read->config.image_height == 36);
        CHECK(read->config.image_width == 4);
        CHECK(read->config.layer_norm_epsilon == 1e-3f);
        CHECK(read->config.input_mean == *overrides.input_mean);
        CHECK(read->config.input_std == *overrides.input_std);
    }
}

TEST_CASE("model_file: what is missing or of another shape is named") {
    using enum lutra::error_code;
    for (const char* name : {"patch_embed.proj.weight", "pos_embed", "head.weight", "cls_token", "blocks.1.attn.qkv.bias",
                             "blocks.0.mlp.fc1.weight", "norm.bias"}) {
        expect_error([&](contents& c) { c.tensors.erase(name); }, missing, "'" + std::string{name} + "'");
        expect_error([&](contents& c) { c.tensors[name] = {{3}, {1, 2, 3}}; }, mismatch, "'" + std::string{name} + "'");
    }
    expect_error([](contents& c) { c.tensors["head.weight"] = {{0, 12}, {}}; }, mismatch, "dimension of 0");
    expect_error(
        [](contents& c) {
            c.tensors["head.weight"] = {{65537, 1}, std::vector<float>(65537)};
        },
        mismatch, "dimension of 65537");
    expect_error(
        [](contents& c) {
            c.tensors["pos_embed"] = {{1, 6, 12}, std::vector<float>(72)};
        },
        mismatch, "'pos_embed' has shape [1, 6, 12]; expected [1, 7, 12]");
    expect_error([](contents& c) { c.tensors.clear(); }, missing, "not a ViT under timm's names");
    expect_error([](contents& c) { c.tensors["dist_token"] = {{1, 1, 12}, std::vector<float>(12)}; }, mismatch, "");
}

TEST_CASE("model_file: values must be finite") {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()})
        expect_error([&](contents& c) { c.tensors["blocks.1.mlp.fc2.weight"].values[7] = bad; },
                     lutra::error_code::not_finite, "element 7 of tensor 'blocks.1.mlp.fc2.weight'");
}

TEST_CASE("model_file: metadata must be numbers that fit the tensors") {
    using enum lutra::error_code;
    for (const char* text : {"", "twelve", "12 ", "12.5", "-12", "99999999999"})
        expect_error([&](contents& c) { c.metadata["vit.dim"] = text; }, malformed,
                     "metadata 'vit.dim' is '" + std::string{text} + "'");
    expect_error([](contents& c) { c.metadata["vit.layer_norm_epsilon"] = "small"; }, malformed,
                 "'small'; expected a number");
    expect_error([](contents& c) { c.metadata["vit.layer_norm_epsilon"] = "nan"; }, malformed, "layer_norm_epsilon");
    expect_error([](contents& c) { c.metadata["vit.input_std.1"] = "inf"; }, malformed, "input_std");
    expect_error([](contents& c) { c.metadata["vit.heads"] = "5"; }, malformed, "heads is 5, expected a divisor of dim");
    expect_error([](contents& c) { c.metadata["vit.heads"] = "0"; }, malformed, "heads is 0");
    expect_error([](contents& c) { c.metadata["vit.patch"] = "0"; }, malformed, "patch is 0");
    expect_error([](contents& c) { c.metadata["vit.channels"] = "9"; }, malformed, "channels is 9");
    expect_error([](contents&) {}, malformed, "heads is 7", {.heads = 7});
    for (const char* depth : {"1", "3"})
        expect_error([&](contents& c) { c.metadata["vit.depth"] = depth; }, mismatch,
                     "metadata 'vit.depth' is " + std::string{depth} + "; the file has 2 blocks");
    expect_error([](contents& c) { c.metadata["vit.classes"] = "6"; }, mismatch, "'head.weight'");
}

TEST_CASE("model_file: hostile sizes take no memory") {
    using enum lutra::error_code;
    expect_error([](contents& c) { c.metadata["vit.mlp"] = "65536"; }, mismatch, "parameters; the file holds");
    expect_error(
        [](contents& c) {
            for (const char* key : {"vit.dim", "vit.mlp", "vit.classes", "vit.image_height", "vit.image_width"})
                c.metadata[key] = "65536";
            c.metadata["vit.heads"] = "1";
            c.metadata["vit.patch"] = "1";
        },
        mismatch, "parameters; the file holds");
}

TEST_CASE("model_file: numbers of one's own in the metadata") {
    contents c{tiny_config()};
    c.metadata["training.step"] = "18446744073709551615";
    CHECK(lutra::metadata_number<std::uint64_t>(c.file(), "training.step").value() == ~std::uint64_t{0});
    CHECK(lutra::metadata_number<double>(c.file(), "none").error().code == lutra::error_code::missing);
    CHECK(lutra::metadata_number<std::uint8_t>(c.file(), "training.step").error().code == lutra::error_code::malformed);
}

TEST_CASE("model_file: stored activation scales are read, and refused where they cannot be") {
    const lutra::vit_config config = tiny_config();
    const std::size_t count = lutra::activation_scales<float>::count(config);
    const std::string name{lutra::activation_scales_name};
    contents c{config};
    CHECK(lutra::read_activation_scales(c.file(), config).error().code == lutra::error_code::missing);
    c.tensors[name] = {{count}, std::vector<float>(count, 0.25f)};
    CHECK(lutra::read_activation_scales(c.file(), config).value() == std::vector<float>(count, 0.25f));
    for (const float bad : {0.0f, -0.5f}) {
        c.tensors[name].values[3] = bad;
        const auto read = lutra::read_activation_scales(c.file(), config);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == lutra::error_code::malformed);
        CHECK(std::string{read.error().message.view()} == "element 3 of tensor 'lutra.activation_scales' is " +
                                                              std::string{bad == 0 ? "0" : "-0.5"} +
                                                              "; expected a positive scale");
    }
    c.tensors[name].values[3] = std::numeric_limits<float>::infinity();
    CHECK(lutra::read_activation_scales(c.file(), config).error().code == lutra::error_code::not_finite);
    c.tensors[name] = {{count - 1}, std::vector<float>(count - 1, 0.25f)};
    CHECK(lutra::read_activation_scales(c.file(), config).error().code == lutra::error_code::mismatch);
}
