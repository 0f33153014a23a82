// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/int8_reference.hpp"
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/multiplier/heap_table.hpp>
#include <lutra/nn/int8_vit.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

namespace {

// Commutes nowhere, and 0 times a weight is not 0. A plain function, as a circuit's C model is.
constexpr int lopsided_product(int a, int b) { return (a & ~7) * b + (b >> 3) + 3; }

struct lopsided {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "lopsided";
    static constexpr product multiply(lhs a, rhs b) noexcept { return lopsided_product(a, b); }
};
struct lopsided_policy : lutra::vit_defaults {
    using multiplier = lopsided;
    using attention_multiplier = lopsided;
};

lutra::lowered_multiplier as_table(const lutra::table_multiplier& t) {
    return {.kind = lutra::plan_kind::table,
            .products16 = t.products16(),
            .products32 = t.products().data(),
            .min_product = t.min_product(),
            .max_product = t.max_product()};
}

/// A network with the scales that its activations need about.
struct setup {
    lutra::vit_config config;
    std::vector<float> values = random_parameters(config, 1);
    lutra::vit_parameters<const float> parameters{config, values};
    std::vector<float> scales = std::vector<float>(lutra::activation_scales<float>::count(config));
    std::vector<float> images = random_floats(2 * config.image_size(), 2);

    explicit setup(const lutra::vit_config& c) : config{c} {
        lutra::random_generator random{3};
        for (float& s : scales) s = static_cast<float>(0.012 + 0.012 * random.unit());
    }
    std::vector<float> logits(std::span<const lutra::layer_choice> choices,
                              lutra::weight_granularity g = lutra::weight_granularity::per_channel) const {
        const lutra::arena_memory memory{lutra::int8_vit<>::packed_bytes(config, choices)};
        lutra::arena packed{memory.bytes()};
        const lutra::int8_vit<> vit{parameters, scales, choices, packed, g};
        CHECK(packed.used() == memory.bytes().size());
        return logits_of(vit, images);
    }
    std::vector<float> reference(std::span<const lutra::layer_choice> choices, bool per_channel = true,
                                 int8_reference::layer exchanged = int8_reference::layer::none) const {
        const int8_reference::network net{parameters, {config, scales}, choices, per_channel, exchanged};
        std::vector<float> all;
        for (std::size_t i = 0; i < images.size() / config.image_size(); ++i) {
            const auto one = net.logits(std::span{images}.subspan(i * config.image_size(), config.image_size()));
            all.insert(all.end(), one.begin(), one.end());
        }
        return all;
    }
};

float distance(const std::vector<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    float most = 0;
    for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
    return most;
}
// Non-linearities and the residual stream are float: a contracted sum may differ in the last bit.
constexpr float tolerance = 1e-5f;

const lutra::layer_choice all_lopsided{lutra::lower(lopsided{}), lutra::lower(lopsided{})};

} // namespace

TEST_CASE("int8_vit: equals products made one by one, and keeps each layer's operand order") {
    using int8_reference::layer;
    const setup s{tiny_config(true)};
    const std::vector choices(2, all_lopsided);
    const auto logits = s.logits(choices);
    CHECK(distance(logits, s.reference(choices)) < tolerance);
    for (const layer kind :
         {layer::patch_embed, layer::qkv, layer::scores, layer::context, layer::proj, layer::fc1, layer::fc2, layer::head}) {
        INFO("operands exchanged in layer kind " << static_cast<int>(kind));
        CHECK(distance(logits, s.reference(choices, true, kind)) > 100 * tolerance);
    }
}

TEST_CASE("int8_vit: a network of relu") {
    const std::vector<lutra::layer_choice> choices(2);
    const setup gelu{tiny_config()};
    lutra::vit_config c = tiny_config();
    c.activation = lutra::activation_kind::relu;
    const setup relu{c};
    const auto logits = relu.logits(choices);
    CHECK(distance(logits, relu.reference(choices)) < tolerance);
    CHECK(distance(logits, gelu.logits(choices)) > 100 * tolerance);
}

TEST_CASE("int8_vit: each block has its own multipliers") {
    const setup s{tiny_config()};
    const lutra::lowered_multiplier exact{}, other = lutra::lower(lopsided{});
    std::vector<std::vector<float>> seen;
    for (const auto& choices : {std::vector<lutra::layer_choice>{{exact, exact}, {exact, exact}},
                                {{other, exact}, {exact, exact}},
                                {{exact, other}, {exact, exact}},
                                {{exact, exact}, {other, exact}},
                                {{exact, exact}, {exact, other}}}) {
        seen.push_back(s.logits(choices));
        CHECK(distance(seen.back(), s.reference(choices)) < tolerance);
        for (std::size_t i = 0; i + 1 < seen.size(); ++i) CHECK(distance(seen[i], seen.back()) > 100 * tolerance);
    }
}

