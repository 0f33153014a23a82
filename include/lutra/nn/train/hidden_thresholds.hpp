// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <lutra/nn/train/calibrate_vit.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lutra {

namespace detail {
/// The least threshold, to the width of a bin, that at least a share @p sparsity of what @p h saw does not exceed.
inline float threshold_for(const activation_histogram& h, double sparsity) {
    const double wanted = sparsity * static_cast<double>(h.size()) * (1 - 0x1p-50);
    if (static_cast<double>(h.zeros()) >= wanted) return 0;
    std::size_t bin = 0;
    for (std::uint64_t below = h.counts()[0]; static_cast<double>(below) < wanted; below += h.counts()[bin]) ++bin;
    return static_cast<float>(static_cast<double>(bin + 1) * h.width());
}
} // namespace detail

/// For each block the least threshold, to the width of a histogram's bin, under which at least @p sparsity of its hidden
/// units become 0: layer_choice::hidden_threshold. 0 where the activation function alone (ReLU) makes as many zeros.
/// @param histograms from observe_activations, on training images
///
/// Panics where @p sparsity is not in [0, 1], where there is another number of histograms than @p c asks for, and where a
/// block's is empty.
///
/// @code
/// const auto seen = lutra::observe_activations(ex, parameters, pixels);
/// const std::vector<float> theta = lutra::hidden_thresholds(seen, config, 0.8);
/// for (std::size_t i = 0; i < config.depth; ++i) choices[i].skip_zeros = true, choices[i].hidden_threshold = theta[i];
/// @endcode
[[nodiscard]] inline std::vector<float> hidden_thresholds(const vit_histograms& histograms, const vit_config& c,
                                                          double sparsity) {
    require(sparsity >= 0 && sparsity <= 1, panic_code::bad_argument, "a share of zeros to reach must be in [0, 1]");
    const activation_scales<const activation_histogram> at{c, histograms};
    std::vector<float> thresholds(c.depth);
    for (std::size_t i = 0; i < c.depth; ++i) {
        const activation_histogram& h = at.block(i, block_tensor::hidden);
        require(!h.empty(), panic_code::empty, "no activations of a block's hidden units were seen; it follows",
                static_cast<long long>(i));
        thresholds[i] = detail::threshold_for(h, sparsity);
    }
    return thresholds;
}

} // namespace lutra
