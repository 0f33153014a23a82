// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/dropped_weights.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/core/executor.hpp>
#include <lutra/core/workload.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/nn/describe.hpp>
#include <lutra/nn/integer_vit.hpp>
#include <lutra/nn/train/trainer.hpp>
#include <lutra/nn/train/weight_masks.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace {

using lutra::weight_pruning;

// A weight of 0 leaves something of the activation: a product that is not made is another one.
struct leaky {
    using lhs = std::int8_t;
    using rhs = std::int8_t;
    using product = std::int32_t;
    static constexpr std::string_view name = "leaky";
    static constexpr int rank = 2;
    template <int I>
    static constexpr int term_scale = 1;
    template <int I>
    static constexpr int lhs_term(lhs a) noexcept {
        return I == 0 ? a : a >> 2;
    }
    template <int I>
    static constexpr int rhs_term(rhs b) noexcept {
        return I == 0 ? b : 5 + (b & 1);
    }
    static constexpr product multiply(lhs a, rhs b) noexcept { return a * b + (a >> 2) * (5 + (b & 1)); }
};
static_assert(lutra::separable_multiplier<leaky>);

const std::array<weight_pruning, 6> rules{
    weight_pruning::keep_n_m({2, 4}),         weight_pruning::keep_n_m({1, 4}),
    weight_pruning::keep_n_m({3, 16}),        weight_pruning::keep_shared({2, 4}, 8),
    weight_pruning::drop_blocks({8, 4}, 0.5), weight_pruning::drop_blocks({5, 7}, 0.4)};

lutra::vit_config wide_config() {
    lutra::vit_config c = tiny_config();
    c.dim = 72;
    c.mlp = 150;
    return c;
}

/// The parameters with what @p choices drop set to zero.
std::vector<float> masked(const network& n, std::span<const lutra::layer_choice> choices) {
    const auto masks = lutra::weight_masks(n.parameters, choices);
    std::vector<float> values = n.values;
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = masks[i] != 0 ? values[i] : 0;
    return values;
}

} // namespace

TEST_CASE("sparse weights: int8_vit makes the products of what is kept, and no other") {
    for (const lutra::vit_config& c : {tiny_config(), wide_config()}) {
        const network n{c};
        for (const lutra::lowered_multiplier& m :
             {lutra::lowered_multiplier{}, lutra::lower(lutra::drum<4>{}), lutra::lower(leaky{})}) {
            const auto dense = n.in_int8(std::vector<lutra::layer_choice>(2, {.linear = m}));
            for (const weight_pruning& rule : rules) {
                INFO("rule " << static_cast<int>(rule.rule) << ", multiplier " << m.name << ", dim " << c.dim);
                std::vector<lutra::layer_choice> choices(2, {.linear = m, .weights = rule});
                const auto logits = n.in_int8(choices);
                CHECK(distance(logits, n.reference(choices)) < tolerance);
                CHECK(distance(logits, dense) > 100 * tolerance);
                choices[1].weights = {}; // a rule a block
                CHECK(distance(n.in_int8(choices), n.reference(choices)) < tolerance);
            }
        }
    }
}

TEST_CASE("sparse weights: one scale a tensor is that of what is left") {
    const network n{tiny_config()};
    const std::vector<lutra::layer_choice> choices(2, {.weights = weight_pruning::drop_blocks({5, 7}, 0.7)});
    const auto logits = n.in_int8(choices, lutra::weight_granularity::per_tensor);
    CHECK(distance(logits, n.reference(choices, false)) < tolerance);
    CHECK(distance(logits, n.in_int8(choices)) > tolerance);
}

TEST_CASE("sparse weights: corrections act on sparse sums") {
    const network n{tiny_config()};
    std::vector<std::int32_t> corrections(lutra::control_variates<std::int32_t>::count(n.config));
    const std::vector<lutra::layer_choice> sparse(2, {.weights = weight_pruning::keep_n_m({2, 4})});
    const auto plain = n.in_int8(sparse);
    CHECK(n.in_int8(sparse, lutra::weight_granularity::per_channel, corrections) == plain);
    // Under the exact multiplier, zeros in a dense product are as good as products not made.
    const auto zeros = masked(n, sparse);
    network dense{n.config, zeros};
    lutra::random_generator random{5};
    for (auto& v : corrections) v = static_cast<std::int32_t>(random.between(-900, 900));
    CHECK(dense.in_int8(std::vector<lutra::layer_choice>(2), lutra::weight_granularity::per_channel, corrections) ==
          n.in_int8(sparse, lutra::weight_granularity::per_channel, corrections));
    CHECK(n.in_int8(sparse, lutra::weight_granularity::per_channel, corrections) != plain);
}

TEST_CASE("sparse weights: float_vit is the network of masked weights, pruned activations or not") {
    for (const lutra::vit_config& c : {tiny_config(), wide_config()}) {
        const network n{c};
        for (const weight_pruning& rule : rules)
            for (const float tau : {0.0f, 0.3f}) {
                std::vector<lutra::layer_choice> choices(2, {.weights = rule});
                if (tau > 0)
                    for (auto& choice : choices)
                        choice.pruning = {.kind = lutra::activation_pruning_kind::threshold, .tau = tau};
                const network zeros{c, masked(n, choices)};
                const auto logits = n.in_float(choices);
                for (auto& choice : choices) choice.weights = {};
                CHECK(distance(logits, zeros.in_float(choices)) < 1e-4f);
                CHECK(distance(logits, n.in_float(choices)) > 1e-2f);
            }
    }
}

