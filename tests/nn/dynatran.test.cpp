// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "gemm/plans.hpp"
#include "nn/int8_reference.hpp"
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/nn/float_vit.hpp>
#include <lutra/nn/int8_vit.hpp>
#include <lutra/nn/integer_vit.hpp>

#include <limits>
#include <vector>

namespace {

using lutra::activation_pruning_kind;

/// tiny_config with hidden units enough for lists, trained with ReLU.
lutra::vit_config relu_config(bool distilled = false) {
    lutra::vit_config c = tiny_config(distilled);
    c.mlp = 37;
    c.activation = lutra::activation_kind::relu;
    return c;
}

std::vector<std::vector<lutra::layer_choice>> all_choices() {
    std::vector<std::vector<lutra::layer_choice>> all;
    const auto add = [&](auto change) {
        std::vector<lutra::layer_choice> choices(2);
        for (auto& c : choices) change(c);
        all.push_back(choices);
    };
    for (const float tau : {0.0f, 0.05f, 0.3f})
        add([&](auto& c) { c.pruning = {.kind = activation_pruning_kind::threshold, .tau = tau}; });
    for (const double share : {0.7, 0.3})
        add([&](auto& c) { c.pruning = {.kind = activation_pruning_kind::top_k, .share = share}; });
    add([](auto& c) { c.skip_zeros = true; });
    add([](auto& c) { c.skip_zeros = true, c.hidden_threshold = 0.5f; });
    add([](auto& c) {
        c.skip_zeros = true;
        c.hidden_threshold = 0.6f;
        c.pruning = {.kind = activation_pruning_kind::threshold, .tau = 0.1f};
        c.tokens = {.rule = lutra::token_rule::keep_top, .share = 0.5};
    });
    all.push_back(all.front()); // one block only
    all.back()[1] = {.pruning = {.kind = activation_pruning_kind::threshold, .tau = 0.2f}, .hidden_threshold = 1};
    return all;
}

/// The float network as one would write it down, by the library's functions but with its own loops of pruning: one image.
std::vector<float> pruned_logits(const lutra::vit_parameters<const float>& p, std::span<const float> image,
                                 const std::vector<lutra::layer_choice>& choices) {
    const lutra::vit_config& c = p.config();
    const std::size_t t = c.tokens(), d = c.dim, w = c.head_dim();
    const lutra::arena_memory memory{lutra::float_vit<>::scratch_bytes(c, 1)};
    lutra::arena scratch{memory.bytes()};
    const auto b = lutra::forward_buffers::take(c, 1, scratch);
    const lutra::matrix_view<float> x = b.block.input;
    lutra::extract_patches(c, {image.data(), 1, image.size()}, b.patches);
    lutra::embed(p, b.patches, x);
    for (std::size_t i = 0; i < c.depth; ++i) {
        const auto block = p.block(i);
        const auto prune = [&](lutra::matrix_view<float> m) {
            for (std::size_t r = 0; r < m.rows(); ++r) int8_reference::network::prune(m.row(r), 1, choices[i].pruning);
        };
        const auto add = [&](lutra::matrix_view<const float> in, const lutra::linear_parameters<const float>& l) {
            if (!choices[i].pruning.active()) return lutra::linear(in, l, x, true);
            std::vector<float> apart(t * d);
            const lutra::matrix_view<float> out{apart.data(), t, d};
            lutra::linear(in, l, out);
            prune(out);
            for (std::size_t j = 0; j < apart.size(); ++j) x.data()[j] += apart[j];
        };
        lutra::layer_norm(x, block.norm1, c.layer_norm_epsilon, b.block.normed1);
        lutra::linear(b.block.normed1, block.qkv, b.block.qkv);
        for (std::size_t part = 0; part < 3; ++part) prune(b.block.qkv.block(0, part * d, t, d));
        for (std::size_t h = 0; h < c.heads; ++h) {
            std::vector<float> scores(t * t);
            const lutra::matrix_view<float> s{scores.data(), t, t};
            const auto of = [&](std::size_t part) { return b.block.qkv.block(0, part * d + h * w, t, w); };
            lutra::gemm(of(0), transposed(of(1)), s, {.scale = 1.0f / std::sqrt(static_cast<float>(w))});
            prune(s);
            for (std::size_t r = 0; r < t; ++r) lutra::softmax(s.row(r));
            prune(s);
            lutra::gemm(s, of(2), b.block.context.block(0, h * w, t, w));
        }
        prune(b.block.context);
        add(b.block.context, block.proj);
        lutra::layer_norm(x, block.norm2, c.layer_norm_epsilon, b.block.normed1);
        lutra::linear(b.block.normed1, block.fc1, b.block.hidden);
        const std::span<float> hidden{b.block.hidden.data(), t * c.mlp};
        c.activation == lutra::activation_kind::relu ? lutra::apply<lutra::relu>(hidden) : lutra::apply<lutra::gelu>(hidden);
        prune(b.block.hidden);
        for (float& v : hidden)
            if (choices[i].hidden_threshold > 0 && std::abs(v) <= choices[i].hidden_threshold) v = 0;
        add(b.block.hidden, block.fc2);
    }
    std::vector<float> logits(c.classes);
    lutra::classify(p, {1, t}, x, b.head_normed, {logits.data(), 1, c.classes});
    return logits;
}

} // namespace

