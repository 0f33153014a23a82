// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/integer_reference.hpp"
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/mitchell.hpp>
#include <lutra/nn/integer_vit.hpp>
#include <lutra/nonlinear/divided_softmax.hpp>
#include <lutra/nonlinear/integer_gelu.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

struct relu_policy : lutra::integer_vit_defaults {
    using activation = lutra::relu;
    using softmax = lutra::pwl_softmax<16>;
    using layer_norm = lutra::pwl_layer_norm<8>;
};

struct ibert_policy : lutra::integer_vit_defaults {
    using activation = lutra::ibert_gelu;
    using softmax = lutra::ibert_softmax;
};
struct ivit_policy : lutra::integer_vit_defaults {
    using activation = lutra::shift_gelu;
    using softmax = lutra::shiftmax;
};

struct relu_only : lutra::integer_vit_defaults {
    using activation = lutra::relu;
};

/// A network whose activations about fill the ranges of their scales, and images.
struct setup {
    lutra::vit_config config;
    std::vector<float> values = random_parameters(config, 1);
    lutra::vit_parameters<const float> parameters{config, values};
    std::vector<float> scales = std::vector<float>(lutra::activation_scales<float>::count(config));
    std::vector<std::int8_t> images = std::vector<std::int8_t>(3 * config.image_size());

    explicit setup(const lutra::vit_config& c) : config{c} {
        lutra::random_generator random{3};
        for (float& s : scales) s = static_cast<float>(0.012 + 0.012 * random.unit());
        for (std::int8_t& v : images) v = static_cast<std::int8_t>(random.between(-127, 127));
    }

    template <class Policy = lutra::integer_vit_defaults, class Use>
    void with(std::span<const lutra::layer_choice> choices, Use use, int residual_fraction = 10) const {
        using vit = lutra::integer_vit<Policy>;
        const lutra::arena_memory memory{vit::packed_bytes(config, choices)};
        lutra::arena prepared{memory.bytes()};
        const vit network{parameters, scales, choices, prepared, lutra::weight_granularity::per_channel, residual_fraction};
        CHECK(prepared.used() == memory.bytes().size());
        use(network);
    }
    template <class Policy = lutra::integer_vit_defaults>
    std::vector<std::int32_t> logits(std::span<const lutra::layer_choice> choices, std::size_t batch,
                                     int residual_fraction = 10) const {
        std::vector<std::int32_t> all(3 * config.classes);
        with<Policy>(
            choices,
            [&](const auto& vit) {
                const std::size_t size = config.image_size();
                const lutra::arena_memory memory{vit.scratch_bytes(config, batch)};
                for (std::size_t i = 0; i < 3; i += batch) {
                    lutra::arena scratch{memory.bytes()};
                    vit.forward(lutra::matrix_view<const std::int8_t>{images.data() + i * size, batch, size},
                                lutra::matrix_view<std::int32_t>{all.data() + i * config.classes, batch, config.classes},
                                scratch);
                    CHECK(scratch.used() == 0);
                }
            },
            residual_fraction);
        return all;
    }
    template <class Policy = lutra::integer_vit_defaults>
    std::vector<std::int32_t> reference(std::span<const lutra::layer_choice> choices, int residual_fraction = 10) const {
        const int8_reference::network products{parameters, {config, scales}, choices};
        const integer_reference<Policy> net{products, residual_fraction};
        std::vector<std::int32_t> all;
        for (std::size_t i = 0; i < 3; ++i) {
            const auto one = net.logits(std::span{images}.subspan(i * config.image_size(), config.image_size()));
            all.insert(all.end(), one.begin(), one.end());
        }
        return all;
    }
};

} // namespace

TEST_CASE("integer_vit: equals the network written down, bit for bit, alone and in batches") {
    const setup s{tiny_config(true)};
    const lutra::lowered_multiplier exact{}, drum = lutra::lower(lutra::drum<4>{}), log = lutra::lower(lutra::mitchell{});
    for (const auto& choices : {std::vector<lutra::layer_choice>{{exact, exact}, {exact, exact}},
                                {{drum, exact}, {log, drum}},
                                {{log, log}, {log, log}}}) {
        const auto expected = s.reference(choices);
        CHECK(s.logits(choices, 1) == expected);
        CHECK(s.logits(choices, 3) == expected);
        CHECK(s.logits<relu_policy>(choices, 3) == s.reference<relu_policy>(choices));
    }
}

