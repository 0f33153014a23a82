// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "nn/support.hpp"
#include "support/catch.hpp"
#include "support/panic.hpp"

#include <lutra/multiplier/broken_array.hpp>
#include <lutra/multiplier/lowering.hpp>
#include <lutra/multiplier/mitchell.hpp>
#include <lutra/multiplier/operand_truncated.hpp>
#include <lutra/nn/int8_vit.hpp>
#include <lutra/nn/train/calibrate_vit.hpp>
#include <lutra/nn/train/fit_control_variate.hpp>

#include <cmath>

namespace {

struct setup {
    lutra::vit_config config;
    std::vector<float> values = random_parameters(config, 1);
    lutra::vit_parameters<const float> parameters{config, values};
    std::vector<std::uint8_t> pixels = random_bytes(40 * config.image_size(), 2),
                              others = random_bytes(20 * config.image_size(), 3);
    std::vector<float> scales;

    explicit setup(const lutra::vit_config& c) : config{c} {
        lutra::serial_executor ex;
        scales = lutra::scales_of(lutra::observe_activations(ex, parameters, pixels), lutra::calibrator::max);
    }
    std::vector<float> logits(std::span<const lutra::layer_choice> choices,
                              std::span<const std::int32_t> corrections) const {
        std::vector<float> images(others.size());
        lutra::normalize(config, others, images);
        const lutra::arena_memory memory{lutra::int8_vit<>::packed_bytes(config, choices)};
        lutra::arena packed{memory.bytes()};
        return logits_of(
            lutra::int8_vit<>{parameters, scales, choices, packed, lutra::weight_granularity::per_channel, corrections},
            images);
    }
};

double distance(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    return std::sqrt(sum / static_cast<double>(a.size()));
}

} // namespace

TEST_CASE("control variate: corrects a sum as its formula says, rounded and saturated") {
    const std::vector<std::int32_t> gain{0, 32768, -65536, 65536}, slope{0, 3, 65536, 65536}, constant{0, -7, 1, 0x7fffffff};
    const lutra::sum_correction by{gain, slope, constant};
    CHECK(by(1000, 55, 0) == 1000);
    CHECK(by(1001, 40000, 1) == 1001 - 7 + (1001 * 32768 + 3 * 40000 + 32768) / 65536);
    CHECK(by(123456, -789, 2) == 1 - 789);
    CHECK(by(0x7fffffff, 5, 3) == 0x7fffffff);
    CHECK(by(-0x7fffffff, -1000, 3) == -0x7fffffff);
    CHECK(lutra::sum_correction{}.empty());
}

TEST_CASE("control variate: an epilogue hands on corrected sums, whatever their blocks") {
    lutra::random_generator random{4};
    constexpr std::size_t rows = 5, in = 9, columns = 70;
    std::vector<std::int8_t> x(rows * in);
    for (auto& v : x) v = static_cast<std::int8_t>(random.between(-128, 127));
    std::vector<std::int32_t> sums(rows * columns), integers(3 * columns), row_sums(rows), out(sums.size());
    for (auto* all : {&sums, &integers})
        for (auto& v : *all) v = static_cast<std::int32_t>(random.between(-50000, 50000));
    lutra::add_up_rows({x.data(), rows, in}, row_sums);
    const std::span<const std::int32_t> flat{integers};
    const lutra::sum_correction by{flat.first(columns), flat.subspan(columns, columns), flat.last(columns)};
    const lutra::store_sums keep{{out.data(), rows, columns}};
    const lutra::corrected_sums<lutra::store_sums> use{keep, by, row_sums};
    const lutra::matrix_view<const std::int32_t> all{sums.data(), rows, columns};
    use.block(0, 0, all.block(0, 0, 3, columns));
    use.block(3, 0, all.block(3, 0, 2, 67));
    for (std::size_t r = 3; r < rows; ++r) use(r, 67, all.row(r).subspan(67));
    for (std::size_t r = 0; r < rows; ++r) {
        std::int32_t row = 0;
        for (std::size_t i = 0; i < in; ++i) row += x[r * in + i];
        for (std::size_t j = 0; j < columns; ++j) CHECK(out[r * columns + j] == by(sums[r * columns + j], row, j));
    }
}