TEST_CASE("dynatran: a pruned float_vit has the same sums as the reference with its zeros") {
    for (const auto& c : {relu_config(), tiny_config(true)}) {
        const auto values = random_parameters(c, 3);
        const lutra::vit_parameters<const float> p{c, values};
        const std::size_t count = 3;
        const auto images = random_floats(count * c.image_size(), 4);
        const lutra::arena_memory memory{lutra::float_vit<>::packed_bytes(c)};
        const auto run = [&](std::span<const lutra::layer_choice> choices) {
            lutra::arena weights{memory.bytes()};
            return logits_of(lutra::float_vit<>{p, weights, choices}, images);
        };
        const auto dense = run({});
        for (const auto& choices : all_choices()) {
            if (choices[0].tokens.rule != lutra::token_rule::none) continue;
            const auto pruned = run(choices);
            for (std::size_t i = 0; i < count; ++i) {
                const auto expected =
                    pruned_logits(p, std::span{images}.subspan(i * c.image_size(), c.image_size()), choices);
                for (std::size_t j = 0; j < c.classes; ++j)
                    CHECK(pruned[i * c.classes + j] == Approx(expected[j]).epsilon(1e-5));
            }
            if (choices[0].pruning.tau > 0 || choices[0].hidden_threshold > 0) CHECK(pruned != dense);
            if (choices[0].skip_zeros && choices[0].hidden_threshold == 0) CHECK(pruned == dense);
        }
    }
}

TEST_CASE("dynatran: a pruned int8_vit equals the reference bit for bit") {
    const auto neutral = made_plans();
    for (const bool distilled : {false, true}) {
        const lutra::vit_config c = relu_config(distilled);
        const auto values = random_parameters(c, 5);
        const lutra::vit_parameters<const float> p{c, values};
        std::vector<float> scales(lutra::activation_scales<float>::count(c));
        lutra::random_generator random{6};
        for (float& s : scales) s = static_cast<float>(0.01 + 0.03 * random.unit());
        const auto images = random_floats(2 * c.image_size(), 7);
        for (auto choices : all_choices())
            for (const auto* m : {&neutral[0], &neutral[5]}) { // exact, and one term that is wide at -128
                for (auto& choice : choices) choice.linear = *m;
                const lutra::arena_memory memory{lutra::int8_vit<>::packed_bytes(c, choices)};
                lutra::arena weights{memory.bytes()};
                const lutra::int8_vit<> vit{p, scales, choices, weights};
                const auto logits = logits_of(vit, images);
                const int8_reference::network reference{p, {c, scales}, choices};
                for (std::size_t i = 0; i < 2; ++i) {
                    const auto expected = reference.logits(std::span{images}.subspan(i * c.image_size(), c.image_size()));
                    for (std::size_t j = 0; j < c.classes; ++j) CHECK(logits[i * c.classes + j] == expected[j]);
                }
            }
    }
}

TEST_CASE("dynatran: numbers out of range and networks that cannot prune are refused") {
    const lutra::vit_config c = relu_config();
    const auto values = random_parameters(c, 3);
    const lutra::vit_parameters<const float> parameters{c, values};
    const std::vector<float> scales(lutra::activation_scales<float>::count(c), 0.02f);
    std::vector<lutra::layer_choice> choices(2);
    const auto float_network = [&] {
        const lutra::arena_memory memory{lutra::float_vit<>::packed_bytes(c)};
        lutra::arena weights{memory.bytes()};
        lutra::float_vit<>{parameters, weights, choices};
    };
    const auto integer_network = [&] {
        const lutra::arena_memory memory{lutra::integer_vit<>::packed_bytes(c, choices)};
        lutra::arena weights{memory.bytes()};
        lutra::integer_vit<>{parameters, scales, choices, weights};
    };
    float_network();
    integer_network();
    choices[1].pruning = {.kind = activation_pruning_kind::threshold, .tau = std::numeric_limits<float>::quiet_NaN()};
    REQUIRE_PANIC(float_network(), bad_argument);
    choices[1].pruning = {.kind = activation_pruning_kind::top_k, .share = -0.5};
    REQUIRE_PANIC(float_network(), bad_argument);
    choices[1].pruning = {.kind = activation_pruning_kind::threshold, .tau = 0.5f};
    REQUIRE_PANIC(integer_network(), unsupported);
    choices[1] = {.hidden_threshold = -1};
    REQUIRE_PANIC(float_network(), bad_argument);
}