TEST_CASE("integer_vit: a network of relu") {
    lutra::vit_config c = tiny_config();
    c.activation = lutra::activation_kind::relu;
    const setup s{c};
    const std::vector<lutra::layer_choice> exact(2);
    CHECK(s.logits(exact, 3) == s.reference(exact));
    CHECK(s.logits(exact, 3) == s.logits<relu_only>(exact, 3));
    CHECK(s.logits(exact, 3) != setup{tiny_config()}.logits(exact, 3));
}

TEST_CASE("integer_vit: the residual stream's step counts, and it saturates") {
    const setup s{tiny_config()};
    const std::vector<lutra::layer_choice> exact(2);
    const auto fine = s.logits(exact, 3, 12), coarse = s.logits(exact, 3, 6), saturated = s.logits(exact, 3, 15);
    CHECK(fine == s.reference(exact, 12));
    CHECK(coarse == s.reference(exact, 6));
    CHECK(saturated == s.reference(exact, 15)); // holds +-1 only
    CHECK(fine != coarse);
    CHECK(fine != saturated);
    REQUIRE_PANIC(s.logits(exact, 3, -1), bad_argument);
    REQUIRE_PANIC(s.logits(exact, 3, 16), bad_argument);
}

TEST_CASE("integer_vit: linear attention equals its definition, bit for bit") {
    lutra::vit_config c = tiny_config();
    c.attention = lutra::attention_kind::relu_linear;
    const setup s{c};
    const lutra::lowered_multiplier exact{}, drum = lutra::lower(lutra::drum<4>{}), log = lutra::lower(lutra::mitchell{});
    for (const auto& choices : {std::vector<lutra::layer_choice>{{exact, exact}, {exact, exact}},
                                {{drum, exact}, {log, drum}},
                                {{exact, log}, {log, log}}}) {
        const auto expected = s.reference(choices);
        CHECK(s.logits(choices, 1) == expected);
        CHECK(s.logits(choices, 3) == expected);
    }
}

TEST_CASE("integer linear attention: near its definition in double, and 0 where no key meets a query") {
    constexpr std::size_t tokens = 40, width = 8;
    lutra::random_generator random{5};
    std::vector<std::int8_t> q(tokens * width), k(q.size()), v(q.size()), out(q.size());
    for (auto* x : {&q, &k, &v})
        for (std::int8_t& e : *x) e = static_cast<std::int8_t>(random.between(-127, 127));
    for (std::size_t j = 0; j < width; ++j) q[3 * width + j] = -5; // relu leaves nothing
    const auto q0 = q, k0 = k;
    const auto view = [](std::vector<std::int8_t>& x) { return lutra::matrix_view<std::int8_t>{x.data(), tokens, width}; };
    const lutra::arena_memory memory{1u << 20};
    lutra::arena scratch{memory.bytes()};
    const auto attend = lutra::integer_linear_attention::take(tokens, width, scratch);
    attend(view(q), view(k), view(v), {}, lutra::integer_linear_attention::context_by(1, 1), view(out), scratch);
    double worst = 0;
    for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t j = 0; j < width; ++j) {
            double sum = 0, weights = 0;
            for (std::size_t u = 0; u < tokens; ++u) {
                double weight = 0;
                for (std::size_t i = 0; i < width; ++i)
                    weight += std::max<double>(q0[t * width + i], 0) * std::max<double>(k0[u * width + i], 0);
                sum += weight * v[u * width + j];
                weights += weight;
            }
            worst = std::max(worst, std::abs(out[t * width + j] - (weights > 0 ? sum / weights : 0)));
        }
    CHECK(worst < 1.0);
    CHECK(worst > 0.3); // rounding alone
    CHECK(std::all_of(out.begin() + 3 * width, out.begin() + 4 * width, [](std::int8_t x) { return x == 0; }));
}