TEST_CASE("control variate: the layers of a network do not overlap") {
    const lutra::vit_config c = tiny_config(true);
    std::vector<std::int32_t> flat(lutra::control_variates<std::int32_t>::count(c));
    const lutra::control_variates<std::int32_t> all{c, flat};
    std::int32_t written = 0;
    const auto mark = [&](const lutra::control_variates<std::int32_t>::columns& columns, std::size_t width) {
        for (const auto& part : {columns.gain, columns.slope, columns.constant}) {
            CHECK(part.size() == width);
            for (std::int32_t& v : part) v = ++written;
        }
    };
    mark(all.patch_embed(), c.dim);
    for (const std::size_t which : {0u, 1u}) mark(all.head(which), c.classes);
    for (std::size_t i = 0; i < c.depth; ++i) {
        mark(all.block(i, lutra::block_layer::qkv), 3 * c.dim);
        mark(all.block(i, lutra::block_layer::proj), c.dim);
        mark(all.block(i, lutra::block_layer::fc1), c.mlp);
        mark(all.block(i, lutra::block_layer::fc2), c.dim);
    }
    REQUIRE(static_cast<std::size_t>(written) == flat.size());
    for (std::size_t i = 0; i < flat.size(); ++i) CHECK(flat[i] == static_cast<std::int32_t>(i + 1));
    REQUIRE_PANIC((lutra::control_variates<std::int32_t>{c, std::span{flat}.first(5)}), bad_shape);
}

TEST_CASE("control variate: brings a network closer to exact products, on images that it was not fitted to") {
    for (const bool distilled : {false, true}) {
        const setup s{tiny_config(distilled)};
        const std::vector<lutra::layer_choice> exact(2);
        const auto expected = s.logits(exact, {});
        for (const lutra::lowered_multiplier& m :
             {lutra::lower(lutra::operand_truncated<4, 4>{}), lutra::lower(lutra::broken_array<2, 7>{}),
              lutra::lower(lutra::mitchell{})}) {
            INFO(std::string{m.name});
            const std::vector<lutra::layer_choice> choices(2, {m, {}});
            const auto before = distance(expected, s.logits(choices, {}));
            const auto all = lutra::fit_control_variates(s.parameters, s.scales, choices, s.pixels);
            const auto some = lutra::fit_control_variates(s.parameters, s.scales, choices, s.pixels, {.gain = false});
            if (m.name != "mitchell") CHECK(distance(expected, s.logits(choices, some)) < 0.65 * before); // it has no bias
            CHECK(distance(expected, s.logits(choices, all)) < 0.85 * before);
            const lutra::control_variates<const std::int32_t> none_gained{s.config, some};
            for (const std::int32_t g : none_gained.block(1, lutra::block_layer::fc1).gain) CHECK(g == 0);
        }
    }
}

TEST_CASE("control variate: where weights are dropped, is fitted to the products that are made") {
    const setup s{tiny_config()};
    const lutra::lowered_multiplier m = lutra::lower(lutra::operand_truncated<4, 4>{});
    for (const auto& rule : {lutra::weight_pruning::keep_n_m({2, 4}), lutra::weight_pruning::drop_blocks({4, 4}, 0.5)}) {
        const std::vector<lutra::layer_choice> exact(2, {.weights = rule}), choices(2, {.linear = m, .weights = rule});
        const auto expected = s.logits(exact, {});
        const auto fitted = lutra::fit_control_variates(s.parameters, s.scales, choices, s.pixels);
        CHECK(distance(expected, s.logits(choices, fitted)) < 0.75 * distance(expected, s.logits(choices, {})));
        for (const std::int32_t v : lutra::fit_control_variates(s.parameters, s.scales, exact, s.pixels)) CHECK(v == 0);
    }
}

TEST_CASE("control variate: of exact products nothing") {
    const setup s{tiny_config()};
    const std::vector<lutra::layer_choice> exact(2);
    const auto corrections = lutra::fit_control_variates(s.parameters, s.scales, exact, s.pixels);
    for (const std::int32_t v : corrections) CHECK(v == 0);
    CHECK(s.logits(exact, corrections) == s.logits(exact, {}));
    REQUIRE_PANIC(static_cast<void>(lutra::fit_control_variates(s.parameters, s.scales, exact, {})), empty);
    REQUIRE_PANIC(s.logits(exact, std::span{corrections}.first(9)), bad_shape);
}
