// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/reference.hpp"
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/nn/float_vit.hpp>

#include <array>

namespace {

struct with_relu : lutra::vit_defaults {
    using activation = lutra::relu;
};

template <class Policy, class Activation>
void compare(const lutra::vit_config& c) {
    const auto values = random_parameters(c, 1);
    const lutra::vit_parameters<const float> p{c, values};
    const lutra::arena_memory memory{lutra::float_vit<Policy>::packed_bytes(c)};
    lutra::arena packed{memory.bytes()};
    const lutra::float_vit<Policy> vit{p, packed};
    CHECK(packed.used() == memory.bytes().size());

    constexpr std::size_t count = 3;
    const auto images = random_floats(count * c.image_size(), 2);
    const auto together = logits_of(vit, images);
    double most = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const auto image = std::span{images}.subspan(i * c.image_size(), c.image_size());
        const auto expected = reference::logits<Activation>(p, image);
        for (const double x : expected) most = std::max(most, std::abs(x));
        const auto alone = logits_of(vit, image);
        for (std::size_t j = 0; j < c.classes; ++j) {
            CHECK(alone[j] == together[i * c.classes + j]);
            CHECK(static_cast<double>(alone[j]) == Approx(expected[j]).margin(2e-5));
        }
    }
    CHECK(most > 0.1); // the margin means something
    CHECK(logits_of(vit, {}).empty());
}

} // namespace

TEST_CASE("float_vit: equals a ViT in double") {
    compare<lutra::vit_defaults, reference::gelu>(tiny_config());
    compare<lutra::vit_defaults, reference::gelu>(tiny_config(true));
}

TEST_CASE("float_vit: linear attention") {
    lutra::vit_config c = tiny_config();
    c.attention = lutra::attention_kind::relu_linear;
    compare<lutra::vit_defaults, reference::gelu>(c);
}

TEST_CASE("float_vit: the activation function is the policy's") { compare<with_relu, reference::relu>(tiny_config()); }

TEST_CASE("float_vit: the activation function is the one it was trained with") {
    lutra::vit_config c = tiny_config();
    c.activation = lutra::activation_kind::relu;
    compare<lutra::vit_defaults, reference::relu>(c);
}

TEST_CASE("float_vit: shapes are checked and scratch is given back") {
    const lutra::vit_config c = tiny_config();
    const auto values = random_parameters(c, 1);
    using vit_type = lutra::float_vit<>;
    const lutra::arena_memory packed_memory{vit_type::packed_bytes(c)}, memory{vit_type::scratch_bytes(c, 2)};
    lutra::arena packed{packed_memory.bytes()}, scratch{memory.bytes()}, small{memory.bytes().first(1024)};
    const vit_type vit{{c, values}, packed};
    std::vector<float> images(2 * c.image_size()), logits(2 * c.classes);
    const lutra::matrix_view<const float> in{images.data(), 2, c.image_size()};
    const lutra::matrix_view<float> out{logits.data(), 2, c.classes};
    vit.forward(in, out, scratch);
    CHECK(scratch.used() == 0);
    REQUIRE_PANIC(vit.forward({images.data(), 2, c.image_size() - 1}, out, scratch), bad_shape);
    REQUIRE_PANIC(vit.forward(in, {logits.data(), 1, c.classes}, scratch), bad_shape);
    REQUIRE_PANIC(vit.forward(in, {logits.data(), 2, c.classes - 1}, scratch), bad_shape);
    REQUIRE_PANIC(vit.forward(in, out, small), arena_too_small);
    lutra::arena short_packed{packed_memory.bytes().first(packed_memory.bytes().size() - 64)};
    REQUIRE_PANIC((vit_type{{c, values}, short_packed}), arena_too_small);
}

TEST_CASE("normalize: pixels become floats channel by channel") {
    lutra::vit_config c{.image_height = 1, .image_width = 2, .channels = 2, .patch = 1};
    c.input_mean = {0.5f, 0.25f};
    c.input_std = {0.5f, 2.0f};
    const std::array<std::uint8_t, 8> pixels{0, 255, 51, 102, 255, 0, 0, 255};
    std::array<float, 8> out{};
    lutra::normalize(c, pixels, out);
    const std::array<double, 8> expected{-1, 1, -0.025, 0.075, 1, -1, -0.125, 0.375};
    for (std::size_t i = 0; i < out.size(); ++i) CHECK(static_cast<double>(out[i]) == Approx(expected[i]).margin(1e-6));
    REQUIRE_PANIC(lutra::normalize(c, pixels, std::span{out}.first(4)), bad_shape);
    REQUIRE_PANIC(lutra::normalize(c, std::span{pixels}.first(3), std::span{out}.first(3)), bad_shape);
}
