// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/frozen_sample.hpp"
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/multiplier/broken_array.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/mitchell.hpp>
#include <lutra/nn/frozen_vit.hpp>

#include <vector>

namespace {

struct other_policy : lutra::integer_vit_defaults {
    using activation = lutra::relu;
    using softmax = lutra::pwl_softmax<16>;
    using layer_norm = lutra::pwl_layer_norm<8>;
};

template <class Policy>
void check_equal(const lutra::vit_config& c, const std::vector<lutra::layer_choice>& choices) {
    const frozen_sample<Policy> sample{c, choices};
    const lutra::frozen_vit<Policy> small{sample.network, choices};
    const lutra::arena_memory memory{small.arena_bytes(c, choices)};
    for (std::uint64_t seed = 1; seed < 5; ++seed) {
        const auto pixels = random_bytes(c.image_size(), seed);
        lutra::arena scratch{memory.bytes()};
        std::vector<std::int32_t> logits(c.classes);
        small.forward(pixels, logits, scratch);
        CHECK(scratch.used() == 0);
        CHECK(logits == sample.logits(pixels));
    }
}

} // namespace

TEST_CASE("frozen_vit: equals the integer_vit that it was frozen from, bit for bit") {
    const lutra::lowered_multiplier exact{}, drum = lutra::lower(lutra::drum<4>{}), log = lutra::lower(lutra::mitchell{}),
                                             array = lutra::lower(lutra::broken_array<2, 6>{});
    std::vector<lutra::layer_choice> own{{drum, log}, {log, array}};
    own[0].by_layer = {&array, &exact, &log, &drum};
    own[1].by_layer[2] = &exact;
    for (const auto& choices :
         {std::vector<lutra::layer_choice>{{exact, exact}, {exact, exact}}, {{drum, exact}, {log, drum}}, own})
        for (const bool distilled : {false, true}) {
            check_equal<lutra::integer_vit_defaults>(tiny_config(distilled), choices);
            check_equal<other_policy>(tiny_config(distilled), choices);
        }
    lutra::vit_config many = tiny_config(); // more tokens than attention takes at a time, and a narrow MLP
    many.image_height = 24;
    many.image_width = 16;
    many.mlp = 7;
    check_equal<lutra::integer_vit_defaults>(many, own);
}

TEST_CASE("frozen_vit: the arena is a constant, and far below what a batch's network takes") {
    constexpr lutra::vit_config c{.dim = 64, .depth = 4, .heads = 4, .mlp = 128};
    static constexpr std::array<lutra::layer_choice, 4> choices{};
    constexpr std::size_t bytes = lutra::frozen_vit<>::arena_bytes(c, choices);
    static_assert(bytes < 32'768, "the activations of 50 tokens of 64 channels");
    CHECK(bytes < lutra::integer_vit<>::scratch_bytes(c, 1));
}

TEST_CASE("frozen_vit: what it refuses") {
    const lutra::vit_config c = tiny_config();
    std::vector<lutra::layer_choice> choices(2);
    const frozen_sample<lutra::integer_vit_defaults> sample{c, choices};
    using vit = lutra::frozen_vit<>;
    const auto make = [&] { return vit{sample.network, choices}; };

    const lutra::arena_memory memory{vit::arena_bytes(c, choices) - 64};
    const auto pixels = random_bytes(c.image_size(), 1);
    std::vector<std::int32_t> logits(c.classes);
    lutra::arena small{memory.bytes()};
    REQUIRE_PANIC(make().forward(pixels, logits, small), arena_too_small);
    REQUIRE_PANIC(make().forward(std::span{pixels}.first(7), logits, small), bad_shape);
    REQUIRE_PANIC(make().forward(pixels, std::span{logits}.first(4), small), bad_shape);

    REQUIRE_PANIC(vit(sample.network, std::span{choices}.first(1)), bad_shape);
    REQUIRE_PANIC(vit::arena_bytes(c, std::span{choices}.first(1)), bad_shape);
    choices[1].tokens = lutra::token_pruning::keep_top(0.5f);
    REQUIRE_PANIC(make(), unsupported);
    choices[1] = {};
    choices[1].attention.rhs_operands = lutra::signedness::is_unsigned;
    REQUIRE_PANIC(make(), unsupported);
    choices[1] = {};
    lutra::lowered_multiplier without_tables{};
    without_tables.kind = lutra::plan_kind::error_plane;
    choices[1].by_layer[3] = &without_tables;
    REQUIRE_PANIC(make(), missing_table);
    choices[1] = {};
    lutra::frozen_network linear = sample.network;
    linear.config.attention = lutra::attention_kind::relu_linear;
    REQUIRE_PANIC(vit(linear, choices), unsupported);
}