TEST_CASE("int8_vit: a layer may have a multiplier of its own") {
    const setup s{tiny_config()};
    const lutra::lowered_multiplier exact{}, other = lutra::lower(lopsided{});
    std::vector<std::vector<float>> seen{s.logits(std::vector<lutra::layer_choice>(2))};
    for (std::size_t layer = 0; layer < lutra::block_layer_count; ++layer) {
        std::vector<lutra::layer_choice> choices(2);
        choices[1].by_layer[layer] = &other;
        seen.push_back(s.logits(choices));
        CHECK(distance(seen.back(), s.reference(choices)) < tolerance);
        for (std::size_t i = 0; i + 1 < seen.size(); ++i) CHECK(distance(seen[i], seen.back()) > 100 * tolerance);
    }
    std::vector<lutra::layer_choice> exact_but(2);
    exact_but[0].linear = other;
    exact_but[0].by_layer.fill(&exact);
    CHECK(distance(s.logits(exact_but), seen.front()) > 100 * tolerance); // the patch embedding goes with `linear`
    CHECK(distance(s.logits(exact_but), s.reference(exact_but)) < tolerance);
    std::vector<lutra::layer_choice> unsigned_operands(2);
    lutra::lowered_multiplier bytes{};
    bytes.rhs_operands = lutra::signedness::is_unsigned;
    unsigned_operands[0].by_layer[2] = &bytes;
    REQUIRE_PANIC(s.logits(unsigned_operands), unsupported);
}

TEST_CASE("int8_vit: one weight scale a tensor") {
    const setup s{tiny_config()};
    const std::vector<lutra::layer_choice> exact(2);
    const auto logits = s.logits(exact, lutra::weight_granularity::per_tensor);
    CHECK(distance(logits, s.reference(exact, false)) < tolerance);
    CHECK(distance(logits, s.logits(exact)) > 10 * tolerance);
}

TEST_CASE("int8_vit: a circuit as type, C function and bytes gives the same bits") {
    const setup s{tiny_config()};
    const auto expected = s.logits(std::vector(2, lutra::choice_of<lopsided_policy>()));

    const auto from_c = std::make_unique<lutra::table_multiplier>();
    from_c->fill_from_values(&lopsided_product);
    std::vector<std::byte> bytes;
    for (int i = 0; i < 65536; ++i) {
        const int p = lopsided_product(static_cast<std::int8_t>(i >> 8), static_cast<std::int8_t>(i));
        for (const int shift : {0, 8}) bytes.push_back(static_cast<std::byte>(p >> shift));
    }
    const auto from_bytes = lutra::table_from_bytes(bytes);
    REQUIRE(from_bytes);
    for (const lutra::table_multiplier* table : {from_c.get(), from_bytes->get()}) {
        const lutra::lowered_multiplier m = lutra::lower(*table);
        CHECK(s.logits(std::vector<lutra::layer_choice>(2, {m, m})) == expected);
    }
}

TEST_CASE("int8_vit: all plans of one multiplier give the same bits, alone and in batches") {
    setup s{tiny_config()};
    const auto table = lutra::make_table<lutra::exact>();
    lutra::lowered_multiplier narrow = as_table(*table), wide = narrow;
    wide.products16 = nullptr;
    for (const std::size_t images : {1u, 40u}) { // 7 and 280 rows: looked up and expanded
        s.images = random_floats(images * s.config.image_size(), 5);
        const auto expected = s.logits(std::vector<lutra::layer_choice>(2));
        for (const auto& m : {narrow, wide}) CHECK(s.logits(std::vector<lutra::layer_choice>(2, {m, m})) == expected);
        const auto all = s.images;
        s.images.resize(s.config.image_size());
        const auto first = s.logits(std::vector<lutra::layer_choice>(2));
        CHECK(std::equal(first.begin(), first.end(), expected.begin()));
    }
}

TEST_CASE("int8_vit: scratch suffices where the table plan has wide layers and few rows, or 32-bit products") {
    lutra::vit_config c{
        .image_height = 2, .image_width = 2, .patch = 2, .dim = 4, .depth = 1, .heads = 1, .mlp = 2000, .classes = 3000};
    setup s{c};
    const auto table = lutra::make_table<lutra::exact>();
    lutra::lowered_multiplier m = as_table(*table);
    const auto expected = s.logits(std::vector<lutra::layer_choice>(1));
    CHECK(s.logits(std::vector<lutra::layer_choice>(1, {m, m})) == expected);
    m.products16 = nullptr;
    CHECK(s.logits(std::vector<lutra::layer_choice>(1, {m, m})) == expected);
    s.images.clear();
    CHECK(s.logits(std::vector<lutra::layer_choice>(1, {m, m})).empty());
}

TEST_CASE("int8_vit: refuses what cannot be") {
    setup s{tiny_config()};
    const std::vector<lutra::layer_choice> exact(2);
    REQUIRE_PANIC(s.logits(std::span{exact}.first(1)), bad_shape);
    REQUIRE_PANIC(s.logits({}), bad_shape);
    for (lutra::lowered_multiplier lutra::layer_choice::*which :
         {&lutra::layer_choice::linear, &lutra::layer_choice::attention}) {
        auto choices = exact;
        (choices[1].*which).rhs_operands = lutra::signedness::is_unsigned;
        REQUIRE_PANIC(s.logits(choices), unsupported);
    }
    lutra::vit_config linear = tiny_config();
    linear.attention = lutra::attention_kind::relu_linear;
    REQUIRE_PANIC(setup{linear}.logits(exact), unsupported);
    for (const float bad : {0.0f, -1.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        setup wrong{tiny_config()};
        wrong.scales[7] = bad;
        REQUIRE_PANIC(wrong.logits(exact), bad_argument);
    }
    s.scales.pop_back();
    REQUIRE_PANIC(s.logits(exact), bad_shape);
    setup infinite{tiny_config()};
    infinite.values[200] = std::numeric_limits<float>::infinity(); // of the patch embedding
    REQUIRE_PANIC(infinite.logits(exact), bad_argument);
}
