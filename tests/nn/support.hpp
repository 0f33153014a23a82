// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/arena_memory.hpp>
#include <lutra/core/matrix_view.hpp>
#include <lutra/core/random.hpp>
#include <lutra/nn/vit_parameters.hpp>

#include <cstdint>
#include <vector>

/// A network with every size different from every other: 2 channels of 8 x 12 pixels, 6 patches.
inline lutra::vit_config tiny_config(bool distilled = false) {
    return {.image_height = 8,
            .image_width = 12,
            .channels = 2,
            .patch = 4,
            .dim = 12,
            .depth = 2,
            .heads = 3,
            .mlp = 20,
            .classes = 5,
            .distilled = distilled,
            .layer_norm_epsilon = 1e-5f,
            .input_mean = {0.3f, 0.6f, 0, 0},
            .input_std = {0.25f, 0.4f, 1, 1}};
}

/// Parameters of which none is zero or one.
inline std::vector<float> random_parameters(const lutra::vit_config& c, std::uint64_t seed) {
    std::vector<float> values(lutra::vit_parameters<float>::count(c));
    lutra::random_generator random{seed};
    lutra::vit_parameters<float>{c, values}.for_each(
        [&](std::string_view name, std::span<float> tensor, lutra::parameter_shape shape) {
            const bool scale = name.ends_with("weight") && !lutra::is_weight_matrix(shape);
            for (float& v : tensor) v = static_cast<float>((scale ? 1.0 : 0.0) + 0.8 * (random.unit() - 0.5));
        });
    return values;
}

inline std::vector<float> random_floats(std::size_t count, std::uint64_t seed) {
    std::vector<float> values(count);
    lutra::random_generator random{seed};
    for (float& v : values) v = static_cast<float>(4 * random.unit() - 2);
    return values;
}

inline std::vector<std::uint8_t> random_bytes(std::size_t count, std::uint64_t seed, std::uint64_t below = 256) {
    std::vector<std::uint8_t> values(count);
    lutra::random_generator random{seed};
    for (std::uint8_t& v : values) v = static_cast<std::uint8_t>(random.below(below));
    return values;
}

/// The logits of @p images, all at once, with exactly the scratch that the model asks for.
template <class Model>
std::vector<float> logits_of(const Model& model, std::span<const float> images) {
    const lutra::vit_config& c = model.config();
    const std::size_t count = images.size() / c.image_size();
    const lutra::arena_memory memory{Model::scratch_bytes(c, count)};
    lutra::arena scratch{memory.bytes()};
    std::vector<float> logits(count * c.classes);
    model.forward({images.data(), count, c.image_size()}, {logits.data(), count, c.classes}, scratch);
    return logits;
}
