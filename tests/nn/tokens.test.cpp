// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/int8_reference.hpp"
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/nn/describe.hpp>
#include <lutra/nn/int8_vit.hpp>
#include <lutra/nn/integer_vit.hpp>
#include <lutra/nn/train/calibrate_vit.hpp>

#include <algorithm>
#include <cmath>

namespace {

using lutra::rest_tokens;
using lutra::token_pruning;

/// 12 patches, three blocks.
lutra::vit_config config(bool distilled = false) {
    lutra::vit_config c = tiny_config(distilled);
    c.image_height = 16;
    c.depth = 3;
    return c;
}

struct schedule : std::vector<lutra::layer_choice> {
    schedule(std::initializer_list<token_pruning> blocks) {
        for (const token_pruning& t : blocks) emplace_back().tokens = t;
    }
};
const std::vector<schedule> schedules{
    {token_pruning::keep_top(0.5f), {}, token_pruning::keep_top(0.3f)},
    {token_pruning::keep_top(0.9f), token_pruning::keep_top(0.9f, rest_tokens::mean), {}}, // one is fused, with itself
    {token_pruning::keep_top(0.7f, rest_tokens::mean), token_pruning::keep_top(0.5f, rest_tokens::drop), {}},
    {token_pruning::keep_above(1), token_pruning::keep_above(0.8f, rest_tokens::mean), {}},
    {token_pruning::keep_above(9, rest_tokens::drop), {}, token_pruning::keep_prefix()},
    {token_pruning::merge_similar(3), token_pruning::merge_similar(2), token_pruning::merge_similar(9)},
    {token_pruning::merge_similar(4), token_pruning::keep_top(0.5f), token_pruning::keep_prefix()},
    {{}, token_pruning::keep_prefix(), {}}};

struct network {
    lutra::vit_config c;
    std::vector<float> values = random_parameters(c, 1), images = random_floats(5 * c.image_size(), 2), scales;
    lutra::vit_parameters<const float> parameters{c, values};

