// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/quantized_reference.hpp"
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/threads.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/etm.hpp>
#include <lutra/multiplier/lowering.hpp>
#include <lutra/multiplier/mitchell.hpp>
#include <lutra/nn/int8_vit.hpp>
#include <lutra/nn/train/quantized_pass.hpp>
#include <lutra/nn/train/trainer.hpp>

#include <cmath>

namespace {

struct setup {
    lutra::vit_config config;
    std::vector<float> values = random_parameters(config, 1);
    lutra::vit_parameters<const float> parameters{config, values};
    std::vector<float> scales = std::vector<float>(lutra::activation_scales<float>::count(config));
    std::vector<float> images = random_floats(3 * config.image_size(), 2);
    std::vector<std::uint8_t> labels{4, 0, 2};

    explicit setup(const lutra::vit_config& c) : config{c} {
        lutra::random_generator random{3};
        for (float& s : scales) s = static_cast<float>(0.012 + 0.012 * random.unit());
        const lutra::activation_scales<float> at{config, scales}; // every kind of tensor leaves its range now and then
        for (std::size_t i = 0; i < config.depth; ++i) at.block(i, lutra::block_tensor::context) *= 0.2f;
    }
    lutra::matrix_view<const float> batch() const { return {images.data(), labels.size(), config.image_size()}; }

    std::vector<float> logits(const lutra::quantized_pass<>& pass) const {
        const lutra::arena_memory memory{pass.scratch_bytes(config, labels.size())};
        lutra::arena scratch{memory.bytes()};
        const auto kept = pass.forward(parameters, batch(), scratch);
        const auto all = lutra::detail::elements_of(kept.logits);
        return {all.begin(), all.end()};
    }
    std::vector<float> gradient(const auto& pass) const {
        std::vector<float> g(values.size());
        const lutra::arena_memory memory{pass.scratch_bytes(config, labels.size())};
        lutra::arena scratch{memory.bytes()};
        pass.run(parameters, batch(), {.labels = labels}, lutra::vit_parameters<float>{config, g}, scratch);
        CHECK(scratch.used() == 0);
        return g;
    }
};

std::vector<lutra::layer_choice> mixed() {
    return {{lutra::lower(lutra::drum<4>{}), lutra::lower(lutra::mitchell{})}, {lutra::lower(lutra::etm{}), {}}};
}

/// In a random direction of each tensor in turn, the gradient against the reference's derivative.
void check_gradient(const setup& s, std::span<const lutra::layer_choice> choices,
                    std::span<const lutra::layer_slopes> given) {
    const lutra::vit_config& c = s.config;
    auto gradient = s.gradient(lutra::quantized_pass<>{s.scales, choices, given});
    const std::vector<lutra::layer_slopes> straight(c.depth);
    const auto slopes = given.empty() ? std::span<const lutra::layer_slopes>{straight} : given;
    lutra::random_generator random{7};
    lutra::vit_parameters<float>{c, gradient}.for_each(
        [&](std::string_view name, std::span<float> tensor, lutra::parameter_shape) {
            std::vector<double> direction(gradient.size());
            const auto first = static_cast<std::size_t>(tensor.data() - gradient.data());
            double product = 0, size = 0;
            for (std::size_t i = 0; i < tensor.size(); ++i) {
                const double g = static_cast<double>(tensor[i]), along = 2 * random.unit() - 1;
                direction[first + i] = along;
                product += g * along;
                size += g * g;
            }
            const lutra::vit_parameters<const double> to{c, direction};
            const quantized_reference::network net{s.parameters, to, {c, s.scales}, choices, slopes};
            double expected = 0;
            for (std::size_t i = 0; i < s.labels.size(); ++i)
                expected += net.derivative(std::span{s.images}.subspan(i * c.image_size(), c.image_size()), s.labels[i]);
            INFO(std::string{name} << ": " << product << ", expected " << expected << ", gradient " << std::sqrt(size));
            CHECK(size > 0);
            CHECK(std::abs(product - expected) < 1e-4 * std::sqrt(size));
        });
}

} // namespace

TEST_CASE("quantized_pass: forward gives the bits of int8_vit, mixed multipliers and attention included") {
    for (const bool distilled : {false, true})
        for (const bool relu : {false, true})
            for (const auto& choices : {std::vector<lutra::layer_choice>(2), mixed()})
                for (const auto granularity :
                     {lutra::weight_granularity::per_channel, lutra::weight_granularity::per_tensor}) {
                    lutra::vit_config c = tiny_config(distilled);
                    if (relu) c.activation = lutra::activation_kind::relu;
                    const setup s{c};
                    std::vector<std::int32_t> corrections(lutra::control_variates<std::int32_t>::count(c));
                    lutra::random_generator random{9};
                    for (std::int32_t& v : corrections) v = static_cast<std::int32_t>(random.between(-9000, 9000));
                    for (const std::span<const std::int32_t> by :
                         {std::span<const std::int32_t>{}, std::span<const std::int32_t>{corrections}}) {
                        const lutra::arena_memory memory{lutra::int8_vit<>::packed_bytes(c, choices)};
                        lutra::arena packed{memory.bytes()};
                        const lutra::int8_vit<> vit{s.parameters, s.scales, choices, packed, granularity, by};
                        CHECK(s.logits({s.scales, choices, {}, by, granularity}) == logits_of(vit, s.images));
                    }
                }
}

TEST_CASE("quantized_pass: the straight-through gradient, clipped where values leave their range") {
    check_gradient(setup{tiny_config()}, std::vector<lutra::layer_choice>(2), {});
    check_gradient(setup{tiny_config(true)}, mixed(), {});
}

