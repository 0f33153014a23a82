// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "support/fail.hpp"

#include <lutra/nn/train/calibrate_vit.hpp>
#include <lutra/nn/train/model_file.hpp>

#include <filesystem>
#include <vector>

/// A network with what its int8 form needs.
struct calibrated_model {
    lutra::vit_model network;
    std::vector<float> scales;
};

/// Reads one; ends the program over a file that is wrong, over linear attention, and over a model without scales.
inline calibrated_model read_calibrated_model(const std::filesystem::path& path) {
    const auto file = value_or_fail(lutra::safetensors::read(path));
    calibrated_model m{value_or_fail(lutra::read_vit(file)), {}};
    if (m.network.config.attention != lutra::attention_kind::softmax)
        fail(path.string() + " has linear attention; int8 networks need softmax");
    if (file.find(lutra::activation_scales_name) == nullptr)
        fail(path.string() + " has no scales of activations; expected a calibrated model");
    m.scales = value_or_fail(lutra::read_activation_scales(file, m.network.config));
    return m;
}
