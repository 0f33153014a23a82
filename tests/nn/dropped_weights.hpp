// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "nn/int8_reference.hpp"
#include "nn/support.hpp"
#include "support/catch.hpp"

#include <lutra/core/arena_memory.hpp>
#include <lutra/nn/float_vit.hpp>
#include <lutra/nn/int8_vit.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

/// A random network that runs under choices which drop weights, in int8, as its reference does, and in float.
struct network {
    lutra::vit_config config;
    std::vector<float> values = random_parameters(config, 1);
    lutra::vit_parameters<const float> parameters{config, values};
    std::vector<float> scales = std::vector<float>(lutra::activation_scales<float>::count(config), 0.02f);
    std::vector<float> images = random_floats(2 * config.image_size(), 2);

    std::vector<float> in_int8(std::span<const lutra::layer_choice> choices,
                               lutra::weight_granularity g = lutra::weight_granularity::per_channel,
                               std::span<const std::int32_t> corrections = {}) const {
        const lutra::arena_memory memory{lutra::int8_vit<>::packed_bytes(config, choices)};
        lutra::arena packed{memory.bytes()};
        const lutra::int8_vit<> vit{parameters, scales, choices, packed, g, corrections};
        CHECK(packed.used() <= memory.bytes().size());
        return logits_of(vit, images);
    }
    std::vector<float> in_float(std::span<const lutra::layer_choice> choices) const {
        const lutra::arena_memory memory{lutra::float_vit<>::packed_bytes(config, choices)};
        lutra::arena packed{memory.bytes()};
        return logits_of(lutra::float_vit<>{parameters, packed, choices}, images);
    }
    std::vector<float> reference(std::span<const lutra::layer_choice> choices, bool per_channel = true) const {
        const int8_reference::network net{parameters, {config, scales}, choices, per_channel};
        std::vector<float> all;
        for (std::size_t i = 0; i < 2; ++i) {
            const auto one = net.logits(std::span{images}.subspan(i * config.image_size(), config.image_size()));
            all.insert(all.end(), one.begin(), one.end());
        }
        return all;
    }
};

inline float distance(const std::vector<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    float most = 0;
    for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
    return most;
}
inline constexpr float tolerance = 1e-5f; // non-linearities are float
