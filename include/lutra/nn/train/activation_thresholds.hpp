// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/core/config.hpp>
#include <lutra/nn/observer.hpp>
#include <lutra/nn/train/hidden_thresholds.hpp>
#include <lutra/nn/train/predict.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lutra {

/// The observer that keeps a histogram of each block and point, in the order of activation_counter, of a float network.
struct point_histograms {
    std::vector<activation_histogram> seen;

    explicit point_histograms(const vit_config& c) : seen(activation_point_count * c.depth) {}
    void activation(std::size_t layer, activation_point p, matrix_view<const float> x) {
        activation_histogram& h = seen[layer * activation_point_count + static_cast<std::size_t>(p)];
        if (x.stride() == x.cols()) return h.add({x.data(), x.rows() * x.cols()}); // blocks, where rows would be short ones
        for (std::size_t r = 0; r < x.rows(); ++r) h.add(x.row(r));
    }
    void activation(std::size_t, activation_point, matrix_view<const std::int8_t>) const {
        panic(panic_code::unsupported, "activations are calibrated in float");
    }
    void skipped(std::size_t, activation_point, const skip_count&) const noexcept {}
};
static_assert(activation_observer<point_histograms>);

inline namespace LUTRA_ISA {

/// For each block and activation_point the threshold under which a share @p sparsity of what the float network makes there
/// is zero, as DynaTran looks it up (Tuli and Jha, AccelTran, 2023): layer_choice::taus of block i are the
/// activation_point_count from i * activation_point_count on. One threshold for all points is too much for probabilities,
/// which are small, before it is enough for the others. @p pixels: whole 8-bit images of training, channel-major.
/// Panics where @p sparsity is not in [0, 1] and where there is no image, or not a whole number of them.
///
/// @code
/// const std::vector<float> taus = lutra::activation_thresholds(parameters, pixels, 0.5);
/// choices[i].pruning = {.kind = lutra::activation_pruning_kind::threshold};
/// choices[i].taus = std::span{taus}.subspan(i * lutra::activation_point_count, lutra::activation_point_count);
/// @endcode
[[nodiscard]] LUTRA_INLINE std::vector<float> activation_thresholds(const vit_parameters<const float>& parameters,
                                                                    std::span<const std::uint8_t> pixels, double sparsity) {
    const vit_config& c = parameters.config();
    const std::size_t size = c.image_size(), count = pixels.size() / size;
    require(sparsity >= 0 && sparsity <= 1, panic_code::bad_argument, "a share of zeros to reach must be in [0, 1]");
    require(count > 0, panic_code::empty, "calibration needs at least one whole image");
    require(pixels.size() % size == 0, panic_code::bad_shape, "the pixels are not whole images of the network's size",
            static_cast<long long>(pixels.size()), static_cast<long long>(size));
    constexpr std::size_t batch = 8;
    // With a threshold of 0 nothing changes but that all outputs are told of.
    const std::vector<layer_choice> choices(c.depth, {.pruning = {.kind = activation_pruning_kind::threshold}});
    const arena_memory packed{float_vit<>::packed_bytes(c)}, memory{float_vit<>::scratch_bytes(c, batch)};
    arena weights{packed.bytes()};
    const float_vit<> network{parameters, weights, choices};
    point_histograms histograms{c};
    std::vector<float> images(batch * size), logits(batch * c.classes);
    for (std::size_t first = 0; first < count; first += batch) {
        const std::size_t n = std::min(batch, count - first);
        arena scratch{memory.bytes()};
        normalize(c, pixels.subspan(first * size, n * size), std::span{images}.first(n * size));
        network.forward({images.data(), n, size}, {logits.data(), n, c.classes}, scratch, histograms);
    }
    std::vector<float> taus;
    taus.reserve(histograms.seen.size());
    for (const activation_histogram& h : histograms.seen) taus.push_back(detail::threshold_for(h, sparsity));
    return taus;
}

} // namespace LUTRA_ISA
} // namespace lutra