TEST_CASE("integer_vit: I-BERT's and I-ViT's functions take the place of tables") {
    const setup s{tiny_config()};
    const std::vector<lutra::layer_choice> exact(2);
    const auto tables = s.logits(exact, 3), ibert = s.logits<ibert_policy>(exact, 3), ivit = s.logits<ivit_policy>(exact, 3);
    CHECK(ibert == s.logits<ibert_policy>(exact, 1));
    std::int32_t most = 0, by_ibert = 0, by_ivit = 0;
    for (std::size_t i = 0; i < tables.size(); ++i) {
        most = std::max(most, std::abs(tables[i]));
        by_ibert = std::max(by_ibert, std::abs(ibert[i] - tables[i]));
        by_ivit = std::max(by_ivit, std::abs(ivit[i] - tables[i]));
    }
    CHECK((by_ibert > 0 && by_ibert < most / 4));
    CHECK((by_ivit > 0 && by_ivit < most / 4));
}

TEST_CASE("integer_vit: the bits of one network, on every machine") {
    const setup s{tiny_config()};
    const std::vector<lutra::layer_choice> exact(2);
    CHECK(s.logits(exact, 3) == std::vector<std::int32_t>{-42895, 19465, -9373, 47822, -56555, -54233, 36230, -11916, 41554,
                                                          -41388, -26394, -13039, -15294, 37947, -69494});
}

TEST_CASE("integer_vit: in float it is int8_vit but for the non-linearities' errors") {
    const setup s{tiny_config(true)};
    const std::vector<lutra::layer_choice> exact(2);
    const auto integers = s.logits(exact, 3);
    const int8_reference::network floats{s.parameters, {s.config, s.scales}, exact};
    std::vector<float> image(s.config.image_size());
    double most = 0, worst = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        lutra::dequantize(std::span{s.images}.subspan(i * image.size(), image.size()), s.scales[0], image);
        const auto logits = floats.logits(image);
        for (std::size_t k = 0; k < logits.size(); ++k) {
            most = std::max(most, std::fabs(double{logits[k]}));
            worst = std::max(worst, std::fabs(double{logits[k]} - integers[i * logits.size() + k] * 0x1p-16));
        }
    }
    CHECK(worst < 0.1 * most);
    CHECK(worst > 0);
}

TEST_CASE("integer_vit: takes floats and 8-bit pixels as well") {
    const setup s{tiny_config()};
    const std::vector<lutra::layer_choice> exact(2);
    const std::size_t size = s.config.image_size();
    s.with(exact, [&](const auto& vit) {
        const auto pixels = random_bytes(2 * size, 8);
        std::vector<std::int8_t> quantized(2 * size);
        vit.quantize_pixels(pixels, quantized);
        for (std::size_t i = 0; i < quantized.size(); ++i) {
            const std::size_t ch = i % size / (8 * 12);
            const double x = (pixels[i] / 255.0 - double{s.config.input_mean[ch]}) / double{s.config.input_std[ch]};
            CHECK(std::fabs(quantized[i] - std::clamp(x / double{s.scales[0]}, -127.0, 127.0)) < 0.5001);
        }
        std::vector<float> floats(3 * size);
        lutra::dequantize(s.images, s.scales[0], floats);
        const auto logits = logits_of(vit, floats);
        const auto integers = s.logits(exact, 3);
        for (std::size_t k = 0; k < logits.size(); ++k)
            CHECK(double{logits[k]} == Approx(integers[k] * 0x1p-16).epsilon(1e-6));
        REQUIRE_PANIC(vit.quantize_pixels(std::span{pixels}.first(5), std::span{quantized}.first(5)), bad_shape);
    });
}

TEST_CASE("integer_vit: derives a residual step that holds what comes") {
    const setup s{tiny_config()};
    const int fraction = lutra::integer_vit<>::residual_fraction_for(s.parameters, s.scales);
    CHECK(fraction >= 8); // elements are below 32768 / 2^8
    CHECK(fraction <= 12);
    auto large = s;
    for (float& v : large.values) v *= 1000;
    CHECK(lutra::integer_vit<>::residual_fraction_for({large.config, large.values}, large.scales) < fraction);
}

TEST_CASE("integer_vit: refuses what cannot be") {
    setup s{tiny_config()};
    const std::vector<lutra::layer_choice> exact(2);
    REQUIRE_PANIC(s.logits(std::span{exact}.first(1), 3), bad_shape);
    s.scales[3] = 0;
    REQUIRE_PANIC(s.logits(exact, 3), bad_argument);
}
