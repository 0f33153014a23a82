// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/nn/vit_config.hpp>

#include <limits>
#include <string>

using lutra::vit_config;

namespace {

constexpr vit_config deit{.image_height = 224,
                          .image_width = 192,
                          .channels = 3,
                          .patch = 16,
                          .dim = 192,
                          .depth = 12,
                          .heads = 3,
                          .mlp = 768,
                          .classes = 1000,
                          .distilled = true};
static_assert(check(deit).has_value() && check(vit_config{}).has_value());
static_assert(deit.patches() == 14 * 12 && deit.prefix_tokens() == 2 && deit.tokens() == 170);
static_assert(deit.head_dim() == 64 && deit.patch_size() == 768 && deit.image_size() == 3 * 224 * 192);

/// The error after one change; the sentence of a config must name the field and hold the value.
template <class F>
std::string fault_after(F change) {
    vit_config c = tiny_config();
    change(c);
    const auto status = check(c);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == lutra::error_code::malformed);
    return std::string{status.error().message.view()};
}

} // namespace

TEST_CASE("vit_config: each size has its sentence") {
    REQUIRE(check(tiny_config()));
    using field = std::uint32_t vit_config::*;
    const std::vector<std::pair<const char*, field>> fields{{"image_height", &vit_config::image_height},
                                                            {"image_width", &vit_config::image_width},
                                                            {"patch", &vit_config::patch},
                                                            {"dim", &vit_config::dim},
                                                            {"depth", &vit_config::depth},
                                                            {"heads", &vit_config::heads},
                                                            {"mlp", &vit_config::mlp},
                                                            {"classes", &vit_config::classes}};
    for (const auto& [name, member] : fields) {
        const std::string start = std::string{"vit_config: "} + name + " is ";
        CHECK(fault_after([&](vit_config& c) { c.*member = 0; }) == start + "0, expected 1 to 65536");
        CHECK(fault_after([&](vit_config& c) { c.*member = 65537; }) == start + "65537, expected 1 to 65536");
    }
    CHECK(fault_after([](vit_config& c) { c.attention = static_cast<lutra::attention_kind>(2); }) ==
          "vit_config: attention is 2, expected 0 (softmax) or 1 (relu_linear)");
    CHECK(fault_after([](vit_config& c) { c.activation = static_cast<lutra::activation_kind>(2); }) ==
          "vit_config: activation is 2, expected 0 (gelu) or 1 (relu)");
    CHECK(fault_after([](vit_config& c) { c.channels = 0; }) == "vit_config: channels is 0, expected 1 to 4");
    CHECK(fault_after([](vit_config& c) { c.channels = 5; }) == "vit_config: channels is 5, expected 1 to 4");
}

TEST_CASE("vit_config: what must divide, divides") {
    CHECK(fault_after([](vit_config& c) { c.image_height = 9; }) ==
          "vit_config: image_height is 9, expected a multiple of patch");
    CHECK(fault_after([](vit_config& c) { c.image_width = 9; }) ==
          "vit_config: image_width is 9, expected a multiple of patch");
    CHECK(fault_after([](vit_config& c) { c.heads = 5; }) == "vit_config: heads is 5, expected a divisor of dim");
}

TEST_CASE("vit_config: the real numbers are sane") {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    for (const float bad : {0.0f, -1.0f, 1.0f, nan})
        CHECK(fault_after([&](vit_config& c) { c.layer_norm_epsilon = bad; }).find("layer_norm_epsilon") !=
              std::string::npos);
    for (const float bad : {0.0f, -1.0f, 2e6f, nan})
        CHECK(fault_after([&](vit_config& c) { c.input_std[1] = bad; }).find("input_std") != std::string::npos);
    for (const float bad : {2e6f, -2e6f, nan})
        CHECK(fault_after([&](vit_config& c) { c.input_mean[1] = bad; }).find("input_mean") != std::string::npos);
}

TEST_CASE("vit_config: what lies beyond the channels does not count") {
    vit_config c = tiny_config();
    c.input_std[2] = 0;
    c.input_mean[3] = std::numeric_limits<float>::quiet_NaN();
    CHECK(check(c));
    CHECK(c == tiny_config());
    c.input_mean[1] += 1;
    CHECK(c != tiny_config());
    c = tiny_config();
    c.distilled = true;
    CHECK(c != tiny_config());
}