TEST_CASE("sparse weights: zeros lose first, so that a masked network keeps its mask, and sparser ones are part of it") {
    const network n{tiny_config()};
    for (const weight_pruning& rule : rules) {
        const std::vector<lutra::layer_choice> choices(2, {.weights = rule});
        const network zeros{n.config, masked(n, choices)};
        CHECK(lutra::weight_masks(zeros.parameters, choices) == lutra::weight_masks(n.parameters, choices));
        CHECK(zeros.in_int8(choices) == n.in_int8(choices));
    }
    const std::vector<lutra::layer_choice> half(2, {.weights = rules[0]}), quarter(2, {.weights = rules[1]});
    const auto more = lutra::weight_masks(n.parameters, half);
    const network zeros{n.config, masked(n, half)};
    const auto fewer = lutra::weight_masks(zeros.parameters, quarter);
    std::size_t dropped = 0;
    for (std::size_t i = 0; i < more.size(); ++i) {
        CHECK(fewer[i] <= more[i]);
        dropped += more[i] == 0;
    }
    const std::size_t d = n.config.dim, weights = 2 * (4 * d * d + 2 * d * n.config.mlp); // of the blocks
    CHECK(dropped == weights / 2);
    REQUIRE_PANIC(lutra::weight_masks(n.parameters, std::span{half}.first(1)), bad_shape);
}

TEST_CASE("sparse weights: a workload says what is skipped") {
    const lutra::vit_config c = tiny_config();
    std::vector<lutra::layer_choice> choices(2);
    choices[1].weights = weight_pruning::keep_n_m({1, 4});
    lutra::workload_buffer<64> out;
    double made = 0, all = 0;
    for (const lutra::operation& op : lutra::describe(c, choices, 2, out).operations) {
        const bool pruned = op.layer == 1 && (op.label == "attn.qkv" || op.label == "attn.proj" || op.label == "mlp.fc1" ||
                                              op.label == "mlp.fc2");
        CHECK(op.rhs.skipped == (pruned ? 0.75 : 0.0));
        CHECK(op.rhs.sparsity == op.rhs.skipped);
        made += op.executed_macs();
        all += static_cast<double>(op.macs());
    }
    const double block = 2.0 * 7 * (4 * 12 * 12 + 2 * 12 * 20);
    CHECK(all - made == 0.75 * block);
}

TEST_CASE("sparse weights: a trainer keeps what is dropped at zero, whoever shares the work") {
    const lutra::vit_config c = tiny_config();
    const lutra::training_options options{.epochs = 1, .batch = 20, .warmup_epochs = 0};
    const auto pixels = random_bytes(20 * c.image_size(), 5), labels = random_bytes(20, 6, 5);
    std::vector<std::uint32_t> which(20);
    for (std::uint32_t i = 0; i < 20; ++i) which[i] = i;
    const std::vector<lutra::layer_choice> choices(2, {.weights = weight_pruning::keep_n_m({2, 4})});
    lutra::serial_executor ex;
    lutra::vit_trainer<> trainer{c, options}, free{c, options};
    trainer.step(ex, pixels, labels, which, 10, 0); // leaves moments
    const auto mask = lutra::weight_masks(trainer.parameters(), choices);
    trainer.keep(mask);
    for (int step = 0; step < 3; ++step) {
        const auto before = trainer.state().parameters;
        trainer.step(ex, pixels, labels, which, 10, 0);
        std::size_t moved = 0, kept = 0;
        for (std::size_t i = 0; i < mask.size(); ++i) {
            if (mask[i] == 0) CHECK(trainer.state().parameters[i] == 0);
            if (mask[i] == 0) CHECK((trainer.state().first[i] == 0 && trainer.state().second[i] == 0));
            kept += mask[i] != 0;
            moved += mask[i] != 0 && trainer.state().parameters[i] != before[i];
        }
        CHECK(moved > kept * 9 / 10);
    }
    CHECK(lutra::weight_masks(trainer.parameters(), choices) == mask);
    free.keep(mask);
    free.keep({});
    free.step(ex, pixels, labels, which, 10, 0);
    CHECK(std::ranges::count(free.state().parameters, 0.0f) < 100);
    REQUIRE_PANIC(free.keep(std::span{mask}.first(5)), bad_shape);
}

TEST_CASE("sparse weights: refuses what cannot be") {
    const network n{tiny_config()};
    const auto with = [](const weight_pruning& rule) { return std::vector<lutra::layer_choice>(2, {.weights = rule}); };
    REQUIRE_PANIC(n.in_int8(with(weight_pruning::keep_n_m({5, 4}))), bad_argument);
    REQUIRE_PANIC(n.in_float(with(weight_pruning::keep_shared({2, 4}, 0))), bad_argument);
    REQUIRE_PANIC(n.in_float(with(weight_pruning::drop_blocks({4, 4}, 1.5))), out_of_range);
    auto choices = with(rules[0]);
    choices[1].skip_zeros = true;
    REQUIRE_PANIC(n.in_int8(choices), unsupported);
    REQUIRE_PANIC(n.in_float(choices), unsupported);
    for (const weight_pruning& rule : {rules[0], rules[3]}) {
        auto looked_up = with(rule);
        for (auto& choice : looked_up) {
            constexpr std::int16_t any{};
            choice.linear = {.kind = lutra::plan_kind::table, .rank = 0, .products16 = &any};
        }
        REQUIRE_PANIC(n.in_int8(looked_up), unsupported);
    }
    const auto dropped = with(rules[0]);
    const lutra::arena_memory memory{lutra::integer_vit<>::packed_bytes(n.config, dropped)};
    lutra::arena packed{memory.bytes()};
    REQUIRE_PANIC((lutra::integer_vit<>{n.parameters, n.scales, dropped, packed}), unsupported);
    REQUIRE_PANIC(n.in_float(std::span{dropped}.first(1)), bad_shape);
}
