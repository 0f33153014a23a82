// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "run.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/io/idx.hpp>

#include <cmath>
#include <cstring>
#include <limits>

namespace {

/// Runs evaluate and expects one sentence on standard error, status 2, and the result file of an earlier run untouched.
void require_refused(const scratch_folder& folder, const std::string& arguments, const std::vector<std::string>& words) {
    const std::string json = folder / "earlier.json", before = "{\"kept\": true}";
    write_bytes(json, [&] {
        const auto* data = reinterpret_cast<const std::byte*>(before.data());
        return std::vector<std::byte>(data, data + before.size());
    }());
    const auto r = run(std::string{LUTRA_EVALUATE} + " --limit 8 --json " + json + " " + arguments);
    INFO(arguments << "\n" << r.output);
    CHECK(r.status == 2);
    for (const std::string& word : words) CHECK(r.output.find(word) != std::string::npos);
    const auto after = lutra::read_file(json);
    REQUIRE(after);
    CHECK(after->size() == before.size());
    CHECK(std::memcmp(after->data(), before.data(), before.size()) == 0);
}

std::vector<std::byte> with_header(const std::string& header, std::size_t data_bytes) {
    std::vector<std::byte> out(8 + header.size() + data_bytes);
    const std::uint64_t length = header.size();
    std::memcpy(out.data(), &length, sizeof length);
    std::memcpy(out.data() + 8, header.data(), header.size());
    return out;
}

} // namespace

TEST_CASE("a broken model is refused") {
    const scratch_folder folder;
    const std::string model = folder / "model.safetensors", as_model = "--model " + model;
    require_refused(folder, "--model " + folder / "absent.safetensors", {"error: ", "absent.safetensors"});

    write_tiny_model(model);
    auto bytes = *lutra::read_file(model);
    bytes.resize(bytes.size() / 2);
    write_bytes(model, bytes);
    require_refused(folder, as_model, {"error: ", "model.safetensors"});

    auto oversized = with_header("{}", 0);
    const std::uint64_t huge = 1ull << 60;
    std::memcpy(oversized.data(), &huge, sizeof huge);
    write_bytes(model, oversized);
    require_refused(folder, as_model, {"1152921504606846976"});

    write_bytes(model, with_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                                   R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                                   12));
    require_refused(folder, as_model, {"error: "});

    write_tiny_model(model, [](const lutra::vit_config& c, std::vector<float>& values, lutra::safetensors_writer& out) {
        lutra::vit_parameters<float>{c, values}.for_each(
            [&](std::string_view name, std::span<float> v, std::initializer_list<std::size_t> shape) {
                if (name != "blocks.0.attn.proj.bias")
                    out.add(std::string{name}, lutra::tensor_shape(shape.begin(), shape.end()), v);
            });
    });
    require_refused(folder, as_model + " --heads 2", {"blocks.0.attn.proj.bias"});

    write_tiny_model(model, [](const lutra::vit_config& c, std::vector<float>& values, lutra::safetensors_writer& out) {
        lutra::vit_parameters<float>{c, values}.for_each(
            [&](std::string_view name, std::span<float> v, std::initializer_list<std::size_t> shape) {
                const lutra::tensor_shape dims(shape.begin(), shape.end());
                if (name == "norm.weight")
                    out.add(std::string{name}, dims, std::vector<std::int32_t>(v.size(), 1));
                else
                    out.add(std::string{name}, dims, v);
            });
    });
    require_refused(folder, as_model + " --heads 2", {"norm.weight", "I32"});

    write_tiny_model(model, [](const lutra::vit_config& c, std::vector<float>& values, lutra::safetensors_writer& out) {
        values[values.size() - 3] = std::numeric_limits<float>::quiet_NaN();
        lutra::add_vit(out, lutra::vit_parameters<const float>{c, values});
    });
    require_refused(folder, as_model, {"head.bias", "NaN"});

    write_tiny_model(model, [](const lutra::vit_config& c, std::vector<float>& values, lutra::safetensors_writer& out) {
        lutra::vit_config linear = c;
        linear.attention = lutra::attention_kind::relu_linear;
        lutra::add_vit(out, lutra::vit_parameters<const float>{linear, values});
    });
    require_refused(folder, as_model, {"linear attention", "expected softmax"});

    write_tiny_model(model);
    require_refused(folder, as_model + " --heads 3", {"heads is 3"});
    require_refused(folder, as_model + " --image-height 20", {"image_height"});
}

TEST_CASE("wrong images and labels are refused") {
    const scratch_folder folder;
    const std::string model = folder / "tiny.safetensors", images = folder / "images", labels = folder / "labels";
    write_tiny_model(model);
    const std::string arguments = "--model " + model + " --images " + images + " --labels " + labels;
    lutra::idx_images pictures{std::vector<std::uint8_t>(3 * 784), 3, 28, 28};
    lutra::idx_labels numbers{{1, 2, 3}};
    const auto good_images = lutra::to_idx(pictures), good_labels = lutra::to_idx(numbers);

    write_bytes(images, good_images);
    write_bytes(labels, lutra::to_idx(lutra::idx_labels{{1, 2}}));
    require_refused(folder, arguments, {"2", "3"});
    write_bytes(labels, lutra::to_idx(lutra::idx_labels{{1, 2, 10}}));
    require_refused(folder, arguments, {"10"});
    write_bytes(labels, good_labels);

    auto wrong = good_images;
    wrong[2] = std::byte{0x0d};
    write_bytes(images, wrong);
    require_refused(folder, arguments, {"error: "});
    wrong = good_images;
    wrong[7] = std::byte{9};
    write_bytes(images, wrong);
    require_refused(folder, arguments, {"error: "});
    wrong = good_images;
    wrong.pop_back();
    write_bytes(images, wrong);
    require_refused(folder, arguments, {"2351", "2352"});
    pictures = {std::vector<std::uint8_t>(3 * 12 * 28), 3, 12, 28};
    write_bytes(images, lutra::to_idx(pictures));
    require_refused(folder, arguments, {"12x28", "28x28"});
    require_refused(folder, "--model " + model + " --images " + images, {"--labels"});
}

TEST_CASE("wrong multipliers and arguments are refused") {
    const scratch_folder folder;
    const std::string model = folder / "tiny.safetensors";
    write_tiny_model(model);
    const std::string as_model = "--model " + model + " ";
    require_refused(folder, as_model + "--multiplier drum99", {"drum99", "exact", "mitchell", "kulkarni"});
    require_refused(folder, as_model + "--attention-multiplier nothing", {"nothing", "mitchell"});
    write_bytes(folder / "short.bin", std::vector<std::byte>(1000));
    require_refused(folder, as_model + "--multiplier " + folder / "short.bin", {"1000", "131072", "262144"});
    require_refused(folder, as_model + "--calibrator guess", {"guess", "percentile"});
    require_refused(folder, as_model + "--batch minus", {"minus"});
    require_refused(folder, as_model + "--table-order sideways", {"sideways"});
    require_refused(folder, as_model + "--no-such-option", {"no-such-option"});
}
