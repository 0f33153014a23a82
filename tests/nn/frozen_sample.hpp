// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "nn/support.hpp"
#include "support/catch.hpp"

#include <lutra/nn/activation_scales.hpp>
#include <lutra/nn/integer_vit.hpp>

#include <cstdint>
#include <span>
#include <vector>

/// A random network that is frozen, and the integer_vit that it came from.
template <class Policy>
struct frozen_sample {
    using vit = lutra::integer_vit<Policy>;

    lutra::vit_config config;
    std::vector<float> values = random_parameters(config, 1);
    lutra::vit_parameters<const float> parameters{config, values};
    std::vector<float> scales = std::vector<float>(lutra::activation_scales<float>::count(config), 0.02f);
    lutra::arena_memory weights, blocks;
    vit source;
    lutra::frozen_network network;

    frozen_sample(const lutra::vit_config& c, std::span<const lutra::layer_choice> choices)
        : config{c},
          weights{vit::packed_bytes(c, choices)},
          blocks{vit::frozen_bytes(c)},
          source{make(choices)},
          network{frozen()} {}
    frozen_sample(const frozen_sample&) = delete;

    std::vector<std::int32_t> logits(std::span<const std::uint8_t> pixels) const {
        const lutra::arena_memory memory{vit::scratch_bytes(config, 1)};
        lutra::arena scratch{memory.bytes()};
        std::vector<std::int8_t> image(config.image_size());
        std::vector<std::int32_t> out(config.classes);
        source.quantize_pixels(pixels, image);
        source.forward(lutra::matrix_view<const std::int8_t>{image.data(), 1, image.size()},
                       lutra::matrix_view<std::int32_t>{out.data(), 1, out.size()}, scratch);
        return out;
    }

private:
    vit make(std::span<const lutra::layer_choice> choices) {
        lutra::arena memory{weights.bytes()};
        return {parameters, scales, choices, memory};
    }
    lutra::frozen_network frozen() {
        lutra::arena memory{blocks.bytes()};
        const lutra::frozen_network net = source.frozen(memory);
        CHECK(memory.used() == blocks.bytes().size());
        return net;
    }
};
