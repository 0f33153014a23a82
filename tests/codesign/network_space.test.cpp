// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/codesign/network_space.hpp>

#include <set>
#include <string>

namespace {

const lutra::lowered_multiplier exact{}, half{.cost = {.power = 0.5}, .name = "half"},
    tenth{.cost = {.power = 0.1}, .name = "tenth"};

lutra::network_axes all_axes(bool by_layer) {
    return {.linear = {exact, half, tenth},
            .attention = {exact, half},
            .thresholds = {0, 0.02f, 0.05f},
            .schedules = {{}, {"top", {lutra::token_pruning::keep_top(0.7f), {}}}},
            .by_layer = by_layer,
            .skip_zeros = true};
}

} // namespace

TEST_CASE("network_space: a gene for each choice, in the order of the blocks") {
    const lutra::network_space space{tiny_config(), all_axes(false)};
    REQUIRE(space.genes().size() == 7);
    const std::vector<std::string> names{"block 0 linear", "block 0 attention", "block 0 threshold",
                                         "block 1 linear", "block 1 attention", "block 1 threshold",
                                         "tokens"};
    for (std::size_t i = 0; i < names.size(); ++i) CHECK(space.genes()[i].name == names[i]);
    CHECK(space.genes()[0].alternatives == std::vector<std::string>{"exact", "half", "tenth"});
    CHECK(space.genes()[2].alternatives == std::vector<std::string>{"tau 0", "tau 0.02", "tau 0.05"});
    CHECK(space.genes()[6].alternatives == std::vector<std::string>{"all tokens", "top"});
    CHECK(space.choices().size() == 3 * 2 * 3 * 3 * 2 * 3 * 2);

    const lutra::network_space by_layer{tiny_config(), all_axes(true)};
    CHECK(by_layer.genes().size() == 2 * 6 + 1);
    CHECK(by_layer.genes()[8].name == "block 1 fc1");
}

TEST_CASE("network_space: decodes each gene where it belongs") {
    const lutra::network_space space{tiny_config(), all_axes(false)};
    const std::vector<std::uint16_t> genes{2, 1, 0, 1, 0, 2, 1, 99}; // the last one is an accelerator's
    const auto choices = space.decode(genes);
    REQUIRE(choices.size() == 2);
    CHECK((choices[0].linear.name == "tenth" && choices[0].attention.name == "half" && !choices[0].pruning.active()));
    CHECK((choices[1].linear.name == "half" && choices[1].attention.name == "exact" && choices[1].pruning.tau == 0.05f));
    CHECK((choices[0].tokens == lutra::token_pruning::keep_top(0.7f) && choices[1].tokens == lutra::token_pruning{}));
    CHECK((choices[0].skip_zeros && choices[1].skip_zeros));

    const lutra::network_space by_layer{tiny_config(), all_axes(true)};
    const auto mixed = by_layer.decode(std::vector<std::uint16_t>{0, 1, 2, 0, 0, 0, 1, 0, 0, 2, 1, 0, 0});
    using enum lutra::block_layer;
    CHECK((mixed[0].of(qkv).name == "exact" && mixed[0].of(proj).name == "half" && mixed[0].of(fc1).name == "tenth"));
    CHECK((mixed[1].of(qkv).name == "half" && mixed[1].of(fc2).name == "tenth" && mixed[1].attention.name == "half"));
    CHECK(mixed[0].linear.name == "exact"); // patch embedding

    std::set<std::string> seen; // every candidate decodes to something else
    for (std::uint64_t i = 0; i < space.choices().size(); ++i) {
        const auto g = space.choices().at(i);
        std::string text;
        for (const lutra::layer_choice& c : space.decode(g.gene))
            text += std::string{c.linear.name} + std::string{c.attention.name} + std::to_string(c.pruning.tau) +
                    std::to_string(c.tokens.share);
        seen.insert(text);
    }
    CHECK(seen.size() == space.choices().size());
}

TEST_CASE("network_space: says which multiplier an alternative is") {
    const lutra::network_space space{tiny_config(), all_axes(false)};
    CHECK((space.multiplier(0, 2)->name == "tenth" && space.multiplier(4, 1)->name == "half"));
    CHECK((space.multiplier(2, 1) == nullptr && space.multiplier(6, 1) == nullptr));
    REQUIRE_PANIC(space.multiplier(0, 3), out_of_range);
    REQUIRE_PANIC(space.multiplier(7, 0), out_of_range);
}

TEST_CASE("network_space: uniform assignments") {
    const lutra::network_space space{tiny_config(), all_axes(true)};
    for (const lutra::layer_choice& c : space.decode(space.uniform(2, 1).gene)) {
        for (std::size_t l = 0; l < lutra::block_layer_count; ++l)
            CHECK(c.of(static_cast<lutra::block_layer>(l)).name == "tenth");
        CHECK((c.attention.name == "half" && !c.pruning.active() && c.tokens.rule == lutra::token_rule::none));
    }
    REQUIRE_PANIC(space.uniform(3), out_of_range);
}

TEST_CASE("network_space: an axis of one value is no choice, but holds") {
    const lutra::network_space space{tiny_config(), {.linear = {half}, .thresholds = {0.1f}}};
    CHECK(space.genes().empty());
    CHECK(space.choices().size() == 0);
    const auto choices = space.decode({});
    CHECK((choices[1].linear.name == "half" && choices[1].pruning.tau == 0.1f));
}

TEST_CASE("network_space: refuses what cannot be") {
    const auto make = [](lutra::network_axes axes) { const lutra::network_space space{tiny_config(), std::move(axes)}; };
    REQUIRE_PANIC(make({.linear = {}}), empty);
    REQUIRE_PANIC(make({.thresholds = {}}), empty);
    REQUIRE_PANIC(make({.thresholds = {0, -1}}), bad_argument);
    REQUIRE_PANIC(make({.thresholds = {std::numeric_limits<float>::quiet_NaN()}}), bad_argument);
    REQUIRE_PANIC(make({.schedules = {{"one rule", {lutra::token_pruning{}}}}}), bad_shape);
    lutra::vit_config deep = tiny_config();
    deep.depth = 33;
    REQUIRE_PANIC((lutra::network_space{deep, {.linear = {exact, half}, .attention = {exact, half}}}), out_of_range);
    const lutra::network_space space{tiny_config(), all_axes(false)};
    REQUIRE_PANIC(space.decode(std::vector<std::uint16_t>(6)), bad_shape);
    REQUIRE_PANIC(space.decode(std::vector<std::uint16_t>{0, 2, 0, 0, 0, 0, 0}), out_of_range);
}