TEST_CASE("quantized_pass: tokens leave as in int8_vit, and the gradient passes through what they become") {
    using lutra::rest_tokens, lutra::token_pruning;
    const token_pruning schedules[][2]{{token_pruning::keep_top(0.5f), token_pruning::keep_prefix()},
                                       {token_pruning::keep_top(0.5f), {}},
                                       {token_pruning::keep_top(0.7f), token_pruning::keep_top(0.9f, rest_tokens::mean)},
                                       {token_pruning::keep_above(1, rest_tokens::drop), {}},
                                       {token_pruning::keep_above(1, rest_tokens::mean), {}},
                                       {token_pruning::keep_prefix(), {}},
                                       {token_pruning::merge_similar(4), token_pruning::merge_similar(2)}};
    for (const bool distilled : {false, true}) {
        lutra::vit_config c = tiny_config(distilled);
        c.image_width = 20; // 10 patches
        const setup s{c};
        for (const auto& schedule : schedules) {
            auto choices = mixed();
            for (std::size_t i = 0; i < 2; ++i) choices[i].tokens = schedule[i];
            const lutra::arena_memory memory{lutra::int8_vit<>::packed_bytes(c, choices)};
            lutra::arena packed{memory.bytes()};
            const lutra::int8_vit<> vit{s.parameters, s.scales, choices, packed};
            CHECK(s.logits({s.scales, choices}) == logits_of(vit, s.images));
            check_gradient(s, choices, {});
        }
    }
}

TEST_CASE("quantized_pass: the gradient by tables is the direct sum over their slopes") {
    const setup s{tiny_config()};
    const auto choices = mixed();
    std::vector<lutra::gradient_table> tables;
    for (const auto& m : {choices[0].linear, choices[0].attention, choices[1].linear}) tables.emplace_back(m);
    std::vector<std::vector<float>> seen{s.gradient(lutra::quantized_pass<>{s.scales, choices})};
    for (const bool averaged : {true, false}) {
        std::vector<lutra::factored_slopes> f;
        for (const auto& t : tables)
            f.push_back(averaged ? lutra::factored_slopes::averaged(t) : lutra::factored_slopes::low_rank(t, 0, 3));
        const std::vector<lutra::layer_slopes> slopes{{f[0].view(), f[1].view()}, {f[2].view(), {}}};
        check_gradient(s, choices, slopes);
        seen.push_back(s.gradient(lutra::quantized_pass<>{s.scales, choices, slopes}));
    }
    CHECK(seen[0] != seen[1]);
    CHECK(seen[1] != seen[2]);
}

TEST_CASE("quantized_pass: of exact products all ways give one gradient") {
    const setup s{tiny_config()};
    const std::vector<lutra::layer_choice> exact(2);
    const auto expected = s.gradient(lutra::quantized_pass<>{s.scales, exact});
    float most = 0;
    for (const float g : expected) most = std::max(most, std::abs(g));
    const lutra::gradient_table table{exact[0].linear};
    for (const auto& f : {lutra::factored_slopes::averaged(table), lutra::factored_slopes::low_rank(table)}) {
        CHECK(f.lhs_error() < 1e-6);
        const std::vector<lutra::layer_slopes> slopes(2, {f.view(), f.view()});
        const auto gradient = s.gradient(lutra::quantized_pass<>{s.scales, exact, slopes});
        float worst = 0;
        for (std::size_t i = 0; i < gradient.size(); ++i) worst = std::max(worst, std::abs(gradient[i] - expected[i]));
        CHECK(worst < 1e-5f * most);
    }
}

TEST_CASE("quantized_pass: trains, whatever the number of workers") {
    setup s{tiny_config()};
    const auto choices = mixed();
    const auto pixels = random_bytes(40 * s.config.image_size(), 5), labels = random_bytes(40, 6, 5);
    std::vector<std::uint32_t> which(40);
    for (std::size_t i = 0; i < which.size(); ++i) which[i] = static_cast<std::uint32_t>(i);
    std::vector<std::vector<float>> ends;
    for (const std::size_t workers : {1u, 3u}) {
        lutra::thread_executor ex{workers};
        lutra::vit_trainer<lutra::quantized_pass<>> trainer{
            s.config, {.epochs = 20, .batch = 40, .peak_rate = 3e-3f, .max_shift = 0, .flip = false}, {s.scales, choices}};
        double first = 0, last = 0;
        for (std::uint64_t step = 0; step < 20; ++step) {
            last = trainer.step(ex, pixels, labels, which, 20, 0).loss;
            if (step == 0) first = last;
        }
        CHECK(last < 0.97 * first);
        ends.push_back(trainer.state().parameters);
    }
    CHECK(ends[0] == ends[1]);
}

TEST_CASE("quantized_pass: refuses what cannot be") {
    const setup s{tiny_config()};
    const std::vector<lutra::layer_choice> exact(2);
    const std::vector<lutra::layer_slopes> one(1);
    REQUIRE_PANIC((lutra::quantized_pass<>{s.scales, exact, one}), bad_shape);
    const std::vector<std::int32_t> few(3);
    REQUIRE_PANIC(s.logits({s.scales, exact, {}, few}), bad_shape);
    auto dropping = exact;
    dropping[1].tokens = lutra::token_pruning::keep_top(1.5f);
    REQUIRE_PANIC(s.logits({s.scales, dropping}), bad_argument);
    auto factored = exact;
    factored[0].ranks.of.back() = 2;
    REQUIRE_PANIC(s.logits({s.scales, factored}), unsupported);
    lutra::vit_config linear = tiny_config();
    linear.attention = lutra::attention_kind::relu_linear;
    REQUIRE_PANIC(setup{linear}.logits({s.scales, exact}), unsupported);
}