    explicit network(const lutra::vit_config& config) : c{config}, scales(lutra::activation_scales<float>::count(c)) {
        lutra::random_generator random{3};
        for (float& s : scales) s = static_cast<float>(0.012 + 0.012 * random.unit());
    }
    std::span<const float> image(std::size_t i) const {
        return std::span{images}.subspan(i * c.image_size(), c.image_size());
    }
    std::vector<float> in_float(std::span<const lutra::layer_choice> choices, std::span<const float> some) const {
        const lutra::arena_memory memory{lutra::float_vit<>::packed_bytes(c)};
        lutra::arena packed{memory.bytes()};
        return logits_of(lutra::float_vit<>{parameters, packed, choices}, some);
    }
    std::vector<float> in_int8(std::span<const lutra::layer_choice> choices, std::span<const float> some) const {
        const lutra::arena_memory memory{lutra::int8_vit<>::packed_bytes(c, choices)};
        lutra::arena packed{memory.bytes()};
        return logits_of(lutra::int8_vit<>{parameters, scales, choices, packed}, some);
    }
};

template <class T>
double distance(const std::vector<float>& a, const std::vector<T>& b) {
    REQUIRE(a.size() == b.size());
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        most = std::max(most, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    return most;
}

} // namespace

TEST_CASE("tokens: float and int8 networks that drop them equal the definition") {
    for (const bool distilled : {false, true}) {
        const network n{config(distilled)};
        const auto dense = n.in_float({}, n.image(0));
        for (const schedule& s : schedules) {
            INFO("schedule " << &s - schedules.data() << (distilled ? ", distilled" : ""));
            for (std::size_t i = 0; i < 3; ++i) {
                CHECK(distance(n.in_float(s, n.image(i)), reference::logits(n.parameters, n.image(i), s)) < 2e-5);
                const int8_reference::network plain{n.parameters, {n.c, n.scales}, s};
                CHECK(distance(n.in_int8(s, n.image(i)), plain.logits(n.image(i))) < 1e-5);
            }
            CHECK(distance(n.in_float(s, n.image(0)), dense) > 1e-3);
        }
    }
}

TEST_CASE("tokens: images of a batch with different numbers of them do not touch each other") {
    const network n{config()};
    for (const schedule& s : schedules) {
        const auto all_float = n.in_float(s, n.images), all_int8 = n.in_int8(s, n.images);
        for (std::size_t i = 0; i < 5; ++i) {
            const auto part = [&](const std::vector<float>& all) {
                return std::vector<float>(all.begin() + static_cast<std::ptrdiff_t>(i * n.c.classes),
                                          all.begin() + static_cast<std::ptrdiff_t>((i + 1) * n.c.classes));
            };
            CHECK(distance(part(all_float), n.in_float(s, n.image(i))) < 1e-6); // tiles at the edge may round otherwise
            CHECK(part(all_int8) == n.in_int8(s, n.image(i)));
        }
    }
}

TEST_CASE("tokens: rules that drop none change no bit, nor does the prefix alone behind the last attention") {
    for (const bool distilled : {false, true}) {
        const network n{config(distilled)};
        const schedule dense{{}, {}, {}};
        const auto in_float = n.in_float({}, n.images), in_int8 = n.in_int8(dense, n.images);
        for (const token_pruning& all :
             {token_pruning::keep_top(1), token_pruning::keep_above(0), token_pruning::merge_similar(0)}) {
            const schedule s{all, all, token_pruning::keep_prefix()};
            CHECK(n.in_float(s, n.images) == in_float);
            if (all.rule != lutra::token_rule::keep_above) // an int8 probability may be 0
                CHECK(n.in_int8(s, n.images) == in_int8);
        }
    }
    lutra::vit_config linear = config();
    linear.attention = lutra::attention_kind::relu_linear;
    const network n{linear};
    CHECK(n.in_float(schedule{{}, {}, token_pruning::keep_prefix()}, n.images) == n.in_float({}, n.images));
}

TEST_CASE("tokens: calibration sees those that stay") {
    const lutra::vit_config c = config();
    const network n{c};
    lutra::serial_executor ex;
    const auto pixels = random_bytes(3 * c.image_size(), 5);
    const auto dense = lutra::observe_activations(ex, n.parameters, pixels);
    const auto seen = lutra::observe_activations(ex, n.parameters, pixels, schedules[0]);
    const lutra::activation_scales<const lutra::activation_histogram> before{c, dense}, after{c, seen};
    const auto count = [](const lutra::activation_histogram& h) { return h.size(); };
    using enum lutra::block_tensor;
    CHECK(count(after.block(0, normed1)) == count(before.block(0, normed1)));
    CHECK(count(before.block(0, hidden)) == 3 * 13 * c.mlp);
    CHECK(count(after.block(0, hidden)) == 3 * (1 + 6 + 1) * c.mlp);
    CHECK(count(after.block(1, query)) == 3 * 8 * c.dim);
    CHECK(count(after.block(2, normed2)) == 3 * (1 + 3 + 1) * c.dim);
}

TEST_CASE("tokens: the workload of a schedule") {
    const lutra::vit_config c = config();
    const std::uint64_t d = c.dim, mlp = c.mlp, n0 = 13, n1 = 8, n2 = 1;
    const schedule s{token_pruning::keep_top(0.5f), token_pruning::keep_above(2), token_pruning::keep_prefix()};
    lutra::workload_buffer<64> out;
    const auto w = lutra::describe(c, s, 2, out);
    CHECK(validate(w));
    const auto block = [&](std::uint64_t in, std::uint64_t asking, std::uint64_t after) {
        return 3 * d * d * in + 2 * d * in * asking + d * d * asking + 2 * d * mlp * after;
    };
    CHECK(w.macs() ==
          2 * (12 * c.patch_size() * d + block(n0, n0, n1) + block(n1, n1, n1) + block(n1, n2, n2) + d * c.classes));
}

namespace {
struct dropping : lutra::vit_defaults {
    static constexpr token_pruning tokens = token_pruning::merge_similar(2);
    static constexpr lutra::activation_pruning pruning{.kind = lutra::activation_pruning_kind::threshold, .tau = 0.1f};
    static constexpr bool skip_zeros = true;
};
} // namespace

TEST_CASE("tokens: a policy says it for all blocks") {
    const lutra::layer_choice chosen = lutra::choice_of<dropping>(), plain = lutra::choice_of<lutra::vit_defaults>();
    CHECK((chosen.tokens.rule == lutra::token_rule::merge_similar && chosen.tokens.pairs == 2));
    CHECK((chosen.pruning.active() && chosen.pruning.tau == 0.1f && chosen.skip_zeros && !chosen.weights.active()));
    CHECK((plain.tokens.rule == lutra::token_rule::none && !plain.pruning.active() && !plain.skip_zeros));
}

TEST_CASE("tokens: refuses what cannot be done") {
    lutra::vit_config c = config();
    const network n{c};
    const lutra::arena_memory memory{lutra::int8_vit<>::packed_bytes(c, schedules[0])};
    lutra::arena a{memory.bytes()};
    using model = lutra::float_vit<>;
    REQUIRE_PANIC((model{n.parameters, a, std::span{schedules[0]}.first(2)}), bad_shape);
    const schedule much{token_pruning::keep_top(1.01f), {}, {}}, nan{token_pruning::keep_above(std::nanf("")), {}, {}};
    REQUIRE_PANIC((model{n.parameters, a, much}), bad_argument);
    REQUIRE_PANIC((model{n.parameters, a, nan}), bad_argument);
    using integers = lutra::integer_vit<>;
    REQUIRE_PANIC((integers{n.parameters, n.scales, schedules[0], a}), unsupported);
    c.attention = lutra::attention_kind::relu_linear;
    const network linear{c};
    REQUIRE_PANIC((model{linear.parameters, a, schedules[0]}), unsupported);
}
