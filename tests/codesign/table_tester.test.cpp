// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/codesign/design_problem.hpp>
#include <lutra/codesign/table_tester.hpp>
#include <lutra/multiplier/drum.hpp>
#include <lutra/multiplier/lowering.hpp>

namespace {

/// A random network, and images with labels at random.
struct network {
    lutra::vit_config config = tiny_config();
    std::vector<float> values = random_parameters(config, 1);
    lutra::vit_parameters<const float> parameters{config, values};
    std::vector<float> scales = std::vector<float>(lutra::activation_scales<float>::count(config), 0.02f);
    std::vector<std::uint8_t> pixels = random_bytes(40 * config.image_size(), 2), labels = random_bytes(40, 3);
    lutra::table_tester<8, 16> tester{parameters, scales, pixels, labels, 1};

    network() {
        for (auto& l : labels) l = static_cast<std::uint8_t>(l % config.classes);
    }
    /// How many images the integer_vit of these tables gets right, one after the other.
    template <int Entries>
    [[nodiscard]] std::size_t correct(std::span<const lutra::layer_choice> choices) const {
        using model_type = lutra::integer_vit<lutra::integer_vit_tables<Entries>>;
        const lutra::arena_memory packed{model_type::packed_bytes(config, choices)};
        const lutra::arena_memory scratch{model_type::scratch_bytes(config, 1)};
        lutra::arena a{packed.bytes()}, s{scratch.bytes()};
        const model_type vit{parameters, scales, choices, a};
        std::size_t n = 0;
        for (std::size_t i = 0; i < labels.size(); ++i) {
            std::vector<float> image(config.image_size()), logits(config.classes);
            lutra::normalize(config, std::span{pixels}.subspan(i * image.size(), image.size()), image);
            vit.forward({image.data(), 1, image.size()}, {logits.data(), 1, logits.size()}, s);
            n += std::max_element(logits.begin(), logits.end()) - logits.begin() == labels[i];
        }
        return n;
    }
};
const network& net() {
    static const network n;
    return n;
}

} // namespace

TEST_CASE("table_tester: counts what the networks of each table get right, and what they ask of hardware") {
    std::vector<lutra::layer_choice> choices(net().config.depth);
    choices[1].linear = lutra::lower(lutra::drum<3>{});
    choices[0].skip_zeros = true; // which does not change the sums
    const auto exact = net().tester(choices, 0, 0), eight = net().tester(choices, 8, 0), more = net().tester(choices, 16, 0);
    for (auto& c : choices) c.skip_zeros = false;
    CHECK((eight.correct == net().correct<8>(choices) && more.correct == net().correct<16>(choices)));
    CHECK((eight.images == 40 && more.images == 40));
    CHECK(exact.correct == net().tester(choices, 0).correct);
    REQUIRE(eight.operations.size() == exact.operations.size());
    CHECK(eight.view().macs() == exact.view().macs());
    REQUIRE_PANIC(net().tester(choices, 4, 0), bad_argument);
    REQUIRE_PANIC(net().tester(choices, 8, 1), out_of_range);
}

TEST_CASE("design_model: tables are a choice, and what cannot be built with them is infeasible") {
    const lutra::network_space space{
        net().config, {.linear = std::vector<lutra::lowered_multiplier>(1), .thresholds = {0, 0.1f}, .tables = {0, 8, 16}}};
    REQUIRE(space.genes().size() == 3);
    CHECK(space.genes()[2].name == "tables");
    CHECK(space.genes()[2].alternatives == std::vector<std::string>{"float", "8 entries", "16 entries"});
    const lutra::hardware_space edge = lutra::hardware_of(lutra::acceltran_edge);
    const lutra::design_model model{space, edge, net().tester};
    const auto measure = [&](std::uint16_t tau, std::uint16_t tables) {
        return model.measure({.gene = {tau, 0, tables}, .length = 3}, 0);
    };
    const auto plain = measure(0, 0), eight = measure(0, 1), sixteen = measure(0, 2);
    CHECK(eight[0] == Approx(1 - static_cast<double>(net().correct<8>(std::vector<lutra::layer_choice>(2))) / 40));
    // AccelTran's lanes of 16 MACs: with a table in place of GELU, and one of twice the entries.
    const auto& c = lutra::acceltran_14nm;
    const double lanes = 64 * 16 * 1e-6; // um2 to mm2
    CHECK(eight[4] - plain[4] == Approx(lanes * (c.lane16_relu.area + c.pwl_unit.area - c.lane16_gelu.area)).epsilon(1e-6));
    CHECK(sixteen[4] - eight[4] == Approx(lanes * c.pwl_unit.area).epsilon(1e-6));
    CHECK(lutra::feasible(measure(1, 0)));
    CHECK((!lutra::feasible(measure(1, 1)) && !model.simulate({.gene = {1, 0, 1}, .length = 3}, 0).has_value()));
    REQUIRE_PANIC((lutra::network_space{net().config, {.tables = {}}}), empty);
    REQUIRE_PANIC((lutra::network_space{net().config, {.tables = {-8}}}), bad_argument);
    REQUIRE_PANIC(space.table_entries(std::vector<std::uint16_t>{0, 0, 3}), out_of_range);
}

TEST_CASE("design_model: a tester without tables says so") {
    const lutra::network_space space{net().config, {.tables = {0, 8}}};
    const lutra::hardware_space edge = lutra::hardware_of(lutra::acceltran_edge);
    const lutra::network_tester<> plain{net().parameters, net().scales, net().pixels, net().labels, 1};
    const lutra::design_model model{space, edge, plain};
    CHECK(lutra::feasible(model.measure({.gene = {0}, .length = 1}, 0)));
    REQUIRE_PANIC(model.measure({.gene = {1}, .length = 1}, 0), unsupported);
}
